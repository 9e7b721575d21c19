//! Quality as pages: the lake by tenant and layer, and one dataset.

mod dataset_page;
mod overview_page;

pub use dataset_page::show_dataset;
pub use overview_page::show_quality;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lakewarden_core::TenantId;
use lakewarden_identity::Viewer;
use lakewarden_tenancy::Ownership;

use crate::facts::DatasetId;
use crate::score::{Group, group, since};
use crate::store::DayOutcomes;
use crate::store::state::{self, Place, StoredBroken};
use crate::{Ctx, QualityError};

/// What a viewer may see of the last judging, read once: page and JSON are made of the same.
pub struct View {
    pub ownership: Arc<Ownership>,
    /// The worst first, then the newest.
    pub broken: Vec<StoredBroken>,
    datasets: BTreeMap<DatasetId, Place>,
    outcomes: Vec<DayOutcomes>,
    now: DateTime<Utc>,
}

impl View {
    pub async fn read(ctx: &Ctx, viewer: &Viewer) -> Result<Self, QualityError> {
        let now = ctx.clock.now();
        let mut tx = ctx.db.begin_as(viewer.scope).await?;
        let datasets = state::list_places(&mut *tx).await?;
        let mut broken = state::list_broken(&mut *tx).await?;
        let outcomes = state::list_days(&mut *tx, since(now).date_naive()).await?;
        tx.commit().await?;
        broken.sort_by(|a, b| (a.severity, b.since).cmp(&(b.severity, a.since)));
        Ok(Self { ownership: ctx.ownership.get(), broken, datasets, outcomes, now })
    }

    pub fn groups(&self) -> Vec<Group> {
        group(&self.datasets, &self.outcomes, &self.broken, self.now.date_naive())
    }
}

/// How an owner is called in JSON.
pub fn owner_slug(ownership: &Ownership, owner: Option<TenantId>) -> Option<String> {
    match owner? {
        TenantId::PLATFORM => Some("platform".to_owned()),
        id => Some(ownership.tenant(id).map_or_else(|| format!("tenant-{id}"), |tenant| tenant.slug.clone())),
    }
}

/// How an owner is called on pages.
fn owner_name(ownership: &Ownership, owner: Option<TenantId>) -> String {
    match owner {
        None => "Unowned".to_owned(),
        Some(TenantId::PLATFORM) => "Platform".to_owned(),
        Some(id) => ownership.tenant(id).map_or_else(|| format!("Tenant {id}"), |tenant| tenant.name.clone()),
    }
}
