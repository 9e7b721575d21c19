//! SQL of `lf_tags`.

use chrono::{DateTime, Utc};
use lakewarden_core::TenantId;
use serde::Serialize;
use sqlx::{PgConnection, PgExecutor};

use super::changes::NewOwner;
use super::rows;

/// A tag in force.
#[derive(Debug, Clone)]
pub struct TagRow {
    pub id: i64,
    pub resource: String,
    pub tag_key: String,
    pub tag_values: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct NewTag<'a> {
    pub resource: &'a str,
    pub tag_key: &'a str,
    pub tag_values: &'a [String],
    pub tenant_id: Option<TenantId>,
}

pub async fn list_tags_of(
    connection: &mut PgConnection,
    account: &str,
    region: &str,
) -> Result<Vec<TagRow>, sqlx::Error> {
    sqlx::query_as!(
        TagRow,
        "select id, resource, tag_key, tag_values from lf_tags where account = $1 and region = $2 and valid_to is null",
        account,
        region,
    )
    .fetch_all(connection)
    .await
}

pub async fn list_tags(executor: impl PgExecutor<'_>) -> Result<Vec<TagRow>, sqlx::Error> {
    sqlx::query_as!(
        TagRow,
        "select id, resource, tag_key, tag_values from lf_tags where valid_to is null order by resource, tag_key"
    )
    .fetch_all(executor)
    .await
}

pub async fn insert_tags(
    connection: &mut PgConnection,
    account: &str,
    region: &str,
    tags: &[NewTag<'_>],
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into lf_tags (account, region, resource, tag_key, tag_values, tenant_id, valid_from)
         select $1, $2, r.resource, r.tag_key, r.tag_values, r.tenant_id, $4
         from jsonb_to_recordset($3::jsonb) as r (resource text, tag_key text, tag_values text[], tenant_id integer)",
        account,
        region,
        rows(tags)?,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub async fn close_tags(connection: &mut PgConnection, ids: &[i64], at: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!("update lf_tags set valid_to = $2 where id = any($1)", ids, at).execute(connection).await?;
    Ok(())
}

pub async fn list_tagged_resources(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!("select distinct resource from lf_tags").fetch_all(connection).await
}

pub async fn update_tag_owners(connection: &mut PgConnection, owners: &[NewOwner]) -> Result<u64, sqlx::Error> {
    let updated = sqlx::query!(
        "update lf_tags t set tenant_id = r.tenant_id
         from jsonb_to_recordset($1::jsonb) as r (asset text, tenant_id integer)
         where t.resource = r.asset and t.tenant_id is distinct from r.tenant_id",
        rows(owners)?,
    )
    .execute(connection)
    .await?;
    Ok(updated.rows_affected())
}
