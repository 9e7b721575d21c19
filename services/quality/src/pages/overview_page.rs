//! `/quality`: is the data as it should be, and where not.

use askama::Template;
use axum::extract::State;
use chrono::{DateTime, Utc};
use lakewarden_core::Severity;
use lakewarden_http::charts::{Markup, spark};
use lakewarden_http::{CurrentViewer, Html, Page as _, Problem, Section, Shell};

use super::{View, owner_name};
use crate::Ctx;
use crate::judge::Kind;
use crate::score::{Group, Outcomes};
use crate::store::state::StoredBroken;

/// Rows of each list; the findings page has the rest.
const LISTED: usize = 50;

#[derive(Template)]
#[template(path = "quality/overview.html")]
struct OverviewPage {
    shell: Shell,
    outcomes: Outcomes,
    datasets: usize,
    groups: Vec<GroupRow>,
    lists: Vec<List>,
}

struct GroupRow {
    owner: String,
    group: Group,
    trend: Markup,
}

impl GroupRow {
    fn layer(&self) -> &'static str {
        self.group.layer.map_or("–", lakewarden_core::Layer::as_str)
    }
}

/// What of one kind is broken now.
struct List {
    id: &'static str,
    heading: &'static str,
    when_empty: &'static str,
    total: usize,
    rows: Vec<BrokenRow>,
}

struct BrokenRow {
    title: String,
    severity: Severity,
    owner: String,
    policy: String,
    dataset_id: i32,
    since: DateTime<Utc>,
}

impl List {
    fn of(kind: Kind, view: &View) -> Self {
        let (id, heading, when_empty) = match kind {
            Kind::FailedAssertion => ("failing", "Failing checks", "Every check passed when it last ran."),
            Kind::Stale => ("stale", "Stale datasets", "Every dataset that a policy binds was written in time."),
            Kind::RowCountDrop => {
                ("drops", "Row-count drops", "No dataset was last written with far fewer rows than usual.")
            }
        };
        let own: Vec<&StoredBroken> = view.broken.iter().filter(|one| one.kind == kind).collect();
        let row = |one: &&StoredBroken| BrokenRow {
            title: one.title.clone(),
            severity: one.severity,
            owner: owner_name(&view.ownership, one.tenant),
            policy: one.policy_id.clone(),
            dataset_id: one.dataset.0,
            since: one.since,
        };
        Self { id, heading, when_empty, total: own.len(), rows: own.iter().take(LISTED).map(row).collect() }
    }

    fn tone(&self) -> &'static str {
        match (self.total, self.id) {
            (0, _) => "good",
            (_, "failing") => "bad",
            _ => "warning",
        }
    }
}

impl OverviewPage {
    fn of(shell: Shell, view: &View) -> Self {
        let groups = view.groups();
        let mut outcomes = Outcomes::default();
        for group in &groups {
            outcomes.passed += group.outcomes.passed;
            outcomes.failed += group.outcomes.failed;
        }
        let row = |group: Group| GroupRow {
            owner: owner_name(&view.ownership, group.tenant),
            trend: spark(&group.trend, "Share of checks passed by day"),
            group,
        };
        Self {
            shell,
            outcomes,
            datasets: groups.iter().map(|group| group.datasets).sum(),
            lists: Kind::ALL.map(|kind| List::of(kind, view)).into(),
            groups: groups.into_iter().map(row).collect(),
        }
    }
}

pub async fn show_quality(State(ctx): State<Ctx>, CurrentViewer(viewer): CurrentViewer) -> Result<Html, Problem> {
    let view = View::read(&ctx, &viewer).await?;
    let shell = Shell::new("Quality", Section::Quality, &viewer)
        .with_lead("What producers' own checks found, which datasets are late, and where rows went missing.");
    OverviewPage::of(shell, &view).render_page()
}

#[cfg(test)]
impl OverviewPage {
    fn sample() -> Self {
        let id = crate::facts::DatasetId(7);
        let at = lakewarden_testkit::noon();
        let tenant = Some(lakewarden_core::TenantId(1));
        let broken = StoredBroken {
            policy_id: "quality-assertion-failed".into(),
            dataset: id,
            kind: Kind::FailedAssertion,
            severity: Severity::High,
            title: "not_null(id) failed on acme/<orders>".into(),
            asset: "s3://lake-raw/acme/orders".into(),
            since: at,
            tenant,
        };
        let view = View {
            ownership: std::sync::Arc::new(lakewarden_tenancy::Ownership::default()),
            broken: vec![broken],
            datasets: [(id, crate::store::state::Place { tenant, layer: Some(lakewarden_core::Layer::Raw) })].into(),
            outcomes: vec![crate::store::DayOutcomes { dataset: id, day: at.date_naive(), passed: 3, failed: 1 }],
            now: at,
        };
        Self::of(Shell::sample(Section::Quality), &view)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_scores_and_what_is_broken() {
        let html = OverviewPage::sample().render().unwrap();
        for text in ["75%", "not_null(id) failed on", "/quality/datasets/7", "raw", "Every dataset that a policy binds"]
        {
            assert!(html.contains(text), "{text} is missing");
        }
        assert!(!html.contains("<orders>"), "names are escaped");
        let empty = OverviewPage { groups: Vec::new(), datasets: 0, ..OverviewPage::sample() }.render().unwrap();
        assert!(empty.contains("/api/v1/lineage"), "an empty page says what to do");
    }
}
