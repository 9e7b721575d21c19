//! Statements that merge runs and what they read and wrote. Each says in SQL what [`crate::ingest`] says in Rust for the
//! events of one batch; both are commutative, so that order and batching cannot matter.

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;
use uuid::Uuid;

#[derive(Debug, Default)]
pub struct RunRows {
    pub ids: Vec<Uuid>,
    pub external_ids: Vec<Option<String>>,
    pub jobs: Vec<i32>,
    pub states: Vec<i16>,
    pub ended_at: Vec<Option<DateTime<Utc>>>,
    pub started_at: Vec<Option<DateTime<Utc>>>,
    pub first_event_at: Vec<DateTime<Utc>>,
    pub last_event_at: Vec<DateTime<Utc>>,
    pub nominal_start_at: Vec<Option<DateTime<Utc>>>,
    pub nominal_end_at: Vec<Option<DateTime<Utc>>>,
    pub nominal_as_of: Vec<Option<DateTime<Utc>>>,
    pub parent_runs: Vec<Option<Uuid>>,
    pub parent_jobs: Vec<Option<i32>>,
    pub parent_as_of: Vec<Option<DateTime<Utc>>>,
    pub errors: Vec<Option<String>>,
    pub error_as_of: Vec<Option<DateTime<Utc>>>,
    pub tenants: Vec<Option<i32>>,
}

pub async fn upsert_runs(db: impl PgExecutor<'_>, rows: &RunRows) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"insert into runs as r
             (id, external_id, job_id, state, ended_at, started_at, first_event_at, last_event_at, nominal_start_at, nominal_end_at,
              nominal_as_of, parent_run_id, parent_job_id, parent_as_of, error, error_as_of, tenant_id)
         select * from unnest($1::uuid[], $2::text[], $3::int[], $4::smallint[], $5::timestamptz[], $6::timestamptz[],
              $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::uuid[],
              $13::int[], $14::timestamptz[], $15::text[], $16::timestamptz[], $17::int[])
         on conflict (id) do update set
             job_id = case
                 when excluded.job_id = r.job_id or excluded.first_event_at > r.first_event_at then r.job_id
                 when excluded.first_event_at < r.first_event_at then excluded.job_id
                 else (select j.id from lineage_jobs j where j.id in (excluded.job_id, r.job_id)
                       order by j.namespace collate "C", j.name collate "C" limit 1) end,
             tenant_id = case
                 when excluded.job_id = r.job_id or excluded.first_event_at > r.first_event_at then r.tenant_id
                 when excluded.first_event_at < r.first_event_at then excluded.tenant_id
                 else (select j.tenant_id from lineage_jobs j where j.id in (excluded.job_id, r.job_id)
                       order by j.namespace collate "C", j.name collate "C" limit 1) end,
             state = case when (coalesce(excluded.ended_at, '-infinity'), excluded.state)
                             > (coalesce(r.ended_at, '-infinity'), r.state) then excluded.state else r.state end,
             ended_at = greatest(r.ended_at, excluded.ended_at),
             started_at = least(r.started_at, excluded.started_at),
             first_event_at = least(r.first_event_at, excluded.first_event_at),
             last_event_at = greatest(r.last_event_at, excluded.last_event_at),
             (nominal_start_at, nominal_end_at, nominal_as_of) = (select n.s, n.e, n.t from (values
                 (r.nominal_start_at, r.nominal_end_at, r.nominal_as_of),
                 (excluded.nominal_start_at, excluded.nominal_end_at, excluded.nominal_as_of)) as n (s, e, t)
                 order by n.t desc nulls last, n.s desc nulls last, n.e desc nulls last limit 1),
             (parent_run_id, parent_job_id, parent_as_of) = (select p.r, p.j, p.t from (values
                 (r.parent_run_id, r.parent_job_id, r.parent_as_of),
                 (excluded.parent_run_id, excluded.parent_job_id, excluded.parent_as_of)) as p (r, j, t)
                 order by p.t desc nulls last, p.r desc nulls last limit 1),
             (error, error_as_of) = (select e.m, e.t from (values
                 (r.error, r.error_as_of), (excluded.error, excluded.error_as_of)) as e (m, t)
                 order by e.t desc nulls last, e.m collate "C" desc nulls last limit 1)"#,
        &rows.ids,
        &rows.external_ids as &[Option<String>],
        &rows.jobs,
        &rows.states,
        &rows.ended_at as &[Option<DateTime<Utc>>],
        &rows.started_at as &[Option<DateTime<Utc>>],
        &rows.first_event_at,
        &rows.last_event_at,
        &rows.nominal_start_at as &[Option<DateTime<Utc>>],
        &rows.nominal_end_at as &[Option<DateTime<Utc>>],
        &rows.nominal_as_of as &[Option<DateTime<Utc>>],
        &rows.parent_runs as &[Option<Uuid>],
        &rows.parent_jobs as &[Option<i32>],
        &rows.parent_as_of as &[Option<DateTime<Utc>>],
        &rows.errors as &[Option<String>],
        &rows.error_as_of as &[Option<DateTime<Utc>>],
        &rows.tenants as &[Option<i32>]
    )
    .execute(db)
    .await
    .map(|_| ())
}

