//! The flow plane as pages: explorer, datasets, jobs and runs.

mod dataset;
mod explorer;
mod job;
mod lists;
mod run;

use chrono::{DateTime, TimeDelta, Utc};
use lakewarden_core::{Cursor, Layer, Scope, TenantId};
use lakewarden_http::{Problem, show};
use lakewarden_identity::Viewer;
use lakewarden_tenancy::{Ownership, RuleId};
use serde::Deserialize;

pub use dataset::show_dataset;
pub use explorer::show_explorer;
pub use job::show_job;
pub use lists::{show_datasets, show_jobs};
pub use run::show_run;

use crate::store::read::NameFilter;

/// `?q=&tenant=&layer=&older=`
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ListQuery {
    #[serde(default)]
    pub q: String,
    /// A tenant's slug, `platform` or `unowned`.
    #[serde(default)]
    pub tenant: String,
    #[serde(default)]
    pub layer: String,
    #[serde(default)]
    pub older: String,
}

impl ListQuery {
    pub fn filter(&self, ownership: &Ownership) -> Result<NameFilter, Problem> {
        let mut filter = NameFilter { pattern: pattern_of(&self.q), ..NameFilter::default() };
        match self.tenant.trim() {
            "" => {}
            "platform" => filter.tenant = Some(TenantId::PLATFORM),
            "unowned" => filter.unowned = true,
            slug => match ownership.tenant_by_slug(slug) {
                Some(tenant) => filter.tenant = Some(tenant.id),
                None => return Err(Problem::bad_request(format!("tenant: there is no tenant `{slug}`"))),
            },
        }
        if !self.layer.is_empty() {
            let layer = self.layer.parse::<Layer>().map_err(|error| Problem::bad_request(format!("layer: {error}")))?;
            filter.layer = Some(layer.as_str().to_owned());
        }
        Ok(filter)
    }

    pub fn cursor(&self) -> Result<Cursor, Problem> {
        match self.older.as_str() {
            "" => Ok(Cursor::start()),
            text => Cursor::decode(text).map_err(|error| Problem::bad_request(error.to_string())),
        }
    }

    pub fn is_narrowed(&self) -> bool {
        !(self.q.is_empty() && self.tenant.is_empty() && self.layer.is_empty())
    }

    /// The same filter, further down.
    pub fn older_href(&self, path: &str, at: DateTime<Utc>, id: i64) -> String {
        let encode = |text: &str| -> String {
            text.bytes()
                .map(|byte| match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
                    other => format!("%{other:02X}"),
                })
                .collect()
        };
        let cursor = Cursor { at, id }.encode();
        let (q, tenant, layer) = (encode(&self.q), encode(&self.tenant), encode(&self.layer));
        format!("{path}?q={q}&tenant={tenant}&layer={layer}&older={cursor}")
    }
}

/// A pattern of `ilike` for "contains this text".
pub fn pattern_of(text: &str) -> Option<String> {
    let text = text.trim().replace('\0', "");
    if text.is_empty() {
        return None;
    }
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    Some(format!("%{escaped}%"))
}

/// Slugs to filter by; a tenant's own auditor has none to choose from.
fn tenant_choices(viewer: &Viewer, ownership: &Ownership) -> Vec<String> {
    match viewer.scope {
        Scope::All => {
            let slugs = ownership.tenants().iter().map(|tenant| tenant.slug.clone());
            slugs.chain(["platform".to_owned(), "unowned".to_owned()]).collect()
        }
        Scope::Tenant(_) => Vec::new(),
    }
}

fn why(ownership: &Ownership, rule: Option<i32>) -> String {
    ownership.explain(rule.and_then(|rule| u32::try_from(rule).ok()).map_or(RuleId::NONE, RuleId))
}

/// The word of a run's state, as the design system spells it.
pub(crate) fn state_word(state: i16) -> &'static str {
    match state {
        1 => "running",
        2 => "complete",
        3 => "abort",
        4 => "failed",
        _ => "pending",
    }
}

fn duration(started: Option<DateTime<Utc>>, ended: Option<DateTime<Utc>>) -> String {
    match (started, ended) {
        (Some(started), Some(ended)) if ended >= started => show::span(ended - started),
        _ => String::new(),
    }
}

/// `0` where it is not known.
fn milliseconds(started: Option<DateTime<Utc>>, ended: Option<DateTime<Utc>>) -> i64 {
    match (started, ended) {
        (Some(started), Some(ended)) => (ended - started).max(TimeDelta::zero()).num_milliseconds(),
        _ => 0,
    }
}

fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
