//! Reading for pages and the API, always inside a transaction that row-level security confines to the caller.
//!
//! Counts come from hourly facts, so a window is taken by whole hours. Log delivery is left out: it is not access.

use chrono::{DateTime, Utc};
use lakewarden_core::Cursor;
use sqlx::PgExecutor;

use crate::explorer::Filter;
use crate::ids::{ClassId, PrincipalId, ResourceId};

/// One asset and what was done to it in the window.
#[derive(Debug, Clone)]
pub struct AssetRow {
    pub id: ResourceId,
    pub name: String,
    pub tenant_id: Option<i32>,
    pub layer: Option<String>,
    pub principals: i64,
    pub records: i64,
    pub denied: i64,
    pub bytes_out: i64,
    pub last_at: DateTime<Utc>,
}

pub async fn list_assets(
    executor: impl PgExecutor<'_>,
    filter: &Filter,
    after: Cursor,
    limit: i64,
) -> Result<Vec<AssetRow>, sqlx::Error> {
    sqlx::query_as!(
        AssetRow,
        r#"select r.id as "id: ResourceId", r.name, r.tenant_id, r.layer,
            count(distinct c.principal_id) as "principals!", sum(f.records)::bigint as "records!",
            coalesce(sum(f.records) filter (where c.bits & 1 = 1), 0)::bigint as "denied!",
            sum(f.bytes_out)::bigint as "bytes_out!", max(f.last_at) as "last_at!"
        from access_facts f
        join access_classes c on c.id = f.class_id
        join access_resources r on r.id = c.resource_id
        where f.hour >= $1 and f.hour < $2 and c.bits & 128 = 0
            and ($3::int is null or c.tenant_id = $3)
            and ($4::text is null or c.action = $4)
            and ($5::bool is null or (c.bits & 1 = 1) = $5)
            and ($6::text is null or r.name ilike $6)
        group by r.id
        having (max(f.last_at), r.id::bigint) < ($7, $8)
        order by max(f.last_at) desc, r.id desc
        limit $9"#,
        filter.from,
        filter.to,
        filter.tenant,
        filter.action,
        filter.denied,
        filter.like(),
        after.at,
        after.id,
        limit,
    )
    .fetch_all(executor)
    .await
}

/// One principal and what it did in the window. Nameless where it belongs to somebody the caller may not see.
#[derive(Debug, Clone)]
pub struct PrincipalRow {
    pub id: PrincipalId,
    pub kind: Option<String>,
    pub account: Option<String>,
    pub name: Option<String>,
    pub session_tag: Option<String>,
    pub tenant_id: Option<i32>,
    pub actor: String,
    pub assets: i64,
    pub records: i64,
    pub denied: i64,
    pub bytes_out: i64,
    pub last_at: DateTime<Utc>,
}

pub async fn list_principals(
    executor: impl PgExecutor<'_>,
    filter: &Filter,
    after: Cursor,
    limit: i64,
) -> Result<Vec<PrincipalRow>, sqlx::Error> {
    sqlx::query_as!(
        PrincipalRow,
        r#"select c.principal_id as "id: PrincipalId", p.kind as "kind?", p.account as "account?", p.name as "name?",
            p.session_tag as "session_tag?", p.tenant_id, min(c.actor) as "actor!",
            count(distinct c.resource_id) as "assets!", sum(f.records)::bigint as "records!",
            coalesce(sum(f.records) filter (where c.bits & 1 = 1), 0)::bigint as "denied!",
            sum(f.bytes_out)::bigint as "bytes_out!", max(f.last_at) as "last_at!"
        from access_facts f
        join access_classes c on c.id = f.class_id
        left join access_principals p on p.id = c.principal_id
        where f.hour >= $1 and f.hour < $2 and c.bits & 128 = 0
            and ($3::int is null or c.tenant_id = $3)
            and ($4::text is null or c.action = $4)
            and ($5::bool is null or (c.bits & 1 = 1) = $5)
            and ($6::text is null or p.name ilike $6)
        group by c.principal_id, p.kind, p.account, p.name, p.session_tag, p.tenant_id
        having (max(f.last_at), c.principal_id::bigint) < ($7, $8)
        order by max(f.last_at) desc, c.principal_id desc
        limit $9"#,
        filter.from,
        filter.to,
        filter.tenant,
        filter.action,
        filter.denied,
        filter.like(),
        after.at,
        after.id,
        limit,
    )
    .fetch_all(executor)
    .await
}

/// One class in the window: who did what to which asset, and how often.
#[derive(Debug, Clone)]
pub struct ClassRow {
    pub id: ClassId,
    pub principal_id: PrincipalId,
    pub principal_kind: Option<String>,
    pub principal_account: Option<String>,
    pub principal_name: Option<String>,
    pub session_tag: Option<String>,
    pub principal_tenant: Option<i32>,
    pub actor: String,
    pub action: String,
    pub operation: String,
    pub bits: i32,
    pub asset: String,
    pub tenant_id: Option<i32>,
    /// The other asset involved, where there is one that the caller may see.
    pub second: Option<String>,
    pub records: i64,
    pub bytes_out: i64,
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
}

