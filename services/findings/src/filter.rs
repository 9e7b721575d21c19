//! The filters of the list of findings, as a URL spells them.

use lakewarden_alerts::PolicyKind;
use lakewarden_core::{Cursor, Plane, Severity, TenantId};
use lakewarden_http::Problem;
use lakewarden_tenancy::{Owner, Ownership};
use serde::Deserialize;

use crate::status::Status;

/// The query of `/findings` and of its JSON twin. An empty word is no filter, as a form sends it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Query {
    pub severity: String,
    /// `unresolved` unless given; `all` for every status.
    pub status: String,
    pub plane: String,
    pub kind: String,
    pub policy: String,
    /// Whose data is hit: a slug, `platform` or `unowned`.
    pub tenant: String,
    /// Who did it: a slug or `platform`. Only for viewers who see every tenant.
    pub actor: String,
    pub asset: String,
    pub q: String,
    pub cursor: String,
}

/// The same, understood.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub severity: Option<Severity>,
    pub statuses: Vec<Status>,
    pub plane: Option<Plane>,
    pub kind: Option<PolicyKind>,
    pub policy: Option<String>,
    /// Whose data is hit.
    pub owner: Option<Owner>,
    pub actor: Option<TenantId>,
    pub asset: Option<String>,
    pub text: Option<String>,
}

/// No tenant has this id: a name nobody has finds nothing.
const NOBODY: TenantId = TenantId(-1);

impl Query {
    pub fn parse(&self, ownership: &Ownership) -> Result<(Filter, Cursor), Problem> {
        let owner = match self.tenant.as_str() {
            "" => None,
            "unowned" => Some(Owner::Unowned),
            word => Some(Owner::from_tenant_id(Some(tenant_by_word(word, ownership)))),
        };
        let filter = Filter {
            severity: word("severity", &self.severity)?,
            statuses: self.statuses()?,
            plane: word("plane", &self.plane)?,
            kind: word("kind", &self.kind)?,
            policy: text(&self.policy),
            owner,
            actor: text(&self.actor).map(|word| tenant_by_word(&word, ownership)),
            asset: text(&self.asset),
            text: text(&self.q),
        };
        let cursor = match self.cursor.as_str() {
            "" => Cursor::start(),
            cursor => Cursor::decode(cursor).map_err(|error| Problem::bad_request(error.to_string()))?,
        };
        Ok((filter, cursor))
    }

    fn statuses(&self) -> Result<Vec<Status>, Problem> {
        match self.status.as_str() {
            "" | "unresolved" => Ok(vec![Status::Open, Status::Acknowledged]),
            "all" => Ok(Status::ALL.to_vec()),
            word => word.parse().map(|status| vec![status]).map_err(|()| {
                Problem::bad_request("`status` is one of unresolved, open, acknowledged, resolved, excepted, all")
            }),
        }
    }

    /// The address of the list with these filters and one of them, or the page, changed.
    pub fn href(&self, name: &str, value: &str) -> String {
        let pairs = [
            ("severity", self.severity.as_str()),
            ("status", &self.status),
            ("plane", &self.plane),
            ("kind", &self.kind),
            ("policy", &self.policy),
            ("tenant", &self.tenant),
            ("actor", &self.actor),
            ("asset", &self.asset),
            ("q", &self.q),
            ("cursor", ""),
        ];
        let query: Vec<String> = pairs
            .into_iter()
            .map(|(key, current)| (key, if key == name { value } else { current }))
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| {
                format!(
                    "{key}={}",
                    askama::filters::urlencode_strict(value).map_or_else(|_| String::new(), |text| text.to_string())
                )
            })
            .collect();
        if query.is_empty() { "/findings".to_owned() } else { format!("/findings?{}", query.join("&")) }
    }
}

fn text(word: &str) -> Option<String> {
    let word = word.trim();
    (!word.is_empty()).then(|| word.replace('\0', ""))
}

fn word<T: std::str::FromStr<Err: std::fmt::Display>>(name: &str, text: &str) -> Result<Option<T>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error| Problem::bad_request(format!("`{name}`: {error}")))
}

fn tenant_by_word(word: &str, ownership: &Ownership) -> TenantId {
    if word == "platform" {
        return TenantId::PLATFORM;
    }
    ownership.tenant_by_slug(word).map_or_else(|| word.parse().unwrap_or(NOBODY), |tenant| tenant.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_filter_keeps_the_others_and_goes_back_to_the_first_page() {
        let query = Query { plane: "flow".into(), q: "a&b c".into(), cursor: "abc".into(), ..Query::default() };
        assert_eq!(query.href("severity", "high"), "/findings?severity=high&plane=flow&q=a%26b%20c");
        assert_eq!(query.href("cursor", "xyz"), "/findings?plane=flow&q=a%26b%20c&cursor=xyz");
        assert_eq!(Query::default().href("plane", ""), "/findings");
    }

    #[test]
    fn unknown_words_are_refused_and_an_unknown_tenant_finds_nothing() {
        let parse = |query: Query| query.parse(&Ownership::default());
        for query in [
            Query { severity: "dire".into(), ..Query::default() },
            Query { status: "gone".into(), ..Query::default() },
            Query { plane: "astral".into(), ..Query::default() },
            Query { cursor: "!".into(), ..Query::default() },
        ] {
            assert!(parse(query.clone()).is_err(), "{query:?}");
        }
        let (filter, _) =
            parse(Query { tenant: "nobody".into(), actor: "platform".into(), ..Query::default() }).unwrap();
        assert_eq!((filter.owner, filter.actor), (Some(Owner::Tenant(NOBODY)), Some(TenantId::PLATFORM)));
    }
}
