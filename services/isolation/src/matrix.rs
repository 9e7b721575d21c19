//! The matrix of tenants: who reached whose data, by plane, from the findings that are not resolved.

use chrono::{DateTime, Utc};
use lakewarden_core::{Plane, Severity, TenantId};
use lakewarden_tenancy::{Ownership, Tenant};
use serde::Serialize;

/// One group of findings as the store counts them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crossing {
    /// `None` where the reader may not know who it was.
    pub actor: Option<TenantId>,
    pub owner: TenantId,
    pub plane: Plane,
    pub severity: Severity,
    pub findings: i64,
    pub last_seen: DateTime<Utc>,
}

/// What one plane says about one pair of tenants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaneCount {
    pub plane: Plane,
    /// Of the worst finding.
    pub severity: Severity,
    pub findings: i64,
    pub last_seen: DateTime<Utc>,
}

/// What `actor` did, may do, received, or holds of `owner`'s.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cell {
    pub actor: String,
    pub owner: String,
    pub planes: Vec<PlaneCount>,
}

impl Cell {
    pub fn worst(&self) -> Option<Severity> {
        self.planes.iter().map(|plane| plane.severity).min()
    }

    /// A tenant and itself: nothing can cross there.
    pub fn is_diagonal(&self) -> bool {
        self.actor == self.owner
    }
}

/// Rows are actors, columns owners; every tenant the reader may see stands in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Matrix {
    pub tenants: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
}

impl Matrix {
    /// The full matrix, for a reader of every tenant.
    pub fn of(ownership: &Ownership, crossings: &[Crossing]) -> Self {
        let mut tenants: Vec<&Tenant> = ownership.tenants().iter().filter(|tenant| !tenant.id.is_platform()).collect();
        tenants.sort_by(|a, b| a.slug.cmp(&b.slug));
        let rows =
            tenants.iter().map(|actor| tenants.iter().map(|owner| cell(crossings, actor, owner)).collect()).collect();
        Self { tenants: tenants.iter().map(|tenant| tenant.slug.clone()).collect(), rows }
    }

    /// Every pair with something in it, worst and newest first.
    pub fn crossings(&self) -> Vec<&Cell> {
        let mut cells: Vec<&Cell> = self.rows.iter().flatten().filter(|cell| !cell.planes.is_empty()).collect();
        cells.sort_by_key(|cell| {
            (cell.worst(), std::cmp::Reverse(cell.planes.iter().map(|plane| plane.last_seen).max()))
        });
        cells
    }
}

fn cell(crossings: &[Crossing], actor: &Tenant, owner: &Tenant) -> Cell {
    let planes = crossings
        .iter()
        .filter(|crossing| crossing.actor == Some(actor.id) && crossing.owner == owner.id)
        .map(|crossing| PlaneCount {
            plane: crossing.plane,
            severity: crossing.severity,
            findings: crossing.findings,
            last_seen: crossing.last_seen,
        })
        .collect();
    Cell { actor: actor.slug.clone(), owner: owner.slug.clone(), planes }
}
