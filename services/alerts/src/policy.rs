//! `policies/alerts.toml`: receivers, routes and silences, as people write them.

use chrono::{DateTime, TimeDelta, Utc};
use lakewarden_core::{LoadError, Plane, Severity};
use lakewarden_tenancy::Ownership;
use serde::Deserialize;
use toml::Spanned;

use crate::receiver::{Address, Receiver, ReceiverKind};
use crate::{Event, Notice, PolicyKind};

const DEFAULT_GROUP_WAIT_S: u32 = 10;
const DEFAULT_MIN_INTERVAL_MS: u32 = 1_000;

/// A parsed `alerts.toml`. The default tells nobody.
#[derive(Debug, Clone, Default)]
pub struct AlertPolicy {
    receivers: Vec<Receiver>,
    routes: Vec<Route>,
    silences: Vec<Silence>,
}

/// To whom one notice goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    pub receiver: String,
    pub group_wait: TimeDelta,
    /// Written down, but not sent.
    pub silenced: bool,
}

#[derive(Debug, Clone)]
struct Route {
    matches: Match,
    receivers: Vec<String>,
    group_wait: TimeDelta,
    resolved: bool,
    goes_on: bool,
}

#[derive(Debug, Clone)]
struct Silence {
    matches: Match,
    until: DateTime<Utc>,
}

/// What a route or silence is about; an empty list is about everything.
#[derive(Debug, Clone, Default)]
struct Match {
    severity: Option<Severity>,
    planes: Vec<Plane>,
    kinds: Vec<PolicyKind>,
    policies: Vec<String>,
    tenants: Vec<String>,
}

impl AlertPolicy {
    /// Reads the text of `alerts.toml`; `file` is its name in error messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, LoadError> {
        let fail =
            |at: usize, message: String| LoadError { file: file.to_owned(), line: Some(line_of(text, at)), message };
        let written: File = toml::from_str(text)
            .map_err(|error| fail(error.span().map_or(0, |span| span.start), error.message().to_owned()))?;
        let mut policy = Self::default();
        for entry in written.receiver {
            let at = entry.span().start;
            let receiver = entry.into_inner().check().map_err(|message| fail(at, message))?;
            if policy.receiver(&receiver.name).is_some() {
                return Err(fail(at, format!("there are two receivers called `{}`", receiver.name)));
            }
            policy.receivers.push(receiver);
        }
        for entry in written.route {
            let at = entry.span().start;
            let route = entry.into_inner();
            if let Some(unknown) = route.receivers.iter().find(|name| policy.receiver(name.get_ref()).is_none()) {
                let known: Vec<&str> = policy.receivers.iter().map(|receiver| receiver.name.as_str()).collect();
                let message = format!("no receiver is called `{}`; there are: {}", unknown.get_ref(), known.join(", "));
                return Err(fail(unknown.span().start, message));
            }
            policy.routes.push(route.check().map_err(|message| fail(at, message))?);
        }
        for entry in written.silence {
            let at = entry.span().start;
            policy.silences.push(entry.into_inner().check().map_err(|message| fail(at, message))?);
        }
        Ok(policy)
    }

    pub fn receivers(&self) -> &[Receiver] {
        &self.receivers
    }

    pub fn receiver(&self, name: &str) -> Option<&Receiver> {
        self.receivers.iter().find(|receiver| receiver.name == name)
    }

    /// To whom the notice goes: by the first route that matches, and by those after it while they say `continue`.
    pub(crate) fn plan(&self, notice: &Notice, ownership: &Ownership, now: DateTime<Utc>) -> Vec<Planned> {
        let tenant = tenant_word(notice, ownership);
        let silenced =
            self.silences.iter().any(|silence| now < silence.until && silence.matches.admits(notice, &tenant));
        let mut planned: Vec<Planned> = Vec::new();
        for route in &self.routes {
            if !route.matches.admits(notice, &tenant) {
                continue;
            }
            if notice.event != Event::Resolved || route.resolved {
                for receiver in &route.receivers {
                    if planned.iter().all(|known| known.receiver != *receiver) {
                        planned.push(Planned { receiver: receiver.clone(), group_wait: route.group_wait, silenced });
                    }
                }
            }
            if !route.goes_on {
                break;
            }
        }
        planned
    }
}

impl Match {
    fn admits(&self, notice: &Notice, tenant: &str) -> bool {
        let any_or = |empty: bool, found: bool| empty || found;
        self.severity.is_none_or(|least| notice.severity <= least)
            && any_or(self.planes.is_empty(), notice.plane.is_some_and(|plane| self.planes.contains(&plane)))
            && any_or(self.kinds.is_empty(), self.kinds.contains(&notice.kind))
            && any_or(self.policies.is_empty(), self.policies.iter().any(|pattern| fits(pattern, &notice.policy_id)))
            && any_or(self.tenants.is_empty(), self.tenants.iter().any(|slug| slug == tenant))
    }
}

