//! Sources: what each delivered, from when to when, with which gaps, and what of it could not be read.
//!
//! Tables: `sources`, `source_hours`, `watermarks`, `collector_runs`, `quarantine`. Jobs: none.

mod api;
mod coverage;
mod delivery;
mod kind;
mod pages;
mod report;
mod store;

use lakewarden_core::Clock;
use lakewarden_db::{Db, Jobs};
use lakewarden_http::Routes;
use lakewarden_identity::Who;

pub use coverage::{State, gaps, hour_of};
pub use delivery::{
    Delivery, Rejected, find_or_create, find_watermark, finish_run, quarantine, record_delivery, set_watermark,
    start_run,
};
pub use kind::{Every, SourceKind};
pub use report::Report;
pub use store::{Source, list_sources};

/// Row of `collector_runs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct CollectorRunId(pub i64);

/// What this slice's handlers work with.
#[derive(Debug, Clone)]
pub struct Ctx {
    pub db: Db,
    pub clock: Clock,
}

pub fn routes(ctx: Ctx) -> Routes {
    Routes::new()
        .get("/sources", Who::Operator, ctx.clone(), pages::list_sources_page)
        .get("/sources/{id}", Who::Operator, ctx.clone(), pages::show_source)
        .get("/api/v1/sources", Who::Operator, ctx, api::list_sources_with_gaps)
}

pub fn jobs(_ctx: Ctx) -> Jobs {
    Jobs::new()
}
