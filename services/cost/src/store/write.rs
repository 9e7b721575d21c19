//! Statements of ingest and of allocation.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use lakewarden_core::{Currency, Sha256, SourceId, TenantId};
use rust_decimal::Decimal;
use sqlx::{PgConnection, PgExecutor};

use crate::cost_explorer::{CellKey, CostSet, Grouping};
use crate::restatement::{NewLine, Restatement, StoredCell};
use crate::rounding::Cell;

/// Serialises imports of one source: two at once would both see the old window.
pub async fn lock_source(executor: impl PgExecutor<'_>, source: SourceId) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('cost_source'), $1)", source.0).execute(executor).await?;
    Ok(())
}

/// Serialises the rebuilding of months, which several sources share.
pub async fn lock_months(executor: impl PgExecutor<'_>) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('cost_cells'), 0)").execute(executor).await?;
    Ok(())
}

pub async fn upsert_source(
    executor: impl PgExecutor<'_>,
    source: SourceId,
    name: &str,
    grouping: &Grouping,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let (grouped_by, tag_key) = grouping.as_columns();
    sqlx::query!(
        "insert into cost_sources (source_id, name, grouped_by, tag_key, updated_at) values ($1, $2, $3, $4, $5)
         on conflict (source_id) do update set name = excluded.name, grouped_by = excluded.grouped_by,
             tag_key = excluded.tag_key, updated_at = excluded.updated_at",
        source.0,
        name,
        grouped_by,
        tag_key,
        now,
    )
    .execute(executor)
    .await?;
    Ok(())
}

pub async fn list_open_cells(
    executor: impl PgExecutor<'_>,
    source: SourceId,
    days: &[NaiveDate],
) -> Result<BTreeMap<CellKey, StoredCell>, sqlx::Error> {
    let rows = sqlx::query!(
        "select id, day, service, allocation_key, currency, amount, estimated from cost_lines
         where source_id = $1 and day = any($2) and seen_to is null",
        source.0,
        days,
    )
    .fetch_all(executor)
    .await?;
    rows.into_iter()
        .map(|row| {
            let currency = read_currency(&row.currency)?;
            let key = CellKey { day: row.day, service: row.service, allocation_key: row.allocation_key, currency };
            Ok((key, StoredCell { line_id: row.id, amount: row.amount, estimated: row.estimated }))
        })
        .collect()
}

pub async fn list_collected_days(
    executor: impl PgExecutor<'_>,
    source: SourceId,
    days: &[NaiveDate],
) -> Result<BTreeMap<NaiveDate, bool>, sqlx::Error> {
    let rows =
        sqlx::query!("select day, estimated from cost_days where source_id = $1 and day = any($2)", source.0, days)
            .fetch_all(executor)
            .await?;
    Ok(rows.into_iter().map(|row| (row.day, row.estimated)).collect())
}

pub async fn insert_fetch(
    executor: impl PgExecutor<'_>,
    source: SourceId,
    set: &CostSet,
    now: DateTime<Utc>,
) -> Result<i64, sqlx::Error> {
    let (first, last) = (set.days.keys().next(), set.days.keys().next_back());
    sqlx::query_scalar!(
        "insert into cost_fetches (source_id, first_day, last_day, pages, pages_sha256, received_at)
         values ($1, $2, $3, $4, $5, $6) returning id",
        source.0,
        first.copied().unwrap_or_default(),
        last.copied().unwrap_or_default(),
        set.pages as i32,
        set.pages_sha256.as_bytes(),
        now,
    )
    .fetch_one(executor)
    .await
}

pub async fn close_lines(executor: impl PgExecutor<'_>, ids: &[i64], now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!("update cost_lines set seen_to = $2 where id = any($1)", ids, now).execute(executor).await?;
    Ok(())
}

/// Where new rows belong: their source, the set of pages they came with, and when.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    pub source: SourceId,
    pub fetch_id: i64,
    pub at: DateTime<Utc>,
}

