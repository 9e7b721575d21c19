//! Reading crossings back from the findings.

use lakewarden_core::{Plane, Severity, TenantId};
use sqlx::PgExecutor;

use crate::matrix::Crossing;

/// Unresolved isolation findings between two tenants, counted by (actor, owner, plane, worst severity).
pub async fn list_crossings(executor: impl PgExecutor<'_>) -> Result<Vec<Crossing>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select actor_tenant_id as "actor: TenantId", tenant_id as "owner!: TenantId", plane as "plane!",
                  array_agg(distinct severity) as "severities!", count(*) as "findings!", max(last_seen) as "last_seen!"
           from findings
           where kind = 'isolation' and status in ('open', 'acknowledged') and plane is not null
             and actor_tenant_id is not null and tenant_id > 0 and actor_tenant_id <> tenant_id
           group by 1, 2, 3
           order by 1, 2, 3"#
    )
    .fetch_all(executor)
    .await?;
    rows.into_iter()
        .map(|row| {
            let plane: Plane = row.plane.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
            let severity = row.severities.iter().filter_map(|word| word.parse::<Severity>().ok()).min();
            Ok(Crossing {
                actor: row.actor,
                owner: row.owner,
                plane,
                severity: severity.unwrap_or(Severity::Critical),
                findings: row.findings,
                last_seen: row.last_seen,
            })
        })
        .collect()
}
