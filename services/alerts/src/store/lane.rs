//! Working through a receiver's lane: claim, absorb, settle, retry.

use chrono::{DateTime, Utc};
use lakewarden_core::TenantId;
use sqlx::{PgConnection, PgExecutor};

use crate::delivery::{Attempt, Delivery, DeliveryId, State};

/// A row of the receiver's lane.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    pub receiver: String,
    pub next_at: DateTime<Utc>,
    pub failures: i32,
}

/// The newest notice of one finding in a delivery, and the totals over all of the delivery's findings.
#[derive(Debug)]
pub(crate) struct StoryRow {
    pub notice: serde_json::Value,
    pub is_news: bool,
    pub total: i64,
    pub resolved: i64,
    pub since: DateTime<Utc>,
    pub last_id: i64,
}

pub(crate) async fn find_lane(executor: impl PgExecutor<'_>, receiver: &str) -> Result<Option<Lane>, sqlx::Error> {
    sqlx::query_as!(Lane, "select receiver, next_at, failures from alert_lanes where receiver = $1", receiver)
        .fetch_optional(executor)
        .await
}

pub(crate) async fn upsert_lane(executor: impl PgExecutor<'_>, lane: &Lane) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into alert_lanes (receiver, next_at, failures) values ($1, $2, $3)
         on conflict on constraint alert_lanes_pkey do update set next_at = excluded.next_at, failures = excluded.failures",
        lane.receiver,
        lane.next_at,
        lane.failures,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Takes the receiver's oldest due delivery, or one whose worker died; no other worker takes it before `lease_until`.
pub(crate) async fn claim(
    executor: impl PgExecutor<'_>,
    receiver: &str,
    now: DateTime<Utc>,
    lease_until: DateTime<Utc>,
) -> Result<Option<Delivery>, sqlx::Error> {
    sqlx::query_as!(
        Delivery,
        r#"update deliveries set state = 'sending', attempts = attempts + 1, lease_until = $3, last_attempt_at = $2
           where id = (select id from deliveries
                       where receiver = $1 and ((state = 'waiting' and due_at <= $2) or (state = 'sending' and lease_until < $2))
                       order by due_at, id limit 1 for update skip locked)
           returning id as "id: DeliveryId", receiver, policy_id, tenant_id as "tenant_id: TenantId", state as "state: State",
                     attempts, created_at, due_at, last_attempt_at, last_status, last_answer, settled_at, 0::bigint as "findings!""#,
        receiver,
        now,
        lease_until,
    )
    .fetch_optional(executor)
    .await
}

/// Others of the receiver that are due as well, those with the worst finding first.
pub(crate) async fn list_due(
    executor: impl PgExecutor<'_>,
    receiver: &str,
    now: DateTime<Utc>,
) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        "select id from deliveries d where receiver = $1 and state = 'waiting' and due_at <= $2
         order by (select min(severity_rank) from delivery_notices n where n.delivery_id = d.id), id
         for update skip locked",
        receiver,
        now,
    )
    .fetch_all(executor)
    .await
}

/// The group's waiting delivery, if one began while `id` was being sent.
pub(crate) async fn list_successors(executor: impl PgExecutor<'_>, id: DeliveryId) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        "select w.id from deliveries w join deliveries d on d.receiver = w.receiver and d.policy_id = w.policy_id
             and d.tenant_id is not distinct from w.tenant_id
         where d.id = $1 and w.id <> d.id and w.state = 'waiting' for update of w",
        id.0,
    )
    .fetch_all(executor)
    .await
}

/// Moves the notices of `others` into `id` and closes `others`.
pub(crate) async fn absorb(
    connection: &mut PgConnection,
    id: DeliveryId,
    others: &[i64],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    if others.is_empty() {
        return Ok(());
    }
    move_notices(&mut *connection, id, others).await?;
    close_merged(connection, id, others, now).await
}

async fn move_notices(executor: impl PgExecutor<'_>, id: DeliveryId, others: &[i64]) -> Result<(), sqlx::Error> {
    sqlx::query!("update delivery_notices set delivery_id = $1 where delivery_id = any($2)", id.0, others)
        .execute(executor)
        .await?;
    Ok(())
}

