//! SQL of `glue_tables` and `glue_table_versions`.

use chrono::{DateTime, Utc};
use lakewarden_core::{Layer, TenantId};
use serde::Serialize;
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};

use super::changes::NewOwner;
use super::{Hex, rows};
use crate::TableId;

/// A table as it is known, dropped or not.
#[derive(Debug, Clone)]
pub struct KnownTable {
    pub id: TableId,
    pub database_name: String,
    pub name: String,
    pub content_hash: Vec<u8>,
    pub dropped_at: Option<DateTime<Utc>>,
}

pub async fn list_known_tables(
    connection: &mut PgConnection,
    account: &str,
    region: &str,
) -> Result<Vec<KnownTable>, sqlx::Error> {
    sqlx::query_as!(
        KnownTable,
        r#"select id as "id: TableId", database_name, name, content_hash, dropped_at
           from glue_tables where account = $1 and region = $2"#,
        account,
        region,
    )
    .fetch_all(connection)
    .await
}

#[derive(Debug, Serialize)]
pub struct NewTable<'a> {
    pub database_name: &'a str,
    pub name: &'a str,
    pub tenant_id: Option<TenantId>,
    pub location_tenant_id: Option<TenantId>,
    pub layer: Option<Layer>,
    pub location: Option<&'a str>,
    pub format: &'a str,
    pub column_count: i32,
    pub glue_version: Option<&'a str>,
    pub content_hash: Hex,
}

#[derive(Debug)]
pub struct StoredTable {
    pub id: TableId,
    pub database_name: String,
    pub name: String,
}

/// New tables, changed ones, and ones made again after they were dropped.
pub async fn upsert_tables(
    connection: &mut PgConnection,
    account: &str,
    region: &str,
    tables: &[NewTable<'_>],
    at: DateTime<Utc>,
) -> Result<Vec<StoredTable>, sqlx::Error> {
    sqlx::query_as!(
        StoredTable,
        r#"insert into glue_tables
               (account, region, database_name, name, tenant_id, location_tenant_id, layer, location, format, column_count,
                glue_version, content_hash, first_seen_at, changed_at)
           select $1, $2, r.database_name, r.name, r.tenant_id, r.location_tenant_id, r.layer, r.location, r.format,
                  r.column_count, r.glue_version, decode(r.content_hash, 'hex'), $4, $4
           from jsonb_to_recordset($3::jsonb) as r
               (database_name text, name text, tenant_id integer, location_tenant_id integer, layer text, location text,
                format text, column_count integer, glue_version text, content_hash text)
           on conflict on constraint glue_tables_name_unique do update
           set tenant_id = excluded.tenant_id, location_tenant_id = excluded.location_tenant_id, layer = excluded.layer,
               location = excluded.location, format = excluded.format, column_count = excluded.column_count,
               glue_version = excluded.glue_version, content_hash = excluded.content_hash,
               changed_at = excluded.changed_at, dropped_at = null
           returning id as "id: TableId", database_name, name"#,
        account,
        region,
        rows(tables)?,
        at,
    )
    .fetch_all(connection)
    .await
}

pub async fn drop_tables(connection: &mut PgConnection, ids: &[TableId], at: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!("update glue_tables set dropped_at = $2, changed_at = $2 where id = any($1)", ids as &[TableId], at)
        .execute(connection)
        .await?;
    Ok(())
}

#[derive(Debug, Serialize)]
pub struct NewVersion<'a> {
    pub table_id: TableId,
    pub tenant_id: Option<TenantId>,
    pub glue_version: Option<&'a str>,
    pub content: &'a crate::snapshot::TableContent,
    pub record: &'a Value,
    pub content_hash: Hex,
    pub valid_from: DateTime<Utc>,
}

/// States of tables; the one that is already known at that instant stays. Answers how many are new.
pub async fn insert_versions(connection: &mut PgConnection, versions: &[NewVersion<'_>]) -> Result<u64, sqlx::Error> {
    let inserted = sqlx::query!(
        "insert into glue_table_versions
             (table_id, tenant_id, glue_version, content, record, content_hash, valid_from)
         select r.table_id, r.tenant_id, r.glue_version, r.content, r.record, decode(r.content_hash, 'hex'), r.valid_from
         from jsonb_to_recordset($1::jsonb) as r
             (table_id bigint, tenant_id integer, glue_version text, content jsonb, record jsonb, content_hash text,
              valid_from timestamptz)
         on conflict on constraint glue_table_versions_instant_unique do nothing",
        rows(versions)?,
    )
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected())
}

