//! Names to numbers: principals, resources and classes, each stored once. Idempotent, so they are committed ahead of the
//! records that name them.

use sqlx::PgExecutor;

use crate::ids::{ClassId, PrincipalId, ResourceId};

/// Columns of new principals; equal lengths, no two equal identities.
#[derive(Debug, Default)]
pub struct PrincipalRows {
    pub kinds: Vec<String>,
    pub accounts: Vec<String>,
    pub names: Vec<String>,
    pub arns: Vec<String>,
    pub tags: Vec<String>,
    pub tenants: Vec<Option<i32>>,
    pub permitted: Vec<bool>,
    pub steps: Vec<String>,
    pub rules: Vec<String>,
}

#[derive(Debug)]
pub struct StoredPrincipal {
    pub id: PrincipalId,
    pub kind: String,
    pub account: String,
    pub name: String,
    pub session_tag: String,
}

pub async fn upsert_principals(
    executor: impl PgExecutor<'_>,
    rows: &PrincipalRows,
) -> Result<Vec<StoredPrincipal>, sqlx::Error> {
    sqlx::query_as!(
        StoredPrincipal,
        r#"insert into access_principals (kind, account, name, arn, session_tag, tenant_id, is_permitted, resolved_by, rule)
        select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::bool[], $8::text[], $9::text[])
            as new (kind, account, name, arn, session_tag, tenant_id, is_permitted, resolved_by, rule)
        order by kind, account, name, session_tag
        on conflict on constraint access_principals_identity_unique do update
        set tenant_id = excluded.tenant_id, is_permitted = excluded.is_permitted, resolved_by = excluded.resolved_by,
            rule = excluded.rule, arn = case when excluded.arn = '' then access_principals.arn else excluded.arn end
        returning id as "id: PrincipalId", kind, account, name, session_tag"#,
        &rows.kinds,
        &rows.accounts,
        &rows.names,
        &rows.arns,
        &rows.tags,
        &rows.tenants as &[Option<i32>],
        &rows.permitted,
        &rows.steps,
        &rows.rules,
    )
    .fetch_all(executor)
    .await
}

/// Columns of new resources; equal lengths, no two equal.
#[derive(Debug, Default)]
pub struct ResourceRows {
    pub kinds: Vec<String>,
    pub names: Vec<String>,
    pub tenants: Vec<Option<i32>>,
    pub layers: Vec<Option<String>>,
    pub rules: Vec<String>,
}

#[derive(Debug)]
pub struct StoredResource {
    pub id: ResourceId,
    pub kind: String,
    pub name: String,
}

pub async fn upsert_resources(
    executor: impl PgExecutor<'_>,
    rows: &ResourceRows,
) -> Result<Vec<StoredResource>, sqlx::Error> {
    sqlx::query_as!(
        StoredResource,
        r#"insert into access_resources (kind, name, tenant_id, layer, rule)
        select * from unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[])
            as new (kind, name, tenant_id, layer, rule)
        order by kind, name
        on conflict on constraint access_resources_name_unique do update
        set tenant_id = excluded.tenant_id, layer = excluded.layer, rule = excluded.rule
        returning id as "id: ResourceId", kind, name"#,
        &rows.kinds,
        &rows.names,
        &rows.tenants as &[Option<i32>],
        &rows.layers as &[Option<String>],
        &rows.rules,
    )
    .fetch_all(executor)
    .await
}

/// Columns of new classes; equal lengths, no two equal.
#[derive(Debug, Default)]
pub struct ClassRows {
    pub principals: Vec<i32>,
    pub resources: Vec<i32>,
    pub seconds: Vec<i32>,
    pub actions: Vec<String>,
    pub operations: Vec<String>,
    pub bits: Vec<i32>,
    pub tenants: Vec<Option<i32>>,
    pub actors: Vec<String>,
}

#[derive(Debug)]
pub struct StoredClass {
    pub id: ClassId,
    pub principal_id: PrincipalId,
    pub resource_id: ResourceId,
    pub second_resource_id: ResourceId,
    pub operation: String,
    pub bits: i32,
}

pub async fn upsert_classes(executor: impl PgExecutor<'_>, rows: &ClassRows) -> Result<Vec<StoredClass>, sqlx::Error> {
    sqlx::query_as!(
        StoredClass,
        r#"insert into access_classes (principal_id, resource_id, second_resource_id, action, operation, bits, tenant_id, actor)
        select * from unnest($1::int[], $2::int[], $3::int[], $4::text[], $5::text[], $6::int[], $7::int[], $8::text[])
            as new (principal_id, resource_id, second_resource_id, action, operation, bits, tenant_id, actor)
        order by principal_id, resource_id, second_resource_id, operation, bits
        on conflict on constraint access_classes_identity_unique do update
        set tenant_id = excluded.tenant_id, actor = excluded.actor, action = excluded.action
        returning id as "id: ClassId", principal_id as "principal_id: PrincipalId", resource_id as "resource_id: ResourceId",
            second_resource_id as "second_resource_id: ResourceId", operation, bits"#,
        &rows.principals,
        &rows.resources,
        &rows.seconds,
        &rows.actions,
        &rows.operations,
        &rows.bits,
        &rows.tenants as &[Option<i32>],
        &rows.actors,
    )
    .fetch_all(executor)
    .await
}

#[derive(Debug)]
pub struct StoredSession {
    pub access_key: String,
    pub tags: serde_json::Value,
}

pub async fn list_sessions(
    executor: impl PgExecutor<'_>,
    access_keys: &[String],
) -> Result<Vec<StoredSession>, sqlx::Error> {
    sqlx::query_as!(
        StoredSession,
        "select access_key, tags from access_sessions where access_key = any($1)",
        access_keys
    )
    .fetch_all(executor)
    .await
}

pub async fn upsert_sessions(
    executor: impl PgExecutor<'_>,
    access_keys: &[String],
    tags: &[serde_json::Value],
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into access_sessions (access_key, tags, seen_at)
        select access_key, tags, $3 from unnest($1::text[], $2::jsonb[]) as new (access_key, tags) order by access_key
        on conflict on constraint access_sessions_pkey do update set tags = excluded.tags, seen_at = excluded.seen_at",
        access_keys,
        tags,
        now,
    )
    .execute(executor)
    .await?;
    Ok(())
}
