//! What the lake costs and who pays: Cost Explorer's daily lines, restated as AWS restates them, allocated by tag.
//!
//! Tables: `cost_sources`, `cost_fetches`, `cost_days`, `cost_lines`, `cost_restatements`, `cost_cells`. Jobs: `judge_costs`.

mod allocation;
mod amount;
mod api;
mod bill;
mod cost_explorer;
mod coverage;
mod csv;
mod error;
mod ingest;
mod jobs;
mod judge;
mod month;
mod pages;
mod policy;
mod restatement;
mod rounding;
mod store;

use lakewarden_core::{Clock, Live};
use lakewarden_db::Db;
use lakewarden_http::Routes;
use lakewarden_identity::Who;
use lakewarden_tenancy::Ownership;

pub use cost_explorer::{BadPage, PageFile, Reading, read_pages};
pub use error::CostError;
pub use ingest::{Ingested, ingest, reassign_owners};
pub use jobs::{JudgeCosts, jobs, judge_costs};
pub use policy::{Budgets, Policies, Policy, Rule};

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
        .get("/cost", Who::Viewer, ctx.clone(), pages::show_month)
        .get("/cost/lines", Who::Viewer, ctx.clone(), pages::show_lines)
        .get("/cost/restatements", Who::Viewer, ctx.clone(), pages::show_restatements)
        .get("/cost/{payer}", Who::Viewer, ctx.clone(), pages::show_payer)
        .get("/cost.csv", Who::Viewer, ctx.clone(), api::get_csv)
        .get("/api/v1/cost", Who::Viewer, ctx.clone(), api::get_costs)
        .post("/api/v1/cost", Who::Producer, ctx, api::post_costs)
}
