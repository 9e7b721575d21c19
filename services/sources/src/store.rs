//! Every statement on sources, their coverage, their runs and the quarantine.

use chrono::{DateTime, Utc};
use lakewarden_core::{Cursor, SourceId};
use sqlx::{PgConnection, PgExecutor, PgPool};

use crate::{CollectorRunId, Delivery, SourceKind};

pub(crate) async fn find_source_id(
    conn: &mut PgConnection,
    kind: SourceKind,
    name: &str,
) -> Result<Option<SourceId>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select id as "id: SourceId" from sources where kind = $1 and name = $2"#,
        kind.as_str(),
        name
    )
    .fetch_optional(conn)
    .await
}

pub(crate) async fn upsert_source(
    conn: &mut PgConnection,
    kind: SourceKind,
    name: &str,
    now: DateTime<Utc>,
) -> Result<SourceId, sqlx::Error> {
    sqlx::query_scalar!(
        r#"insert into sources (kind, name, created_at) values ($1, $2, $3)
           on conflict (kind, name) do update set name = excluded.name
           returning id as "id: SourceId""#,
        kind.as_str(),
        name,
        now
    )
    .fetch_one(conn)
    .await
}

pub(crate) async fn update_source(
    conn: &mut PgConnection,
    source: SourceId,
    delivery: &Delivery,
    first_hour: Option<DateTime<Utc>>,
    last_hour: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update sources
         set accepted = accepted + $2, duplicates = duplicates + $3, quarantined = quarantined + $4, bytes = bytes + $5,
             first_hour = least(first_hour, $6), last_hour = greatest(last_hour, $7), last_delivery_at = $8
         where id = $1",
        source as SourceId,
        delivery.accepted,
        delivery.duplicates,
        delivery.quarantined,
        delivery.bytes,
        first_hour,
        last_hour,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(crate) async fn upsert_source_hours(
    conn: &mut PgConnection,
    source: SourceId,
    hours: &[DateTime<Utc>],
    records: &[i64],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into source_hours (source_id, hour, records)
         select $1, h.hour, h.records from unnest($2::timestamptz[], $3::bigint[]) as h (hour, records)
         on conflict (source_id, hour) do update set records = source_hours.records + excluded.records",
        source as SourceId,
        hours,
        records
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(Default)]
pub(crate) struct QuarantineColumns {
    pub(crate) hashes: Vec<Vec<u8>>,
    pub(crate) places: Vec<String>,
    pub(crate) reasons: Vec<String>,
    pub(crate) excerpts: Vec<String>,
}

/// How many rows were new.
pub(crate) async fn upsert_quarantine(
    conn: &mut PgConnection,
    source: SourceId,
    columns: &QuarantineColumns,
    now: DateTime<Utc>,
) -> Result<u64, sqlx::Error> {
    let inserted = sqlx::query_scalar!(
        r#"insert into quarantine (source_id, hash, place, reason, excerpt, first_seen_at, last_seen_at)
           select $1, r.hash, r.place, r.reason, r.excerpt, $6, $6
           from unnest($2::bytea[], $3::text[], $4::text[], $5::text[]) as r (hash, place, reason, excerpt)
           on conflict (source_id, hash, place)
           do update set times = quarantine.times + 1, last_seen_at = excluded.last_seen_at, reason = excluded.reason
           returning (times = 1) as "inserted!""#,
        source as SourceId,
        &columns.hashes,
        &columns.places,
        &columns.reasons,
        &columns.excerpts,
        now
    )
    .fetch_all(conn)
    .await?;
    Ok(inserted.into_iter().filter(|inserted| *inserted).count() as u64)
}

pub(crate) async fn find_watermark(
    conn: &mut PgConnection,
    source: SourceId,
    scope: &str,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!("select value from watermarks where source_id = $1 and scope = $2", source as SourceId, scope)
        .fetch_optional(conn)
        .await
}

pub(crate) async fn upsert_watermark(
    conn: &mut PgConnection,
    source: SourceId,
    scope: &str,
    value: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into watermarks (source_id, scope, value, updated_at) values ($1, $2, $3, $4)
         on conflict (source_id, scope) do update set value = excluded.value, updated_at = excluded.updated_at",
        source as SourceId,
        scope,
        value,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(crate) async fn insert_run(
    pool: &PgPool,
    source: SourceId,
    now: DateTime<Utc>,
) -> Result<CollectorRunId, sqlx::Error> {
    sqlx::query_scalar!(
        r#"insert into collector_runs (source_id, started_at) values ($1, $2) returning id as "id: CollectorRunId""#,
        source as SourceId,
        now
    )
    .fetch_one(pool)
    .await
}

pub(crate) async fn update_run(
    pool: &PgPool,
    run: CollectorRunId,
    succeeded: bool,
    message: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update collector_runs set finished_at = $2, succeeded = $3, message = $4 where id = $1",
        run as CollectorRunId,
        now,
        succeeded,
        message
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// A row of `sources`.
#[derive(Debug, Clone)]
pub struct Source {
    pub id: SourceId,
    pub kind: SourceKind,
    pub name: String,
    pub accepted: i64,
    pub duplicates: i64,
    pub quarantined: i64,
    pub bytes: i64,
    pub first_hour: Option<DateTime<Utc>>,
    pub last_hour: Option<DateTime<Utc>>,
    pub last_delivery_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

/// Every source: there are as many as producers, trails and accounts.
pub async fn list_sources(executor: impl PgExecutor<'_>) -> Result<Vec<Source>, sqlx::Error> {
    sqlx::query_as!(
        Source,
        r#"select id as "id: SourceId", kind as "kind: SourceKind", name, accepted, duplicates, quarantined, bytes,
                  first_hour, last_hour, last_delivery_at, created_at
           from sources order by kind, name"#
    )
    .fetch_all(executor)
    .await
}

pub(crate) async fn find_source(executor: impl PgExecutor<'_>, id: SourceId) -> Result<Option<Source>, sqlx::Error> {
    sqlx::query_as!(
        Source,
        r#"select id as "id: SourceId", kind as "kind: SourceKind", name, accepted, duplicates, quarantined, bytes,
                  first_hour, last_hour, last_delivery_at, created_at
           from sources where id = $1"#,
        id as SourceId
    )
    .fetch_optional(executor)
    .await
}

pub(crate) struct DayRow {
    pub(crate) source_id: SourceId,
    pub(crate) day: DateTime<Utc>,
    pub(crate) hours: i64,
    pub(crate) records: i64,
}

pub(crate) async fn list_days(executor: impl PgExecutor<'_>, from: DateTime<Utc>) -> Result<Vec<DayRow>, sqlx::Error> {
    sqlx::query_as!(
        DayRow,
        r#"select source_id as "source_id: SourceId", date_trunc('day', hour, 'UTC') as "day!", count(*) as "hours!",
                  sum(records)::bigint as "records!"
           from source_hours where hour >= $1 group by 1, 2"#,
        from
    )
    .fetch_all(executor)
    .await
}

pub(crate) struct HourRow {
    pub(crate) hour: DateTime<Utc>,
    pub(crate) records: i64,
}

pub(crate) async fn list_hours(
    executor: impl PgExecutor<'_>,
    source: SourceId,
    from: DateTime<Utc>,
) -> Result<Vec<HourRow>, sqlx::Error> {
    sqlx::query_as!(
        HourRow,
        "select hour, records from source_hours where source_id = $1 and hour >= $2 order by hour",
        source as SourceId,
        from
    )
    .fetch_all(executor)
    .await
}

pub(crate) struct SourceHourRow {
    pub(crate) source_id: SourceId,
    pub(crate) hour: DateTime<Utc>,
    pub(crate) records: i64,
}

pub(crate) async fn list_all_hours(
    executor: impl PgExecutor<'_>,
    from: DateTime<Utc>,
) -> Result<Vec<SourceHourRow>, sqlx::Error> {
    sqlx::query_as!(
        SourceHourRow,
        r#"select source_id as "source_id: SourceId", hour, records from source_hours where hour >= $1"#,
        from
    )
    .fetch_all(executor)
    .await
}

/// A round of a collector.
#[derive(Debug, Clone)]
pub(crate) struct RunRow {
    pub(crate) source_id: SourceId,
    pub(crate) source_name: String,
    pub(crate) kind: SourceKind,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) finished_at: Option<DateTime<Utc>>,
    pub(crate) succeeded: Option<bool>,
    pub(crate) message: Option<String>,
}

/// The newest rounds, of one source or of all.
pub(crate) async fn list_runs(
    executor: impl PgExecutor<'_>,
    source: Option<SourceId>,
    limit: i64,
) -> Result<Vec<RunRow>, sqlx::Error> {
    sqlx::query_as!(
        RunRow,
        r#"select r.source_id as "source_id: SourceId", s.name as source_name, s.kind as "kind: SourceKind",
                  r.started_at, r.finished_at, r.succeeded, r.message
           from collector_runs r join sources s on s.id = r.source_id
           where $1::integer is null or r.source_id = $1
           order by r.started_at desc, r.id desc limit $2"#,
        source as Option<SourceId>,
        limit
    )
    .fetch_all(executor)
    .await
}

/// A record that could not be read, as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct QuarantineRow {
    pub(crate) id: i64,
    pub(crate) hash: Vec<u8>,
    pub(crate) place: String,
    pub(crate) reason: String,
    pub(crate) excerpt: String,
    pub(crate) times: i32,
    pub(crate) last_seen_at: DateTime<Utc>,
}

pub(crate) async fn list_quarantine(
    executor: impl PgExecutor<'_>,
    source: SourceId,
    after: Cursor,
    limit: i64,
) -> Result<Vec<QuarantineRow>, sqlx::Error> {
    sqlx::query_as!(
        QuarantineRow,
        "select id, hash, place, reason, excerpt, times, last_seen_at
         from quarantine where source_id = $1 and (last_seen_at, id) < ($2, $3)
         order by last_seen_at desc, id desc limit $4",
        source as SourceId,
        after.at,
        after.id,
        limit
    )
    .fetch_all(executor)
    .await
}

/// What a producer was refused, and why the last time: its own log does not say.
#[derive(Debug, Clone)]
pub(crate) struct RefusalRow {
    pub(crate) source_id: SourceId,
    pub(crate) name: String,
    pub(crate) times: i64,
    pub(crate) place: String,
    pub(crate) reason: String,
    pub(crate) last_seen_at: DateTime<Utc>,
}

pub(crate) async fn list_refusals(
    executor: impl PgExecutor<'_>,
    kind: SourceKind,
    limit: i64,
) -> Result<Vec<RefusalRow>, sqlx::Error> {
    sqlx::query_as!(
        RefusalRow,
        r#"select s.id as "source_id: SourceId", s.name, s.quarantined as times, q.place, q.reason, q.last_seen_at
           from sources s
           cross join lateral (select place, reason, last_seen_at from quarantine where source_id = s.id
                               order by last_seen_at desc, id desc limit 1) q
           where s.kind = $1 order by q.last_seen_at desc limit $2"#,
        kind.as_str(),
        limit
    )
    .fetch_all(executor)
    .await
}
