//! SQL behind pages and the JSON API: reads in the viewer's transaction, so that row-level security confines them.

use chrono::{DateTime, Utc};
use lakewarden_core::{Cursor, Layer, TenantId};
use serde_json::Value;
use sqlx::PgExecutor;

use crate::TableId;

/// What the list of tables is narrowed to; `None` for everything.
#[derive(Debug, Clone, Default)]
pub struct TableFilter {
    /// Part of `database.table`.
    pub name: Option<String>,
    pub tenant: Option<TenantId>,
    pub layer: Option<Layer>,
    pub database: Option<String>,
    /// The last table of the page before.
    pub after: Option<TableId>,
    pub limit: i64,
}

#[derive(Debug, Clone)]
pub struct TableRow {
    pub id: TableId,
    pub account: String,
    pub region: String,
    pub database_name: String,
    pub name: String,
    pub tenant_id: Option<TenantId>,
    pub location_tenant_id: Option<TenantId>,
    pub layer: Option<Layer>,
    pub location: Option<String>,
    pub format: String,
    pub column_count: i32,
    pub first_seen_at: DateTime<Utc>,
    pub changed_at: DateTime<Utc>,
    pub dropped_at: Option<DateTime<Utc>>,
}

pub async fn list_tables(executor: impl PgExecutor<'_>, filter: &TableFilter) -> Result<Vec<TableRow>, sqlx::Error> {
    sqlx::query_as!(
        TableRow,
        r#"select id as "id: TableId", account, region, database_name, name, tenant_id as "tenant_id: TenantId",
                  location_tenant_id as "location_tenant_id: TenantId", layer as "layer: Layer", location, format,
                  column_count, first_seen_at, changed_at, dropped_at
           from glue_tables
           where dropped_at is null
             and ($1::text is null or strpos(lower(database_name || '.' || name), lower($1)) > 0)
             and ($2::integer is null or tenant_id = $2)
             and ($3::text is null or layer = $3)
             and ($4::text is null or database_name = $4)
             and ($5::bigint is null
                  or (database_name, name, id) > (select a.database_name, a.name, a.id from glue_tables a where a.id = $5))
           order by database_name, name, id
           limit $6"#,
        filter.name.as_deref(),
        filter.tenant as Option<TenantId>,
        filter.layer as Option<Layer>,
        filter.database.as_deref(),
        filter.after as Option<TableId>,
        filter.limit,
    )
    .fetch_all(executor)
    .await
}

pub async fn find_table(executor: impl PgExecutor<'_>, id: TableId) -> Result<Option<TableRow>, sqlx::Error> {
    sqlx::query_as!(
        TableRow,
        r#"select id as "id: TableId", account, region, database_name, name, tenant_id as "tenant_id: TenantId",
                  location_tenant_id as "location_tenant_id: TenantId", layer as "layer: Layer", location, format,
                  column_count, first_seen_at, changed_at, dropped_at
           from glue_tables where id = $1"#,
        id as TableId,
    )
    .fetch_optional(executor)
    .await
}

/// A database with how many tables of it there are.
#[derive(Debug, Clone)]
pub struct DatabaseSummary {
    pub name: String,
    pub tenant_id: Option<TenantId>,
    pub layer: Option<Layer>,
    pub location: Option<String>,
    pub tables: i64,
}

pub async fn list_database_summaries(
    executor: impl PgExecutor<'_>,
    tenant: Option<TenantId>,
) -> Result<Vec<DatabaseSummary>, sqlx::Error> {
    sqlx::query_as!(
        DatabaseSummary,
        r#"select d.name, d.tenant_id as "tenant_id: TenantId", d.layer as "layer: Layer", d.location,
                  count(t.id) as "tables!"
           from glue_databases d
           left join glue_tables t on t.account = d.account and t.region = d.region and t.database_name = d.name
                                  and t.dropped_at is null
           where d.valid_to is null and ($1::integer is null or d.tenant_id = $1)
           group by d.id order by d.name, d.id limit 500"#,
        tenant as Option<TenantId>,
    )
    .fetch_all(executor)
    .await
}

/// The numbers on top of the page.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    pub databases: i64,
    pub tables: i64,
    pub grants: i64,
    pub changes: i64,
}

pub async fn count_all(executor: impl PgExecutor<'_>, since: DateTime<Utc>) -> Result<Totals, sqlx::Error> {
    sqlx::query_as!(
        Totals,
        r#"select (select count(*) from glue_databases where valid_to is null) as "databases!",
                  (select count(*) from glue_tables where dropped_at is null) as "tables!",
                  (select count(*) from lf_grants where valid_to is null) as "grants!",
                  (select count(*) from catalog_changes where occurred_at >= $1) as "changes!""#,
        since,
    )
    .fetch_one(executor)
    .await
}

#[derive(Debug, Clone)]
pub struct ChangeRow {
    pub id: i64,
    pub tenant_id: Option<TenantId>,
    pub occurred_at: DateTime<Utc>,
    pub kind: String,
    pub action: String,
    pub asset: String,
    pub table_id: Option<TableId>,
    pub fields: Value,
}