pub async fn list_classes(
    executor: impl PgExecutor<'_>,
    filter: &Filter,
    after: Cursor,
    limit: i64,
) -> Result<Vec<ClassRow>, sqlx::Error> {
    sqlx::query_as!(
        ClassRow,
        r#"select c.id as "id: ClassId", c.principal_id as "principal_id: PrincipalId", p.kind as "principal_kind?",
            p.account as "principal_account?", p.name as "principal_name?", p.session_tag as "session_tag?",
            p.tenant_id as "principal_tenant?", c.actor, c.action, c.operation, c.bits, r.name as asset, c.tenant_id,
            second.name as "second?", sum(f.records)::bigint as "records!", sum(f.bytes_out)::bigint as "bytes_out!",
            min(f.first_at) as "first_at!", max(f.last_at) as "last_at!"
        from access_facts f
        join access_classes c on c.id = f.class_id
        join access_resources r on r.id = c.resource_id
        left join access_principals p on p.id = c.principal_id
        left join access_resources second on second.id = c.second_resource_id and second.id <> c.resource_id
        where f.hour >= $1 and f.hour < $2 and c.bits & 128 = 0
            and ($3::int is null or c.tenant_id = $3)
            and ($4::text is null or c.action = $4)
            and ($5::bool is null or (c.bits & 1 = 1) = $5)
            and ($6::text is null or r.name = $6)
            and ($7::int is null or c.principal_id = $7)
            and ($8::int is null or c.id = $8)
        group by c.id, p.id, r.id, second.id, p.kind, p.account, p.name, p.session_tag, p.tenant_id, r.name, second.name
        having (max(f.last_at), c.id::bigint) < ($9, $10)
        order by max(f.last_at) desc, c.id desc
        limit $11"#,
        filter.from,
        filter.to,
        filter.tenant,
        filter.action,
        filter.denied,
        filter.asset,
        filter.principal.map(|id| id.0),
        filter.class.map(|id| id.0),
        after.at,
        after.id,
        limit,
    )
    .fetch_all(executor)
    .await
}

/// Records of one hour or day.
#[derive(Debug, Clone)]
pub struct TimelineRow {
    pub at: DateTime<Utc>,
    pub allowed: i64,
    pub denied: i64,
}

/// By the hour or by the day, as `bucket` says in Postgres' words.
pub async fn list_timeline(
    executor: impl PgExecutor<'_>,
    filter: &Filter,
    bucket: &str,
) -> Result<Vec<TimelineRow>, sqlx::Error> {
    sqlx::query_as!(
        TimelineRow,
        r#"select date_trunc($9, f.hour, 'UTC') as "at!",
            coalesce(sum(f.records) filter (where c.bits & 1 = 0), 0)::bigint as "allowed!",
            coalesce(sum(f.records) filter (where c.bits & 1 = 1), 0)::bigint as "denied!"
        from access_facts f
        join access_classes c on c.id = f.class_id
        left join access_resources r on r.id = c.resource_id
        left join access_principals p on p.id = c.principal_id
        where f.hour >= $1 and f.hour < $2 and c.bits & 128 = 0
            and ($3::int is null or c.tenant_id = $3)
            and ($4::text is null or c.action = $4)
            and ($5::bool is null or (c.bits & 1 = 1) = $5)
            and ($6::text is null or r.name = $6)
            and ($7::int is null or c.principal_id = $7)
            and ($8::int is null or c.id = $8)
            and ($10::text is null or r.name ilike $10 or p.name ilike $10)
        group by 1
        order by 1"#,
        filter.from,
        filter.to,
        filter.tenant,
        filter.action,
        filter.denied,
        filter.asset,
        filter.principal.map(|id| id.0),
        filter.class.map(|id| id.0),
        bucket,
        filter.like(),
    )
    .fetch_all(executor)
    .await
}

/// A principal and how it was resolved.
#[derive(Debug, Clone)]
pub struct StoredIdentity {
    pub id: PrincipalId,
    pub kind: String,
    pub account: String,
    pub name: String,
    pub arn: String,
    pub session_tag: String,
    pub tenant_id: Option<i32>,
    pub is_permitted: bool,
    pub resolved_by: String,
    pub rule: String,
}

pub async fn find_principal(
    executor: impl PgExecutor<'_>,
    id: PrincipalId,
) -> Result<Option<StoredIdentity>, sqlx::Error> {
    sqlx::query_as!(
        StoredIdentity,
        r#"select id as "id: PrincipalId", kind, account, name, arn, session_tag, tenant_id, is_permitted, resolved_by, rule
        from access_principals where id = $1"#,
        id as PrincipalId,
    )
    .fetch_optional(executor)
    .await
}

/// An asset and why it is whose.
#[derive(Debug, Clone)]
pub struct StoredAsset {
    pub id: ResourceId,
    pub kind: String,
    pub name: String,
    pub tenant_id: Option<i32>,
    pub layer: Option<String>,
    pub rule: String,
}

pub async fn find_asset(executor: impl PgExecutor<'_>, name: &str) -> Result<Option<StoredAsset>, sqlx::Error> {
    sqlx::query_as!(
        StoredAsset,
        r#"select id as "id: ResourceId", kind, name, tenant_id, layer, rule from access_resources where name = $1 limit 1"#,
        name,
    )
    .fetch_optional(executor)
    .await
}

/// An example of a class, without secrets.
#[derive(Debug, Clone)]
pub struct StoredSample {
    pub event_time: DateTime<Utc>,
    pub file: String,
    pub position: i32,
    pub hash: Vec<u8>,
    pub record: serde_json::Value,
}

pub async fn list_samples(executor: impl PgExecutor<'_>, class: ClassId) -> Result<Vec<StoredSample>, sqlx::Error> {
    sqlx::query_as!(
        StoredSample,
        r#"select s.event_time, t.name as file, s.position, s.hash, s.record
        from access_samples s join trail_files t on t.id = s.file_id
        where s.class_id = $1 order by s.event_time desc, s.event_key"#,
        class as ClassId,
    )
    .fetch_all(executor)
    .await
}