#[derive(Debug, Default)]
pub struct RunDatasetRows {
    pub runs: Vec<Uuid>,
    pub datasets: Vec<i32>,
    pub directions: Vec<String>,
    pub row_counts: Vec<Option<i64>>,
    pub size_bytes: Vec<Option<i64>>,
    pub counted_as_of: Vec<Option<DateTime<Utc>>>,
    pub tenants: Vec<Option<i32>>,
    pub job_tenants: Vec<Option<i32>>,
}

/// What a run read and wrote only grows; the newest count wins.
pub async fn upsert_run_datasets(db: impl PgExecutor<'_>, rows: &RunDatasetRows) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into run_datasets as r
             (run_id, dataset_id, direction, row_count, size_bytes, counted_as_of, tenant_id, job_tenant_id)
         select * from unnest($1::uuid[], $2::int[], $3::text[], $4::bigint[], $5::bigint[], $6::timestamptz[], $7::int[], $8::int[])
         on conflict (run_id, dataset_id, direction) do update
         set row_count = excluded.row_count, size_bytes = excluded.size_bytes, counted_as_of = excluded.counted_as_of
         where excluded.counted_as_of is not null
           and (excluded.counted_as_of, coalesce(excluded.row_count, -1), coalesce(excluded.size_bytes, -1))
             > (coalesce(r.counted_as_of, '-infinity'), coalesce(r.row_count, -1), coalesce(r.size_bytes, -1))",
        &rows.runs,
        &rows.datasets,
        &rows.directions,
        &rows.row_counts as &[Option<i64>],
        &rows.size_bytes as &[Option<i64>],
        &rows.counted_as_of as &[Option<DateTime<Utc>>],
        &rows.tenants as &[Option<i32>],
        &rows.job_tenants as &[Option<i32>]
    )
    .execute(db)
    .await
    .map(|_| ())
}

#[derive(Debug, Default)]
pub struct EdgeRows {
    pub jobs: Vec<i32>,
    pub datasets: Vec<i32>,
    pub directions: Vec<String>,
    pub first_seen_at: Vec<DateTime<Utc>>,
    pub last_seen_at: Vec<DateTime<Utc>>,
    pub tenants: Vec<Option<i32>>,
    pub job_tenants: Vec<Option<i32>>,
}

