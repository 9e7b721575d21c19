//! Tenants and ownership: who owns an asset, in which layer it lies, and which rule of `policies/tenants.toml` says so.
//!
//! Tables: `tenants`. Jobs: none.

mod asset;
mod ownership;
mod tenant;

use lakewarden_core::{Clock, Live};
use lakewarden_db::{Db, Jobs};
use lakewarden_http::Routes;

pub use asset::{AssetRef, Owned, Owner, RuleId};
pub use ownership::Ownership;
pub use tenant::Tenant;

/// What this slice's handlers work with, and the part of every other slice's context that says whose an asset is.
#[derive(Debug, Clone)]
pub struct Ctx {
    pub db: Db,
    pub clock: Clock,
    pub ownership: Live<Ownership>,
}

pub fn routes(_ctx: Ctx) -> Routes {
    Routes::new()
}

pub fn jobs(_ctx: Ctx) -> Jobs {
    Jobs::new()
}
