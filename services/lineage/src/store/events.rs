//! Statements about the events themselves, their observations and the partitions that hold them.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

#[derive(Debug, Default)]
pub struct EventRows {
    pub event_times: Vec<DateTime<Utc>>,
    pub ids: Vec<Uuid>,
    pub sources: Vec<Option<i32>>,
    pub runs: Vec<Option<Uuid>>,
    pub jobs: Vec<Option<i32>>,
    pub datasets: Vec<Option<i32>>,
    pub event_types: Vec<String>,
    pub raws: Vec<Vec<u8>>,
    pub raw_bytes: Vec<i32>,
    /// One text an event, a note a line: Postgres has no arrays of arrays of different lengths.
    pub notes: Vec<Option<String>>,
    pub tenants: Vec<Option<i32>>,
}

/// Stores the events that are not stored yet; returns their ids.
pub async fn insert_events(
    db: impl PgExecutor<'_>,
    rows: &EventRows,
    received_at: DateTime<Utc>,
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        "insert into lineage_events
             (event_time, id, received_at, source_id, run_id, job_id, dataset_id, event_type, raw, raw_bytes, notes, tenant_id)
         select event_time, id, $12, source, run, job, dataset, event_type, raw, raw_bytes, string_to_array(notes, E'\\n'), tenant
         from unnest($1::timestamptz[], $2::uuid[], $3::int[], $4::uuid[], $5::int[], $6::int[], $7::text[], $8::bytea[],
                     $9::int[], $10::text[], $11::int[])
              as new (event_time, id, source, run, job, dataset, event_type, raw, raw_bytes, notes, tenant)
         on conflict (event_time, id) do nothing
         returning id",
        &rows.event_times,
        &rows.ids,
        &rows.sources as &[Option<i32>],
        &rows.runs as &[Option<Uuid>],
        &rows.jobs as &[Option<i32>],
        &rows.datasets as &[Option<i32>],
        &rows.event_types,
        &rows.raws,
        &rows.raw_bytes,
        &rows.notes as &[Option<String>],
        &rows.tenants as &[Option<i32>],
        received_at
    )
    .fetch_all(db)
    .await
}

#[derive(Debug, Default)]
pub struct ObservationRows {
    pub observed_at: Vec<DateTime<Utc>>,
    pub datasets: Vec<i32>,
    pub tenants: Vec<Option<i32>>,
    pub runs: Vec<Option<Uuid>>,
    pub kinds: Vec<String>,
    pub assertions: Vec<Option<String>>,
    pub columns: Vec<Option<String>>,
    pub successes: Vec<Option<bool>>,
    pub values: Vec<Option<i64>>,
    pub is_output: Vec<bool>,
    pub occurrences: Vec<i32>,
    pub events: Vec<Uuid>,
}

pub async fn insert_observations(db: impl PgExecutor<'_>, rows: &ObservationRows) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into dataset_observations
             (observed_at, dataset_id, tenant_id, run_id, kind, assertion, column_name, success, value, is_output, occurrences, event_id)
         select * from unnest($1::timestamptz[], $2::int[], $3::int[], $4::uuid[], $5::text[], $6::text[], $7::text[],
                              $8::bool[], $9::bigint[], $10::bool[], $11::int[], $12::uuid[])",
        &rows.observed_at,
        &rows.datasets,
        &rows.tenants as &[Option<i32>],
        &rows.runs as &[Option<Uuid>],
        &rows.kinds,
        &rows.assertions as &[Option<String>],
        &rows.columns as &[Option<String>],
        &rows.successes as &[Option<bool>],
        &rows.values as &[Option<i64>],
        &rows.is_output,
        &rows.occurrences,
        &rows.events
    )
    .execute(db)
    .await
    .map(|_| ())
}

/// Makes one month's partition of one table. Rows of that month that are in the default partition already keep it there:
/// Postgres refuses, and the caller goes on without.
pub async fn create_partition(
    connection: &mut PgConnection,
    table: &str,
    month: &str,
    from: &str,
    to: &str,
) -> Result<(), sqlx::Error> {
    // Identifiers and bounds of a DDL statement cannot be parameters; all four are ours.
    let statement = format!(
        "set local lock_timeout = '2s';
         create table if not exists {table}_{month} partition of {table} for values from ('{from}') to ('{to}')"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(connection).await.map(|_| ())
}