pub async fn insert_lines(
    executor: impl PgExecutor<'_>,
    origin: Origin,
    lines: &[NewLine],
    payers: &[Option<TenantId>],
) -> Result<(), sqlx::Error> {
    let days: Vec<NaiveDate> = lines.iter().map(|line| line.key.day).collect();
    let services: Vec<String> = lines.iter().map(|line| line.key.service.clone()).collect();
    let keys: Vec<String> = lines.iter().map(|line| line.key.allocation_key.clone()).collect();
    let currencies: Vec<String> = lines.iter().map(|line| line.key.currency.to_string()).collect();
    let amounts: Vec<Decimal> = lines.iter().map(|line| line.amount).collect();
    let estimated: Vec<bool> = lines.iter().map(|line| line.estimated).collect();
    let tenants: Vec<Option<i32>> = payers.iter().map(|payer| payer.map(|tenant| tenant.0)).collect();
    sqlx::query!(
        "insert into cost_lines (source_id, fetch_id, seen_from, day, service, allocation_key, tenant_id, currency, amount, estimated)
         select $1, $2, $3, * from unnest($4::date[], $5::text[], $6::text[], $7::integer[], $8::text[], $9::numeric[], $10::boolean[])",
        origin.source.0,
        origin.fetch_id,
        origin.at,
        &days,
        &services,
        &keys,
        &tenants as &[Option<i32>],
        &currencies,
        &amounts,
        &estimated,
    )
    .execute(executor)
    .await?;
    Ok(())
}

pub async fn insert_restatements(
    executor: impl PgExecutor<'_>,
    origin: Origin,
    restated: &[Restatement],
    payers: &[Option<TenantId>],
) -> Result<(), sqlx::Error> {
    let days: Vec<NaiveDate> = restated.iter().map(|cell| cell.key.day).collect();
    let services: Vec<String> = restated.iter().map(|cell| cell.key.service.clone()).collect();
    let keys: Vec<String> = restated.iter().map(|cell| cell.key.allocation_key.clone()).collect();
    let currencies: Vec<String> = restated.iter().map(|cell| cell.key.currency.to_string()).collect();
    let old: Vec<Option<Decimal>> = restated.iter().map(|cell| cell.old).collect();
    let new: Vec<Option<Decimal>> = restated.iter().map(|cell| cell.new).collect();
    let estimated: Vec<bool> = restated.iter().map(|cell| cell.was_estimated).collect();
    let tenants: Vec<Option<i32>> = payers.iter().map(|payer| payer.map(|tenant| tenant.0)).collect();
    sqlx::query!(
        "insert into cost_restatements
             (source_id, fetch_id, seen_at, day, service, allocation_key, tenant_id, currency, old_amount, new_amount, was_estimated)
         select $1, $2, $3, * from unnest(
             $4::date[], $5::text[], $6::text[], $7::integer[], $8::text[], $9::numeric[], $10::numeric[], $11::boolean[])",
        origin.source.0,
        origin.fetch_id,
        origin.at,
        &days,
        &services,
        &keys,
        &tenants as &[Option<i32>],
        &currencies,
        &old as &[Option<Decimal>],
        &new as &[Option<Decimal>],
        &estimated,
    )
    .execute(executor)
    .await?;
    Ok(())
}

pub async fn upsert_days(
    executor: impl PgExecutor<'_>,
    source: SourceId,
    days: &[(NaiveDate, bool)],
) -> Result<(), sqlx::Error> {
    let (days, estimated): (Vec<NaiveDate>, Vec<bool>) = days.iter().copied().unzip();
    sqlx::query!(
        "insert into cost_days (source_id, day, estimated) select $1, * from unnest($2::date[], $3::boolean[])
         on conflict (source_id, day) do update set estimated = excluded.estimated",
        source.0,
        &days,
        &estimated,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// A month's exact sums, by currency: what [`crate::rounding::round_table`] makes whole cents of.
pub async fn sum_month(
    executor: impl PgExecutor<'_>,
    month: NaiveDate,
) -> Result<BTreeMap<Currency, Vec<Cell<Option<TenantId>, String>>>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select currency, tenant_id as "tenant_id: TenantId", service, sum(amount)::numeric(28, 12) as "amount!"
           from cost_lines
           where seen_to is null and day >= $1 and day < $1 + interval '1 month'
           group by currency, tenant_id, service"#,
        month,
    )
    .fetch_all(executor)
    .await?;
    let mut by_currency: BTreeMap<Currency, Vec<_>> = BTreeMap::new();
    for row in rows {
        let cell = Cell { row: row.tenant_id, column: row.service, amount: row.amount, cents: 0 };
        by_currency.entry(read_currency(&row.currency)?).or_default().push(cell);
    }
    Ok(by_currency)
}

pub async fn delete_cells(executor: impl PgExecutor<'_>, month: NaiveDate) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from cost_cells where month = $1", month).execute(executor).await?;
    Ok(())
}

