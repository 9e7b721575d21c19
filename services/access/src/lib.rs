//! The access plane: CloudTrail records read, attributed, reduced to classes, judged and counted by the hour.
//!
//! Tables: `trail_files`, `access_principals`, `access_resources`, `access_classes`, `access_facts`, `access_events`,
//! `access_samples`, `access_sessions`. Jobs: none; collectors, uploads and imports all call [`ingest`] or [`import`].

mod api;
mod class;
mod commit;
mod error;
mod explorer;
mod file;
mod identity;
mod ids;
mod import;
mod inflate;
mod interning;
mod judging;
mod memory;
mod pages;
mod reading;
mod reassign;
mod record;
mod redact;
mod resource;
mod store;
mod touched;

use std::sync::Arc;

use lakewarden_core::{Clock, Live};
use lakewarden_db::{Db, Jobs};
use lakewarden_http::Routes;
use lakewarden_identity::Who;
use lakewarden_isolation::Judge;
use lakewarden_tenancy::Ownership;

pub use commit::Ingested;
pub use error::AccessError;
pub use ids::{ClassId, PrincipalId, ResourceId};
pub use import::{IMPORT_SOURCE, Summary, import};
pub use inflate::InflateError;
pub use reading::ReadError;
pub use reassign::reassign_owners;

/// Inflated bytes of one file at most, unless [`Ctx::with_inflated_limit`] says otherwise. AWS caps a file at 50 MB compressed.
const INFLATED_LIMIT: usize = 1_000_000_000;

/// What the slice needs.
#[derive(Debug, Clone)]
pub struct Ctx {
    pub db: Db,
    pub clock: Clock,
    pub ownership: Live<Ownership>,
    pub judge: Judge,
    pub findings: lakewarden_findings::Ctx,
    inflated_limit: usize,
    memory: Arc<memory::Memory>,
}

impl Ctx {
    pub fn new(
        db: Db,
        clock: Clock,
        ownership: Live<Ownership>,
        judge: Judge,
        findings: lakewarden_findings::Ctx,
    ) -> Self {
        Self { db, clock, ownership, judge, findings, inflated_limit: INFLATED_LIMIT, memory: Arc::default() }
    }

    /// Inflated bytes of one file at most.
    #[must_use]
    pub fn with_inflated_limit(mut self, bytes: usize) -> Self {
        self.inflated_limit = bytes;
        self
    }
}

/// Stores one trail file, as a collector fetched it. A file that cannot be read is quarantined as a whole, so that a
/// collector can go on behind it; an error means that nothing was stored.
pub async fn ingest(ctx: &Ctx, source: &str, file_name: &str, bytes: bytes::Bytes) -> Result<Ingested, AccessError> {
    let file = read_file(ctx, file_name, bytes.clone(), ctx.inflated_limit).await;
    let file = match file {
        Err(AccessError::Read(error)) => commit::refused(file_name, &bytes, &error.to_string()),
        other => other?,
    };
    let outcomes = commit::commit(ctx, source, std::slice::from_ref(&file)).await?;
    Ok(outcomes.into_iter().next().unwrap_or_default())
}

/// Reading is processor work: away from the threads that answer requests.
async fn read_file(ctx: &Ctx, name: &str, bytes: bytes::Bytes, limit: usize) -> Result<class::ReadFile, AccessError> {
    let (ownership, now, name) = (ctx.ownership.get(), ctx.clock.now(), name.to_owned());
    let read = tokio::task::spawn_blocking(move || reading::read(&name, &bytes, limit, &ownership, now)).await;
    Ok(read.map_err(|error| AccessError::Reader(error.to_string()))??)
}

pub fn routes(ctx: Ctx) -> Routes {
    Routes::new()
        .post("/api/v1/cloudtrail", Who::Producer, ctx.clone(), api::post_trail)
        .get("/api/v1/access", Who::Viewer, ctx.clone(), api::list_access)
        .get("/access", Who::Viewer, ctx.clone(), pages::show_explorer)
        .get("/access/principals/{id}", Who::Viewer, ctx.clone(), pages::show_principal)
        .get("/access/classes/{id}", Who::Viewer, ctx, pages::show_class)
}

/// None: what arrives is judged in the transaction that stores it.
pub fn jobs(_ctx: Ctx) -> Jobs {
    Jobs::new()
}
