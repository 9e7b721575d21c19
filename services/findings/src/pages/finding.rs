//! `/findings/{id}`: what, whose, since when, shown by which records, and what to do.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Redirect;
use chrono::{DateTime, Utc};
use lakewarden_alerts::Radius;
use lakewarden_http::{CurrentViewer, Html, Page as _, Problem, Section, Shell};

use crate::api::{Note, act, finding_id};
use crate::lens::{Party, ShownEvidence};
use crate::read::{self, FindingWhole};
use crate::status::Action;
use crate::{Ctx, PolicyInfo};

/// A page that cannot say what lies downstream is better than one that waits for it.
const RADIUS_TIMEOUT: Duration = Duration::from_secs(2);
const NAMES_SHOWN: usize = 12;

#[derive(Template)]
#[template(path = "findings/finding.html")]
struct FindingPage {
    shell: Shell,
    whole: FindingWhole,
    /// As in force now; `None` where it was taken out of the files.
    policy: Option<Arc<PolicyInfo>>,
    radius: Option<Radius>,
    may_act: bool,
    /// Sees every tenant, and the rule's own text.
    sees_everything: bool,
    now: DateTime<Utc>,
}

/// A list cut to what a person reads, and how many are left out.
struct Shortened<'a> {
    label: &'static str,
    names: &'a [String],
    more: usize,
}

impl FindingPage {
    /// The policy in force is not the one that gave the last verdict.
    fn policy_changed(&self) -> bool {
        self.policy.as_ref().is_some_and(|policy| policy.version != self.whole.finding.policy_version)
    }

    fn actions(&self) -> Vec<(&'static str, &'static str, &'static str)> {
        let all = [
            (Action::Acknowledge, "acknowledge", "Acknowledge", "button-quiet"),
            (Action::Resolve, "resolve", "Resolve", ""),
            (Action::Reopen, "reopen", "Reopen", "button-quiet"),
        ];
        let status = self.whole.finding.status;
        all.into_iter()
            .filter(|(action, ..)| self.may_act && action.is_possible_from(status))
            .map(|(_, path, label, class)| (path, label, class))
            .collect()
    }

    fn downstream(&self) -> Vec<Shortened<'_>> {
        let Some(radius) = &self.radius else { return Vec::new() };
        [("Datasets", &radius.datasets), ("Tenants", &radius.tenants), ("Owners", &radius.owners)]
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(label, names)| Shortened {
                label,
                names: &names[..names.len().min(NAMES_SHOWN)],
                more: names.len().saturating_sub(NAMES_SHOWN),
            })
            .collect()
    }
}

impl ShownEvidence {
    fn record_text(&self) -> Option<String> {
        self.record.as_ref().map(|record| serde_json::to_string_pretty(record).unwrap_or_else(|_| record.to_string()))
    }
}

pub(crate) async fn show_finding(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Path(id): Path<String>,
) -> Result<Html, Problem> {
    let whole = read::get(&ctx, &viewer, finding_id(&id)?).await?;
    let sees_everything = viewer.sees_everything();
    // What lies downstream may be anybody's, so it is shown to those who may see everybody's.
    let radius = match whole.finding.asset.as_deref().filter(|_| sees_everything) {
        Some(asset) => ctx.alerts.blast_radius(asset, RADIUS_TIMEOUT).await,
        None => None,
    };
    let policy = ctx.registry.get().find(&whole.finding.policy_id).cloned();
    let shell = Shell::new(whole.finding.title.clone(), Section::Findings, &viewer).under("Findings", "/findings");
    let (may_act, now) = (viewer.is_administrator, ctx.clock.now());
    FindingPage { shell, whole, policy, radius, may_act, sees_everything, now }.render_page()
}

pub(crate) async fn acknowledge_finding(
    state: State<Ctx>,
    viewer: CurrentViewer,
    id: Path<String>,
    note: Form<Note>,
) -> Result<Redirect, Problem> {
    change(state, viewer, id, note, Action::Acknowledge).await
}

pub(crate) async fn resolve_finding(
    state: State<Ctx>,
    viewer: CurrentViewer,
    id: Path<String>,
    note: Form<Note>,
) -> Result<Redirect, Problem> {
    change(state, viewer, id, note, Action::Resolve).await
}

