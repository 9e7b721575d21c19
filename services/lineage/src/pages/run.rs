//! `/runs/{id}`: its states, what it read and wrote, its facets as they stood at the end.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use chrono::{DateTime, Utc};
use lakewarden_core::Scope;
use lakewarden_http::{CurrentViewer, Html, Page as _, Problem, Section, Shell};
use serde_json::Value;
use uuid::Uuid;

use super::job::Edge;
use super::{duration, pretty, state_word};
use crate::Ctx;
use crate::event::run_uuid;
use crate::eyes::Shown;
use crate::facts::inflate;
use crate::store::read::{self, EventRow, RunRow};

const EDGES: i64 = 5_000;
const EVENTS: i64 = 200;

struct EventLine {
    event_time: DateTime<Utc>,
    received_at: DateTime<Utc>,
    event_type: String,
    notes: Vec<String>,
    /// For those who may see every tenant: an event names the datasets of all sides.
    raw: Option<String>,
}

#[derive(Template)]
#[template(path = "lineage/run.html")]
struct RunPage {
    shell: Shell,
    run: RunRow,
    state: &'static str,
    duration: String,
    inputs: Vec<Edge>,
    outputs: Vec<Edge>,
    events: Vec<EventLine>,
    facets: Vec<(String, String)>,
    has_parent_page: bool,
}

pub async fn show_run(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Path(id): Path<String>,
) -> Result<Html, Problem> {
    let id: Uuid = run_uuid(&id);
    let ownership = ctx.ownership.get();
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let run = read::find_run(&mut *tx, id).await?.ok_or_else(|| Problem::not_found("run"))?;
    let edges = read::list_run_edges(&mut *tx, id, EDGES).await?;
    let events = read::list_run_events(&mut *tx, id, EVENTS).await?;
    let has_parent_page = match run.parent_run_id {
        Some(parent) => read::find_run(&mut *tx, parent).await?.is_some(),
        None => false,
    };
    tx.commit().await?;
    let (inputs, outputs) = Edge::split(edges, |tenant| Shown::of(&viewer, &ownership, tenant));
    let (events, facets) = read_events(events, viewer.scope == Scope::All);
    let name = run.job_name.clone().unwrap_or_else(|| "job".to_owned());
    RunPage {
        shell: Shell::new(format!("Run of {name}"), Section::Jobs, &viewer)
            .under("Jobs", "/jobs")
            .under(name, format!("/jobs/{}", run.job_id)),
        state: state_word(run.state),
        duration: duration(run.started_at, run.ended_at),
        run,
        inputs,
        outputs,
        events,
        facets,
        has_parent_page,
    }
    .render_page()
}

/// The events of a run in their order, and its facets merged from them: by name, the newest wins.
fn read_events(rows: Vec<EventRow>, with_raw: bool) -> (Vec<EventLine>, Vec<(String, String)>) {
    let mut facets: BTreeMap<String, Value> = BTreeMap::new();
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        let text = inflate(&row.raw);
        let value: Value = text.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        if let Some(Value::Object(of_run)) = value.pointer("/run/facets") {
            facets.extend(of_run.iter().map(|(name, body)| (name.clone(), body.clone())));
        }
        lines.push(EventLine {
            event_time: row.event_time,
            received_at: row.received_at,
            event_type: row.event_type,
            notes: row.notes.unwrap_or_default(),
            raw: with_raw.then(|| pretty(&value)),
        });
    }
    (lines, facets.into_iter().map(|(name, body)| (name, pretty(&body))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_renders_states_facets_and_the_parent() {
        let now = DateTime::UNIX_EPOCH;
        let page = RunPage {
            shell: Shell::sample(Section::Jobs),
            run: RunRow {
                id: Uuid::nil(),
                external_id: Some("run_id".into()),
                job_id: 1,
                job_name: Some("load".into()),
                state: 4,
                started_at: Some(now),
                ended_at: Some(now),
                first_event_at: now,
                nominal_start_at: Some(now),
                nominal_end_at: None,
                parent_run_id: Some(Uuid::nil()),
                parent_job_id: Some(2),
                parent_job_name: Some("dag".into()),
                error: Some("boom".into()),
            },
            state: "failed",
            duration: "0 ms".into(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            events: vec![EventLine {
                event_time: now,
                received_at: now,
                event_type: "FAIL".into(),
                notes: vec!["a note".into()],
                raw: Some("{}".into()),
            }],
            facets: vec![("parent".into(), "{}".into())],
            has_parent_page: true,
        };
        let html = page.render().unwrap();
        for expected in ["boom", "run_id", "dag", "a note", "parent"] {
            assert!(html.contains(expected), "{expected}");
        }
    }
}
