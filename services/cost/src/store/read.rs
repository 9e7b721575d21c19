//! Statements of judging, pages and the API; the latter run behind row-level security.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use lakewarden_core::{Currency, Cursor, Sha256, TenantId};
use lakewarden_tenancy::Owner;
use rust_decimal::Decimal;
use sqlx::PgExecutor;

use super::{Fetch, read_currency};
use crate::cost_explorer::Grouping;

/// What one payer spent on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailySpend {
    pub day: NaiveDate,
    /// None is unallocated.
    pub payer: Option<TenantId>,
    pub currency: Currency,
    pub amount: Decimal,
    pub estimated: bool,
    /// The newest set of pages among its lines.
    pub fetch_id: i64,
}

/// Spend by day and payer, from `from` to before `to`.
pub async fn list_daily_spend(
    executor: impl PgExecutor<'_>,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<DailySpend>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select day, tenant_id as "payer: TenantId", currency, sum(amount)::numeric(28, 12) as "amount!",
                  bool_or(estimated) as "estimated!", max(fetch_id) as "fetch_id!"
           from cost_lines where seen_to is null and day >= $1 and day < $2
           group by day, tenant_id, currency order by day, tenant_id"#,
        from,
        to,
    )
    .fetch_all(executor)
    .await?;
    rows.into_iter()
        .map(|row| {
            let currency = read_currency(&row.currency)?;
            let (day, payer, amount) = (row.day, row.payer, row.amount);
            Ok(DailySpend { day, payer, currency, amount, estimated: row.estimated, fetch_id: row.fetch_id })
        })
        .collect()
}

/// What one payer spent on one service on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSpend {
    pub day: NaiveDate,
    pub service: String,
    pub currency: Currency,
    pub amount: Decimal,
}

pub async fn list_service_spend(
    executor: impl PgExecutor<'_>,
    month: NaiveDate,
    payer: Option<TenantId>,
) -> Result<Vec<ServiceSpend>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select day, service, currency, sum(amount)::numeric(28, 12) as "amount!"
           from cost_lines
           where seen_to is null and day >= $1 and day < $1 + interval '1 month' and tenant_id is not distinct from $2
           group by day, service, currency order by day, service"#,
        month,
        payer.map(|tenant| tenant.0),
    )
    .fetch_all(executor)
    .await?;
    rows.into_iter()
        .map(|row| {
            let currency = read_currency(&row.currency)?;
            Ok(ServiceSpend { day: row.day, service: row.service, currency, amount: row.amount })
        })
        .collect()
}

/// Days collected from `from` to before `to`, by any source; true where a source still estimates.
pub async fn list_days(
    executor: impl PgExecutor<'_>,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<BTreeMap<NaiveDate, bool>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select day, bool_or(estimated) as "estimated!" from cost_days where day >= $1 and day < $2 group by day"#,
        from,
        to,
    )
    .fetch_all(executor)
    .await?;
    Ok(rows.into_iter().map(|row| (row.day, row.estimated)).collect())
}

pub async fn list_fetches(executor: impl PgExecutor<'_>, ids: &[i64]) -> Result<BTreeMap<i64, Fetch>, sqlx::Error> {
    let rows = sqlx::query!(
        "select f.id, s.name, f.pages_sha256, f.received_at
         from cost_fetches f join cost_sources s using (source_id) where f.id = any($1)",
        ids,
    )
    .fetch_all(executor)
    .await?;
    let fetch = |(id, source, hash, received_at): (i64, String, Vec<u8>, DateTime<Utc>)| Fetch {
        id,
        source,
        pages_sha256: Sha256::from_slice(&hash).unwrap_or(Sha256([0; 32])),
        received_at,
    };
    Ok(rows.into_iter().map(|row| (row.id, fetch((row.id, row.name, row.pages_sha256, row.received_at)))).collect())
}

/// Months with any cost the caller may see, newest first.
pub async fn list_months(executor: impl PgExecutor<'_>) -> Result<Vec<NaiveDate>, sqlx::Error> {
    sqlx::query_scalar!("select distinct month from cost_cells order by month desc").fetch_all(executor).await
}

/// A cell of a month's table, as everyone sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthCell {
    pub currency: Currency,
    pub payer: Option<TenantId>,
    pub service: String,
    pub amount: Decimal,
    pub cents: i64,
}

