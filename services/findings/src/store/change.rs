//! Statements that open, refresh and change findings; each returns the rows as they now are.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use lakewarden_alerts::PolicyKind;
use lakewarden_core::{FindingId, Plane, Severity, TenantId};
use sqlx::PgExecutor;

use crate::batch::Entry;
use crate::status::Status;
use crate::{FindingsError, Fingerprint};

/// A finding as a statement left it.
#[derive(Debug, Clone)]
pub(crate) struct Changed {
    pub id: FindingId,
    pub fingerprint: Vec<u8>,
    pub policy_id: String,
    pub policy_version: Vec<u8>,
    pub severity: Severity,
    pub kind: PolicyKind,
    pub plane: Option<Plane>,
    pub subject: String,
    pub title: String,
    pub tenant_id: Option<TenantId>,
    pub actor_tenant_id: Option<TenantId>,
    pub asset: Option<String>,
    pub path: Vec<String>,
    pub count: i64,
    pub first_seen: DateTime<Utc>,
    pub last_seen: DateTime<Utc>,
    /// Made by this statement, not merely changed.
    pub inserted: bool,
}

/// Locks the findings that exist already, in the order of their fingerprints, and says where they stand.
pub(crate) async fn lock_existing(
    executor: impl PgExecutor<'_>,
    fingerprints: &[Vec<u8>],
) -> Result<HashMap<Vec<u8>, Status>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select fingerprint, status as "status: Status" from findings where fingerprint = any($1)
           order by fingerprint for update"#,
        fingerprints,
    )
    .fetch_all(executor)
    .await?;
    Ok(rows.into_iter().map(|row| (row.fingerprint, row.status)).collect())
}

