//! Tenants and ownership: who owns an asset, in which layer it lies, and which rule of `policies/tenants.toml` says so.
//!
//! Tables: `tenants`. Jobs: none.

mod api;
mod asset;
mod asset_text;
mod compile;
mod file;
mod overlap;
mod ownership;
#[cfg(test)]
mod ownership_tests;
mod pages;
mod pattern;
mod question;
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
use lakewarden_identity::Who;

pub use asset::{AssetRef, Owned, Owner, RuleId};
pub use asset_text::AssetTextError;
pub use ownership::{Ownership, RuleLine};
pub use question::{Answer, ConfinedAnswer, who_owns, who_owns_as};
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

pub fn routes(ctx: Ctx) -> Routes {
    Routes::new().get("/ownership", Who::Viewer, ctx.clone(), pages::show_ownership).get(
        "/api/v1/ownership",
        Who::Viewer,
        ctx,
        api::find_owner,
    )
}

pub fn jobs(_ctx: Ctx) -> Jobs {
    Jobs::new()
}
