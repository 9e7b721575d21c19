//! Statements behind the pages; they run in the caller's transaction and see the caller's rows.

use chrono::{DateTime, Utc};
use lakewarden_core::{Cursor, TenantId};
use sqlx::PgExecutor;
use uuid::Uuid;

/// What a list of datasets or jobs is narrowed to.
#[derive(Debug, Default)]
pub struct NameFilter {
    /// Part of the name or namespace, as a pattern of `ilike`.
    pub pattern: Option<String>,
    /// `Some(None)` is unowned.
    pub tenant: Option<TenantId>,
    pub unowned: bool,
    pub layer: Option<String>,
}

#[derive(Debug, Clone)]
pub struct DatasetLine {
    pub id: i32,
    pub namespace: String,
    pub name: String,
    pub tenant_id: Option<TenantId>,
    pub layer: Option<String>,
    pub last_seen_at: DateTime<Utc>,
    pub readers: i64,
    pub writers: i64,
}

pub async fn list_datasets(
    db: impl PgExecutor<'_>,
    filter: &NameFilter,
    after: Cursor,
    limit: i64,
) -> Result<Vec<DatasetLine>, sqlx::Error> {
    sqlx::query_as!(
        DatasetLine,
        r#"select d.id, d.namespace, d.name, d.tenant_id as "tenant_id: TenantId", d.layer, d.last_seen_at,
                  (select count(*) from job_datasets e where e.dataset_id = d.id and e.direction = 'input') as "readers!",
                  (select count(*) from job_datasets e where e.dataset_id = d.id and e.direction = 'output') as "writers!"
           from datasets d
           where d.observed
             and ($1::text is null or d.name ilike $1 or d.namespace ilike $1 or d.asset ilike $1)
             and ($2::int is null or d.tenant_id = $2)
             and (not $3 or d.tenant_id is null)
             and ($4::text is null or d.layer = $4)
             and (d.last_seen_at, d.id) < ($5, $6)
           order by d.last_seen_at desc, d.id desc limit $7"#,
        filter.pattern.as_deref(),
        filter.tenant as Option<TenantId>,
        filter.unowned,
        filter.layer.as_deref(),
        clamp(after.at),
        i32::try_from(after.id).unwrap_or(i32::MAX),
        limit
    )
    .fetch_all(db)
    .await
}

#[derive(Debug, Clone)]
pub struct DatasetRow {
    pub id: i32,
    pub canonical_id: i32,
    pub namespace: String,
    pub name: String,
    pub asset: String,
    pub tenant_id: Option<TenantId>,
    pub layer: Option<String>,
    pub owner_rule: Option<i32>,
    pub observed: bool,
    pub last_seen_at: DateTime<Utc>,
}

pub async fn find_dataset(db: impl PgExecutor<'_>, id: i32) -> Result<Option<DatasetRow>, sqlx::Error> {
    sqlx::query_as!(
        DatasetRow,
        r#"select id, canonical_id, namespace, name, asset, tenant_id as "tenant_id: TenantId", layer, owner_rule, observed, last_seen_at
           from datasets where id = $1"#,
        id
    )
    .fetch_optional(db)
    .await
}

/// Other spellings of the same asset.
pub async fn list_spellings(
    db: impl PgExecutor<'_>,
    canonical_id: i32,
    but: i32,
) -> Result<Vec<(i32, String, String)>, sqlx::Error> {
    let rows = sqlx::query!(
        "select id, namespace, name from datasets where canonical_id = $1 and id <> $2 order by namespace, name limit 50",
        canonical_id,
        but
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.namespace, row.name)).collect())
}

#[derive(Debug, Clone)]
pub struct SchemaRow {
    pub fields: serde_json::Value,
    pub first_seen_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
}

pub async fn list_schemas(db: impl PgExecutor<'_>, dataset: i32) -> Result<Vec<SchemaRow>, sqlx::Error> {
    sqlx::query_as!(
        SchemaRow,
        "select fields, first_seen_at, last_seen_at from dataset_schemas where dataset_id = $1
         order by last_seen_at desc, first_seen_at desc, schema_hash limit 20",
        dataset
    )
    .fetch_all(db)
    .await
}