/// Merges edges between jobs and datasets; returns the datasets at the end of new ones.
pub async fn upsert_edges(db: impl PgExecutor<'_>, rows: &EdgeRows) -> Result<Vec<i32>, sqlx::Error> {
    let merged = sqlx::query!(
        r#"insert into job_datasets as e
             (job_id, dataset_id, direction, first_seen_at, last_seen_at, tenant_id, job_tenant_id)
         select * from unnest($1::int[], $2::int[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::int[], $7::int[])
         on conflict (job_id, direction, dataset_id) do update
         set first_seen_at = least(e.first_seen_at, excluded.first_seen_at),
             last_seen_at = greatest(e.last_seen_at, excluded.last_seen_at)
         returning dataset_id, (xmax = 0) as "is_new!""#,
        &rows.jobs,
        &rows.datasets,
        &rows.directions,
        &rows.first_seen_at,
        &rows.last_seen_at,
        &rows.tenants as &[Option<i32>],
        &rows.job_tenants as &[Option<i32>]
    )
    .fetch_all(db)
    .await?;
    Ok(merged.into_iter().filter(|edge| edge.is_new).map(|edge| edge.dataset_id).collect())
}

#[derive(Debug, Default)]
pub struct SchemaRows {
    pub datasets: Vec<i32>,
    pub hashes: Vec<Vec<u8>>,
    pub fields: Vec<serde_json::Value>,
    pub first_seen_at: Vec<DateTime<Utc>>,
    pub last_seen_at: Vec<DateTime<Utc>>,
    pub tenants: Vec<Option<i32>>,
}

pub async fn upsert_schemas(db: impl PgExecutor<'_>, rows: &SchemaRows) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into dataset_schemas as s (dataset_id, schema_hash, fields, first_seen_at, last_seen_at, tenant_id)
         select * from unnest($1::int[], $2::bytea[], $3::jsonb[], $4::timestamptz[], $5::timestamptz[], $6::int[])
         on conflict (dataset_id, schema_hash) do update
         set first_seen_at = least(s.first_seen_at, excluded.first_seen_at),
             last_seen_at = greatest(s.last_seen_at, excluded.last_seen_at)",
        &rows.datasets,
        &rows.hashes,
        &rows.fields,
        &rows.first_seen_at,
        &rows.last_seen_at,
        &rows.tenants as &[Option<i32>]
    )
    .execute(db)
    .await
    .map(|_| ())
}

#[derive(Debug, Default)]
pub struct FacetRows {
    pub entities: Vec<String>,
    pub ids: Vec<i32>,
    pub names: Vec<String>,
    pub event_times: Vec<DateTime<Utc>>,
    pub hashes: Vec<Vec<u8>>,
    pub bodies: Vec<serde_json::Value>,
    pub tenants: Vec<Option<i32>>,
}

/// The facet of an entity that a statement changed.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct FacetKey {
    pub entity: String,
    pub entity_id: i32,
    pub name: String,
}

/// Advances the time of facets whose body is still the same; returns those it found so.
pub async fn touch_facets(db: impl PgExecutor<'_>, rows: &FacetRows) -> Result<Vec<FacetKey>, sqlx::Error> {
    sqlx::query_as!(
        FacetKey,
        "update lineage_facets as f set event_time = greatest(f.event_time, t.event_time)
         from unnest($1::text[], $2::int[], $3::text[], $4::timestamptz[], $5::bytea[]) as t (entity, id, name, event_time, hash)
         where f.entity = t.entity and f.entity_id = t.id and f.name = t.name and f.body_hash = t.hash
         returning f.entity, f.entity_id, f.name",
        &rows.entities,
        &rows.ids,
        &rows.names,
        &rows.event_times,
        &rows.hashes
    )
    .fetch_all(db)
    .await
}

/// Stores facets that are newer than what is stored; of two of one instant the greater hash wins, whichever came first.
/// Returns those that won.
pub async fn upsert_facets(db: impl PgExecutor<'_>, rows: &FacetRows) -> Result<Vec<FacetKey>, sqlx::Error> {
    sqlx::query_as!(
        FacetKey,
        "insert into lineage_facets as f (entity, entity_id, name, event_time, body_hash, body, tenant_id)
         select * from unnest($1::text[], $2::int[], $3::text[], $4::timestamptz[], $5::bytea[], $6::jsonb[], $7::int[])
         on conflict (entity, entity_id, name) do update
         set event_time = excluded.event_time, body_hash = excluded.body_hash, body = excluded.body, tenant_id = excluded.tenant_id
         where (excluded.event_time, excluded.body_hash) > (f.event_time, f.body_hash)
         returning entity, entity_id, name",
        &rows.entities,
        &rows.ids,
        &rows.names,
        &rows.event_times,
        &rows.hashes,
        &rows.bodies,
        &rows.tenants as &[Option<i32>]
    )
    .fetch_all(db)
    .await
}
