//! Quality of the lake's data: what producers' own checks found, how fresh datasets are, whether rows went missing.
//!
//! Tables: `quality_broken`, `quality_days`; it reads `dataset_observations` and `datasets`, which lineage writes.
//! Jobs: `judge_quality`.

mod api;
mod error;
mod facts;
mod jobs;
mod judge;
mod pages;
mod policy;
mod score;
mod store;

use lakewarden_core::{Clock, Live};
use lakewarden_db::Db;
use lakewarden_http::Routes;
use lakewarden_identity::Who;
use lakewarden_tenancy::Ownership;

pub use error::QualityError;
pub use jobs::{JudgeQuality, jobs, judge_quality, reassign_owners};
pub use policy::{Binding, Policies, Policy, Rule};

/// What this slice's handlers and jobs work with.
#[derive(Clone, Debug)]
pub struct Ctx {
    pub db: Db,
    pub clock: Clock,
    pub ownership: Live<Ownership>,
    pub policies: Live<Policies>,
    pub findings: lakewarden_findings::Ctx,
}

pub fn routes(ctx: Ctx) -> Routes {
    Routes::new()
        .get("/quality", Who::Viewer, ctx.clone(), pages::show_quality)
        .get("/quality/datasets/{id}", Who::Viewer, ctx.clone(), pages::show_dataset)
        .get("/api/v1/quality", Who::Viewer, ctx, api::get_quality)
}
