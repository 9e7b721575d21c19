//! `/quality/datasets/{id}`: one dataset's checks, writes and rows.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use chrono::{DateTime, Utc};
use lakewarden_core::Severity;
use lakewarden_http::charts::{LineChart, Markup, Point, Unit};
use lakewarden_http::{CurrentViewer, Html, Page as _, Problem, Section, Shell};
use uuid::Uuid;

use super::owner_name;
use crate::Ctx;
use crate::facts::{AssertionState, Dataset, DatasetId, Facts, RowCount};
use crate::judge::{Broken, Kind, judge};
use crate::score::{Outcomes, since};
use crate::store;

/// Writes in the chart.
const WRITES: i64 = 60;

#[derive(Template)]
#[template(path = "quality/dataset.html")]
struct DatasetPage {
    shell: Shell,
    dataset: Dataset,
    owner: String,
    outcomes: Outcomes,
    last_write: Option<DateTime<Utc>>,
    checks: Vec<CheckRow>,
    broken: Vec<BrokenRow>,
    rows_chart: Option<Markup>,
}

struct CheckRow {
    label: String,
    passed: bool,
    at: DateTime<Utc>,
    run: Option<Uuid>,
}

struct BrokenRow {
    title: String,
    severity: Severity,
    policy: String,
    since: DateTime<Utc>,
}

impl CheckRow {
    fn of(state: &AssertionState) -> Self {
        Self { label: state.label(), passed: state.success, at: state.said.at, run: state.said.run }
    }

    fn status(&self) -> &'static str {
        if self.passed { "pass" } else { "fail" }
    }
}

impl BrokenRow {
    fn of(broken: &Broken<'_>) -> Self {
        Self {
            title: broken.title.clone(),
            severity: broken.policy.info.severity,
            policy: broken.policy.info.id.clone(),
            since: broken.since,
        }
    }
}

/// Rows by write, oldest first; a drop that is broken now is marked.
fn draw(counts: &[RowCount], drop: Option<DateTime<Utc>>) -> Option<Markup> {
    (counts.len() > 1).then(|| {
        let points = counts.iter().rev().map(|count| Point {
            label: lakewarden_http::show::instant(count.said.at),
            axis_label: count.said.at.format("%-d %b").to_string(),
            value: Some(count.rows as f64),
            expected: None,
            outlier: drop == Some(count.said.at),
            href: count.said.run.map(|run| format!("/runs/{run}")),
        });
        LineChart {
            title: "Rows written".to_owned(),
            description: format!("The last {} writes, as their runs reported them.", counts.len()),
            unit: Unit::Count,
            points: points.collect(),
            ..LineChart::default()
        }
        .render()
    })
}

pub async fn show_dataset(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Path(id): Path<String>,
) -> Result<Html, Problem> {
    let not_found = || Problem::not_found(format_args!("dataset {id}"));
    let asked: DatasetId = id.parse().map_err(|_| not_found())?;
    let (policies, ownership, now) = (ctx.policies.get(), ctx.ownership.get(), ctx.clock.now());
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let dataset = store::find_dataset(&mut *tx, asked).await?.ok_or_else(not_found)?;
    let id = dataset.id;
    let assertions = store::list_assertion_states(&mut *tx, Some(id)).await?;
    let mut row_counts = store::list_row_counts(&mut *tx, Some(id), WRITES).await?;
    let last_writes = store::list_last_writes(&mut *tx, Some(id)).await?;
    let days = store::list_outcomes(&mut *tx, Some(id), since(now)).await?;
    tx.commit().await?;
    let counts = row_counts.remove(&id).unwrap_or_default();
    let facts = Facts {
        datasets: BTreeMap::from([(id, dataset.clone())]),
        assertions,
        last_writes,
        row_counts: BTreeMap::from([(id, counts.clone())]),
    };
    let broken = judge(&policies, &facts, &ownership, now);
    let drop = broken.iter().find(|one| one.kind == Kind::RowCountDrop).map(|one| one.since);
    let mut outcomes = Outcomes::default();
    for day in &days {
        outcomes.add(day);
    }
    DatasetPage {
        shell: Shell::new(dataset.name.clone(), Section::Quality, &viewer).under("Quality", "/quality"),
        owner: owner_name(&ownership, dataset.tenant),
        outcomes,
        last_write: facts.last_writes.get(&id).map(|said| said.at),
        checks: facts.assertions.iter().map(CheckRow::of).collect(),
        broken: broken.iter().map(BrokenRow::of).collect(),
        rows_chart: draw(&counts, drop),
        dataset,
    }
    .render_page()
}

#[cfg(test)]
mod tests {
    use lakewarden_core::Layer;
    use lakewarden_testkit::noon;

    use super::*;
    use crate::facts::Said;

    impl DatasetPage {
        fn sample() -> Self {
            let said = Said { at: noon(), event: Uuid::nil(), run: Some(Uuid::nil()) };
            let counts = [RowCount { rows: 10, said }, RowCount { rows: 100, said }];
            Self {
                shell: Shell::sample(Section::Quality),
                dataset: Dataset {
                    id: DatasetId(7),
                    namespace: "s3://lake-raw".into(),
                    name: "acme/orders".into(),
                    asset: "s3://lake-raw/acme/orders".into(),
                    tenant: None,
                    layer: Some(Layer::Raw),
                },
                owner: "Acme".into(),
                outcomes: Outcomes { passed: 3, failed: 1 },
                last_write: Some(noon()),
                checks: vec![CheckRow { label: "not_null(id)".into(), passed: false, at: noon(), run: said.run }],
                broken: vec![BrokenRow {
                    title: "not_null(id) failed on acme/orders".into(),
                    severity: Severity::High,
                    policy: "quality-assertion-failed".into(),
                    since: noon(),
                }],
                rows_chart: draw(&counts, Some(noon())),
            }
        }
    }

    #[test]
    fn the_page_shows_checks_rows_and_what_is_broken() {
        let html = DatasetPage::sample().render().unwrap();
        for text in ["75%", "not_null(id)", "status-fail", "Rows written", "/policies/quality-assertion-failed", "Acme"]
        {
            assert!(html.contains(text), "{text} is missing");
        }
    }
}
