//! What was observed of datasets: the facts that policies judge and pages show.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use lakewarden_core::{Layer, TenantId, typed_id};
use uuid::Uuid;

typed_id!(
    /// Row of `datasets`; here always the canonical one of a dataset's spellings.
    DatasetId(i32)
);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    pub id: DatasetId,
    pub namespace: String,
    pub name: String,
    /// Canonical: `s3://bucket/prefix`, `glue:account/db.table`, `dataset:namespace|name`.
    pub asset: String,
    pub tenant: Option<TenantId>,
    pub layer: Option<Layer>,
}

/// The event that said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    pub at: DateTime<Utc>,
    pub event: Uuid,
    pub run: Option<Uuid>,
}

/// The newest outcome of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssertionState {
    pub dataset: DatasetId,
    pub assertion: String,
    pub column: Option<String>,
    pub success: bool,
    pub said: Said,
}

impl AssertionState {
    /// `not_null(order_id)`.
    pub fn label(&self) -> String {
        match &self.column {
            Some(column) => format!("{}({column})", self.assertion),
            None => self.assertion.clone(),
        }
    }
}

/// Rows that one run wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowCount {
    pub rows: i64,
    pub said: Said,
}

/// Everything that is judged at once: a complete look, so that what is no longer breached resolves itself.
#[derive(Debug, Default)]
pub struct Facts {
    pub datasets: BTreeMap<DatasetId, Dataset>,
    pub assertions: Vec<AssertionState>,
    /// Of datasets that were ever written.
    pub last_writes: BTreeMap<DatasetId, Said>,
    /// Newest first.
    pub row_counts: BTreeMap<DatasetId, Vec<RowCount>>,
}
