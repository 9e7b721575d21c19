//! `/jobs/{id}`: its runs on a time line, what it reads and writes.

use askama::Template;
use axum::extract::{Path, Query, State};
use chrono::{DateTime, Utc};
use lakewarden_core::TenantId;
use lakewarden_http::{CurrentViewer, Html, Page as _, Problem, Section, Shell};
use serde::Deserialize;
use uuid::Uuid;

use super::{duration, milliseconds, pretty, state_word, why};
use crate::Ctx;
use crate::eyes::Shown;
use crate::store::read::{self, EdgeRow, JobRow, RunRow};

const RUNS: i64 = 50;
const EDGES: i64 = 500;
const BAR_WIDTH: f64 = 14.0;
const BAR_GAP: f64 = 4.0;
const CHART_HEIGHT: f64 = 90.0;

/// One run as a bar: as high as it took long.
struct Bar {
    x: f64,
    y: f64,
    height: f64,
    width: f64,
    href: String,
    state: &'static str,
    title: String,
}

pub(super) struct RunLine {
    pub id: Uuid,
    pub state: &'static str,
    pub started_at: Option<DateTime<Utc>>,
    pub first_event_at: DateTime<Utc>,
    pub duration: String,
    pub error: Option<String>,
}

/// A dataset at a job's or run's end; without a name where it is not the viewer's to know.
pub(super) struct Edge {
    pub id: i32,
    pub name: Option<String>,
    pub namespace: String,
    pub owner: Shown,
    pub row_count: Option<i64>,
    pub last_seen_at: Option<DateTime<Utc>>,
}

impl Edge {
    pub(super) fn split(rows: Vec<EdgeRow>, shown: impl Fn(Option<TenantId>) -> Shown) -> (Vec<Self>, Vec<Self>) {
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for row in rows {
            let edge = Self {
                id: row.dataset_id,
                owner: shown(row.tenant_id),
                name: row.name,
                namespace: row.namespace.unwrap_or_default(),
                row_count: row.row_count,
                last_seen_at: row.last_seen_at,
            };
            if row.direction == "input" { inputs.push(edge) } else { outputs.push(edge) }
        }
        (inputs, outputs)
    }
}

/// `?older=<microseconds>.<run id>`
#[derive(Debug, Default, Deserialize)]
pub struct JobQuery {
    #[serde(default)]
    older: String,
}

#[derive(Template)]
#[template(path = "lineage/job.html")]
struct JobPage {
    shell: Shell,
    job: JobRow,
    owner: Shown,
    why: String,
    bars: Vec<Bar>,
    chart_width: f64,
    chart_height: f64,
    runs: Vec<RunLine>,
    older: String,
    inputs: Vec<Edge>,
    outputs: Vec<Edge>,
    facets: Vec<(String, DateTime<Utc>, String)>,
    now: DateTime<Utc>,
}

pub async fn show_job(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Path(id): Path<String>,
    Query(query): Query<JobQuery>,
) -> Result<Html, Problem> {
    let id: i32 = id.parse().map_err(|_| Problem::not_found("job"))?;
    let ownership = ctx.ownership.get();
    let (before, before_id) = after_of(&query.older)?;
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let job = read::find_job(&mut *tx, id).await?.ok_or_else(|| Problem::not_found("job"))?;
    let rows = read::list_runs(&mut *tx, id, before, before_id, RUNS).await?;
    let edges = read::list_job_edges(&mut *tx, id, EDGES).await?;
    let facets = read::list_facets(&mut *tx, "job", id).await?;
    tx.commit().await?;
    let (inputs, outputs) = Edge::split(edges, |tenant| Shown::of(&viewer, &ownership, tenant));
    let older = match rows.last() {
        Some(last) if rows.len() as i64 == RUNS => {
            format!("/jobs/{id}?older={}.{}", last.first_event_at.timestamp_micros(), last.id)
        }
        _ => String::new(),
    };
    JobPage {
        shell: Shell::new(job.name.clone(), Section::Jobs, &viewer).under("Jobs", "/jobs"),
        owner: Shown::of(&viewer, &ownership, job.tenant_id),
        why: why(&ownership, job.owner_rule),
        chart_width: rows.len() as f64 * (BAR_WIDTH + BAR_GAP),
        chart_height: CHART_HEIGHT,
        bars: bars(&rows),
        runs: rows.into_iter().map(run_line).collect(),
        older,
        inputs,
        outputs,
        facets: facets.into_iter().map(|facet| (facet.name, facet.event_time, pretty(&facet.body))).collect(),
        now: ctx.clock.now(),
        job,
    }
    .render_page()
}

