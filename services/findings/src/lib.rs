//! From breaches to findings: one finding for each policy and subject, with evidence, a history and a hash-chained audit log.
//!
//! Tables: `findings`, `evidence`, `finding_history`, `audit_log`. Jobs: none.

mod audit;
mod batch;
mod breach;
mod error;
pub mod policy_file;
mod record;
mod registry;
mod service_policies;
mod status;
mod store;

use lakewarden_core::{Clock, Live};
use lakewarden_db::{Db, Jobs};
use lakewarden_http::Routes;
use lakewarden_tenancy::Ownership;

pub use audit::{AuditVerdict, verify as verify_audit};
pub use breach::{Breach, Evidence, Fingerprint, fingerprint};
pub use error::FindingsError;
pub use lakewarden_alerts::PolicyKind;
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

pub fn routes(_ctx: Ctx) -> Routes {
    Routes::new()
}

pub fn jobs(_ctx: Ctx) -> Jobs {
    Jobs::new()
}
