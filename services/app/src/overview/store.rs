//! What the overview adds up over the slices' tables, within the viewer's scope.

use chrono::{DateTime, NaiveDate, Utc};
use lakewarden_core::{Plane, Severity, TenantId};
use lakewarden_findings::PolicyKind;
use sqlx::PgExecutor;

/// Unresolved findings of one owner, kind, plane and severity.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    pub(crate) owner: Option<TenantId>,
    pub(crate) kind: PolicyKind,
    pub(crate) plane: Option<Plane>,
    pub(crate) severity: Severity,
    pub(crate) findings: i64,
    /// The opening of the oldest of them.
    pub(crate) since: DateTime<Utc>,
}

pub(crate) async fn list_tallies(executor: impl PgExecutor<'_>) -> Result<Vec<Tally>, sqlx::Error> {
    sqlx::query_as!(
        Tally,
        r#"select tenant_id as "owner: TenantId", kind as "kind: PolicyKind", plane as "plane: Plane",
                  severity as "severity: Severity", count(*) as "findings!", min(opened_at) as "since!"
           from findings where status in ('open', 'acknowledged')
           group by tenant_id, kind, plane, severity"#
    )
    .fetch_all(executor)
    .await
}

/// What one payer owes for the newest month that has costs, this one or an earlier.
#[derive(Debug, Clone)]
pub(crate) struct MonthCost {
    pub(crate) month: NaiveDate,
    pub(crate) currency: String,
    pub(crate) payer: Option<TenantId>,
    pub(crate) cents: i64,
}

pub(crate) async fn list_month_costs(
    executor: impl PgExecutor<'_>,
    today: NaiveDate,
) -> Result<Vec<MonthCost>, sqlx::Error> {
    sqlx::query_as!(
        MonthCost,
        r#"select month, currency, tenant_id as "payer: TenantId", sum(cents)::bigint as "cents!"
           from cost_cells where month = (select max(month) from cost_cells where month <= $1)
           group by month, currency, tenant_id order by currency, tenant_id"#,
        today
    )
    .fetch_all(executor)
    .await
}