fn after_of(text: &str) -> Result<(DateTime<Utc>, Uuid), Problem> {
    if text.is_empty() {
        return Ok((DateTime::<Utc>::MAX_UTC, Uuid::max()));
    }
    let parsed = text
        .split_once('.')
        .and_then(|(at, id)| Some((DateTime::from_timestamp_micros(at.parse().ok()?)?, Uuid::parse_str(id).ok()?)));
    parsed.ok_or_else(|| Problem::bad_request("older: not a place this service handed out"))
}

fn run_line(run: RunRow) -> RunLine {
    RunLine {
        id: run.id,
        state: state_word(run.state),
        started_at: run.started_at,
        first_event_at: run.first_event_at,
        duration: duration(run.started_at, run.ended_at),
        error: run.error.map(|error| error.lines().next().unwrap_or_default().chars().take(160).collect()),
    }
}

/// Oldest left; heights by the square root, so that a short run is still seen beside a long one.
fn bars(newest_first: &[RunRow]) -> Vec<Bar> {
    let length = |run: &RunRow| (milliseconds(run.started_at, run.ended_at) as f64).sqrt();
    let longest = newest_first.iter().map(length).fold(1.0, f64::max);
    newest_first
        .iter()
        .rev()
        .enumerate()
        .map(|(index, run)| {
            let height = (length(run) / longest * (CHART_HEIGHT - 6.0)).max(4.0);
            let state = state_word(run.state);
            Bar {
                x: index as f64 * (BAR_WIDTH + BAR_GAP),
                y: CHART_HEIGHT - height,
                height,
                width: BAR_WIDTH,
                href: format!("/runs/{}", run.id),
                state,
                title: format!(
                    "{} {state} {}",
                    run.first_event_at.format("%Y-%m-%d %H:%M"),
                    duration(run.started_at, run.ended_at)
                ),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_renders_runs_as_bars_that_link() {
        let now = DateTime::UNIX_EPOCH;
        let run = RunRow {
            id: Uuid::nil(),
            external_id: None,
            job_id: 1,
            job_name: None,
            state: 4,
            started_at: Some(now),
            ended_at: Some(now + chrono::TimeDelta::seconds(5)),
            first_event_at: now,
            nominal_start_at: None,
            nominal_end_at: None,
            parent_run_id: None,
            parent_job_id: None,
            parent_job_name: None,
            error: Some("boom\nat line 1".into()),
        };
        let page = JobPage {
            shell: Shell::sample(Section::Jobs),
            job: JobRow {
                id: 1,
                namespace: "etl".into(),
                name: "load".into(),
                tenant_id: None,
                owner_rule: None,
                last_seen_at: now,
            },
            owner: Shown::Platform,
            why: "no rule matched".into(),
            bars: bars(std::slice::from_ref(&run)),
            chart_width: 18.0,
            chart_height: CHART_HEIGHT,
            runs: vec![run_line(run)],
            older: String::new(),
            inputs: vec![Edge {
                id: 2,
                name: None,
                namespace: String::new(),
                owner: Shown::AnotherTenant,
                row_count: None,
                last_seen_at: Some(now),
            }],
            outputs: Vec::new(),
            facets: Vec::new(),
            now,
        };
        let html = page.render().unwrap();
        assert!(
            html.contains("/runs/00000000-0000-0000-0000-000000000000") && html.contains("another tenant"),
            "{html}"
        );
    }
}
