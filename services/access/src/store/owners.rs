//! Owners again, after the rules changed.

use sqlx::PgExecutor;

use super::{StoredAsset, StoredIdentity};
use crate::ids::{PrincipalId, ResourceId};

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

/// Classes follow their resource, and say anew how the actor stands to its owner.
pub async fn update_class_owners(executor: impl PgExecutor<'_>) -> Result<u64, sqlx::Error> {
    let updated = sqlx::query!(
        "update access_classes c set tenant_id = now.tenant_id, actor = now.actor
        from (
            select c.id, r.tenant_id,
                case when p.kind = 'service' then 'service' when p.tenant_id = 0 then 'platform'
                    when p.tenant_id is null then 'unattributed' when p.tenant_id = r.tenant_id then 'own' else 'other' end as actor
            from access_classes c
            join access_resources r on r.id = c.resource_id
            join access_principals p on p.id = c.principal_id) now
        where c.id = now.id and (c.tenant_id, c.actor) is distinct from (now.tenant_id, now.actor)",
    )
    .execute(executor)
    .await?;
    Ok(updated.rows_affected())
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
