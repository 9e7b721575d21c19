//! Writing what people are to be told.

use chrono::{DateTime, Utc};
use lakewarden_core::TenantId;
use sqlx::PgExecutor;

use crate::Notice;
use crate::delivery::DeliveryId;

/// A message that waits for its group, or is made to.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub receiver: String,
    pub policy_id: String,
    pub tenant: Option<TenantId>,
    pub due_at: DateTime<Utc>,
    pub silenced: bool,
}

/// The waiting delivery of each group, made where there is none; in the order given.
pub(crate) async fn open_groups(
    executor: impl PgExecutor<'_>,
    groups: &[Group],
    now: DateTime<Utc>,
) -> Result<Vec<DeliveryId>, sqlx::Error> {
    let receivers: Vec<String> = groups.iter().map(|group| group.receiver.clone()).collect();
    let policies: Vec<String> = groups.iter().map(|group| group.policy_id.clone()).collect();
    let tenants: Vec<Option<i32>> = groups.iter().map(|group| group.tenant.map(|tenant| tenant.0)).collect();
    let dues: Vec<DateTime<Utc>> = groups.iter().map(|group| group.due_at).collect();
    let states: Vec<String> =
        groups.iter().map(|group| if group.silenced { "silenced" } else { "waiting" }.to_owned()).collect();
    let rows = sqlx::query!(
        r#"with wanted as (
             select * from unnest($1::text[], $2::text[], $3::integer[], $4::timestamptz[], $5::text[])
               with ordinality as g (receiver, policy_id, tenant_id, due_at, state, place)),
           opened as (
             insert into deliveries as d (receiver, policy_id, tenant_id, state, created_at, due_at, settled_at)
             select receiver, policy_id, tenant_id, state, $6::timestamptz, due_at, case when state = 'silenced' then $6::timestamptz end
             from wanted order by place
             on conflict (receiver, policy_id, coalesce(tenant_id, -1)) where state = 'waiting'
             do update set due_at = d.due_at
             returning id, receiver, policy_id, tenant_id, state)
           select o.id as "id: DeliveryId" from wanted w
           join opened o on o.receiver = w.receiver and o.policy_id = w.policy_id
                        and o.tenant_id is not distinct from w.tenant_id and o.state = w.state
           order by w.place"#,
        &receivers,
        &policies,
        &tenants as &[Option<i32>],
        &dues,
        &states,
        now,
    )
    .fetch_all(executor)
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Notices of deliveries, one for each pair.
pub(crate) async fn insert_notices(
    executor: impl PgExecutor<'_>,
    pairs: &[(DeliveryId, &Notice)],
) -> Result<(), crate::AlertsError> {
    let ids: Vec<i64> = pairs.iter().map(|(id, _)| id.0).collect();
    let tenants: Vec<Option<i32>> = pairs.iter().map(|(_, notice)| notice.tenant.map(|tenant| tenant.0)).collect();
    let findings: Vec<i64> = pairs.iter().map(|(_, notice)| notice.finding.0).collect();
    let events: Vec<String> = pairs.iter().map(|(_, notice)| notice.event.as_str().to_owned()).collect();
    let ranks: Vec<i16> = pairs.iter().map(|(_, notice)| notice.severity as i16).collect();
    let ats: Vec<DateTime<Utc>> = pairs.iter().map(|(_, notice)| notice.at).collect();
    let notices = pairs.iter().map(|(_, notice)| serde_json::to_value(notice)).collect::<Result<Vec<_>, _>>()?;
    sqlx::query!(
        "insert into delivery_notices (delivery_id, tenant_id, finding_id, event, severity_rank, at, notice)
         select * from unnest($1::bigint[], $2::integer[], $3::bigint[], $4::text[], $5::smallint[], $6::timestamptz[],
                              $7::jsonb[])",
        &ids,
        &tenants as &[Option<i32>],
        &findings,
        &events,
        &ranks,
        &ats,
        &notices,
    )
    .execute(executor)
    .await?;
    Ok(())
}
