//! Quality as pages: the lake by tenant and layer, and one dataset.

mod dataset_page;
mod overview_page;

pub use dataset_page::show_dataset;
pub use overview_page::show_quality;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use lakewarden_core::TenantId;
use lakewarden_identity::Viewer;
use lakewarden_tenancy::Ownership;

use crate::facts::Facts;
use crate::judge::{Broken, judge};
use crate::policy::Policies;
use crate::score::{DAYS, Group, group};
use crate::store::{self, DayOutcomes};
use crate::{Ctx, QualityError};

/// What a viewer may see, read once: page and JSON are made of the same.
pub struct View {
    pub ownership: Arc<Ownership>,
    policies: Arc<Policies>,
    facts: Facts,
    outcomes: Vec<DayOutcomes>,
    now: DateTime<Utc>,
}

impl View {
    pub async fn read(ctx: &Ctx, viewer: &Viewer) -> Result<Self, QualityError> {
        let (policies, now) = (ctx.policies.get(), ctx.clock.now());
        let mut tx = ctx.db.begin_as(viewer.scope).await?;
        let facts = store::read_facts(&mut tx, policies.writes_needed()).await?;
        let outcomes = store::list_outcomes(&mut *tx, None, since(now)).await?;
        tx.commit().await?;
        Ok(Self { ownership: ctx.ownership.get(), policies, facts, outcomes, now })
    }

    pub fn broken(&self) -> Vec<Broken<'_>> {
        let mut broken = judge(&self.policies, &self.facts, &self.ownership, self.now);
        broken.sort_by(|a, b| (a.policy.info.severity, b.since).cmp(&(b.policy.info.severity, a.since)));
        broken
    }

    pub fn groups(&self, broken: &[Broken<'_>]) -> Vec<Group> {
        group(&self.facts.datasets, &self.outcomes, broken, self.now.date_naive())
    }
}

fn since(now: DateTime<Utc>) -> DateTime<Utc> {
    now - TimeDelta::days(DAYS as i64)
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
