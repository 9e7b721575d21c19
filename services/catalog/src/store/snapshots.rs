//! SQL of `catalog_snapshots`: the order of looks, and how complete the last ones were.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

/// The last looks at one catalog.
#[derive(Debug, Clone)]
pub struct Looks {
    pub account: String,
    pub region: String,
    pub taken_at: DateTime<Utc>,
    pub databases_seen_at: Option<DateTime<Utc>>,
    pub grants_seen_at: Option<DateTime<Utc>>,
    pub tags_seen_at: Option<DateTime<Utc>>,
    pub locations_seen_at: Option<DateTime<Utc>>,
}

/// Makes sure that the catalog has a row; true where it had none.
pub async fn insert_catalog(
    connection: &mut PgConnection,
    account: &str,
    region: &str,
    taken_at: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let inserted = sqlx::query!(
        "insert into catalog_snapshots (account, region, taken_at) values ($1, $2, $3) on conflict do nothing",
        account,
        region,
        taken_at,
    )
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() > 0)
}

/// The catalog's row, held until the transaction ends: two snapshots of one catalog never interleave.
pub async fn lock_catalog(connection: &mut PgConnection, account: &str, region: &str) -> Result<Looks, sqlx::Error> {
    sqlx::query_as!(
        Looks,
        "select account, region, taken_at, databases_seen_at, grants_seen_at, tags_seen_at, locations_seen_at
         from catalog_snapshots where account = $1 and region = $2 for update",
        account,
        region,
    )
    .fetch_one(connection)
    .await
}

/// What of a snapshot was complete.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    pub databases: bool,
    pub grants: bool,
    pub tags: bool,
    pub locations: bool,
}

pub async fn update_looks(
    connection: &mut PgConnection,
    account: &str,
    region: &str,
    taken_at: DateTime<Utc>,
    ended: Ended,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update catalog_snapshots
         set taken_at = greatest(taken_at, $3),
             databases_seen_at = case when $4 then $3 else databases_seen_at end,
             grants_seen_at = case when $5 then $3 else grants_seen_at end,
             tags_seen_at = case when $6 then $3 else tags_seen_at end,
             locations_seen_at = case when $7 then $3 else locations_seen_at end
         where account = $1 and region = $2",
        account,
        region,
        taken_at,
        ended.databases,
        ended.grants,
        ended.tags,
        ended.locations,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub async fn list_looks(executor: impl PgExecutor<'_>) -> Result<Vec<Looks>, sqlx::Error> {
    sqlx::query_as!(
        Looks,
        "select account, region, taken_at, databases_seen_at, grants_seen_at, tags_seen_at, locations_seen_at
         from catalog_snapshots order by account, region",
    )
    .fetch_all(executor)
    .await
}
