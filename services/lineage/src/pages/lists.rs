//! `/datasets` and `/jobs`.

use askama::Template;
use axum::extract::{Query, State};
use chrono::{DateTime, Utc};
use lakewarden_core::Layer;
use lakewarden_http::{CurrentViewer, Html, Page as _, Problem, Section, Shell};
use uuid::Uuid;

use super::{ListQuery, duration, state_word, tenant_choices};
use crate::Ctx;
use crate::eyes::Shown;
use crate::store::read;

const ROWS_A_PAGE: i64 = 100;

#[derive(Template)]
#[template(path = "lineage/datasets.html")]
struct DatasetsPage {
    shell: Shell,
    query: ListQuery,
    tenants: Vec<String>,
    rows: Vec<DatasetLine>,
    older: String,
    now: DateTime<Utc>,
}

struct DatasetLine {
    id: i32,
    namespace: String,
    name: String,
    owner: Shown,
    layer: Option<String>,
    readers: i64,
    writers: i64,
    last_seen_at: DateTime<Utc>,
}

pub async fn show_datasets(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Query(query): Query<ListQuery>,
) -> Result<Html, Problem> {
    let ownership = ctx.ownership.get();
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let rows = read::list_datasets(&mut *tx, &query.filter(&ownership)?, query.cursor()?, ROWS_A_PAGE).await?;
    tx.commit().await?;
    let older = match rows.last() {
        Some(last) if rows.len() as i64 == ROWS_A_PAGE => {
            query.older_href("/datasets", last.last_seen_at, last.id.into())
        }
        _ => String::new(),
    };
    let rows = rows
        .into_iter()
        .map(|row| DatasetLine {
            id: row.id,
            owner: Shown::of(&viewer, &ownership, row.tenant_id),
            namespace: row.namespace,
            name: row.name,
            layer: row.layer,
            readers: row.readers,
            writers: row.writers,
            last_seen_at: row.last_seen_at,
        })
        .collect();
    DatasetsPage {
        shell: Shell::new("Datasets", Section::Datasets, &viewer)
            .with_lead("What jobs read and write, whose it is, and when it was last seen."),
        tenants: tenant_choices(&viewer, &ownership),
        query,
        rows,
        older,
        now: ctx.clock.now(),
    }
    .render_page()
}

#[derive(Template)]
#[template(path = "lineage/jobs.html")]
struct JobsPage {
    shell: Shell,
    query: ListQuery,
    tenants: Vec<String>,
    rows: Vec<JobLine>,
    older: String,
    now: DateTime<Utc>,
}

struct JobLine {
    id: i32,
    namespace: String,
    name: String,
    owner: Shown,
    latest_run: Option<Uuid>,
    state: &'static str,
    duration: String,
    last_seen_at: DateTime<Utc>,
}

pub async fn show_jobs(
    State(ctx): State<Ctx>,
    CurrentViewer(viewer): CurrentViewer,
    Query(query): Query<ListQuery>,
) -> Result<Html, Problem> {
    let ownership = ctx.ownership.get();
    let mut tx = ctx.db.begin_as(viewer.scope).await?;
    let rows = read::list_jobs(&mut *tx, &query.filter(&ownership)?, query.cursor()?, ROWS_A_PAGE).await?;
    tx.commit().await?;
    let older = match rows.last() {
        Some(last) if rows.len() as i64 == ROWS_A_PAGE => query.older_href("/jobs", last.last_seen_at, last.id.into()),
        _ => String::new(),
    };
    let rows = rows
        .into_iter()
        .map(|row| JobLine {
            id: row.id,
            owner: Shown::of(&viewer, &ownership, row.tenant_id),
            namespace: row.namespace,
            name: row.name,
            latest_run: row.latest_run,
            state: row.state.map_or("", state_word),
            duration: duration(row.started_at, row.ended_at),
            last_seen_at: row.last_seen_at,
        })
        .collect();
    JobsPage {
        shell: Shell::new("Jobs", Section::Jobs, &viewer)
            .with_lead("What moves data, how its latest run went, and whose it is."),
        tenants: tenant_choices(&viewer, &ownership),
        query,
        rows,
        older,
        now: ctx.clock.now(),
    }
    .render_page()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_render_with_rows_and_without() {
        let now = DateTime::UNIX_EPOCH;
        let row = || DatasetLine {
            id: 1,
            namespace: "s3://lake-raw".into(),
            name: "acme/<orders>".into(),
            owner: Shown::Tenant("acme".into()),
            layer: Some("raw".into()),
            readers: 2,
            writers: 1,
            last_seen_at: now,
        };
        let page = |rows| DatasetsPage {
            shell: Shell::sample(Section::Datasets),
            query: ListQuery::default(),
            tenants: vec!["acme".into()],
            rows,
            older: String::new(),
            now,
        };
        let html = page(vec![row()]).render().unwrap();
        assert!(html.contains("/datasets/1") && html.contains("acme/&#60;orders&#62;"), "{html}");
        assert!(page(Vec::new()).render().unwrap().contains("/api/v1/lineage"), "an empty list says how to fill it");
        let job = JobLine {
            id: 3,
            namespace: "etl".into(),
            name: "load".into(),
            owner: Shown::Unowned,
            latest_run: Some(Uuid::nil()),
            state: "complete",
            duration: "3 s".into(),
            last_seen_at: now,
        };
        let page = JobsPage {
            shell: Shell::sample(Section::Jobs),
            query: ListQuery::default(),
            tenants: Vec::new(),
            rows: vec![job],
            older: "/jobs?older=x".into(),
            now,
        };
        assert!(page.render().unwrap().contains("/jobs/3"));
    }
}
