//! The flow plane: OpenLineage in, the graph of jobs, runs and datasets, and what crosses from one owner to another in it.
//!
//! Tables: `lineage_events`, `lineage_jobs`, `datasets`, `dataset_symlinks`, `dataset_schemas`, `lineage_facets`, `runs`,
//! `run_datasets`, `job_datasets`, `column_edges`, `dataset_observations` (read by the quality slice), `flows`,
//! `flows_to_judge`. Jobs: `judge_flows`, `prepare_lineage_partitions`.

mod api;
pub mod columns;
mod drawing;
mod error;
pub mod event;
mod eyes;
pub mod facts;
mod flows;
pub mod graph;
mod graph_api;
pub mod identity;
mod ingest;
mod jobs;
pub mod layout;
mod pages;
mod radius;
mod reassign;
mod store;

use std::sync::Arc;

use lakewarden_core::{Clock, Live};
use lakewarden_db::Db;
use lakewarden_http::Routes;
use lakewarden_identity::Who;
use lakewarden_tenancy::Ownership;
use tokio::sync::Semaphore;

pub use error::LineageError;
pub use flows::judge_flows;
pub use ingest::{ImportProgress, Intake, Outcome, ensure_partitions, import, ingest};
pub use jobs::jobs;
pub use radius::radius;
pub use reassign::reassign_owners;
pub use store::summary::{Summary, describe_state, get_summary};

/// What the slice needs. Clones share one intake: make one for a process.
#[derive(Debug, Clone)]
pub struct Ctx {
    pub db: Db,
    pub clock: Clock,
    pub ownership: Live<Ownership>,
    pub findings: lakewarden_findings::Ctx,
    pub judge: lakewarden_isolation::Judge,
    intake: Intake,
    months: Arc<ingest::PreparedMonths>,
    large_bodies: Arc<Semaphore>,
}

impl Ctx {
    pub fn new(
        db: Db,
        clock: Clock,
        ownership: Live<Ownership>,
        findings: lakewarden_findings::Ctx,
        judge: lakewarden_isolation::Judge,
    ) -> Self {
        Self {
            db,
            clock,
            ownership,
            findings,
            judge,
            intake: Intake::default(),
            months: Arc::default(),
            large_bodies: Arc::new(Semaphore::new(api::LARGE_BODIES)),
        }
    }

    /// The same with an intake of its own that nobody started.
    fn without_intake(&self) -> Self {
        Self { intake: Intake::default(), ..self.clone() }
    }
}

pub fn routes(ctx: Ctx) -> Routes {
    Routes::new()
        .post("/api/v1/lineage", Who::Producer, ctx.clone(), api::post_event)
        // Clients append the endpoint to a base that ends in a slash, or add one behind.
        .post("/api/v1/lineage/", Who::Producer, ctx.clone(), api::post_event)
        .post("/api/v1/lineage/batch", Who::Producer, ctx.clone(), api::post_batch)
        .post("/api/v1/lineage/batch/", Who::Producer, ctx.clone(), api::post_batch)
        .get("/api/v1/lineage", Who::Viewer, ctx.clone(), graph_api::get_lineage)
        .get("/lineage", Who::Viewer, ctx.clone(), pages::show_explorer)
        .get("/datasets", Who::Viewer, ctx.clone(), pages::show_datasets)
        .get("/datasets/{id}", Who::Viewer, ctx.clone(), pages::show_dataset)
        .get("/jobs", Who::Viewer, ctx.clone(), pages::show_jobs)
        .get("/jobs/{id}", Who::Viewer, ctx.clone(), pages::show_job)
        .get("/runs/{id}", Who::Viewer, ctx, pages::show_run)
}
