//! Totals of the flow plane.

use sqlx::PgExecutor;

/// What all events add up to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    pub events: i64,
    pub jobs: i64,
    pub runs: i64,
    pub datasets: i64,
    pub runs_complete: i64,
    pub runs_failed: i64,
    pub runs_aborted: i64,
    pub runs_running: i64,
    pub runs_other: i64,
    pub runs_without_start: i64,
    pub parent_links: i64,
    pub input_edges: i64,
    pub output_edges: i64,
    pub column_edges: i64,
    pub symlinks: i64,
    pub assertions_passed: i64,
    pub assertions_failed: i64,
}

pub async fn get_summary(db: impl PgExecutor<'_>) -> Result<Summary, sqlx::Error> {
    sqlx::query_as!(
        Summary,
        r#"select
             (select count(*) from lineage_events) as "events!",
             (select count(*) from lineage_jobs where observed) as "jobs!",
             (select count(*) from runs) as "runs!",
             (select count(*) from datasets where observed) as "datasets!",
             (select count(*) from runs where state = 2) as "runs_complete!",
             (select count(*) from runs where state = 4) as "runs_failed!",
             (select count(*) from runs where state = 3) as "runs_aborted!",
             (select count(*) from runs where state = 1) as "runs_running!",
             (select count(*) from runs where state = 0) as "runs_other!",
             (select count(*) from runs where started_at is null) as "runs_without_start!",
             (select count(*) from runs where parent_run_id is not null) as "parent_links!",
             (select count(*) from job_datasets where direction = 'input') as "input_edges!",
             (select count(*) from job_datasets where direction = 'output') as "output_edges!",
             (select count(distinct (output_dataset_id, output_column, input_dataset_id, input_column)) from column_edges
              where output_column <> '') as "column_edges!",
             (select count(*) from dataset_symlinks) as "symlinks!",
             (select coalesce(sum(occurrences), 0) from dataset_observations where kind = 'assertion' and success)
                 as "assertions_passed!",
             (select coalesce(sum(occurrences), 0) from dataset_observations where kind = 'assertion' and not success)
                 as "assertions_failed!""#
    )
    .fetch_one(db)
    .await
}

/// Every row that the events determine, as text in one order: two states are equal exactly when these are.
pub async fn describe_state(db: impl PgExecutor<'_>) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"with job as (select id, concat(namespace, '|', name) as name from lineage_jobs),
                dataset as (select id, concat(namespace, '|', name) as name from datasets)
           select line as "line!" from (
             select concat_ws(' ', 'job', namespace, name, observed, last_seen_at, tenant_id) as line from lineage_jobs
             union all select concat_ws(' ', 'dataset', namespace, name, observed, last_seen_at, asset, tenant_id) from datasets
             union all select concat_ws(' ', 'same', d.name, c.name) from datasets g join dataset d on d.id = g.id
                       join dataset c on c.id in (select m.id from datasets m where m.canonical_id = g.canonical_id)
             union all select concat_ws(' ', 'run', r.id, external_id, j.name, state, ended_at, started_at, first_event_at,
                       last_event_at, nominal_start_at, nominal_end_at, parent_run_id, p.name, error)
                       from runs r join job j on j.id = r.job_id left join job p on p.id = r.parent_job_id
             union all select concat_ws(' ', 'io', run_id, d.name, direction, row_count, size_bytes, counted_as_of)
                       from run_datasets r join dataset d on d.id = r.dataset_id
             union all select concat_ws(' ', 'edge', j.name, d.name, direction, first_seen_at, last_seen_at)
                       from job_datasets e join job j on j.id = e.job_id join dataset d on d.id = e.dataset_id
             union all select concat_ws(' ', 'facet', entity, coalesce(j.name, d.name), f.name, event_time, body)
                       from lineage_facets f left join job j on entity = 'job' and j.id = entity_id
                       left join dataset d on entity = 'dataset' and d.id = entity_id
             union all select concat_ws(' ', 'schema', d.name, fields, first_seen_at, last_seen_at)
                       from dataset_schemas s join dataset d on d.id = s.dataset_id
             union all select concat_ws(' ', 'symlink', d.name, t.name) from dataset_symlinks s
                       join dataset d on d.id = s.dataset_id join dataset t on t.id = s.target_id
             union all select concat_ws(' ', 'column', o.name, output_column, i.name, input_column, kind, subtype, masking)
                       from column_edges c join dataset o on o.id = output_dataset_id join dataset i on i.id = input_dataset_id
             union all select concat_ws(' ', 'seen', d.name, run_id, observed_at, kind, assertion, column_name, success, value,
                       occurrences) from dataset_observations o join dataset d on d.id = o.dataset_id
             union all select concat_ws(' ', 'event', id, event_time, event_type) from lineage_events
           ) as state (line) order by line collate "C""#
    )
    .fetch_all(db)
    .await
}
