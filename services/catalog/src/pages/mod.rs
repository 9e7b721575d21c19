//! The catalog as pages: what exists and what changed, one table with its history, who may do what.

mod grants;
mod lines;
mod list;
mod table;

use std::collections::BTreeMap;

use lakewarden_core::{Cursor, Scope, TenantId};
use lakewarden_http::Problem;
use lakewarden_tenancy::Ownership;

use crate::masking::Eyes;

pub use grants::{GrantsQuery, show_grants};
pub use list::{CatalogQuery, show_catalog};
pub use table::show_table;

/// A tenant's slug, `platform`, or nothing.
fn tenant_filter(ownership: &Ownership, slug: &str) -> Result<Option<TenantId>, Problem> {
    match slug.trim() {
        "" => Ok(None),
        "platform" => Ok(Some(TenantId::PLATFORM)),
        slug => match ownership.tenant_by_slug(slug) {
            Some(tenant) => Ok(Some(tenant.id)),
            None => Err(Problem::bad_request(format!("tenant: there is no tenant `{slug}`"))),
        },
    }
}

fn cursor_of(text: &str) -> Result<Cursor, Problem> {
    match text {
        "" => Ok(Cursor::start()),
        text => Cursor::decode(text).map_err(|error| Problem::bad_request(error.to_string())),
    }
}

/// Slugs for the filter; a tenant's own auditor has none to choose from.
fn tenant_choices(eyes: &Eyes<'_>) -> Vec<String> {
    match eyes.scope {
        Scope::All => {
            let slugs = eyes.ownership.tenants().iter().map(|tenant| tenant.slug.clone());
            slugs.chain(["platform".to_owned()]).collect()
        }
        Scope::Tenant(_) => Vec::new(),
    }
}

fn address(path: &str, pairs: &BTreeMap<&str, &str>) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| {
            format!(
                "{key}={}",
                askama::filters::urlencode_strict(value).map(|text| text.to_string()).unwrap_or_default()
            )
        })
        .collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}
