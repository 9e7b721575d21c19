//! Reading findings. Every row goes through the viewer's lens before it leaves this file.

use chrono::{DateTime, Utc};
use lakewarden_alerts::PolicyKind;
use lakewarden_core::{Cursor, FindingId, Plane, Scope, Severity, TenantId};
use lakewarden_tenancy::Owner;
use sqlx::PgExecutor;

use crate::filter::Filter;
use crate::lens::{Change, EvidenceRow, Finding, FindingRow, HistoryRow, Lens, ShownEvidence};
use crate::status::Status;

/// How many findings a severity has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeverityCount {
    pub severity: Severity,
    pub findings: i64,
}

/// What one owner has unresolved.
#[derive(Debug, Clone)]
pub(crate) struct OwnerCount {
    pub tenant_id: Option<TenantId>,
    pub worst: i16,
    pub findings: i64,
}

/// How many findings of a policy are unresolved.
#[derive(Debug, Clone)]
pub(crate) struct PolicyCount {
    pub policy_id: String,
    pub unresolved: i64,
    pub ever: i64,
}

/// A page of findings, those seen last first.
pub(crate) async fn list_findings(
    executor: impl PgExecutor<'_>,
    lens: &Lens<'_>,
    filter: &Filter,
    before: Cursor,
    limit: i64,
) -> Result<Vec<Finding>, sqlx::Error> {
    let words = Words::of(lens, filter);
    let rows = sqlx::query_as!(
        FindingRow,
        r#"select id as "id: FindingId", fingerprint, policy_id, policy_version, severity as "severity: Severity",
                  kind as "kind: PolicyKind", plane as "plane: Plane", subject, title, tenant_id as "tenant_id: TenantId",
                  actor_tenant_id as "actor_tenant_id: TenantId", asset, path, status as "status: Status", count, first_seen,
                  last_seen, opened_at, resolved_at
           from findings
           where (last_seen, id) < ($1, $2) and status = any($3)
             and ($4::text is null or severity = $4) and ($5::text is null or plane = $5)
             and ($6::text is null or kind = $6) and ($7::text is null or policy_id = $7)
             and (not $8::boolean or tenant_id = $9 or ($9 is null and tenant_id is null)) and ($10::integer is null or actor_tenant_id = $10)
             and ($11::text is null or asset = $11)
             and ($12::text is null or policy_id ilike $12 or asset ilike $12
                  or ($13::boolean and (title ilike $12 or subject ilike $12)))
           order by last_seen desc, id desc limit $14"#,
        before.at,
        before.id,
        &words.statuses,
        filter.severity.map(Severity::as_str),
        words.plane,
        words.kind,
        filter.policy,
        words.by_tenant,
        words.tenant,
        words.actor,
        filter.asset,
        words.pattern,
        words.searches_prose,
        limit,
    )
    .fetch_all(executor)
    .await?;
    Ok(rows.into_iter().map(|row| lens.finding(row)).collect())
}

/// How many findings each severity has under the filter, whatever severity the filter itself asks for.
pub(crate) async fn count_by_severity(
    executor: impl PgExecutor<'_>,
    lens: &Lens<'_>,
    filter: &Filter,
) -> Result<Vec<SeverityCount>, sqlx::Error> {
    let words = Words::of(lens, filter);
    sqlx::query_as!(
        SeverityCount,
        r#"select severity as "severity: Severity", count(*) as "findings!" from findings
           where status = any($1) and ($2::text is null or plane = $2)
             and ($3::text is null or kind = $3) and ($4::text is null or policy_id = $4)
             and (not $5::boolean or tenant_id = $6 or ($6 is null and tenant_id is null)) and ($7::integer is null or actor_tenant_id = $7)
             and ($8::text is null or asset = $8)
             and ($9::text is null or policy_id ilike $9 or asset ilike $9
                  or ($10::boolean and (title ilike $9 or subject ilike $9)))
           group by severity"#,
        &words.statuses,
        words.plane,
        words.kind,
        filter.policy,
        words.by_tenant,
        words.tenant,
        words.actor,
        filter.asset,
        words.pattern,
        words.searches_prose,
    )
    .fetch_all(executor)
    .await
}

/// A filter as the statements take it.
struct Words {
    statuses: Vec<String>,
    plane: Option<&'static str>,
    kind: Option<&'static str>,
    by_tenant: bool,
    tenant: Option<i32>,
    actor: Option<i32>,
    pattern: Option<String>,
    /// Whether the text is also looked for in title and subject. Not for a tenant's viewer: finding a name in words that
    /// are withheld would tell that it is there.
    searches_prose: bool,
}

