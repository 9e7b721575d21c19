//! Every slice opened on the same database, clock and policies.

use std::sync::Arc;

use lakewarden_core::Clock;
use lakewarden_db::{Db, Jobs};
use lakewarden_http::Routes;

use crate::radius::LineageRadius;
use crate::{AppConfig, AppError, Policies};

/// The contexts of all slices. Clones share them.
#[derive(Debug, Clone)]
pub struct Slices {
    pub tenancy: lakewarden_tenancy::Ctx,
    pub sources: lakewarden_sources::Ctx,
    pub findings: lakewarden_findings::Ctx,
    pub isolation: lakewarden_isolation::Ctx,
    pub lineage: lakewarden_lineage::Ctx,
    pub access: lakewarden_access::Ctx,
    pub catalog: lakewarden_catalog::Ctx,
    pub quality: lakewarden_quality::Ctx,
    pub cost: lakewarden_cost::Ctx,
}

impl Slices {
    pub(crate) fn open(config: &AppConfig, db: &Db, clock: &Clock, policies: &Policies) -> Self {
        let ownership = || policies.ownership.clone();
        let radius = Arc::new(LineageRadius::default());
        let isolation = lakewarden_isolation::Ctx::new(db.clone(), clock.clone(), ownership(), policies.pack.clone());
        let alerts = lakewarden_alerts::Ctx::new(
            db.clone(),
            clock.clone(),
            policies.alerts.clone(),
            ownership(),
            radius.clone(),
            &config.base_url,
        );
        let findings = lakewarden_findings::Ctx {
            db: db.clone(),
            clock: clock.clone(),
            registry: policies.registry.clone(),
            ownership: ownership(),
            alerts,
        };
        let judge = || isolation.judge.clone();
        let lineage = lakewarden_lineage::Ctx::new(db.clone(), clock.clone(), ownership(), findings.clone(), judge());
        radius.answer_from(lineage.clone());
        Self {
            tenancy: lakewarden_tenancy::Ctx { db: db.clone(), clock: clock.clone(), ownership: ownership() },
            sources: lakewarden_sources::Ctx { db: db.clone(), clock: clock.clone() },
            lineage,
            access: lakewarden_access::Ctx::new(db.clone(), clock.clone(), ownership(), judge(), findings.clone()),
            catalog: lakewarden_catalog::Ctx {
                db: db.clone(),
                clock: clock.clone(),
                ownership: ownership(),
                pack: policies.pack.clone(),
                judge: judge(),
                findings: findings.clone(),
            },
            quality: lakewarden_quality::Ctx {
                db: db.clone(),
                clock: clock.clone(),
                ownership: ownership(),
                policies: policies.quality.clone(),
                findings: findings.clone(),
            },
            cost: lakewarden_cost::Ctx {
                db: db.clone(),
                clock: clock.clone(),
                ownership: ownership(),
                policies: policies.cost.clone(),
                findings: findings.clone(),
            },
            isolation,
            findings,
        }
    }

    pub(crate) fn routes(&self) -> Routes {
        lakewarden_tenancy::routes(self.tenancy.clone())
            .merge(lakewarden_sources::routes(self.sources.clone()))
            .merge(lakewarden_alerts::routes(self.findings.alerts.clone()))
            .merge(lakewarden_findings::routes(self.findings.clone()))
            .merge(lakewarden_isolation::routes(self.isolation.clone()))
            .merge(lakewarden_lineage::routes(self.lineage.clone()))
            .merge(lakewarden_access::routes(self.access.clone()))
            .merge(lakewarden_catalog::routes(self.catalog.clone()))
            .merge(lakewarden_quality::routes(self.quality.clone()))
            .merge(lakewarden_cost::routes(self.cost.clone()))
    }

    pub(crate) fn jobs(&self) -> Jobs {
        lakewarden_tenancy::jobs(self.tenancy.clone())
            .merge(lakewarden_sources::jobs(self.sources.clone()))
            .merge(lakewarden_alerts::jobs(self.findings.alerts.clone()))
            .merge(lakewarden_findings::jobs(self.findings.clone()))
            .merge(lakewarden_isolation::jobs(self.isolation.clone()))
            .merge(lakewarden_lineage::jobs(self.lineage.clone()))
            .merge(lakewarden_access::jobs(self.access.clone()))
            .merge(lakewarden_catalog::jobs(self.catalog.clone()))
            .merge(lakewarden_quality::jobs(self.quality.clone()))
            .merge(lakewarden_cost::jobs(self.cost.clone()))
    }

    /// After a change of `tenants.toml`: every slice asks again whose its assets are. A slice that fails is logged and named;
    /// the others go on, and the next reload tries again.
    pub(crate) async fn reassign_owners(&self) -> Result<u64, AppError> {
        let outcomes = [
            ("lineage", lakewarden_lineage::reassign_owners(&self.lineage).await.map_err(|error| error.to_string())),
            ("access", lakewarden_access::reassign_owners(&self.access).await.map_err(|error| error.to_string())),
            ("catalog", lakewarden_catalog::reassign_owners(&self.catalog).await.map_err(|error| error.to_string())),
            ("quality", lakewarden_quality::reassign_owners(&self.quality).await.map_err(|error| error.to_string())),
            ("cost", lakewarden_cost::reassign_owners(&self.cost).await.map_err(|error| error.to_string())),
        ];
        let mut reassigned = 0;
        let mut failed = Vec::new();
        for (slice, outcome) in outcomes {
            match outcome {
                Ok(rows) => reassigned += rows,
                Err(error) => failed.push(format!("{slice}: {error}")),
            }
        }
        if failed.is_empty() { Ok(reassigned) } else { Err(AppError::Reassign(failed.join("; "))) }
    }
}
