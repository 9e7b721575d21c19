//! What the deliveries pages read.

use lakewarden_core::{Cursor, FindingId, TenantId};
use sqlx::PgExecutor;

use super::lane::Lane;
use crate::delivery::{Attempt, Delivery, DeliveryId, State};
use crate::{Event, Notice};

/// What a receiver has waiting and given up.
#[derive(Debug, Clone)]
pub(crate) struct Backlog {
    pub receiver: String,
    pub waiting: i64,
    pub dead: i64,
    pub sent: i64,
}

pub(crate) async fn list_lanes(executor: impl PgExecutor<'_>) -> Result<Vec<Lane>, sqlx::Error> {
    sqlx::query_as!(Lane, "select receiver, next_at, failures from alert_lanes order by receiver")
        .fetch_all(executor)
        .await
}

/// A page of deliveries, the newest first.
pub(crate) async fn list_deliveries(
    executor: impl PgExecutor<'_>,
    state: Option<State>,
    receiver: Option<&str>,
    before: Cursor,
    limit: i64,
) -> Result<Vec<Delivery>, sqlx::Error> {
    sqlx::query_as!(
        Delivery,
        r#"select id as "id: DeliveryId", receiver, policy_id, tenant_id as "tenant_id: TenantId", state as "state: State",
                  attempts, created_at, due_at, last_attempt_at, last_status, last_answer, settled_at,
                  (select count(distinct finding_id) from delivery_notices n where n.delivery_id = d.id) as "findings!"
           from deliveries d
           where ($1::text is null or state = $1) and ($2::text is null or receiver = $2) and (created_at, id) < ($3, $4)
           order by created_at desc, id desc limit $5"#,
        state.map(State::as_str),
        receiver,
        before.at,
        before.id,
        limit,
    )
    .fetch_all(executor)
    .await
}

/// The deliveries that spoke of a finding, the newest first.
pub(crate) async fn list_deliveries_of(
    executor: impl PgExecutor<'_>,
    finding: FindingId,
) -> Result<Vec<Delivery>, sqlx::Error> {
    sqlx::query_as!(
        Delivery,
        r#"select id as "id: DeliveryId", receiver, policy_id, tenant_id as "tenant_id: TenantId", state as "state: State",
                  attempts, created_at, due_at, last_attempt_at, last_status, last_answer, settled_at,
                  (select count(distinct finding_id) from delivery_notices n where n.delivery_id = d.id) as "findings!"
           from deliveries d where id in (select delivery_id from delivery_notices where finding_id = $1)
           order by created_at desc, id desc limit 50"#,
        finding.0,
    )
    .fetch_all(executor)
    .await
}

pub(crate) async fn find_delivery(
    executor: impl PgExecutor<'_>,
    id: DeliveryId,
) -> Result<Option<Delivery>, sqlx::Error> {
    sqlx::query_as!(
        Delivery,
        r#"select id as "id: DeliveryId", receiver, policy_id, tenant_id as "tenant_id: TenantId", state as "state: State",
                  attempts, created_at, due_at, last_attempt_at, last_status, last_answer, settled_at,
                  (select count(distinct finding_id) from delivery_notices n where n.delivery_id = d.id) as "findings!"
           from deliveries d where id = $1"#,
        id.0,
    )
    .fetch_optional(executor)
    .await
}

pub(crate) async fn list_attempts(executor: impl PgExecutor<'_>, id: DeliveryId) -> Result<Vec<Attempt>, sqlx::Error> {
    sqlx::query_as!(
        Attempt,
        "select attempt, started_at, finished_at, took_ms, status, answer from delivery_attempts
         where delivery_id = $1 order by attempt desc limit 100",
        id.0,
    )
    .fetch_all(executor)
    .await
}

/// What a delivery's notices were about, the newest first.
pub(crate) async fn list_notices(
    executor: impl PgExecutor<'_>,
    id: DeliveryId,
    limit: i64,
) -> Result<Vec<(Event, Notice)>, sqlx::Error> {
    let rows = sqlx::query_scalar!(
        "select notice from delivery_notices where delivery_id = $1 order by id desc limit $2",
        id.0,
        limit
    )
    .fetch_all(executor)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|notice| serde_json::from_value::<Notice>(notice).ok())
        .map(|notice| (notice.event, notice))
        .collect())
}

pub(crate) async fn list_backlogs(executor: impl PgExecutor<'_>) -> Result<Vec<Backlog>, sqlx::Error> {
    sqlx::query_as!(
        Backlog,
        r#"select receiver, count(*) filter (where state in ('waiting', 'sending')) as "waiting!",
                  count(*) filter (where state = 'dead') as "dead!", count(*) filter (where state = 'sent') as "sent!"
           from deliveries group by receiver order by receiver"#,
    )
    .fetch_all(executor)
    .await
}
