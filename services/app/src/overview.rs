//! The overview: is anything wrong, since when, for whom.

mod standing;
mod store;

use askama::Template;
use axum::extract::State;
use chrono::{DateTime, NaiveDate, Utc};
use lakewarden_core::{Scope, Severity};
use lakewarden_findings::{Finding, Party, summarize};
use lakewarden_http::{CurrentViewer, Html, Page as _, Problem, Routes, Section, Shell, show};
use lakewarden_identity::{Viewer, Who};
use lakewarden_sources::Report;

use self::standing::{KindLine, OwnerLine, Verdict, Watch, amounts, by_kind, by_owner, verdict};
use self::store::{MonthCost, list_month_costs, list_tallies};
use crate::App;

const NEWEST: i64 = 8;

pub(crate) fn routes(app: &App) -> Routes {
    Routes::new().get("/", Who::Viewer, app.clone(), show_overview)
}

#[derive(Template)]
#[template(path = "app/overview.html")]
struct OverviewPage {
    shell: Shell,
    verdict: Verdict,
    severities: Vec<(Severity, i64)>,
    kinds: Vec<KindLine>,
    newest: Vec<Finding>,
    owners: Vec<OwnerLine>,
    /// Those that need a look first; empty for a viewer who sees one tenant.
    sources: Vec<Report>,
    watch: Watch,
    cost: String,
    month: Option<NaiveDate>,
    now: DateTime<Utc>,
}

impl OverviewPage {
    fn tone(severity: Severity, findings: i64) -> &'static str {
        match severity {
            _ if findings == 0 => "",
            Severity::Critical => "critical",
            Severity::High => "high",
            Severity::Medium => "warning",
            Severity::Low | Severity::Info => "",
        }
    }

    fn month_label(&self) -> String {
        self.month.map_or_else(String::new, |month| month.format("%B %Y").to_string())
    }

    fn delivering(&self) -> String {
        format!("{} of {}", self.watch.sources - self.watch.missing, self.watch.sources)
    }

    fn watch_tone(&self) -> &'static str {
        if self.watch.missing == 0 { "good" } else { "bad" }
    }

    fn shown(count: i64) -> String {
        show::count(count)
    }
}

async fn show_overview(State(app): State<App>, CurrentViewer(viewer): CurrentViewer) -> Result<Html, Problem> {
    read_overview(&app, &viewer).await?.render_page()
}

async fn read_overview(app: &App, viewer: &Viewer) -> Result<OverviewPage, Problem> {
    let now = app.clock.now();
    let mut tx = app.db.begin_as(viewer.scope).await?;
    let tallies = list_tallies(&mut *tx).await?;
    let costs: Vec<MonthCost> = list_month_costs(&mut *tx, now.date_naive()).await?;
    let sources = lakewarden_sources::list_sources(&mut *tx).await?;
    tx.commit().await?;
    let found = summarize(&app.slices.findings, viewer, NEWEST).await?;
    let ownership = app.policies.ownership.get();
    let mut owners = by_owner(&tallies, &costs, &ownership);
    let mut sources: Vec<Report> = sources.into_iter().map(|source| Report::of(source, now)).collect();
    let missing = sources.iter().filter(|report| report.state != lakewarden_sources::State::Ok).count();
    let watch = Watch { sources: sources.len(), missing };
    sources.sort_by_key(|report| std::cmp::Reverse(report.state));
    if let Scope::Tenant(own) = viewer.scope {
        owners.retain(|owner| owner.id == Some(own));
        sources.clear();
    }
    Ok(OverviewPage {
        shell: Shell::new("Overview", Section::Overview, viewer),
        verdict: verdict(&tallies, &owners, watch, now),
        severities: found.by_severity,
        kinds: by_kind(&tallies),
        newest: found.newest,
        owners,
        sources,
        watch,
        cost: amounts(costs.iter()),
        month: costs.first().map(|cost| cost.month),
        now,
    })
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use lakewarden_core::{FindingId, Plane, Sha256, SourceId, TenantId};
    use lakewarden_findings::{PolicyKind, Status};
    use lakewarden_sources::{Source, SourceKind};
    use lakewarden_tenancy::Ownership;

    use super::*;
    use crate::overview::store::Tally;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_348_800, 0).unwrap()
    }

    fn finding() -> Finding {
        Finding {
            id: FindingId(42),
            fingerprint: Sha256::of("fingerprint"),
            policy_id: "access-cross-tenant-read".into(),
            policy_title: "A tenant reads another's data".into(),
            policy_version: Sha256::of("policy"),
            severity: Severity::Critical,
            kind: PolicyKind::Isolation,
            plane: Some(Plane::Access),
            title: "acme-etl read <orders> of globex".into(),
            subject: None,
            owner: Party::Tenant { slug: "globex".into(), name: "Globex".into() },
            actor: None,
            asset: None,
            path: Vec::new(),
            status: Status::Open,
            count: 1_204,
            first_seen: now(),
            last_seen: now(),
            opened_at: now(),
            resolved_at: None,
            withheld: false,
        }
    }

    fn sample() -> OverviewPage {
        let ownership = Ownership::parse("[[tenant]]\nslug = \"globex\"\nname = \"Globex\"\n").unwrap();
        let tallies = [Tally {
            owner: Some(TenantId(1)),
            kind: PolicyKind::Isolation,
            plane: Some(Plane::Access),
            severity: Severity::Critical,
            findings: 1,
            since: now() - TimeDelta::days(2),
        }];
        let month = now().date_naive();
        let costs = [MonthCost { month, currency: "USD".into(), payer: Some(TenantId(1)), cents: 123_456 }];
        let owners = by_owner(&tallies, &costs, &ownership);
        let watch = Watch { sources: 1, missing: 1 };
        let source = Source {
            id: SourceId(3),
            kind: SourceKind::CloudTrail,
            name: "111122223333".into(),
            accepted: 1,
            duplicates: 0,
            quarantined: 0,
            bytes: 1,
            first_hour: None,
            last_hour: Some(now() - TimeDelta::days(9)),
            last_delivery_at: None,
            created_at: now(),
        };
        OverviewPage {
            shell: Shell::sample(Section::Overview),
            verdict: verdict(&tallies, &owners, watch, now()),
            severities: vec![(Severity::Critical, 1), (Severity::High, 0)],
            kinds: by_kind(&tallies),
            newest: vec![finding()],
            owners,
            sources: vec![Report::of(source, now())],
            watch,
            cost: amounts(costs.iter()),
            month: Some(month),
            now: now(),
        }
    }

    #[test]
    fn the_overview_says_what_is_wrong_since_when_and_for_whom() {
        let html = sample().render().unwrap();
        for part in [
            "1 unresolved finding, 1 of them critical",
            "1 of 1 sources are late or silent",
            "/findings/42",
            "acme-etl read &#60;orders&#62; of globex",
            "/findings?severity=critical",
            "/findings?kind=isolation&#38;plane=access",
            "$1,234.56",
            "November 2026",
            "/sources/3",
            "silent",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn an_empty_service_says_what_to_do_next() {
        let page = OverviewPage {
            newest: Vec::new(),
            owners: Vec::new(),
            sources: Vec::new(),
            watch: Watch { sources: 0, missing: 0 },
            verdict: verdict(&[], &[], Watch { sources: 0, missing: 0 }, now()),
            ..sample()
        };
        let html = page.render().unwrap();
        for part in ["Nothing is observed yet", "policies/tenants.toml", "/api/v1/lineage"] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }
}