pub(crate) async fn reopen_finding(
    state: State<Ctx>,
    viewer: CurrentViewer,
    id: Path<String>,
    note: Form<Note>,
) -> Result<Redirect, Problem> {
    change(state, viewer, id, note, Action::Reopen).await
}

async fn change(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Path(id): Path<String>,
    Form(note): Form<Note>,
    action: Action,
) -> Result<Redirect, Problem> {
    let id = finding_id(&id)?;
    act(&ctx, &viewer, id, action, note).await?;
    Ok(Redirect::to(&format!("/findings/{id}")))
}

#[cfg(test)]
pub(crate) mod samples {
    //! A finding as the operator sees it, for the tests of pages.

    use lakewarden_alerts::PolicyKind;
    use lakewarden_core::{FindingId, Plane, Severity, Sha256};

    use super::*;
    use crate::lens::Finding;
    use crate::status::Status;

    pub(crate) fn finding() -> Finding {
        let at = DateTime::from_timestamp(1_795_348_800, 0).unwrap();
        let party = |name: &str| Party::Tenant { slug: name.to_lowercase(), name: name.to_owned() };
        Finding {
            id: FindingId(42),
            fingerprint: Sha256::of("finding"),
            policy_id: crate::UNOWNED_ASSET.into(),
            policy_title: "An asset has no owner".into(),
            policy_version: Sha256::of("older"),
            severity: Severity::Critical,
            kind: PolicyKind::Isolation,
            plane: Some(Plane::Flow),
            title: "globex.orders flows into acme.report <b>".into(),
            subject: Some("job/acme-report".into()),
            owner: party("Globex"),
            actor: Some(party("Acme")),
            asset: Some("dataset:s3://lake-raw|globex/orders".into()),
            path: vec!["globex.orders".into(), "acme.report".into()],
            status: Status::Open,
            count: 1_204,
            first_seen: at,
            last_seen: at,
            opened_at: at,
            resolved_at: None,
            withheld: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use lakewarden_core::Sha256;

    use super::*;
    use crate::lens::{Change, Finding};

    fn sample(finding: Finding, may_act: bool) -> FindingPage {
        let at = finding.first_seen;
        let record = (!finding.withheld).then(|| serde_json::json!({ "eventName": "GetObject" }));
        let evidence = ShownEvidence {
            source: "trail main".into(),
            hash: Sha256::of("record"),
            occurred_at: at,
            reference: record.as_ref().map(|_| "event-1".to_owned()),
            summary: record.as_ref().map(|_| "GetObject by acme".to_owned()),
            record,
        };
        let change = Change {
            at,
            event: "opened".into(),
            who: "lakewarden".into(),
            why: Some("breached for the first time".into()),
            policy_version: Sha256::of("older"),
        };
        FindingPage {
            shell: Shell::sample(Section::Findings),
            whole: FindingWhole { finding, evidence: vec![evidence], history: vec![change], deliveries: vec![] },
            policy: Some(Arc::new(crate::service_policies().remove(2))),
            radius: Some(Radius { datasets: vec!["analytics.orders".into(); 30], jobs: 3, ..Radius::default() }),
            may_act,
            sees_everything: true,
            now: at,
        }
    }

    #[test]
    fn the_page_shows_evidence_path_and_downstream_and_escapes_what_it_shows() {
        let html = sample(samples::finding(), true).render().unwrap();
        for words in
            ["eventName", "globex.orders", "analytics.orders", "and 18 more", "Acknowledge", "changed since", "1,204"]
        {
            assert!(html.contains(words), "{words} in {html}");
        }
        assert!(!html.contains("acme.report <b>"), "{html}");
    }

    #[test]
    fn only_an_administrator_is_offered_actions() {
        assert!(!sample(samples::finding(), false).render().unwrap().contains("/findings/42/resolve"));
    }

    #[test]
    fn what_is_withheld_is_said_to_be() {
        let finding = Finding {
            withheld: true,
            subject: None,
            path: vec![],
            actor: Some(Party::AnotherTenant),
            ..samples::finding()
        };
        let html = sample(finding, false).render().unwrap();
        assert!(html.contains("another tenant") && html.contains("withheld") && !html.contains("GetObject"), "{html}");
    }
}