/// Ends the states that hold now.
pub async fn close_versions(
    connection: &mut PgConnection,
    tables: &[TableId],
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update glue_table_versions set valid_to = greatest($2, valid_from) where table_id = any($1) and valid_to is null",
        tables as &[TableId],
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets each state end where the next begins, after earlier ones were put in between; a drop in between stays a gap.
pub async fn relink_versions(connection: &mut PgConnection, tables: &[TableId]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update glue_table_versions v set valid_to = least(v.valid_to, next.valid_from)
         from (select id, lead(valid_from) over (partition by table_id order by valid_from) as valid_from
               from glue_table_versions where table_id = any($1)) next
         where next.id = v.id and next.valid_from is not null
           and v.valid_to is distinct from least(v.valid_to, next.valid_from)",
        tables as &[TableId],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The state that holds now.
#[derive(Debug, Clone)]
pub struct CurrentVersion {
    pub table_id: TableId,
    pub content: Value,
    pub valid_from: DateTime<Utc>,
}

pub async fn list_current_versions(
    connection: &mut PgConnection,
    tables: &[TableId],
) -> Result<Vec<CurrentVersion>, sqlx::Error> {
    sqlx::query_as!(
        CurrentVersion,
        r#"select table_id as "table_id: TableId", content, valid_from from glue_table_versions
           where table_id = any($1) and valid_to is null"#,
        tables as &[TableId],
    )
    .fetch_all(connection)
    .await
}

/// A table with what judging needs.
#[derive(Debug, Clone)]
pub struct JudgedTable {
    pub account: String,
    pub region: String,
    pub database_name: String,
    pub name: String,
    pub location: Option<String>,
    pub changed_at: DateTime<Utc>,
    pub record: Value,
}

pub async fn list_judged_tables(executor: impl PgExecutor<'_>) -> Result<Vec<JudgedTable>, sqlx::Error> {
    sqlx::query_as!(
        JudgedTable,
        "select t.account, t.region, t.database_name, t.name, t.location, t.changed_at, v.record
         from glue_tables t join glue_table_versions v on v.table_id = t.id and v.valid_to is null
         where t.dropped_at is null order by t.id",
    )
    .fetch_all(executor)
    .await
}

pub async fn update_table_owners(connection: &mut PgConnection, owners: &[NewOwner]) -> Result<u64, sqlx::Error> {
    let updated = sqlx::query!(
        "update glue_tables t set tenant_id = r.tenant_id, layer = r.layer, location_tenant_id = r.location_tenant_id
         from jsonb_to_recordset($1::jsonb) as r (asset text, tenant_id integer, layer text, location_tenant_id integer)
         where 'glue:' || t.account || '/' || t.database_name || '.' || t.name = r.asset
           and (t.tenant_id, t.layer, t.location_tenant_id)
               is distinct from (r.tenant_id, r.layer, r.location_tenant_id)",
        rows(owners)?,
    )
    .execute(connection)
    .await?;
    Ok(updated.rows_affected())
}

/// After [`update_table_owners`]: versions follow their table.
pub async fn update_version_owners(connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let updated = sqlx::query!(
        "update glue_table_versions v set tenant_id = t.tenant_id from glue_tables t
         where t.id = v.table_id and v.tenant_id is distinct from t.tenant_id",
    )
    .execute(connection)
    .await?;
    Ok(updated.rows_affected())
}

/// A table's name and place, dropped or not.
#[derive(Debug)]
pub struct TableName {
    pub account: String,
    pub database_name: String,
    pub name: String,
    pub location: Option<String>,
}

pub async fn list_table_names(connection: &mut PgConnection) -> Result<Vec<TableName>, sqlx::Error> {
    sqlx::query_as!(TableName, "select account, database_name, name, location from glue_tables")
        .fetch_all(connection)
        .await
}