async fn close_merged(
    executor: impl PgExecutor<'_>,
    id: DeliveryId,
    others: &[i64],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update deliveries set state = 'merged', merged_into = $1, settled_at = $3, lease_until = null where id = any($2)",
        id.0,
        others,
        now,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// What the delivery says: each finding's newest notice, what still stands and the worst first.
pub(crate) async fn list_stories(
    executor: impl PgExecutor<'_>,
    id: DeliveryId,
    limit: i64,
) -> Result<Vec<StoryRow>, sqlx::Error> {
    sqlx::query_as!(
        StoryRow,
        r#"with newest as (
             select distinct on (finding_id) finding_id, id, event, severity_rank, notice,
                    bool_or(event <> 'resolved') over (partition by finding_id) as is_news,
                    min(at) over () as since, max(id) over () as last_id
             from delivery_notices where delivery_id = $1
             order by finding_id, id desc)
           select notice, is_news as "is_news!", count(*) over () as "total!",
                  count(*) filter (where event = 'resolved') over () as "resolved!", since as "since!", last_id as "last_id!"
           from newest order by event = 'resolved', severity_rank, finding_id limit $2"#,
        id.0,
        limit,
    )
    .fetch_all(executor)
    .await
}

pub(crate) async fn insert_attempt(
    executor: impl PgExecutor<'_>,
    id: DeliveryId,
    attempt: i32,
    started_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into delivery_attempts (delivery_id, attempt, started_at) values ($1, $2, $3)",
        id.0,
        attempt,
        started_at,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// What came of an attempt; kept even where the attempt lost its fence.
pub(crate) async fn finish_attempt(
    executor: impl PgExecutor<'_>,
    id: DeliveryId,
    attempt: &Attempt,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update delivery_attempts set finished_at = $3, took_ms = $4, status = $5, answer = $6
         where delivery_id = $1 and attempt = $2",
        id.0,
        attempt.attempt,
        attempt.finished_at,
        attempt.took_ms,
        attempt.status,
        attempt.answer,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// How an attempt leaves its delivery.
#[derive(Debug)]
pub(crate) struct Settled<'a> {
    pub state: State,
    pub due_at: DateTime<Utc>,
    pub status: Option<i32>,
    pub answer: &'a str,
    pub now: DateTime<Utc>,
}

/// False where a later attempt has begun meanwhile: this one's outcome then changes nothing.
pub(crate) async fn settle(
    executor: impl PgExecutor<'_>,
    id: DeliveryId,
    attempt: i32,
    settled: &Settled<'_>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "update deliveries set state = $3, lease_until = null, due_at = $4, last_status = $5, last_answer = $6,
                settled_at = case when $3 = 'waiting' then null else $7::timestamptz end
         where id = $1 and attempts = $2 and state = 'sending'",
        id.0,
        attempt,
        settled.state.as_str(),
        settled.due_at,
        settled.status,
        settled.answer,
        settled.now,
    )
    .execute(executor)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives up everything that waits for a receiver that is no longer in the file.
pub(crate) async fn close_orphans(
    executor: impl PgExecutor<'_>,
    receiver: &str,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!(
        "update deliveries set state = 'dead', lease_until = null, last_answer = $2, settled_at = $3
         where receiver = $1 and state in ('waiting', 'sending')",
        receiver,
        reason,
        now,
    )
    .execute(executor)
    .await?;
    Ok(done.rows_affected())
}

/// When the receiver's next delivery is due, or its dead worker's lease runs out.
pub(crate) async fn find_next_due(
    executor: impl PgExecutor<'_>,
    receiver: &str,
) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    sqlx::query_scalar!(
        "select min(case when state = 'sending' then lease_until else due_at end) from deliveries
         where receiver = $1 and state in ('waiting', 'sending')",
        receiver,
    )
    .fetch_one(executor)
    .await
}

pub(crate) async fn list_unsettled_receivers(executor: impl PgExecutor<'_>) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(
        "select distinct receiver from deliveries where state in ('waiting', 'sending') order by receiver"
    )
    .fetch_all(executor)
    .await
}

/// Makes a delivery due at once. The receiver's name, or `None` where there is nothing to retry.
pub(crate) async fn lock_for_retry(
    executor: impl PgExecutor<'_>,
    id: DeliveryId,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!(
        "select receiver from deliveries where id = $1 and state in ('waiting', 'dead') for update",
        id.0
    )
    .fetch_optional(executor)
    .await
}

pub(crate) async fn reset_for_retry(
    executor: impl PgExecutor<'_>,
    id: DeliveryId,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!("update deliveries set state = 'waiting', due_at = $2, settled_at = null where id = $1", id.0, now)
        .execute(executor)
        .await?;
    Ok(())
}
