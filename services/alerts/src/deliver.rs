//! Sending what a receiver's lane holds, one message a run: claim, render, post, settle.

use chrono::{DateTime, TimeDelta, Utc};
use lakewarden_db::{ErrorExt as _, JobError};

use crate::delivery::{Attempt, Delivery, State, backoff};
use crate::message::{Message, Names, STORIES, Story};
use crate::receiver::{Receiver, ReceiverKind};
use crate::sender::{Outcome, Post, Verdict};
use crate::store::{self, Lane, Settled};
use crate::{Ctx, slack, webhook};

/// Longer than a post may take, and no longer than the job's own lease.
const LEASE: TimeDelta = TimeDelta::seconds(110);
/// After a failure, fewer waiting messages than this still go out one by one; so many become one.
const BACKLOG_AFTER_FAILURE: usize = 3;
/// Without a failure: a burst over more policies and tenants than anybody reads one by one. The worst of it still is told
/// one by one, the rest in one message.
const BACKLOG: usize = 30;
const TOLD_ONE_BY_ONE: usize = 10;
const RADIUS_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// Sends the receiver's next due message; `Later` says when there will be another.
pub(crate) async fn deliver_next(ctx: &Ctx, receiver: &str) -> Result<(), JobError> {
    let now = ctx.clock.now();
    let Some(target) = ctx.policy.get().receiver(receiver).cloned() else {
        let reason = "the receiver is no longer in policies/alerts.toml; put it back and retry";
        store::close_orphans(ctx.db.system(), receiver, reason, now).await?;
        return Ok(());
    };
    let lane = store::find_lane(ctx.db.system(), receiver).await?;
    if let Some(lane) = &lane
        && now < lane.next_at
    {
        return rest_of(ctx, receiver, Some(lane.next_at)).await;
    }
    let failures = lane.map_or(0, |lane| lane.failures);
    let Some(delivery) = claim(ctx, receiver, failures, now).await? else {
        return rest_of(ctx, receiver, None).await;
    };
    let message = compose(ctx, &delivery, now).await?;
    let outcome = match message {
        Some(message) => post(ctx, &target, &message).await,
        None => Outcome {
            verdict: Verdict::Dead,
            status: None,
            answer: "nothing to say: its notices cannot be read".into(),
        },
    };
    let finished_at = ctx.clock.now();
    let attempt = Attempt {
        attempt: delivery.attempts,
        started_at: now,
        finished_at: Some(finished_at),
        took_ms: Some((finished_at - now).num_milliseconds()),
        status: outcome.status.map(i32::from),
        answer: Some(outcome.answer.clone()),
    };
    store::finish_attempt(ctx.db.system(), delivery.id, &attempt).await?;
    let next_at = settle(ctx, &target, &delivery, failures, &outcome).await?;
    rest_of(ctx, receiver, Some(next_at)).await
}

/// Comes back when the lane is free and something is due; is done where nothing waits.
async fn rest_of(ctx: &Ctx, receiver: &str, not_before: Option<DateTime<Utc>>) -> Result<(), JobError> {
    match store::find_next_due(ctx.db.system(), receiver).await? {
        Some(due) => Err(JobError::Later(not_before.map_or(due, |at| due.max(at)))),
        None => Ok(()),
    }
}

/// Takes the next delivery, and with it the rest of a backlog that would otherwise be a flood.
async fn claim(ctx: &Ctx, receiver: &str, failures: i32, now: DateTime<Utc>) -> Result<Option<Delivery>, sqlx::Error> {
    let mut tx = ctx.db.begin().await?;
    let Some(delivery) = store::claim(&mut *tx, receiver, now, now + LEASE).await? else { return Ok(None) };
    let others = store::list_due(&mut *tx, receiver, now).await?;
    let (backlog, one_by_one) = if failures > 0 { (BACKLOG_AFTER_FAILURE, 0) } else { (BACKLOG, TOLD_ONE_BY_ONE) };
    if others.len() >= backlog {
        store::absorb(&mut tx, delivery.id, &others[one_by_one..], now).await?;
    }
    store::insert_attempt(&mut *tx, delivery.id, delivery.attempts, now).await?;
    tx.commit().await?;
    Ok(Some(delivery))
}

