//! SQL of `glue_databases`.

use chrono::{DateTime, Utc};
use lakewarden_core::{Layer, TenantId};
use serde::Serialize;
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};

use super::{Hex, rows};

/// A database as it stands.
#[derive(Debug, Clone)]
pub struct DatabaseRow {
    pub id: i64,
    pub account: String,
    pub region: String,
    pub name: String,
    pub location: Option<String>,
    pub description: String,
    pub parameters: Value,
    pub record: Value,
    pub record_hash: Vec<u8>,
    pub valid_from: DateTime<Utc>,
}

#[derive(Debug, Serialize)]
pub struct NewDatabase<'a> {
    pub name: &'a str,
    pub tenant_id: Option<TenantId>,
    pub layer: Option<Layer>,
    pub location: Option<&'a str>,
    pub description: &'a str,
    pub parameters: &'a std::collections::BTreeMap<String, String>,
    pub record: &'a Value,
    pub record_hash: Hex,
}

pub async fn list_databases_of(
    connection: &mut PgConnection,
    account: &str,
    region: &str,
) -> Result<Vec<DatabaseRow>, sqlx::Error> {
    sqlx::query_as!(
        DatabaseRow,
        "select id, account, region, name, location, description, parameters, record, record_hash, valid_from
         from glue_databases where account = $1 and region = $2 and valid_to is null",
        account,
        region,
    )
    .fetch_all(connection)
    .await
}

pub async fn list_databases(executor: impl PgExecutor<'_>) -> Result<Vec<DatabaseRow>, sqlx::Error> {
    sqlx::query_as!(
        DatabaseRow,
        "select id, account, region, name, location, description, parameters, record, record_hash, valid_from
         from glue_databases where valid_to is null order by account, region, name",
    )
    .fetch_all(executor)
    .await
}

pub async fn insert_databases(
    connection: &mut PgConnection,
    account: &str,
    region: &str,
    databases: &[NewDatabase<'_>],
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into glue_databases
             (account, region, name, tenant_id, layer, location, description, parameters, record, record_hash, valid_from)
         select $1, $2, r.name, r.tenant_id, r.layer, r.location, r.description, r.parameters, r.record,
                decode(r.record_hash, 'hex'), $4
         from jsonb_to_recordset($3::jsonb) as r (name text, tenant_id integer, layer text, location text, description text,
                                                  parameters jsonb, record jsonb, record_hash text)",
        account,
        region,
        rows(databases)?,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub async fn close_databases(connection: &mut PgConnection, ids: &[i64], at: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!("update glue_databases set valid_to = $2 where id = any($1)", ids, at).execute(connection).await?;
    Ok(())
}

/// Every row's owner anew, of earlier states too; answers how many changed.
pub async fn update_database_owners(
    connection: &mut PgConnection,
    owners: &[super::changes::NewOwner],
) -> Result<u64, sqlx::Error> {
    let updated = sqlx::query!(
        "update glue_databases d set tenant_id = r.tenant_id, layer = r.layer
         from jsonb_to_recordset($1::jsonb) as r (asset text, tenant_id integer, layer text)
         where 'glue:' || d.account || '/' || d.name = r.asset
           and (d.tenant_id, d.layer) is distinct from (r.tenant_id, r.layer)",
        rows(owners)?,
    )
    .execute(connection)
    .await?;
    Ok(updated.rows_affected())
}