fn fits(pattern: &str, id: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == id, |prefix| id.starts_with(prefix))
}

fn tenant_word(notice: &Notice, ownership: &Ownership) -> String {
    match notice.tenant {
        None => "unowned".to_owned(),
        Some(id) if id.is_platform() => "platform".to_owned(),
        Some(id) => ownership.tenant(id).map_or_else(|| id.to_string(), |tenant| tenant.slug.clone()),
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    receiver: Vec<Spanned<ReceiverEntry>>,
    #[serde(default)]
    route: Vec<Spanned<RouteEntry>>,
    #[serde(default)]
    silence: Vec<Spanned<SilenceEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReceiverEntry {
    name: String,
    kind: ReceiverKind,
    url: Option<String>,
    url_env: Option<String>,
    secret_env: Option<String>,
    min_interval_ms: Option<u32>,
    #[serde(default)]
    allow_private: bool,
}

impl ReceiverEntry {
    fn check(self) -> Result<Receiver, String> {
        let address = match (self.url, self.url_env) {
            (Some(url), None) => Address::of_url(&url)?,
            (None, Some(name)) => Address::Environment(name),
            _ => return Err(format!("receiver `{}` needs either `url` or `url_env`", self.name)),
        };
        if self.secret_env.is_some() && self.kind == ReceiverKind::Slack {
            return Err(format!("receiver `{}`: Slack messages are not signed; leave `secret_env` out", self.name));
        }
        if self.name.trim().is_empty() {
            return Err("a receiver needs a name".to_owned());
        }
        let min_interval_ms = self.min_interval_ms.unwrap_or(DEFAULT_MIN_INTERVAL_MS);
        Ok(Receiver {
            name: self.name,
            kind: self.kind,
            address,
            secret_env: self.secret_env,
            min_interval: TimeDelta::milliseconds(min_interval_ms.into()),
            allow_private: self.allow_private,
        })
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn words(entry: Option<Self>) -> Vec<String> {
        match entry {
            None => Vec::new(),
            Some(Self::One(word)) => vec![word],
            Some(Self::Many(words)) => words,
        }
    }

    fn parsed<T: std::str::FromStr<Err: ToString>>(entry: Option<Self>) -> Result<Vec<T>, String> {
        Self::words(entry).iter().map(|word| word.parse().map_err(|error: T::Err| error.to_string())).collect()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteEntry {
    severity: Option<Severity>,
    plane: Option<OneOrMany>,
    kind: Option<OneOrMany>,
    policy: Option<OneOrMany>,
    tenant: Option<OneOrMany>,
    receivers: Vec<Spanned<String>>,
    group_wait_s: Option<u32>,
    #[serde(default = "yes")]
    resolved: bool,
    #[serde(default, rename = "continue")]
    goes_on: bool,
}

const fn yes() -> bool {
    true
}

impl RouteEntry {
    fn check(self) -> Result<Route, String> {
        Ok(Route {
            matches: Match {
                severity: self.severity,
                planes: OneOrMany::parsed(self.plane)?,
                kinds: OneOrMany::parsed(self.kind)?,
                policies: OneOrMany::words(self.policy),
                tenants: OneOrMany::words(self.tenant),
            },
            receivers: self.receivers.into_iter().map(Spanned::into_inner).collect(),
            group_wait: TimeDelta::seconds(self.group_wait_s.unwrap_or(DEFAULT_GROUP_WAIT_S).into()),
            resolved: self.resolved,
            goes_on: self.goes_on,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SilenceEntry {
    severity: Option<Severity>,
    plane: Option<OneOrMany>,
    kind: Option<OneOrMany>,
    policy: Option<OneOrMany>,
    tenant: Option<OneOrMany>,
    until: toml::value::Datetime,
    /// For whoever reads the file.
    #[serde(rename = "reason")]
    _reason: String,
}

impl SilenceEntry {
    fn check(self) -> Result<Silence, String> {
        let until = DateTime::parse_from_rfc3339(&self.until.to_string()).map_err(|_| {
            format!("`until = {}` needs a date, a time and an offset: 2026-12-01T00:00:00Z", self.until)
        })?;
        Ok(Silence {
            matches: Match {
                severity: self.severity,
                planes: OneOrMany::parsed(self.plane)?,
                kinds: OneOrMany::parsed(self.kind)?,
                policies: OneOrMany::words(self.policy),
                tenants: OneOrMany::words(self.tenant),
            },
            until: until.with_timezone(&Utc),
        })
    }
}

#[cfg(test)]
mod tests {
    use lakewarden_core::TenantId;

    use super::*;
    use crate::message::samples::{crossing, noon};

    fn parse(text: &str) -> Result<AlertPolicy, String> {
        AlertPolicy::parse("alerts.toml", text).map_err(|error| error.to_string())
    }

    const RECEIVERS: &str = "[[receiver]]\nname = \"lake\"\nkind = \"slack\"\nurl_env = \"SLACK\"\n\
                             [[receiver]]\nname = \"soc\"\nkind = \"webhook\"\nurl = \"https://soc.example/in?key=s3cr3t\"\n";

    fn receivers_of(text: &str, notice: &Notice) -> Vec<String> {
        let policy = parse(&format!("{RECEIVERS}{text}")).unwrap();
        policy.plan(notice, &Ownership::default(), noon()).into_iter().map(|planned| planned.receiver).collect()
    }

    #[test]
    fn the_file_we_ship_is_good() {
        let policy = parse(include_str!("../../../policies/alerts.toml")).unwrap();
        assert_eq!(policy.plan(&crossing(), &Ownership::default(), noon()).len(), 1);
    }

    #[test]
    fn the_first_route_that_matches_decides_unless_it_says_continue() {
        let routes = |goes_on| {
            format!(
                "[[route]]\nseverity = \"high\"\nreceivers = [\"lake\"]\ncontinue = {goes_on}\n[[route]]\nreceivers = [\"soc\", \"lake\"]\n"
            )
        };
        assert_eq!(receivers_of(&routes(false), &crossing()), ["lake"]);
        assert_eq!(receivers_of(&routes(true), &crossing()), ["lake", "soc"], "nobody is told twice");
        let mild = Notice { severity: Severity::Low, ..crossing() };
        assert_eq!(receivers_of(&routes(false), &mild), ["soc", "lake"]);
    }

    #[test]
    fn a_route_matches_by_every_word_it_gives() {
        let told = |matcher: &str, notice: &Notice| {
            !receivers_of(&format!("[[route]]\n{matcher}\nreceivers = [\"lake\"]\n"), notice).is_empty()
        };
        let notice = crossing();
        for matcher in [
            "plane = \"access\"",
            "plane = [\"flow\", \"access\"]",
            "kind = \"isolation\"",
            "policy = \"access-*\"",
            "policy = \"access-cross-tenant-read\"",
            "tenant = [\"2\", \"platform\"]",
        ] {
            assert!(told(matcher, &notice), "{matcher}");
        }
        for matcher in [
            "plane = \"flow\"",
            "kind = \"cost\"",
            "policy = \"access\"",
            "tenant = \"unowned\"",
            "severity = \"critical\"\nkind = \"cost\"",
        ] {
            assert!(!told(matcher, &notice), "{matcher}");
        }
        assert!(told("tenant = \"platform\"", &Notice { tenant: Some(TenantId::PLATFORM), ..crossing() }));
        assert!(!told("resolved = false", &Notice { event: Event::Resolved, ..crossing() }));
    }

    #[test]
    fn a_silence_ends() {
        let text = format!(
            "{RECEIVERS}[[route]]\nreceivers = [\"lake\"]\n[[silence]]\ntenant = \"2\"\nuntil = 2026-11-22T13:00:00Z\nreason = \"moving house\"\n"
        );
        let policy = parse(&text).unwrap();
        let silenced = |at| policy.plan(&crossing(), &Ownership::default(), at)[0].silenced;
        assert!(silenced(noon()) && !silenced(noon() + TimeDelta::hours(1)));
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, expected) in [
            (
                "[[receiver]]\nname = \"a\"\nkind = \"slack\"\n",
                "alerts.toml:1: receiver `a` needs either `url` or `url_env`",
            ),
            ("[[route]]\nreceivers = [\"nobody\"]\n", "alerts.toml:2: no receiver is called `nobody`"),
            ("\n[[route]]\nreceiver = [\"x\"]\n", "alerts.toml:3: unknown field `receiver`"),
            ("[[route]]\nseverity = \"dire\"\nreceivers = []\n", "alerts.toml:2: unknown variant `dire`"),
            ("[[route]]\nplane = \"astral\"\nreceivers = []\n", "`astral` is not one of access, flow, grant, catalog"),
            ("[[silence]]\nreason = \"x\"\nuntil = 2026-11-22\n", "needs a date, a time and an offset"),
            (
                "[[receiver]]\nname = \"a\"\nkind = \"webhook\"\nurl = \"ftp://x/\"\n",
                "must start with https:// or http://",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn an_address_is_never_shown_whole() {
        let policy = parse(RECEIVERS).unwrap();
        let shown = format!("{policy:?}");
        assert!(shown.contains("soc.example") && !shown.contains("s3cr3t"), "{shown}");
        let error = parse(&format!("{RECEIVERS}{RECEIVERS}")).unwrap_err();
        assert!(!error.contains("s3cr3t"), "{error}");
        let error = parse("[[receiver]]\nname = \"a\"\nkind = \"webhook\"\nurl = \"https://[s3cr3t\"\n").unwrap_err();
        assert!(!error.contains("s3cr3t"), "{error}");
    }
}
