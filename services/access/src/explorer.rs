//! What a reader asks of the explorer: from query parameters to a filter, and how counterparts are named to whom.

use chrono::{DateTime, TimeDelta, Utc};
use lakewarden_core::{Cursor, Scope, TenantId};
use lakewarden_http::Problem;
use lakewarden_identity::Viewer;
use lakewarden_tenancy::Ownership;
use serde::Deserialize;

use crate::ids::{ClassId, PrincipalId};
use crate::touched::Action;

/// Rows of one page.
pub const PAGE: i64 = 50;

/// The query string of the explorer's pages and API.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Query {
    /// `assets` or `principals`.
    pub by: String,
    /// Canonical name of one asset.
    pub asset: String,
    /// Part of an asset's or principal's name.
    pub q: String,
    /// Slug of the data's owner.
    pub tenant: String,
    pub action: String,
    /// `denied` or `allowed`.
    pub outcome: String,
    /// `24h`, `7d`, `30d`, `90d` or `all`.
    pub since: String,
    pub principal: Option<i32>,
    pub class: Option<i32>,
    pub cursor: String,
}

/// What the store is asked for.
#[derive(Debug, Clone)]
pub struct Filter {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub tenant: Option<i32>,
    pub action: Option<String>,
    pub denied: Option<bool>,
    pub asset: Option<String>,
    pub principal: Option<PrincipalId>,
    pub class: Option<ClassId>,
    pub part: Option<String>,
}

impl Filter {
    /// The part of a name as a pattern, with its own wildcards disarmed.
    pub fn like(&self) -> Option<String> {
        let part = self.part.as_ref()?;
        Some(format!("%{}%", part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")))
    }

    /// How the timeline is divided, in Postgres' word.
    pub fn bucket(&self) -> &'static str {
        if self.to - self.from <= TimeDelta::days(9) { "hour" } else { "day" }
    }
}

impl Query {
    pub fn filter(&self, ownership: &Ownership, now: DateTime<Utc>) -> Result<Filter, Problem> {
        Ok(Filter {
            from: self.from(now)?,
            // The hour that runs is part of every window, and clocks of accounts differ a little.
            to: now + TimeDelta::hours(25),
            tenant: self.tenant(ownership)?,
            action: self.action()?,
            denied: match self.outcome.as_str() {
                "" => None,
                "denied" => Some(true),
                "allowed" => Some(false),
                other => return Err(Problem::bad_request(format!("outcome `{other}` is not one of denied, allowed"))),
            },
            asset: text(&self.asset),
            principal: self.principal.map(PrincipalId),
            class: self.class.map(ClassId),
            part: text(&self.q),
        })
    }

    pub fn after(&self) -> Result<Cursor, Problem> {
        if self.cursor.is_empty() {
            return Ok(Cursor {
                at: DateTime::<Utc>::from_timestamp(253_402_300_799, 0).expect("the year 9999"),
                id: i64::MAX,
            });
        }
        Cursor::decode(&self.cursor).map_err(|error| Problem::bad_request(error.to_string()))
    }

