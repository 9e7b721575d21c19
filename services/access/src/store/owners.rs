//! Owners again, after the rules changed.

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

use super::{StoredAsset, StoredIdentity};
use crate::ids::{ClassId, PrincipalId, ResourceId};

pub async fn list_principals_after(
    executor: impl PgExecutor<'_>,
    after: i32,
    limit: i64,
) -> Result<Vec<StoredIdentity>, sqlx::Error> {
    sqlx::query_as!(
        StoredIdentity,
        r#"select id as "id: PrincipalId", kind, account, name, arn, session_tag, tenant_id, is_permitted, resolved_by, rule
        from access_principals where id > $1 order by id limit $2"#,
        after,
        limit,
    )
    .fetch_all(executor)
    .await
}

pub async fn list_resources_after(
    executor: impl PgExecutor<'_>,
    after: i32,
    limit: i64,
) -> Result<Vec<StoredAsset>, sqlx::Error> {
    sqlx::query_as!(
        StoredAsset,
        r#"select id as "id: ResourceId", kind, name, tenant_id, layer, rule from access_resources
        where id > $1 order by id limit $2"#,
        after,
        limit,
    )
    .fetch_all(executor)
    .await
}

/// Classes follow their resource, and say anew how the actor stands to its owner; returns those that changed, and those of
/// principals that changed.
pub async fn update_class_owners(
    executor: impl PgExecutor<'_>,
    principals: &[i32],
) -> Result<Vec<ClassId>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"update access_classes c set tenant_id = fresh.tenant_id, actor = fresh.actor
        from (
            select c.id, r.tenant_id,
                case when p.kind = 'service' then 'service' when p.tenant_id = 0 then 'platform'
                    when p.tenant_id is null then 'unattributed' when p.tenant_id = r.tenant_id then 'own' else 'other' end as actor
            from access_classes c
            join access_resources r on r.id = c.resource_id
            join access_principals p on p.id = c.principal_id) fresh
        where c.id = fresh.id
            and ((c.tenant_id, c.actor) is distinct from (fresh.tenant_id, fresh.actor) or c.principal_id = any($1))
        returning c.id as "id: ClassId""#,
        principals,
    )
    .fetch_all(executor)
    .await
}

/// A class with what its verdict depends on, as stored.
#[derive(Debug)]
pub struct JudgedClass {
    pub id: ClassId,
    pub principal_id: PrincipalId,
    pub principal_kind: String,
    pub account: String,
    pub principal_name: String,
    pub session_tag: String,
    pub resource_id: ResourceId,
    pub resource_kind: String,
    pub resource_name: String,
    pub second_id: ResourceId,
    pub second_kind: String,
    pub second_name: String,
    pub action: String,
    pub operation: String,
    pub bits: i32,
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
}

pub async fn list_judged_classes(
    executor: impl PgExecutor<'_>,
    classes: &[i32],
) -> Result<Vec<JudgedClass>, sqlx::Error> {
    sqlx::query_as!(
        JudgedClass,
        r#"select c.id as "id: ClassId", p.id as "principal_id: PrincipalId", p.kind as principal_kind, p.account,
            p.name as principal_name, p.session_tag, r.id as "resource_id: ResourceId", r.kind as resource_kind,
            r.name as resource_name, second.id as "second_id: ResourceId", second.kind as second_kind,
            second.name as second_name, c.action, c.operation, c.bits, min(f.first_at) as "first_at!", max(f.last_at) as "last_at!"
        from access_classes c
        join access_principals p on p.id = c.principal_id
        join access_resources r on r.id = c.resource_id
        join access_resources second on second.id = c.second_resource_id
        join access_facts f on f.class_id = c.id
        where c.id = any($1)
        group by c.id, p.id, r.id, second.id"#,
        classes,
    )
    .fetch_all(executor)
    .await
}

/// A kept record of a class, with where it came from.
#[derive(Debug)]
pub struct KeptRecord {
    pub class_id: ClassId,
    pub event_time: DateTime<Utc>,
    pub source: String,
    pub file: String,
    pub position: i32,
    pub hash: Vec<u8>,
    pub record: serde_json::Value,
}

pub async fn list_kept_records(executor: impl PgExecutor<'_>, classes: &[i32]) -> Result<Vec<KeptRecord>, sqlx::Error> {
    sqlx::query_as!(
        KeptRecord,
        r#"select s.class_id as "class_id: ClassId", s.event_time, source.name as source, t.name as file, s.position, s.hash, s.record
        from access_samples s
        join trail_files t on t.id = s.file_id
        join sources source on source.id = t.source_id
        where s.class_id = any($1)
        order by s.class_id, s.event_time desc"#,
        classes,
    )
    .fetch_all(executor)
    .await
}

pub async fn update_fact_owners(executor: impl PgExecutor<'_>) -> Result<u64, sqlx::Error> {
    let updated = sqlx::query!(
        "update access_facts f set tenant_id = c.tenant_id from access_classes c
        where c.id = f.class_id and f.tenant_id is distinct from c.tenant_id",
    )
    .execute(executor)
    .await?;
    Ok(updated.rows_affected())
}

pub async fn update_sample_owners(executor: impl PgExecutor<'_>) -> Result<u64, sqlx::Error> {
    let updated = sqlx::query!(
        "update access_samples s set tenant_id = c.tenant_id from access_classes c
        where c.id = s.class_id and s.tenant_id is distinct from c.tenant_id",
    )
    .execute(executor)
    .await?;
    Ok(updated.rows_affected())
}