#[derive(Debug, Clone)]
pub struct FacetRow {
    pub name: String,
    pub event_time: DateTime<Utc>,
    pub body: serde_json::Value,
}

pub async fn list_facets(db: impl PgExecutor<'_>, entity: &str, id: i32) -> Result<Vec<FacetRow>, sqlx::Error> {
    sqlx::query_as!(
        FacetRow,
        "select name, event_time, body from lineage_facets
         where entity = $1 and entity_id = $2 and not body @> '{\"_deleted\": true}' order by name",
        entity,
        id
    )
    .fetch_all(db)
    .await
}

/// A run that read or wrote a dataset; the job's name is absent where the caller may not see it.
#[derive(Debug, Clone)]
pub struct DatasetRun {
    pub run_id: Uuid,
    pub direction: String,
    pub row_count: Option<i64>,
    pub job_name: Option<String>,
    pub state: Option<i16>,
    pub at: Option<DateTime<Utc>>,
}

pub async fn list_dataset_runs(
    db: impl PgExecutor<'_>,
    dataset: i32,
    limit: i64,
) -> Result<Vec<DatasetRun>, sqlx::Error> {
    sqlx::query_as!(
        DatasetRun,
        r#"select rd.run_id, rd.direction, rd.row_count, j.name as "job_name?", r.state as "state?", r.first_event_at as "at?"
           from run_datasets rd
           left join runs r on r.id = rd.run_id
           left join lineage_jobs j on j.id = r.job_id
           where rd.dataset_id = $1
           order by r.first_event_at desc nulls last, rd.run_id limit $2"#,
        dataset,
        limit
    )
    .fetch_all(db)
    .await
}

#[derive(Debug, Clone)]
pub struct ObservationRow {
    pub observed_at: DateTime<Utc>,
    pub assertion: Option<String>,
    pub column_name: Option<String>,
    pub success: Option<bool>,
    pub run_id: Option<Uuid>,
}

impl ObservationRow {
    pub fn passed(&self) -> bool {
        self.success == Some(true)
    }
}

pub async fn list_assertions(
    db: impl PgExecutor<'_>,
    dataset: i32,
    limit: i64,
) -> Result<Vec<ObservationRow>, sqlx::Error> {
    sqlx::query_as!(
        ObservationRow,
        "select observed_at, assertion, column_name, success, run_id from dataset_observations
         where dataset_id = $1 and kind = 'assertion' order by observed_at desc, id desc limit $2",
        dataset,
        limit
    )
    .fetch_all(db)
    .await
}

#[derive(Debug, Clone)]
pub struct ColumnOriginRow {
    pub output_column: String,
    pub input_id: i32,
    pub input_name: Option<String>,
    pub input_column: String,
    pub kind: String,
    pub subtype: String,
    pub masking: bool,
}

pub async fn list_column_origins(
    db: impl PgExecutor<'_>,
    dataset: i32,
    limit: i64,
) -> Result<Vec<ColumnOriginRow>, sqlx::Error> {
    sqlx::query_as!(
        ColumnOriginRow,
        r#"select c.output_column, c.input_dataset_id as input_id, d.name as "input_name?", c.input_column, c.kind, c.subtype, c.masking
           from column_edges c left join datasets d on d.id = c.input_dataset_id
           where c.output_dataset_id = $1 order by c.output_column, c.input_dataset_id, c.input_column limit $2"#,
        dataset,
        limit
    )
    .fetch_all(db)
    .await
}

#[derive(Debug, Clone)]
pub struct JobLine {
    pub id: i32,
    pub namespace: String,
    pub name: String,
    pub tenant_id: Option<TenantId>,
    pub last_seen_at: DateTime<Utc>,
    pub state: Option<i16>,
    pub latest_run: Option<Uuid>,
    pub started_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
}