/// Newest first; of one table, or of everything.
pub async fn list_changes(
    executor: impl PgExecutor<'_>,
    table: Option<TableId>,
    tenant: Option<TenantId>,
    before: Cursor,
    limit: i64,
) -> Result<Vec<ChangeRow>, sqlx::Error> {
    sqlx::query_as!(
        ChangeRow,
        r#"select id, tenant_id as "tenant_id: TenantId", occurred_at, kind, action, asset,
                  table_id as "table_id: TableId", fields
           from catalog_changes
           where ($1::bigint is null or table_id = $1) and ($2::integer is null or tenant_id = $2)
             and (occurred_at, id) < ($3, $4)
           order by occurred_at desc, id desc limit $5"#,
        table as Option<TableId>,
        tenant as Option<TenantId>,
        last_instant(before.at),
        before.id,
        limit,
    )
    .fetch_all(executor)
    .await
}

/// The start of a list lies beyond what Postgres can store.
fn last_instant(at: DateTime<Utc>) -> DateTime<Utc> {
    at.min(DateTime::from_timestamp(253_402_300_799, 0).expect("the last second of the year 9999"))
}

#[derive(Debug, Clone)]
pub struct VersionRow {
    pub glue_version: Option<String>,
    pub content: Value,
    pub valid_from: DateTime<Utc>,
    pub valid_to: Option<DateTime<Utc>>,
}

/// The newest versions of a table, newest first.
pub async fn list_versions(
    executor: impl PgExecutor<'_>,
    table: TableId,
    limit: i64,
) -> Result<Vec<VersionRow>, sqlx::Error> {
    sqlx::query_as!(
        VersionRow,
        "select glue_version, content, valid_from, valid_to from glue_table_versions
         where table_id = $1 order by valid_from desc limit $2",
        table as TableId,
        limit,
    )
    .fetch_all(executor)
    .await
}

#[derive(Debug, Clone)]
pub struct GrantLine {
    pub id: i64,
    pub principal: String,
    pub resource: String,
    pub resource_kind: String,
    pub permission: String,
    pub condition: String,
    pub grantable: bool,
    pub tenant_id: Option<TenantId>,
    pub principal_tenant_id: Option<TenantId>,
    pub valid_from: DateTime<Utc>,
    pub valid_to: Option<DateTime<Utc>>,
}

/// What the list of grants is narrowed to.
#[derive(Debug, Clone)]
pub struct GrantFilter {
    /// Part of the principal.
    pub principal: Option<String>,
    /// Owner of the resource.
    pub tenant: Option<TenantId>,
    /// Owner of the principal.
    pub principal_tenant: Option<TenantId>,
    /// Only where the two differ.
    pub crossing: bool,
    /// Also what was revoked.
    pub ended: bool,
    pub before: Cursor,
    pub limit: i64,
}

pub async fn list_grants(executor: impl PgExecutor<'_>, filter: &GrantFilter) -> Result<Vec<GrantLine>, sqlx::Error> {
    sqlx::query_as!(
        GrantLine,
        r#"select id, principal, resource, resource_kind, permission, condition, grantable,
                  tenant_id as "tenant_id: TenantId", principal_tenant_id as "principal_tenant_id: TenantId",
                  valid_from, valid_to
           from lf_grants
           where ($1::text is null or strpos(lower(principal), lower($1)) > 0)
             and ($2::integer is null or tenant_id = $2)
             and ($3::integer is null or principal_tenant_id = $3)
             and (not $4 or (tenant_id <> principal_tenant_id and tenant_id > 0 and principal_tenant_id > 0))
             and ($5 or valid_to is null)
             and (valid_from, id) < ($6, $7)
           order by valid_from desc, id desc limit $8"#,
        filter.principal.as_deref(),
        filter.tenant as Option<TenantId>,
        filter.principal_tenant as Option<TenantId>,
        filter.crossing,
        filter.ended,
        last_instant(filter.before.at),
        filter.before.id,
        filter.limit,
    )
    .fetch_all(executor)
    .await
}

/// Permissions that reach a table: on itself, on parts of it, on its database, on every table of it.
pub async fn list_grants_on(
    executor: impl PgExecutor<'_>,
    table: &str,
    database: &str,
    limit: i64,
) -> Result<Vec<GrantLine>, sqlx::Error> {
    sqlx::query_as!(
        GrantLine,
        r#"select id, principal, resource, resource_kind, permission, condition, grantable,
                  tenant_id as "tenant_id: TenantId", principal_tenant_id as "principal_tenant_id: TenantId",
                  valid_from, valid_to
           from lf_grants
           where resource in ($1, $2, $2 || '.*') or starts_with(resource, $1 || ' (')
           order by valid_to desc nulls first, valid_from desc, id desc limit $3"#,
        table,
        database,
        limit,
    )
    .fetch_all(executor)
    .await
}

#[derive(Debug, Clone)]
pub struct TagLine {
    pub resource: String,
    pub tag_key: String,
    pub tag_values: Vec<String>,
}

pub async fn list_tags_on(executor: impl PgExecutor<'_>, resources: &[String]) -> Result<Vec<TagLine>, sqlx::Error> {
    sqlx::query_as!(
        TagLine,
        "select resource, tag_key, tag_values from lf_tags
         where valid_to is null and resource = any($1) order by tag_key, resource",
        resources,
    )
    .fetch_all(executor)
    .await
}
