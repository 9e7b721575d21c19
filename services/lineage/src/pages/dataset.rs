//! `/datasets/{id}`: whose it is and why, its columns now and before, who wrote and read it, what checks said.

use askama::Template;
use axum::extract::{Path, State};
use chrono::{DateTime, Utc};
use lakewarden_http::{CurrentViewer, Html, Page as _, Problem, Section, Shell};
use uuid::Uuid;

use super::{pretty, state_word, why};
use crate::Ctx;
use crate::drawing::{Drawing, draw};
use crate::eyes::Shown;
use crate::flows::crossing_edges;
use crate::graph::{NodeId, Way, walk};
use crate::store::read::{self, ColumnOriginRow, DatasetRow, ObservationRow};

const RUNS: i64 = 30;
const CHECKS: i64 = 50;
const ORIGINS: i64 = 500;

/// Name, type, description.
type Field = (String, String, String);

struct SchemaVersion {
    fields: Vec<Field>,
    first_seen_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    /// Against the version before it: `+ column`, `- column`, `column: int → text`.
    changes: Vec<String>,
}

struct RunLine {
    run_id: Uuid,
    direction: String,
    job_name: Option<String>,
    state: &'static str,
    row_count: Option<i64>,
    at: Option<DateTime<Utc>>,
}

#[derive(Template)]
#[template(path = "lineage/dataset.html")]
struct DatasetPage {
    shell: Shell,
    dataset: DatasetRow,
    owner: Shown,
    why: String,
    spellings: Vec<(i32, String, String)>,
    schemas: Vec<SchemaVersion>,
    runs: Vec<RunLine>,
    checks: Vec<ObservationRow>,
    origins: Vec<ColumnOriginRow>,
    facets: Vec<(String, DateTime<Utc>, String)>,
    drawing: Drawing,
    now: DateTime<Utc>,
}

pub async fn show_dataset(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Path(id): Path<String>,
) -> Result<Html, Problem> {
    let id: i32 = id.parse().map_err(|_| Problem::not_found("dataset"))?;
    let ownership = ctx.ownership.get();
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let dataset = read::find_dataset(&mut *tx, id).await?.ok_or_else(|| Problem::not_found("dataset"))?;
    let spellings = read::list_spellings(&mut *tx, dataset.canonical_id, id).await?;
    let facets = read::list_facets(&mut *tx, "dataset", id).await?;
    let current = facets.iter().find(|facet| facet.name == "schema").map(|facet| facet.body.clone());
    let schemas = versions_of(&read::list_schemas(&mut *tx, id).await?, current.as_ref());
    let runs = read::list_dataset_runs(&mut *tx, id, RUNS).await?;
    let checks = read::list_assertions(&mut *tx, id, CHECKS).await?;
    let origins = read::list_column_origins(&mut *tx, id, ORIGINS).await?;
    let start = NodeId::Dataset(dataset.canonical_id);
    let graph = walk(&mut tx, &[start], Way::Both, 1).await?;
    let crossing = crossing_edges(&mut tx, &graph).await?;
    tx.commit().await?;
    DatasetPage {
        shell: Shell::new(dataset.name.clone(), Section::Datasets, &viewer).under("Datasets", "/datasets"),
        owner: Shown::of(&viewer, &ownership, dataset.tenant_id),
        why: why(&ownership, dataset.owner_rule),
        spellings,
        schemas,
        runs: runs
            .into_iter()
            .map(|run| RunLine {
                run_id: run.run_id,
                direction: run.direction,
                job_name: run.job_name,
                state: run.state.map_or("", state_word),
                row_count: run.row_count,
                at: run.at,
            })
            .collect(),
        checks,
        origins,
        facets: facets.into_iter().map(|facet| (facet.name, facet.event_time, pretty(&facet.body))).collect(),
        drawing: draw(&graph, &[start], &crossing, &viewer, &ownership),
        dataset,
        now: ctx.clock.now(),
    }
    .render_page()
}

