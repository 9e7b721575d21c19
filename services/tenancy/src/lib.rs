//! Tenants and ownership: who owns an asset, in which layer it lies, and which rule of `policies/tenants.toml` says so.
//!
//! Tables: `tenants`. Jobs: none.

mod asset;
mod asset_text;
mod compile;
mod file;
mod overlap;
mod ownership;
#[cfg(test)]
mod ownership_tests;
mod pattern;
mod rule;
mod store;
mod sync;
mod template;
mod tenant;
mod trie;
mod words;

use lakewarden_core::{Clock, Live};
use lakewarden_db::{Db, Jobs};
use lakewarden_http::Routes;

pub use asset::{AssetRef, Owned, Owner, RuleId};
pub use asset_text::AssetTextError;
pub use ownership::{Ownership, RuleLine};
pub use sync::sync;
pub use tenant::Tenant;

/// The file below the policies folder.
pub const FILE: &str = "tenants.toml";

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