pub async fn insert_cells(
    executor: impl PgExecutor<'_>,
    month: NaiveDate,
    currency: Currency,
    cells: &[Cell<Option<TenantId>, String>],
) -> Result<(), sqlx::Error> {
    let tenants: Vec<Option<i32>> = cells.iter().map(|cell| cell.row.map(|tenant| tenant.0)).collect();
    let services: Vec<String> = cells.iter().map(|cell| cell.column.clone()).collect();
    let amounts: Vec<Decimal> = cells.iter().map(|cell| cell.amount).collect();
    let cents: Vec<i64> = cells.iter().map(|cell| cell.cents).collect();
    sqlx::query!(
        "insert into cost_cells (month, currency, tenant_id, service, amount, cents)
         select $1, $2, * from unnest($3::integer[], $4::text[], $5::numeric[], $6::bigint[])",
        month,
        currency.as_str(),
        &tenants as &[Option<i32>],
        &services,
        &amounts,
        &cents,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// A tag value or account in use, and whom its lines were given to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInUse {
    pub source: SourceId,
    pub grouping: Grouping,
    pub allocation_key: String,
}

pub async fn list_keys_in_use(executor: impl PgExecutor<'_>) -> Result<Vec<KeyInUse>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select distinct source_id as "source: SourceId", grouped_by, tag_key, allocation_key
           from cost_lines join cost_sources using (source_id) where allocation_key <> ''"#,
    )
    .fetch_all(executor)
    .await?;
    let key = |row: (SourceId, String, String, String)| KeyInUse {
        source: row.0,
        grouping: Grouping::from_columns(&row.1, row.2),
        allocation_key: row.3,
    };
    Ok(rows.into_iter().map(|row| key((row.source, row.grouped_by, row.tag_key, row.allocation_key))).collect())
}

/// Gives lines to their payers; returns the months in which a line in force changed hands.
pub async fn reassign_lines(
    connection: &mut PgConnection,
    keys: &[KeyInUse],
    payers: &[Option<TenantId>],
) -> Result<(u64, Vec<NaiveDate>), sqlx::Error> {
    let (sources, names, tenants) = as_columns(keys, payers);
    let days = sqlx::query_scalar!(
        "update cost_lines l set tenant_id = k.tenant_id
         from unnest($1::integer[], $2::text[], $3::integer[]) k (source_id, allocation_key, tenant_id)
         where l.source_id = k.source_id and l.allocation_key = k.allocation_key and l.tenant_id is distinct from k.tenant_id
         returning l.day",
        &sources,
        &names,
        &tenants as &[Option<i32>],
    )
    .fetch_all(connection)
    .await?;
    let changed = days.len() as u64;
    let mut months: Vec<NaiveDate> = days.into_iter().map(crate::month::first_of).collect();
    months.sort_unstable();
    months.dedup();
    Ok((changed, months))
}

pub async fn reassign_restatements(
    executor: impl PgExecutor<'_>,
    keys: &[KeyInUse],
    payers: &[Option<TenantId>],
) -> Result<u64, sqlx::Error> {
    let (sources, names, tenants) = as_columns(keys, payers);
    let done = sqlx::query!(
        "update cost_restatements l set tenant_id = k.tenant_id
         from unnest($1::integer[], $2::text[], $3::integer[]) k (source_id, allocation_key, tenant_id)
         where l.source_id = k.source_id and l.allocation_key = k.allocation_key and l.tenant_id is distinct from k.tenant_id",
        &sources,
        &names,
        &tenants as &[Option<i32>],
    )
    .execute(executor)
    .await?;
    Ok(done.rows_affected())
}

fn as_columns(keys: &[KeyInUse], payers: &[Option<TenantId>]) -> (Vec<i32>, Vec<String>, Vec<Option<i32>>) {
    (
        keys.iter().map(|key| key.source.0).collect(),
        keys.iter().map(|key| key.allocation_key.clone()).collect(),
        payers.iter().map(|payer| payer.map(|tenant| tenant.0)).collect(),
    )
}

/// A fetch, for evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    pub id: i64,
    pub source: String,
    pub pages_sha256: Sha256,
    pub received_at: DateTime<Utc>,
}

pub(super) fn read_currency(code: &str) -> Result<Currency, sqlx::Error> {
    Currency::parse(code).map_err(|error| sqlx::Error::Decode(error.into()))
}
