//! Records into facts: the statements of one import transaction.

use chrono::{DateTime, NaiveDate, Utc};
use lakewarden_core::SourceId;
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::ids::FileId;

pub async fn ensure_partitions(executor: impl PgExecutor<'_>, days: &[NaiveDate]) -> Result<(), sqlx::Error> {
    sqlx::query!("select count(ensure_access_partitions(day)) as made from unnest($1::date[]) as wanted (day)", days)
        .fetch_one(executor)
        .await?;
    Ok(())
}

/// Columns of files about to be stored.
#[derive(Debug, Default)]
pub struct FileRows {
    pub names: Vec<String>,
    pub hashes: Vec<Vec<u8>>,
    pub sizes: Vec<i64>,
    pub quarantined: Vec<i32>,
}

#[derive(Debug)]
pub struct StoredFile {
    pub id: FileId,
    pub hash: Vec<u8>,
}

/// Returns the files that were not there yet; waits for whoever is storing the same file at this moment.
pub async fn insert_files(
    executor: impl PgExecutor<'_>,
    source: SourceId,
    rows: &FileRows,
    now: DateTime<Utc>,
) -> Result<Vec<StoredFile>, sqlx::Error> {
    sqlx::query_as!(
        StoredFile,
        r#"insert into trail_files (source_id, name, hash, size_bytes, accepted, duplicates, quarantined, imported_at)
        select $1, name, hash, size_bytes, 0, 0, quarantined, $6
        from unnest($2::text[], $3::bytea[], $4::bigint[], $5::int[]) as new (name, hash, size_bytes, quarantined)
        order by hash
        on conflict on constraint trail_files_once_per_source do nothing
        returning id as "id: FileId", hash"#,
        source as SourceId,
        &rows.names,
        &rows.hashes,
        &rows.sizes,
        &rows.quarantined,
        now,
    )
    .fetch_all(executor)
    .await
}

/// What became of a file on the day it was first stored.
#[derive(Debug)]
pub struct FileOutcome {
    pub hash: Vec<u8>,
    pub accepted: i32,
    pub duplicates: i32,
}

pub async fn list_file_outcomes(
    executor: impl PgExecutor<'_>,
    source: SourceId,
    hashes: &[Vec<u8>],
) -> Result<Vec<FileOutcome>, sqlx::Error> {
    sqlx::query_as!(
        FileOutcome,
        "select hash, accepted, duplicates from trail_files where source_id = $1 and hash = any($2)",
        source as SourceId,
        hashes,
    )
    .fetch_all(executor)
    .await
}

pub async fn update_file_counts(
    executor: impl PgExecutor<'_>,
    files: &[i32],
    accepted: &[i32],
    duplicates: &[i32],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update trail_files set accepted = counted.accepted, duplicates = counted.duplicates
        from unnest($1::int[], $2::int[], $3::int[]) as counted (id, accepted, duplicates)
        where trail_files.id = counted.id",
        files,
        accepted,
        duplicates,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Columns of records, in the order of their keys, so that two importers of the same records wait and never deadlock.
#[derive(Debug, Default)]
pub struct EventRows {
    pub keys: Vec<Uuid>,
    pub times: Vec<DateTime<Utc>>,
    pub classes: Vec<i32>,
    pub files: Vec<i32>,
    pub positions: Vec<i32>,
}

/// A record that was not stored before.
#[derive(Debug)]
pub struct NewEvent {
    pub file_id: FileId,
    pub position: i32,
}

/// Stores the records not stored before, and says which those are.
pub async fn insert_events(executor: impl PgExecutor<'_>, rows: &EventRows) -> Result<Vec<NewEvent>, sqlx::Error> {
    sqlx::query_as!(
        NewEvent,
        r#"insert into access_events (event_key, event_time, class_id, file_id, position)
        select * from unnest($1::uuid[], $2::timestamptz[], $3::int[], $4::int[], $5::int[])
        on conflict do nothing
        returning file_id as "file_id: FileId", position"#,
        &rows.keys,
        &rows.times,
        &rows.classes,
        &rows.files,
        &rows.positions,
    )
    .fetch_all(executor)
    .await
}

/// Columns of hourly counts to add; one row for each class and hour, in that order.
#[derive(Debug, Default)]
pub struct FactRows {
    pub classes: Vec<i32>,
    pub hours: Vec<DateTime<Utc>>,
    pub records: Vec<i64>,
    pub bytes_out: Vec<i64>,
    pub first: Vec<DateTime<Utc>>,
    pub last: Vec<DateTime<Utc>>,
    pub tenants: Vec<Option<i32>>,
}

pub async fn upsert_facts(executor: impl PgExecutor<'_>, rows: &FactRows) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into access_facts (class_id, hour, records, bytes_out, first_at, last_at, tenant_id)
        select * from unnest($1::int[], $2::timestamptz[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::timestamptz[], $7::int[])
        on conflict (class_id, hour) do update
        set records = access_facts.records + excluded.records, bytes_out = access_facts.bytes_out + excluded.bytes_out,
            first_at = least(access_facts.first_at, excluded.first_at), last_at = greatest(access_facts.last_at, excluded.last_at)",
        &rows.classes,
        &rows.hours,
        &rows.records,
        &rows.bytes_out,
        &rows.first,
        &rows.last,
        &rows.tenants as &[Option<i32>],
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Columns of example records.
#[derive(Debug, Default)]
pub struct SampleRows {
    pub classes: Vec<i32>,
    pub keys: Vec<Uuid>,
    pub times: Vec<DateTime<Utc>>,
    pub files: Vec<i32>,
    pub positions: Vec<i32>,
    pub hashes: Vec<Vec<u8>>,
    pub records: Vec<serde_json::Value>,
    pub tenants: Vec<Option<i32>>,
}

pub async fn insert_samples(executor: impl PgExecutor<'_>, rows: &SampleRows) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into access_samples (class_id, event_key, event_time, file_id, position, hash, record, tenant_id)
        select * from unnest($1::int[], $2::uuid[], $3::timestamptz[], $4::int[], $5::int[], $6::bytea[], $7::jsonb[], $8::int[])
        on conflict on constraint access_samples_pkey do nothing",
        &rows.classes,
        &rows.keys,
        &rows.times,
        &rows.files,
        &rows.positions,
        &rows.hashes,
        &rows.records,
        &rows.tenants as &[Option<i32>],
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Keeps the newest few examples of each class.
pub async fn delete_old_samples(executor: impl PgExecutor<'_>, classes: &[i32], keep: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from access_samples old using (
            select class_id, event_key, row_number() over (partition by class_id order by event_time desc, event_key) as place
            from access_samples where class_id = any($1)) ranked
        where old.class_id = ranked.class_id and old.event_key = ranked.event_key and ranked.place > $2",
        classes,
        keep,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Hashes of the files a source has delivered.
pub async fn list_file_hashes(executor: impl PgExecutor<'_>, source: &str) -> Result<Vec<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar!(
        "select hash from trail_files where source_id in (select id from sources where kind = 'cloudtrail' and name = $1)",
        source,
    )
    .fetch_all(executor)
    .await
}