/// Opens what is new, counts up what stands, opens again what was resolved.
pub(crate) async fn upsert(
    executor: impl PgExecutor<'_>,
    entries: &BTreeMap<Fingerprint, Entry>,
    existing: &HashMap<Vec<u8>, Status>,
    now: DateTime<Utc>,
) -> Result<Vec<Changed>, sqlx::Error> {
    let columns = Columns::of(entries, existing);
    sqlx::query_as!(
        Changed,
        r#"insert into findings as f
             (fingerprint, policy_id, policy_version, severity, kind, plane, subject, title, tenant_id, actor_tenant_id,
              asset, path, status, count, first_seen, last_seen, opened_at)
           select fingerprint, policy_id, policy_version, severity, kind, plane, subject, title, tenant_id, actor_tenant_id,
                  asset, array(select jsonb_array_elements_text(path)), 'open', count, first_seen, last_seen, $15
           from unnest($1::bytea[], $2::text[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                       $9::integer[], $10::integer[], $11::text[], $12::jsonb[], $13::bigint[], $14::timestamptz[],
                       $16::timestamptz[])
             as b (fingerprint, policy_id, policy_version, severity, kind, plane, subject, title, tenant_id, actor_tenant_id,
                   asset, path, count, first_seen, last_seen)
           order by fingerprint
           on conflict on constraint findings_fingerprint_unique do update
           set policy_version = excluded.policy_version, severity = excluded.severity, title = excluded.title,
               actor_tenant_id = coalesce(excluded.actor_tenant_id, f.actor_tenant_id),
               asset = coalesce(excluded.asset, f.asset),
               path = case when cardinality(excluded.path) > 0 then excluded.path else f.path end,
               count = f.count + excluded.count,
               first_seen = least(f.first_seen, excluded.first_seen),
               last_seen = greatest(f.last_seen, excluded.last_seen),
               status = case when f.status = 'resolved' then 'open' else f.status end,
               opened_at = case when f.status = 'resolved' then $15 else f.opened_at end,
               resolved_at = null
           returning id as "id: FindingId", fingerprint, policy_id, policy_version, severity as "severity: Severity",
                     kind as "kind: PolicyKind", plane as "plane: Plane", subject, title,
                     tenant_id as "tenant_id: TenantId", actor_tenant_id as "actor_tenant_id: TenantId", asset, path, count,
                     first_seen, last_seen, (xmax = 0) as "inserted!""#,
        &columns.fingerprints,
        &columns.policy_ids,
        &columns.versions,
        &columns.severities,
        &columns.kinds,
        &columns.planes as &[Option<String>],
        &columns.subjects,
        &columns.titles,
        &columns.tenants as &[Option<i32>],
        &columns.actors as &[Option<i32>],
        &columns.assets as &[Option<String>],
        &columns.paths,
        &columns.counts,
        &columns.firsts,
        now,
        &columns.lasts,
    )
    .fetch_all(executor)
    .await
}

#[derive(Default)]
struct Columns {
    fingerprints: Vec<Vec<u8>>,
    policy_ids: Vec<String>,
    versions: Vec<Vec<u8>>,
    severities: Vec<String>,
    kinds: Vec<String>,
    planes: Vec<Option<String>>,
    subjects: Vec<String>,
    titles: Vec<String>,
    tenants: Vec<Option<i32>>,
    actors: Vec<Option<i32>>,
    assets: Vec<Option<String>>,
    paths: Vec<serde_json::Value>,
    counts: Vec<i64>,
    firsts: Vec<DateTime<Utc>>,
    lasts: Vec<DateTime<Utc>>,
}

impl Columns {
    fn of(entries: &BTreeMap<Fingerprint, Entry>, existing: &HashMap<Vec<u8>, Status>) -> Self {
        let mut columns = Self::default();
        for (fingerprint, Entry { policy, breach }) in entries {
            let fingerprint = fingerprint.0.as_bytes().to_vec();
            // A state that merely stands counts nothing, but a finding that opens has occurred once.
            let least = i64::from(!existing.contains_key(&fingerprint));
            columns.fingerprints.push(fingerprint);
            columns.policy_ids.push(policy.id.clone());
            columns.versions.push(policy.version.as_bytes().to_vec());
            columns.severities.push(policy.severity.as_str().to_owned());
            columns.kinds.push(policy.kind.as_str().to_owned());
            columns.planes.push(breach.plane.map(|plane| plane.as_str().to_owned()));
            columns.subjects.push(breach.subject.clone());
            columns.titles.push(breach.title.clone());
            columns.tenants.push(breach.owner.tenant_id().map(|tenant| tenant.0));
            columns.actors.push(breach.actor.map(|tenant| tenant.0));
            columns.assets.push(breach.asset.clone());
            columns.paths.push(breach.path.clone().into());
            columns.counts.push(breach.count.max(least));
            columns.firsts.push(breach.window.from);
            columns.lasts.push(breach.window.to);
        }
        columns
    }
}

/// Resolves every finding of the policies that is not among `still_breached`.
pub(crate) async fn resolve_absent(
    executor: impl PgExecutor<'_>,
    policy_ids: &[String],
    still_breached: &[Vec<u8>],
    now: DateTime<Utc>,
) -> Result<Vec<Changed>, sqlx::Error> {
    sqlx::query_as!(
        Changed,
        r#"update findings set status = 'resolved', resolved_at = $3
           where policy_id = any($1) and status <> 'resolved' and fingerprint <> all($2)
           returning id as "id: FindingId", fingerprint, policy_id, policy_version, severity as "severity: Severity",
                     kind as "kind: PolicyKind", plane as "plane: Plane", subject, title,
                     tenant_id as "tenant_id: TenantId", actor_tenant_id as "actor_tenant_id: TenantId", asset, path, count,
                     first_seen, last_seen, false as "inserted!""#,
        policy_ids,
        still_breached,
        now,
    )
    .fetch_all(executor)
    .await
}

/// Where a finding stands, locked until the transaction's end.
pub(crate) async fn lock_status(executor: impl PgExecutor<'_>, id: FindingId) -> Result<Status, FindingsError> {
    sqlx::query_scalar!(r#"select status as "status: Status" from findings where id = $1 for update"#, id.0)
        .fetch_optional(executor)
        .await?
        .ok_or(FindingsError::NotFound(id))
}

pub(crate) async fn set_status(
    executor: impl PgExecutor<'_>,
    id: FindingId,
    status: Status,
    now: DateTime<Utc>,
) -> Result<Changed, sqlx::Error> {
    sqlx::query_as!(
        Changed,
        r#"update findings
           set status = $2, resolved_at = case when $2 = 'resolved' then $3::timestamptz end,
               opened_at = case when $2 = 'open' then $3::timestamptz else opened_at end
           where id = $1
           returning id as "id: FindingId", fingerprint, policy_id, policy_version, severity as "severity: Severity",
                     kind as "kind: PolicyKind", plane as "plane: Plane", subject, title,
                     tenant_id as "tenant_id: TenantId", actor_tenant_id as "actor_tenant_id: TenantId", asset, path, count,
                     first_seen, last_seen, false as "inserted!""#,
        id.0,
        status.as_str(),
        now,
    )
    .fetch_one(executor)
    .await
}

/// Writes the same event into the history of many findings.
pub(crate) async fn insert_history(
    executor: impl PgExecutor<'_>,
    findings: &[&Changed],
    event: &str,
    who: &str,
    why: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let ids: Vec<i64> = findings.iter().map(|finding| finding.id.0).collect();
    let tenants: Vec<Option<i32>> = findings.iter().map(|finding| finding.tenant_id.map(|tenant| tenant.0)).collect();
    let versions: Vec<Vec<u8>> = findings.iter().map(|finding| finding.policy_version.clone()).collect();
    sqlx::query!(
        "insert into finding_history (finding_id, tenant_id, policy_version, at, event, who, why)
         select finding_id, tenant_id, policy_version, $4, $5, $6, $7
         from unnest($1::bigint[], $2::integer[], $3::bytea[]) as f (finding_id, tenant_id, policy_version)",
        &ids,
        &tenants as &[Option<i32>],
        &versions,
        now,
        event,
        who,
        why,
    )
    .execute(executor)
    .await?;
    Ok(())
}