    fn from(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, Problem> {
        let days = match self.since.as_str() {
            "24h" => 1,
            "7d" => 7,
            "" | "30d" => 30,
            "90d" => 90,
            "all" => return Ok(DateTime::from_timestamp(0, 0).expect("the epoch")),
            other => return Err(Problem::bad_request(format!("since `{other}` is not one of 24h, 7d, 30d, 90d, all"))),
        };
        Ok(now - TimeDelta::days(days))
    }

    fn tenant(&self, ownership: &Ownership) -> Result<Option<i32>, Problem> {
        match self.tenant.as_str() {
            "" => Ok(None),
            "platform" => Ok(Some(TenantId::PLATFORM.0)),
            slug => match ownership.tenant_by_slug(slug) {
                Some(tenant) => Ok(Some(tenant.id.0)),
                None => Err(Problem::bad_request(format!("there is no tenant `{}`", crate::record::shorten(slug, 60)))),
            },
        }
    }

    fn action(&self) -> Result<Option<String>, Problem> {
        let Some(word) = text(&self.action) else { return Ok(None) };
        if Action::ALL.iter().any(|action| action.as_str() == word) {
            return Ok(Some(word));
        }
        let words: Vec<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
        Err(Problem::bad_request(format!("action `{word}` is not one of {}", words.join(", "))))
    }

    /// The same question with another value of some parameters, as a link's query string.
    pub fn with(&self, changes: &[(&str, &str)]) -> String {
        let principal = self.principal.map(|id| id.to_string()).unwrap_or_default();
        let class = self.class.map(|id| id.to_string()).unwrap_or_default();
        let current = [
            ("by", self.by.as_str()),
            ("asset", &self.asset),
            ("q", &self.q),
            ("tenant", &self.tenant),
            ("action", &self.action),
            ("outcome", &self.outcome),
            ("since", &self.since),
            ("principal", &principal),
            ("class", &class),
        ];
        let changed = |name: &str| changes.iter().find(|(changed, _)| *changed == name).map(|(_, value)| *value);
        current
            .iter()
            .map(|(name, value)| (*name, changed(name).unwrap_or(value)))
            .chain(changes.iter().filter(|(name, _)| *name == "cursor").copied())
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={}", escape(value)))
            .collect::<Vec<_>>()
            .join("&")
    }
}

/// Text of a query parameter: trimmed, without what Postgres cannot hold.
fn text(value: &str) -> Option<String> {
    let value = value.trim();
    (!value.is_empty()).then(|| crate::identity::clean(value, 1100))
}

/// Percent-encoding of a query string's value.
pub fn escape(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' | b':' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// Who owns something, in the words its reader may hear.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "name")]
pub enum Party {
    Tenant(String),
    Platform,
    Unowned,
    AnotherTenant,
}

/// The owner of a row the viewer may see.
pub fn party(tenant: Option<i32>, ownership: &Ownership, viewer: &Viewer) -> Party {
    match tenant.map(TenantId) {
        None => Party::Unowned,
        Some(id) if id.is_platform() => Party::Platform,
        Some(id) if viewer.scope != Scope::All && viewer.scope != Scope::Tenant(id) => Party::AnotherTenant,
        Some(id) => {
            Party::Tenant(ownership.tenant(id).map_or_else(|| format!("tenant {id}"), |tenant| tenant.slug.clone()))
        }
    }
}

/// The acting side: from its own row where the viewer may see it, else from how it stands to the data's owner.
pub fn acting_party(
    actor: &str,
    tenant: Option<i32>,
    is_visible: bool,
    ownership: &Ownership,
    viewer: &Viewer,
) -> Party {
    if is_visible {
        return party(tenant, ownership, viewer);
    }
    match actor {
        "platform" | "service" => Party::Platform,
        "unattributed" => Party::Unowned,
        _ => Party::AnotherTenant,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_question_survives_in_its_links() {
        let query = Query { by: "principals".into(), q: "a b&c".into(), cursor: "old".into(), ..Query::default() };
        assert_eq!(query.with(&[]), "by=principals&q=a%20b%26c");
        assert_eq!(query.with(&[("by", ""), ("cursor", "x")]), "q=a%20b%26c&cursor=x");
    }

    #[test]
    fn wrong_parameters_are_named() {
        let ownership = Ownership::default();
        for query in [
            Query { since: "1y".into(), ..Query::default() },
            Query { action: "fly".into(), ..Query::default() },
            Query { outcome: "maybe".into(), ..Query::default() },
            Query { tenant: "nobody".into(), ..Query::default() },
        ] {
            assert_eq!(query.filter(&ownership, now()).unwrap_err().status(), 400, "{query:?}");
        }
        let filter = Query { q: "50%_\\".into(), ..Query::default() }.filter(&ownership, now()).unwrap();
        assert_eq!(filter.like().unwrap(), "%50\\%\\_\\\\%");
        assert_eq!(filter.bucket(), "day");
    }

    #[test]
    fn a_tenant_hears_of_a_counterpart_without_its_name() {
        let viewer = Viewer { name: "auditor".into(), scope: Scope::Tenant(TenantId(1)), is_administrator: false };
        let ownership = Ownership::default();
        assert_eq!(acting_party("other", None, false, &ownership, &viewer), Party::AnotherTenant);
        assert_eq!(acting_party("platform", None, false, &ownership, &viewer), Party::Platform);
        assert_eq!(party(Some(2), &ownership, &viewer), Party::AnotherTenant);
    }
}
