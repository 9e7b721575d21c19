//! From breaches to findings: one finding for each policy and subject, with evidence, a history and a hash-chained audit log.
//!
//! Tables: `findings`, `evidence`, `finding_history`, `audit_log`. Jobs: none.

mod api;
mod audit;
mod batch;
mod breach;
mod error;
mod filter;
mod lens;
mod pages;
pub mod policy_file;
mod read;
mod record;
mod registry;
mod service_policies;
mod status;
mod store;

use lakewarden_core::{Clock, Live};
use lakewarden_db::{Db, Jobs};
use lakewarden_http::Routes;
use lakewarden_identity::Who;
use lakewarden_tenancy::Ownership;

pub use audit::{AuditVerdict, verify as verify_audit};
pub use breach::{Breach, Evidence, Fingerprint, fingerprint};
pub use error::FindingsError;
pub use lakewarden_alerts::PolicyKind;
pub use lens::{Finding, Party};
pub use read::{Summary, summarize};
pub use record::{Recorded, record, resolve_absent};
pub use registry::{DuplicatePolicy, PolicyInfo, Registry};
pub use service_policies::{EVALUATION_ERROR, POLICY_FILE_BROKEN, SOURCE_SILENT, UNOWNED_ASSET, service_policies};
pub use status::Status;

/// What this slice's handlers work with, and what other slices pass to [`record`].
#[derive(Debug, Clone)]
pub struct Ctx {
    pub db: Db,
    pub clock: Clock,
    pub registry: Live<Registry>,
    pub ownership: Live<Ownership>,
    pub alerts: lakewarden_alerts::Ctx,
}

pub fn routes(ctx: Ctx) -> Routes {
    Routes::new()
        .get("/findings", Who::Viewer, ctx.clone(), pages::list_findings)
        .get("/findings/{id}", Who::Viewer, ctx.clone(), pages::show_finding)
        .post("/findings/{id}/acknowledge", Who::Administrator, ctx.clone(), pages::acknowledge_finding)
        .post("/findings/{id}/resolve", Who::Administrator, ctx.clone(), pages::resolve_finding)
        .post("/findings/{id}/reopen", Who::Administrator, ctx.clone(), pages::reopen_finding)
        .get("/policies", Who::Viewer, ctx.clone(), pages::list_policies)
        .get("/policies/{id}", Who::Viewer, ctx.clone(), pages::show_policy)
        .get("/api/v1/findings", Who::Viewer, ctx.clone(), api::list_findings)
        .get("/api/v1/findings/{id}", Who::Viewer, ctx.clone(), api::get_finding)
        .post("/api/v1/findings/{id}/acknowledge", Who::Administrator, ctx.clone(), api::acknowledge_finding)
        .post("/api/v1/findings/{id}/resolve", Who::Administrator, ctx.clone(), api::resolve_finding)
        .post("/api/v1/findings/{id}/reopen", Who::Administrator, ctx.clone(), api::reopen_finding)
        .get("/api/v1/policies", Who::Viewer, ctx.clone(), api::list_policies)
        .get("/api/v1/audit/verdict", Who::Operator, ctx, api::verify_chain)
}

/// Findings change in the transactions of those who judge: there is no work of its own.
pub fn jobs(_ctx: Ctx) -> Jobs {
    Jobs::new()
}
