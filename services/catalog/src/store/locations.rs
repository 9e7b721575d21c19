//! SQL of `registered_locations` and `lf_settings`.

use chrono::{DateTime, Utc};
use lakewarden_core::TenantId;
use serde::Serialize;
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};

use super::changes::NewOwner;
use super::{Hex, rows};

/// A location that Lake Formation guards now.
#[derive(Debug, Clone)]
pub struct LocationRow {
    pub id: i64,
    pub account: String,
    pub region: String,
    pub location: String,
    pub role_arn: Option<String>,
    pub hybrid: bool,
    pub record: Value,
    pub valid_from: DateTime<Utc>,
}

#[derive(Debug, Serialize)]
pub struct NewLocation<'a> {
    pub location: &'a str,
    pub role_arn: Option<&'a str>,
    pub hybrid: bool,
    pub tenant_id: Option<TenantId>,
    pub record: &'a Value,
    pub record_hash: Hex,
}

pub async fn list_locations(executor: impl PgExecutor<'_>) -> Result<Vec<LocationRow>, sqlx::Error> {
    sqlx::query_as!(
        LocationRow,
        "select id, account, region, location, role_arn, hybrid, record, valid_from
         from registered_locations where valid_to is null order by account, region, location",
    )
    .fetch_all(executor)
    .await
}

pub async fn insert_locations(
    connection: &mut PgConnection,
    account: &str,
    region: &str,
    locations: &[NewLocation<'_>],
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into registered_locations
             (account, region, location, role_arn, hybrid, tenant_id, record, record_hash, valid_from)
         select $1, $2, r.location, r.role_arn, r.hybrid, r.tenant_id, r.record, decode(r.record_hash, 'hex'), $4
         from jsonb_to_recordset($3::jsonb) as r
             (location text, role_arn text, hybrid boolean, tenant_id integer, record jsonb, record_hash text)",
        account,
        region,
        rows(locations)?,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub async fn close_locations(connection: &mut PgConnection, ids: &[i64], at: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!("update registered_locations set valid_to = $2 where id = any($1)", ids, at)
        .execute(connection)
        .await?;
    Ok(())
}

pub async fn update_location_owners(connection: &mut PgConnection, owners: &[NewOwner]) -> Result<u64, sqlx::Error> {
    let updated = sqlx::query!(
        "update registered_locations l set tenant_id = r.tenant_id
         from jsonb_to_recordset($1::jsonb) as r (asset text, tenant_id integer)
         where l.location = r.asset and l.tenant_id is distinct from r.tenant_id",
        rows(owners)?,
    )
    .execute(connection)
    .await?;
    Ok(updated.rows_affected())
}

/// Lake Formation's settings of one catalog.
#[derive(Debug, Clone)]
pub struct SettingsRow {
    pub id: i64,
    pub account: String,
    pub region: String,
    pub record: Value,
    pub valid_from: DateTime<Utc>,
}

pub async fn list_settings(executor: impl PgExecutor<'_>) -> Result<Vec<SettingsRow>, sqlx::Error> {
    sqlx::query_as!(
        SettingsRow,
        "select id, account, region, record, valid_from from lf_settings where valid_to is null order by account, region",
    )
    .fetch_all(executor)
    .await
}

pub async fn close_settings(connection: &mut PgConnection, id: i64, at: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!("update lf_settings set valid_to = $2 where id = $1", id, at).execute(connection).await?;
    Ok(())
}

pub async fn insert_settings(
    connection: &mut PgConnection,
    account: &str,
    region: &str,
    record: &Value,
    hash: &[u8],
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into lf_settings (account, region, record, record_hash, valid_from) values ($1, $2, $3, $4, $5)",
        account,
        region,
        record,
        hash,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}
