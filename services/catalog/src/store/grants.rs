//! SQL of `lf_grants`.

use chrono::{DateTime, Utc};
use lakewarden_core::TenantId;
use serde::Serialize;
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};

use super::changes::NewOwner;
use super::rows;

/// A permission in force.
#[derive(Debug, Clone)]
pub struct GrantRow {
    pub id: i64,
    pub account: String,
    pub region: String,
    pub principal: String,
    pub resource_kind: String,
    pub resource: String,
    pub permission: String,
    pub condition: String,
    pub grantable: bool,
    pub record: Value,
    pub valid_from: DateTime<Utc>,
}

#[derive(Debug, Serialize)]
pub struct NewGrant<'a> {
    pub principal: &'a str,
    pub resource_kind: &'a str,
    pub resource: String,
    pub permission: &'a str,
    pub condition: String,
    pub grantable: bool,
    pub tenant_id: Option<TenantId>,
    pub principal_tenant_id: Option<TenantId>,
    pub record: &'a Value,
}

pub async fn list_grants_of(
    connection: &mut PgConnection,
    account: &str,
    region: &str,
) -> Result<Vec<GrantRow>, sqlx::Error> {
    sqlx::query_as!(
        GrantRow,
        r#"select id, account, region, principal, resource_kind, resource, permission, condition, grantable,
                  record, valid_from
           from lf_grants where account = $1 and region = $2 and valid_to is null"#,
        account,
        region,
    )
    .fetch_all(connection)
    .await
}

pub async fn list_grants(executor: impl PgExecutor<'_>) -> Result<Vec<GrantRow>, sqlx::Error> {
    sqlx::query_as!(
        GrantRow,
        r#"select id, account, region, principal, resource_kind, resource, permission, condition, grantable,
                  record, valid_from
           from lf_grants where valid_to is null order by principal, resource, permission, id"#,
    )
    .fetch_all(executor)
    .await
}

pub async fn insert_grants(
    connection: &mut PgConnection,
    account: &str,
    region: &str,
    grants: &[NewGrant<'_>],
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into lf_grants
             (account, region, principal, resource_kind, resource, permission, condition, grantable, tenant_id,
              principal_tenant_id, record, valid_from)
         select $1, $2, r.principal, r.resource_kind, r.resource, r.permission, r.condition, r.grantable, r.tenant_id,
                r.principal_tenant_id, r.record, $4
         from jsonb_to_recordset($3::jsonb) as r
             (principal text, resource_kind text, resource text, permission text, condition text, grantable boolean,
              tenant_id integer, principal_tenant_id integer, record jsonb)",
        account,
        region,
        rows(grants)?,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub async fn close_grants(connection: &mut PgConnection, ids: &[i64], at: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!("update lf_grants set valid_to = $2 where id = any($1)", ids, at).execute(connection).await?;
    Ok(())
}

/// Resources and principals of every grant there ever was: for a change of tenants.
pub async fn list_grant_resources(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!("select distinct resource from lf_grants").fetch_all(connection).await
}

pub async fn list_grant_principals(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!("select distinct principal from lf_grants").fetch_all(connection).await
}

pub async fn update_resource_owners(connection: &mut PgConnection, owners: &[NewOwner]) -> Result<u64, sqlx::Error> {
    let updated = sqlx::query!(
        "update lf_grants g set tenant_id = r.tenant_id
         from jsonb_to_recordset($1::jsonb) as r (asset text, tenant_id integer)
         where g.resource = r.asset and g.tenant_id is distinct from r.tenant_id",
        rows(owners)?,
    )
    .execute(connection)
    .await?;
    Ok(updated.rows_affected())
}

pub async fn update_principal_owners(connection: &mut PgConnection, owners: &[NewOwner]) -> Result<u64, sqlx::Error> {
    let updated = sqlx::query!(
        "update lf_grants g set principal_tenant_id = r.tenant_id
         from jsonb_to_recordset($1::jsonb) as r (asset text, tenant_id integer)
         where g.principal = r.asset and g.principal_tenant_id is distinct from r.tenant_id",
        rows(owners)?,
    )
    .execute(connection)
    .await?;
    Ok(updated.rows_affected())
}