pub async fn list_jobs(
    db: impl PgExecutor<'_>,
    filter: &NameFilter,
    after: Cursor,
    limit: i64,
) -> Result<Vec<JobLine>, sqlx::Error> {
    sqlx::query_as!(
        JobLine,
        r#"select j.id, j.namespace, j.name, j.tenant_id as "tenant_id: TenantId", j.last_seen_at,
                  r.state as "state?", r.id as "latest_run?", r.started_at as "started_at?", r.ended_at as "ended_at?"
           from lineage_jobs j
           left join lateral (select id, state, started_at, ended_at from runs where job_id = j.id
                              order by first_event_at desc, id desc limit 1) as r on true
           where j.observed
             and ($1::text is null or j.name ilike $1 or j.namespace ilike $1)
             and ($2::int is null or j.tenant_id = $2)
             and (not $3 or j.tenant_id is null)
             and (j.last_seen_at, j.id) < ($4, $5)
           order by j.last_seen_at desc, j.id desc limit $6"#,
        filter.pattern.as_deref(),
        filter.tenant as Option<TenantId>,
        filter.unowned,
        clamp(after.at),
        i32::try_from(after.id).unwrap_or(i32::MAX),
        limit
    )
    .fetch_all(db)
    .await
}

#[derive(Debug, Clone)]
pub struct JobRow {
    pub id: i32,
    pub namespace: String,
    pub name: String,
    pub tenant_id: Option<TenantId>,
    pub owner_rule: Option<i32>,
    pub last_seen_at: DateTime<Utc>,
}

pub async fn find_job(db: impl PgExecutor<'_>, id: i32) -> Result<Option<JobRow>, sqlx::Error> {
    sqlx::query_as!(
        JobRow,
        r#"select id, namespace, name, tenant_id as "tenant_id: TenantId", owner_rule, last_seen_at
           from lineage_jobs where id = $1"#,
        id
    )
    .fetch_optional(db)
    .await
}

/// A dataset at the end of a job's or run's edge; nameless where the caller may not see it.
#[derive(Debug, Clone)]
pub struct EdgeRow {
    pub dataset_id: i32,
    pub direction: String,
    pub namespace: Option<String>,
    pub name: Option<String>,
    pub tenant_id: Option<TenantId>,
    pub row_count: Option<i64>,
    pub last_seen_at: Option<DateTime<Utc>>,
}

pub async fn list_job_edges(db: impl PgExecutor<'_>, job: i32, limit: i64) -> Result<Vec<EdgeRow>, sqlx::Error> {
    sqlx::query_as!(
        EdgeRow,
        r#"select e.dataset_id, e.direction, d.namespace as "namespace?", d.name as "name?", e.tenant_id as "tenant_id: TenantId",
                  null::bigint as row_count, e.last_seen_at as "last_seen_at?"
           from job_datasets e left join datasets d on d.id = e.dataset_id
           where e.job_id = $1 order by e.direction, d.namespace, d.name limit $2"#,
        job,
        limit
    )
    .fetch_all(db)
    .await
}

pub async fn list_run_edges(db: impl PgExecutor<'_>, run: Uuid, limit: i64) -> Result<Vec<EdgeRow>, sqlx::Error> {
    sqlx::query_as!(
        EdgeRow,
        r#"select e.dataset_id, e.direction, d.namespace as "namespace?", d.name as "name?", e.tenant_id as "tenant_id: TenantId",
                  e.row_count, e.counted_as_of as last_seen_at
           from run_datasets e left join datasets d on d.id = e.dataset_id
           where e.run_id = $1 order by e.direction, d.namespace, d.name limit $2"#,
        run,
        limit
    )
    .fetch_all(db)
    .await
}

#[derive(Debug, Clone)]
pub struct RunRow {
    pub id: Uuid,
    pub external_id: Option<String>,
    pub job_id: i32,
    pub job_name: Option<String>,
    pub state: i16,
    pub started_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    pub first_event_at: DateTime<Utc>,
    pub nominal_start_at: Option<DateTime<Utc>>,
    pub nominal_end_at: Option<DateTime<Utc>>,
    pub parent_run_id: Option<Uuid>,
    pub parent_job_id: Option<i32>,
    pub parent_job_name: Option<String>,
    pub error: Option<String>,
}

