//! What one delivery says: its notices folded to one story for each finding, and the totals.

use chrono::{DateTime, Utc};
use lakewarden_core::{Severity, TenantId};
use lakewarden_tenancy::Ownership;

use crate::{Event, Notice, Radius};

/// Findings named one by one in a message; the rest is a number and a link.
pub(crate) const STORIES: i64 = 10;

/// One finding in a message.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    /// The newest of the finding's notices in this delivery.
    pub notice: Notice,
    /// It was also opened in this delivery: nobody was told of it before.
    pub is_news: bool,
}

impl Story {
    pub(crate) fn is_resolved(&self) -> bool {
        self.notice.event == Event::Resolved
    }

    /// What happened, in a word or a short sentence.
    pub(crate) fn event_words(&self) -> &'static str {
        match (self.notice.event, self.is_news) {
            (Event::Resolved, true) => "opened, and resolved before this could be sent",
            (Event::Resolved, false) => "resolved",
            (Event::Reopened, _) => "reopened",
            (Event::Opened, _) => "opened",
        }
    }
}

/// A message, before it takes a receiver's form.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// The same content has the same id, a delivery that grew since a failed try another.
    pub id: String,
    /// The worst first; at least one.
    pub stories: Vec<Story>,
    pub total: i64,
    pub resolved: i64,
    pub radius: Option<Radius>,
    pub base_url: String,
    /// When the first of it happened.
    pub since: DateTime<Utc>,
    pub now: DateTime<Utc>,
    pub names: Names,
}

impl Message {
    pub(crate) fn worst(&self) -> &Story {
        &self.stories[0]
    }

    pub(crate) fn is_over(&self) -> bool {
        self.resolved == self.total
    }

    pub(crate) fn of_one_policy(&self) -> bool {
        self.stories.iter().all(|story| story.notice.policy_id == self.worst().notice.policy_id)
    }

    /// Where the button leads: the finding, or the list of what the message is about.
    pub(crate) fn link(&self) -> String {
        let notice = &self.worst().notice;
        match (self.total, self.of_one_policy()) {
            (1, _) => format!("{}/findings/{}", self.base_url, notice.finding),
            (_, true) if is_plain_word(&notice.policy_id) => {
                format!("{}/findings?policy={}", self.base_url, notice.policy_id)
            }
            (_, _) => format!("{}/findings", self.base_url),
        }
    }

    pub(crate) fn headline(&self) -> String {
        let notice = &self.worst().notice;
        let state = if self.is_over() { "Resolved" } else { severity_word(notice.severity) };
        if self.total == 1 {
            return format!("{state}: {}", notice.title);
        }
        let what = if self.of_one_policy() { notice.policy_title.as_str() } else { "several policies" };
        format!("{state}: {} findings — {what}", self.total)
    }
}

/// Fit for a URL as it is; ids in policy files are.
fn is_plain_word(text: &str) -> bool {
    text.len() <= 200 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

pub(crate) fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Critical",
        Severity::High => "High",
        Severity::Medium => "Medium",
        Severity::Low => "Low",
        Severity::Info => "Info",
    }
}

/// Names of the tenants a message speaks of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names(Vec<(TenantId, String)>);

impl Names {
    pub(crate) fn of(stories: &[Story], ownership: &Ownership) -> Self {
        let ids = stories.iter().flat_map(|story| [story.notice.tenant, story.notice.actor]).flatten();
        let name = |id| ownership.tenant(id).map(|tenant| (id, tenant.name.clone()));
        let mut names: Vec<_> = ids.filter_map(name).collect();
        names.dedup();
        Self(names)
    }

    pub(crate) fn owner(&self, tenant: Option<TenantId>) -> String {
        match tenant {
            None => "nobody known".to_owned(),
            Some(id) if id.is_platform() => "the platform".to_owned(),
            Some(id) => self
                .0
                .iter()
                .find(|(known, _)| *known == id)
                .map_or_else(|| format!("tenant {id}"), |(_, name)| name.clone()),
        }
    }
}

#[cfg(test)]
pub(crate) mod samples {
    //! A crossing and messages about it, for the tests of rendering and routing.

    use chrono::TimeDelta;
    use lakewarden_core::{FindingId, Plane, Sha256};

    use super::*;
    use crate::PolicyKind;

    pub(crate) fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_348_800, 0).expect("a valid instant")
    }

    pub(crate) fn crossing() -> Notice {
        Notice {
            finding: FindingId(42),
            fingerprint: Sha256::of("crossing").to_hex(),
            event: Event::Opened,
            at: noon(),
            policy_id: "access-cross-tenant-read".into(),
            policy_title: "A tenant's principal reads another tenant's data".into(),
            kind: PolicyKind::Isolation,
            severity: Severity::High,
            plane: Some(Plane::Access),
            title: "acme-etl read data of Globex & <others>".into(),
            subject: "role/acme-etl read s3://lake-raw/globex".into(),
            tenant: Some(TenantId(2)),
            actor: Some(TenantId(1)),
            asset: Some("s3://lake-raw/globex/orders".into()),
            path: vec![],
            count: 1_204,
            first_seen: noon() - TimeDelta::hours(3),
            last_seen: noon() - TimeDelta::minutes(2),
            evidence: vec![
                "acme-etl called GetObject on s3://lake-raw/globex/orders/1.csv".into(),
                "<!channel> & more".into(),
            ],
            remediation: "Take `s3:GetObject` on `lake-raw/globex/*` away from the role.".into(),
            note: None,
        }
    }

    pub(crate) fn message(stories: Vec<Story>) -> Message {
        let total = stories.len() as i64;
        let resolved = stories.iter().filter(|story| story.is_resolved()).count() as i64;
        Message {
            id: "msg_7_12".into(),
            stories,
            total,
            resolved,
            radius: Some(Radius {
                datasets: vec!["analytics.orders_daily".into(), "analytics.revenue".into()],
                jobs: 3,
                tenants: vec!["Globex".into()],
                owners: vec!["data-eng@globex.example".into()],
                truncated: false,
            }),
            base_url: "https://lakewarden.example".into(),
            since: noon(),
            now: noon() + TimeDelta::seconds(5),
            names: Names(vec![(TenantId(1), "Acme".into()), (TenantId(2), "Globex".into())]),
        }
    }
}