impl Words {
    fn of(lens: &Lens<'_>, filter: &Filter) -> Self {
        let sees_everything = lens.viewer.sees_everything();
        // Row-level security would confine a tenant's viewer anyway; said here too, the index by tenant serves.
        let owner = match (lens.viewer.scope, filter.owner) {
            (Scope::Tenant(own), None) => Some(Owner::Tenant(own)),
            (_, asked) => asked,
        };
        Self {
            statuses: filter.statuses.iter().map(|status| status.as_str().to_owned()).collect(),
            plane: filter.plane.map(Plane::as_str),
            kind: filter.kind.map(PolicyKind::as_str),
            by_tenant: owner.is_some(),
            tenant: owner.and_then(Owner::tenant_id).map(|tenant| tenant.0),
            // Asking for an actor by name would answer who it was.
            actor: filter.actor.filter(|_| sees_everything).map(|tenant| tenant.0),
            pattern: filter.text.as_deref().map(pattern),
            searches_prose: sees_everything,
        }
    }
}

/// Anything that contains the text, whose own `%` and `_` mean themselves.
fn pattern(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

pub(crate) async fn find_finding(
    executor: impl PgExecutor<'_>,
    lens: &Lens<'_>,
    id: FindingId,
) -> Result<Option<Finding>, sqlx::Error> {
    let row = sqlx::query_as!(
        FindingRow,
        r#"select id as "id: FindingId", fingerprint, policy_id, policy_version, severity as "severity: Severity",
                  kind as "kind: PolicyKind", plane as "plane: Plane", subject, title, tenant_id as "tenant_id: TenantId",
                  actor_tenant_id as "actor_tenant_id: TenantId", asset, path, status as "status: Status", count, first_seen,
                  last_seen, opened_at, resolved_at
           from findings where id = $1"#,
        id.0,
    )
    .fetch_optional(executor)
    .await?;
    Ok(row.map(|row| lens.finding(row)))
}

pub(crate) async fn list_evidence(
    executor: impl PgExecutor<'_>,
    finding: &Finding,
) -> Result<Vec<ShownEvidence>, sqlx::Error> {
    let rows = sqlx::query_as!(
        EvidenceRow,
        "select source, reference, hash, occurred_at, summary, record from evidence where finding_id = $1
         order by occurred_at desc, id desc",
        finding.id.0,
    )
    .fetch_all(executor)
    .await?;
    Ok(rows.into_iter().map(|row| Lens::evidence(finding, row)).collect())
}

/// The newest changes of a finding's status, the newest first.
pub(crate) async fn list_history(
    executor: impl PgExecutor<'_>,
    lens: &Lens<'_>,
    id: FindingId,
) -> Result<Vec<Change>, sqlx::Error> {
    let rows = sqlx::query_as!(
        HistoryRow,
        "select at, event, who, why, policy_version from finding_history where finding_id = $1 order by id desc limit 200",
        id.0,
    )
    .fetch_all(executor)
    .await?;
    Ok(rows.into_iter().map(|row| lens.change(row)).collect())
}

pub(crate) async fn count_by_policy(executor: impl PgExecutor<'_>) -> Result<Vec<PolicyCount>, sqlx::Error> {
    sqlx::query_as!(
        PolicyCount,
        r#"select policy_id, count(*) filter (where status in ('open', 'acknowledged')) as "unresolved!", count(*) as "ever!"
           from findings group by policy_id"#,
    )
    .fetch_all(executor)
    .await
}

/// Unresolved findings by the owner of the data, the worst hit first.
pub(crate) async fn count_by_owner(executor: impl PgExecutor<'_>) -> Result<Vec<OwnerCount>, sqlx::Error> {
    sqlx::query_as!(
        OwnerCount,
        r#"select tenant_id as "tenant_id: TenantId", count(*) as "findings!",
                  min(array_position(array['critical', 'high', 'medium', 'low', 'info'], severity))::smallint as "worst!"
           from findings where status in ('open', 'acknowledged')
           group by tenant_id order by 3, 2 desc, 1 limit 200"#,
    )
    .fetch_all(executor)
    .await
}

/// Since when the oldest unresolved finding stands.
pub(crate) async fn find_oldest_opening(executor: impl PgExecutor<'_>) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    sqlx::query_scalar!("select min(opened_at) from findings where status in ('open', 'acknowledged')")
        .fetch_one(executor)
        .await
}