pub async fn list_runs(
    db: impl PgExecutor<'_>,
    job: i32,
    before: DateTime<Utc>,
    before_id: Uuid,
    limit: i64,
) -> Result<Vec<RunRow>, sqlx::Error> {
    sqlx::query_as!(
        RunRow,
        r#"select r.id, r.external_id, r.job_id, j.name as "job_name?", r.state, r.started_at, r.ended_at, r.first_event_at,
                  r.nominal_start_at, r.nominal_end_at, r.parent_run_id, r.parent_job_id,
                  p.name as "parent_job_name?", r.error
           from runs r left join lineage_jobs j on j.id = r.job_id left join lineage_jobs p on p.id = r.parent_job_id
           where r.job_id = $1 and (r.first_event_at, r.id) < ($2, $3)
           order by r.first_event_at desc, r.id desc limit $4"#,
        job,
        clamp(before),
        before_id,
        limit
    )
    .fetch_all(db)
    .await
}

pub async fn find_run(db: impl PgExecutor<'_>, id: Uuid) -> Result<Option<RunRow>, sqlx::Error> {
    sqlx::query_as!(
        RunRow,
        r#"select r.id, r.external_id, r.job_id, j.name as "job_name?", r.state, r.started_at, r.ended_at, r.first_event_at,
                  r.nominal_start_at, r.nominal_end_at, r.parent_run_id, r.parent_job_id,
                  p.name as "parent_job_name?", r.error
           from runs r left join lineage_jobs j on j.id = r.job_id left join lineage_jobs p on p.id = r.parent_job_id
           where r.id = $1"#,
        id
    )
    .fetch_optional(db)
    .await
}

#[derive(Debug, Clone)]
pub struct EventRow {
    pub event_time: DateTime<Utc>,
    pub received_at: DateTime<Utc>,
    pub event_type: String,
    pub raw: Vec<u8>,
    pub notes: Option<Vec<String>>,
}

pub async fn list_run_events(db: impl PgExecutor<'_>, run: Uuid, limit: i64) -> Result<Vec<EventRow>, sqlx::Error> {
    sqlx::query_as!(
        EventRow,
        "select event_time, received_at, event_type, raw, notes from lineage_events
         where run_id = $1 order by event_time, id limit $2",
        run,
        limit
    )
    .fetch_all(db)
    .await
}

/// Datasets and jobs whose name holds the text, best first: exact ends before middles.
#[derive(Debug, Clone)]
pub struct SearchHit {
    pub kind: String,
    pub id: i32,
    pub namespace: String,
    pub name: String,
    pub tenant_id: Option<TenantId>,
}

pub async fn search(db: impl PgExecutor<'_>, pattern: Option<&str>, limit: i64) -> Result<Vec<SearchHit>, sqlx::Error> {
    sqlx::query_as!(
        SearchHit,
        r#"select kind as "kind!", id as "id!", namespace as "namespace!", name as "name!", tenant_id as "tenant_id: TenantId"
           from ((select 'dataset' as kind, id, namespace, name, tenant_id, last_seen_at from datasets
                  where observed and ($1::text is null or name ilike $1 or namespace ilike $1 or asset ilike $1)
                  order by last_seen_at desc limit $2)
                 union all
                 (select 'job', id, namespace, name, tenant_id, last_seen_at from lineage_jobs
                  where observed and ($1::text is null or name ilike $1 or namespace ilike $1)
                  order by last_seen_at desc limit $2)) as hits
           order by kind, length(name), namespace, name limit $2 * 2"#,
        pattern,
        limit
    )
    .fetch_all(db)
    .await
}

/// Postgres' calendar ends before chrono's.
fn clamp(at: DateTime<Utc>) -> DateTime<Utc> {
    at.min(DateTime::from_timestamp(253_402_300_799, 0).unwrap_or(at))
}