fn fields_of(fields: &serde_json::Value) -> Vec<Field> {
    let text = |field: &serde_json::Value, key: &str| field[key].as_str().unwrap_or_default().to_owned();
    fields
        .as_array()
        .into_iter()
        .flatten()
        .map(|field| (text(field, "name"), text(field, "type"), text(field, "description")))
        .collect()
}

/// Newest first; the current one leads, whatever was seen last.
fn versions_of(rows: &[read::SchemaRow], current: Option<&serde_json::Value>) -> Vec<SchemaVersion> {
    let mut rows: Vec<(&read::SchemaRow, Vec<Field>)> = rows.iter().map(|row| (row, fields_of(&row.fields))).collect();
    if let Some(current) = current.map(|schema| fields_of(&schema["fields"])) {
        rows.sort_by_key(|(_, fields)| *fields != current);
    }
    let older: Vec<Option<Vec<Field>>> =
        (1..=rows.len()).map(|next| rows.get(next).map(|(_, fields)| fields.clone())).collect();
    rows.into_iter()
        .zip(older)
        .map(|((row, fields), before)| SchemaVersion {
            changes: before.map(|before| differences(&before, &fields)).unwrap_or_default(),
            fields,
            first_seen_at: row.first_seen_at,
            last_seen_at: row.last_seen_at,
        })
        .collect()
}

fn differences(before: &[Field], after: &[Field]) -> Vec<String> {
    let find =
        |fields: &[Field], name: &str| fields.iter().find(|(field, ..)| field == name).map(|(_, kind, _)| kind.clone());
    let mut changes = Vec::new();
    for (name, kind, _) in after {
        match find(before, name) {
            None => changes.push(format!("+ {name} {kind}")),
            Some(old) if old != *kind => changes.push(format!("{name}: {old} → {kind}")),
            Some(_) => {}
        }
    }
    changes
        .extend(before.iter().filter(|(name, ..)| find(after, name).is_none()).map(|(name, ..)| format!("- {name}")));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, kind: &str) -> Field {
        (name.to_owned(), kind.to_owned(), String::new())
    }

    #[test]
    fn a_schema_says_what_changed_against_the_one_before() {
        let before = [field("id", "int"), field("old", "text"), field("amount", "int")];
        let after = [field("id", "int"), field("amount", "decimal"), field("new", "text")];
        assert_eq!(differences(&before, &after), ["amount: int → decimal", "+ new text", "- old"]);
    }

    #[test]
    fn the_page_renders_with_everything_and_with_nothing() {
        let now = DateTime::UNIX_EPOCH;
        let page = |full: bool| DatasetPage {
            shell: Shell::sample(Section::Datasets),
            dataset: DatasetRow {
                id: 1,
                canonical_id: 1,
                namespace: "s3://lake".into(),
                name: "acme/orders".into(),
                asset: "s3://lake/acme/orders".into(),
                tenant_id: None,
                layer: full.then(|| "raw".into()),
                owner_rule: None,
                observed: full,
                last_seen_at: now,
            },
            owner: Shown::AnotherTenant,
            why: "no rule matched".into(),
            spellings: if full { vec![(2, "arn".into(), "table/x/y".into())] } else { Vec::new() },
            schemas: if full {
                vec![SchemaVersion {
                    fields: vec![field("id", "int")],
                    first_seen_at: now,
                    last_seen_at: now,
                    changes: vec!["+ id int".into()],
                }]
            } else {
                Vec::new()
            },
            runs: if full {
                vec![RunLine {
                    run_id: Uuid::nil(),
                    direction: "input".into(),

                    job_name: None,
                    state: "complete",
                    row_count: Some(5),
                    at: Some(now),
                }]
            } else {
                Vec::new()
            },
            checks: if full {
                vec![ObservationRow {
                    observed_at: now,
                    assertion: Some("not_null".into()),
                    column_name: None,
                    success: Some(false),
                    run_id: None,
                }]
            } else {
                Vec::new()
            },
            origins: Vec::new(),
            facets: vec![("documentation".into(), now, "{}".into())],
            drawing: Drawing::default(),
            now,
        };
        assert!(page(true).render().unwrap().contains("another tenant"));
        assert!(page(false).render().is_ok());
    }
}