async fn compose(ctx: &Ctx, delivery: &Delivery, now: DateTime<Utc>) -> Result<Option<Message>, sqlx::Error> {
    let rows = store::list_stories(ctx.db.system(), delivery.id, STORIES).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let (total, resolved, since) = (first.total, first.resolved, first.since);
    let id = format!("msg_{}_{}", delivery.id, first.last_id);
    let story =
        |row: store::StoryRow| Some(Story { notice: serde_json::from_value(row.notice).ok()?, is_news: row.is_news });
    let stories: Vec<Story> = rows.into_iter().filter_map(story).collect();
    let Some(worst) = stories.first() else { return Ok(None) };
    let radius = match worst.notice.asset.as_deref().filter(|_| !worst.is_resolved()) {
        Some(asset) => ctx.blast_radius(asset, RADIUS_TIMEOUT).await,
        None => None,
    };
    let names = Names::of(&stories, &ctx.ownership.get());
    Ok(Some(Message { id, stories, total, resolved, radius, base_url: ctx.base_url().to_owned(), since, now, names }))
}

async fn post(ctx: &Ctx, receiver: &Receiver, message: &Message) -> Outcome {
    let refused = |answer: String| Outcome { verdict: Verdict::Retry { not_before: None }, status: None, answer };
    let url = match receiver.address.url(ctx.environment()) {
        Ok(url) => url,
        Err(missing) => return refused(missing),
    };
    let body = match receiver.kind {
        ReceiverKind::Slack => slack::render(message),
        ReceiverKind::Webhook => webhook::render(message),
    };
    let body = body.to_string().into_bytes();
    let now = ctx.clock.now();
    let (mut headers, mut secrets) = (Vec::new(), Vec::new());
    if receiver.kind == ReceiverKind::Webhook {
        headers.push(("webhook-id", message.id.clone()));
        headers.push(("webhook-timestamp", now.timestamp().to_string()));
    }
    if let Some(name) = &receiver.secret_env {
        let Some(secret) = ctx.environment()(name) else {
            return refused(format!("the environment variable {name} is not set, so the message cannot be signed"));
        };
        headers.push(("webhook-signature", webhook::sign(&secret, &message.id, now, &body)));
        secrets.push(secret);
    }
    ctx.sender().send(Post { url: &url, allow_private: receiver.allow_private, headers, body, secrets }, now).await
}

/// Writes what came of it; the instant from which the lane is free again.
async fn settle(
    ctx: &Ctx,
    receiver: &Receiver,
    delivery: &Delivery,
    failures: i32,
    outcome: &Outcome,
) -> Result<DateTime<Utc>, JobError> {
    let now = ctx.clock.now();
    let (state, due_at, lane) = match outcome.verdict {
        Verdict::Delivered => (State::Sent, now, (now + receiver.min_interval, 0)),
        Verdict::Dead => (State::Dead, now, (now + receiver.min_interval, 0)),
        Verdict::Retry { not_before } => {
            let named = not_before.unwrap_or(now);
            let lane_free = (now + backoff(failures + 1)).max(named);
            (State::Waiting, (now + backoff(delivery.attempts)).max(named), (lane_free, failures.saturating_add(1)))
        }
    };
    if outcome.verdict != Verdict::Delivered {
        tracing::warn!(
            alert.receiver = receiver.name, alert.delivery = %delivery.id, alert.attempt = delivery.attempts,
            alert.status = outcome.status, alert.state = %state, "an alert could not be delivered"
        );
    }
    let status = outcome.status.map(i32::from);
    let settled = Settled { state, due_at, status, answer: &outcome.answer, now };
    let lane = Lane { receiver: receiver.name.clone(), next_at: lane.0, failures: lane.1 };
    match write(ctx, delivery, &settled, &lane).await {
        // A notice opened the group's next message while this one failed: once more, and that one is absorbed.
        Err(error) if error.constraint() == Some("deliveries_waiting_group") => {
            write(ctx, delivery, &settled, &lane).await?;
        }
        other => other?,
    }
    Ok(lane.next_at)
}

async fn write(ctx: &Ctx, delivery: &Delivery, settled: &Settled<'_>, lane: &Lane) -> Result<(), sqlx::Error> {
    let mut tx = ctx.db.begin().await?;
    if settled.state == State::Waiting {
        let successors = store::list_successors(&mut *tx, delivery.id).await?;
        store::absorb(&mut tx, delivery.id, &successors, settled.now).await?;
    }
    if !store::settle(&mut *tx, delivery.id, delivery.attempts, settled).await? {
        // Overtaken: whoever holds the delivery now decides about it and about the lane.
        return tx.rollback().await;
    }
    store::upsert_lane(&mut *tx, lane).await?;
    tx.commit().await
}