pub async fn list_cells(executor: impl PgExecutor<'_>, month: NaiveDate) -> Result<Vec<MonthCell>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select currency, tenant_id as "payer: TenantId", service, amount, cents from cost_cells
           where month = $1 order by currency, tenant_id, service"#,
        month,
    )
    .fetch_all(executor)
    .await?;
    rows.into_iter()
        .map(|row| {
            let currency = read_currency(&row.currency)?;
            Ok(MonthCell { currency, payer: row.payer, service: row.service, amount: row.amount, cents: row.cents })
        })
        .collect()
}

/// Which lines to list.
#[derive(Debug, Clone, Default)]
pub struct LineFilter {
    /// First day, and the day after the last.
    pub from: NaiveDate,
    pub to: NaiveDate,
    /// Unowned is unallocated.
    pub payer: Option<Owner>,
    pub service: Option<String>,
}

/// A line in force, with where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub id: i64,
    pub day: NaiveDate,
    pub service: String,
    pub grouping: Grouping,
    pub allocation_key: String,
    pub payer: Option<TenantId>,
    pub amount: Decimal,
    pub currency: Currency,
    pub estimated: bool,
    pub seen_from: DateTime<Utc>,
    pub pages_sha256: Sha256,
}

/// Lines in force, newest day first.
pub async fn list_lines(
    executor: impl PgExecutor<'_>,
    filter: &LineFilter,
    after: Cursor,
    limit: i64,
) -> Result<Vec<Line>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select l.id, l.day, l.service, s.grouped_by, s.tag_key, l.allocation_key, l.tenant_id as "payer: TenantId", l.amount,
                  l.currency, l.estimated, l.seen_from, f.pages_sha256
           from cost_lines l
           join cost_sources s using (source_id)
           join cost_fetches f on f.id = l.fetch_id
           where l.seen_to is null and l.day >= $1 and l.day < $2
             and (not $3 or l.tenant_id is not distinct from $4)
             and ($5::text is null or l.service = $5)
             and (l.day, l.id) < ($6, $7)
           order by l.day desc, l.id desc limit $8"#,
        filter.from,
        filter.to,
        filter.payer.is_some(),
        filter.payer.and_then(Owner::tenant_id).map(|tenant| tenant.0),
        filter.service,
        after.at.date_naive().min(filter.to),
        after.id,
        limit,
    )
    .fetch_all(executor)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Line {
                id: row.id,
                day: row.day,
                service: row.service,
                grouping: Grouping::from_columns(&row.grouped_by, row.tag_key),
                allocation_key: row.allocation_key,
                payer: row.payer,
                amount: row.amount,
                currency: read_currency(&row.currency)?,
                estimated: row.estimated,
                seen_from: row.seen_from,
                pages_sha256: Sha256::from_slice(&row.pages_sha256).unwrap_or(Sha256([0; 32])),
            })
        })
        .collect()
}

/// A change of what AWS had said before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRestatement {
    pub id: i64,
    pub day: NaiveDate,
    pub service: String,
    pub allocation_key: String,
    pub payer: Option<TenantId>,
    pub currency: Currency,
    pub old_amount: Option<Decimal>,
    pub new_amount: Option<Decimal>,
    pub was_estimated: bool,
    pub seen_at: DateTime<Utc>,
}

/// Restatements of the filter's days, newest first.
pub async fn list_restatements(
    executor: impl PgExecutor<'_>,
    filter: &LineFilter,
    after: Cursor,
    limit: i64,
) -> Result<Vec<StoredRestatement>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select id, day, service, allocation_key, tenant_id as "payer: TenantId", currency, old_amount, new_amount, was_estimated,
                  seen_at
           from cost_restatements
           where day >= $1 and day < $2 and (not $3 or tenant_id is not distinct from $4)
             and ($5::text is null or service = $5)
             and (seen_at, id) < ($6, $7)
           order by seen_at desc, id desc limit $8"#,
        filter.from,
        filter.to,
        filter.payer.is_some(),
        filter.payer.and_then(Owner::tenant_id).map(|tenant| tenant.0),
        filter.service,
        after.at.min(latest_instant()),
        after.id,
        limit,
    )
    .fetch_all(executor)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(StoredRestatement {
                id: row.id,
                day: row.day,
                service: row.service,
                allocation_key: row.allocation_key,
                payer: row.payer,
                currency: read_currency(&row.currency)?,
                old_amount: row.old_amount,
                new_amount: row.new_amount,
                was_estimated: row.was_estimated,
                seen_at: row.seen_at,
            })
        })
        .collect()
}

/// The start cursor lies beyond what Postgres can hold.
fn latest_instant() -> DateTime<Utc> {
    DateTime::from_timestamp(32_503_680_000, 0).expect("the year 3000")
}
