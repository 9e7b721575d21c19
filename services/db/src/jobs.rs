//! The job queue: work enqueued in the transaction of the fact that causes it, run at least once, fenced by a lease.
//!
//! A job takes ids, not payloads, and is idempotent. Enqueueing the same `(kind, key)` again while it waits is one row with
//! one more nudge; a nudge that arrives while it runs makes it run once more. A worker that dies loses its lease after
//! [`LEASE`] and another takes over; the first, should it come back, finds its fence gone and changes nothing.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lakewarden_core::Clock;
use rand::Rng as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::{PgConnection, PgPool};
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Db, is_transient};

/// How long a worker may hold a job before others may take it; also every job's timeout, so a lease is never outlived.
pub const LEASE: Duration = Duration::from_mins(2);
/// Jobs one worker runs at once.
const BATCH: i64 = 16;
/// How long a stopping worker waits for what it runs.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(250);
const BACKOFF_FIRST: Duration = Duration::from_secs(5);
const BACKOFF_CAP: Duration = Duration::from_hours(1);

/// A kind of work and its arguments. `KIND` is imperative: `deliver_alert`.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    const KIND: &'static str;

    /// Two jobs of one kind with the same key are the same work.
    fn key(&self) -> String;
}

#[derive(Debug, Error)]
pub enum JobError {
    /// Try again by the usual backoff.
    #[error("{0}")]
    Retry(String),
    /// Try again, but not before this instant: the far side said so.
    #[error("{reason}; not before {at}")]
    RetryAt { at: DateTime<Utc>, reason: String },
    /// Nothing failed: the rest of the work is due at this instant.
    #[error("more to do at {0}")]
    Later(DateTime<Utc>),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Puts work in the queue as part of the caller's transaction, due at `now`.
pub async fn enqueue<J: Job>(connection: &mut PgConnection, job: &J, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    enqueue_at(connection, job, now, now).await
}

/// Puts work in the queue as part of the caller's transaction, due at `run_at`.
pub async fn enqueue_at<J: Job>(
    connection: &mut PgConnection,
    job: &J,
    run_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let args = serde_json::to_value(job).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query(
        "insert into jobs (kind, key, args, run_at, enqueued_at) values ($1, $2, $3, $4, $5)
         on conflict (kind, key) do update
         set nudges = jobs.nudges + 1, args = excluded.args, run_at = least(jobs.run_at, excluded.run_at)",
    )
    .bind(J::KIND)
    .bind(job.key())
    .bind(args)
    .bind(run_at)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

type Outcome = Pin<Box<dyn Future<Output = Result<(), JobError>> + Send>>;
type Handler = Arc<dyn Fn(serde_json::Value) -> Outcome + Send + Sync>;

type Enqueue = Arc<dyn Fn(Db, DateTime<Utc>) -> Enqueueing + Send + Sync>;
type Enqueueing = Pin<Box<dyn Future<Output = Result<(), sqlx::Error>> + Send>>;

struct Timer {
    every: Duration,
    enqueue: Enqueue,
}

/// What a process knows how to do; slices add theirs, `app` merges them.
#[derive(Default)]
pub struct Jobs {
    handlers: HashMap<&'static str, Handler>,
    timers: Vec<Timer>,
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jobs").field("kinds", &self.handlers.keys()).field("timers", &self.timers.len()).finish()
    }
}

#[derive(sqlx::FromRow)]
struct Claimed {
    id: i64,
    kind: String,
    args: serde_json::Value,
    nudges: i32,
    attempts: i32,
}

impl Jobs {
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `handler` for every job of kind `J`.
    #[must_use]
    pub fn on<J, F, R>(mut self, handler: F) -> Self
    where
        J: Job,
        F: Fn(J) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let run: Handler = Arc::new(move |args| {
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                let job =
                    serde_json::from_value(args).map_err(|error| JobError::Retry(format!("arguments: {error}")))?;
                handler(job).await
            })
        });
        let replaced = self.handlers.insert(J::KIND, run);
        debug_assert!(replaced.is_none(), "two handlers for job kind {}", J::KIND);
        self
    }

    /// Also enqueues the job on a timer, so that work whose nudge was lost still happens.
    #[must_use]
    pub fn every<J: Job + Clone>(mut self, every: Duration, job: J) -> Self {
        let enqueue: Arc<dyn Fn(Db, DateTime<Utc>) -> _ + Send + Sync> = Arc::new(move |db: Db, now| {
            let job = job.clone();
            Box::pin(async move { enqueue(&mut *db.system().acquire().await?, &job, now).await })
                as Pin<Box<dyn Future<Output = _> + Send>>
        });
        self.timers.push(Timer { every, enqueue });
        self
    }

    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.handlers.extend(other.handlers);
        self.timers.extend(other.timers);
        self
    }

    /// Works until `stop`: claims due jobs, runs them, and enqueues what is on a timer.
    pub async fn run(self, db: Db, clock: Clock, stop: CancellationToken) {
        let jobs = Arc::new(self);
        let mut timers = tokio::task::JoinSet::new();
        for timer in &jobs.timers {
            let (every, enqueue, db, clock) = (timer.every, Arc::clone(&timer.enqueue), db.clone(), clock.clone());
            timers.spawn(async move {
                loop {
                    if let Err(error) = enqueue(db.clone(), clock.now()).await {
                        tracing::warn!(%error, "a timed job could not be enqueued; the next tick tries again");
                    }
                    tokio::time::sleep(every).await;
                }
            });
        }
        // Each job runs by itself: a slow receiver holds up nobody else.
        let mut running = tokio::task::JoinSet::new();
        while !stop.is_cancelled() {
            while running.try_join_next().is_some() {}
            let free = BATCH - running.len() as i64;
            let pause = match jobs.claim_due(&db, &clock, free).await {
                Ok((lease, claimed)) => {
                    let idle = claimed.is_empty();
                    for job in claimed {
                        let (jobs, db, clock) = (Arc::clone(&jobs), db.clone(), clock.clone());
                        running.spawn(async move { jobs.run_one(&db, &clock, lease, job).await });
                    }
                    if idle { POLL } else { Duration::ZERO }
                }
                Err(error) => {
                    tracing::warn!(%error, "the job queue could not be read; trying again in a second");
                    Duration::from_secs(1)
                }
            };
            tokio::select! { () = stop.cancelled() => {}, () = tokio::time::sleep(pause) => {} }
        }
        // What does not finish within the grace is taken over when its lease ends.
        let drain = async { while running.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(SHUTDOWN_GRACE, drain).await;
    }

    /// Runs everything due until nothing is; returns how many ran. Tests call this instead of waiting.
    pub async fn run_until_idle(&self, db: &Db, clock: &Clock) -> Result<usize, sqlx::Error> {
        let mut total = 0;
        loop {
            match self.run_due(db, clock).await? {
                0 => return Ok(total),
                ran => total += ran,
            }
        }
    }

    async fn run_due(&self, db: &Db, clock: &Clock) -> Result<usize, sqlx::Error> {
        let (lease, claimed) = self.claim_due(db, clock, BATCH).await?;
        let count = claimed.len();
        futures_join_all(claimed.into_iter().map(|job| self.run_one(db, clock, lease, job))).await;
        Ok(count)
    }

    async fn claim_due(&self, db: &Db, clock: &Clock, at_most: i64) -> Result<(Uuid, Vec<Claimed>), sqlx::Error> {
        let lease = Uuid::from_u128(rand::rng().random());
        if at_most <= 0 {
            return Ok((lease, Vec::new()));
        }
        let kinds: Vec<String> = self.handlers.keys().map(|kind| (*kind).to_owned()).collect();
        Ok((lease, claim(db.system(), &kinds, lease, clock.now(), at_most).await?))
    }

    async fn run_one(&self, db: &Db, clock: &Clock, lease: Uuid, job: Claimed) {
        let handler = self.handlers.get(job.kind.as_str()).expect("only kinds with a handler are claimed");
        let outcome = tokio::time::timeout(LEASE, handler(job.args.clone()))
            .await
            .unwrap_or_else(|_| Err(JobError::Retry(format!("did not finish within {} s", LEASE.as_secs()))));
        let now = clock.now();
        let settled = match outcome {
            Ok(()) => complete(db.system(), &job, lease).await,
            Err(JobError::Later(at)) => reschedule(db.system(), &job, lease, at).await,
            Err(error) => {
                let at = match &error {
                    JobError::RetryAt { at, .. } => *at,
                    _ => now + backoff(job.attempts),
                };
                tracing::warn!(job.kind, job.id, job.attempts, %error, retry_at = %at, "a job failed and will be tried again");
                postpone(db.system(), &job, lease, at, &error.to_string()).await
            }
        };
        if let Err(error) = settled {
            // The lease runs out and the job runs again: it is idempotent.
            tracing::warn!(job.kind, job.id, %error, transient = is_transient(&error), "a finished job could not be settled");
        }
    }
}

async fn futures_join_all<F: Future<Output = ()>>(runs: impl Iterator<Item = F>) {
    let mut runs: Vec<Pin<Box<F>>> = runs.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        runs.retain_mut(|run| run.as_mut().poll(context).is_pending());
        if runs.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

/// Doubles from five seconds to an hour, with up to a fifth of jitter so that a crowd does not return together.
fn backoff(attempts: i32) -> TimeDelta {
    let doubled = BACKOFF_FIRST.saturating_mul(1 << attempts.clamp(0, 12)).min(BACKOFF_CAP);
    let jitter = rand::rng().random_range(0.8..=1.2);
    TimeDelta::from_std(doubled.mul_f64(jitter)).unwrap_or(TimeDelta::hours(1))
}

async fn claim(
    pool: &PgPool,
    kinds: &[String],
    lease: Uuid,
    now: DateTime<Utc>,
    at_most: i64,
) -> Result<Vec<Claimed>, sqlx::Error> {
    sqlx::query_as(
        "update jobs set lease = $1, lease_until = $2, attempts = attempts + 1
         where id in (
             select id from jobs
             where run_at <= $3 and (lease is null or lease_until < $3) and kind = any($4)
             order by run_at limit $5 for update skip locked)
         returning id, kind, args, nudges, attempts",
    )
    .bind(lease)
    .bind(now + LEASE)
    .bind(now)
    .bind(kinds)
    .bind(at_most)
    .fetch_all(pool)
    .await
}

async fn complete(pool: &PgPool, job: &Claimed, lease: Uuid) -> Result<(), sqlx::Error> {
    let deleted = sqlx::query("delete from jobs where id = $1 and lease = $2 and nudges = $3")
        .bind(job.id)
        .bind(lease)
        .bind(job.nudges)
        .execute(pool)
        .await?;
    if deleted.rows_affected() == 0 {
        // Nudged while it ran: once more, at once.
        sqlx::query("update jobs set lease = null, lease_until = null, attempts = 0 where id = $1 and lease = $2")
            .bind(job.id)
            .bind(lease)
            .execute(pool)
            .await?;
    }
    Ok(())
}

/// Comes back at `at`; at once where a nudge came meanwhile, for that may have made something due before.
async fn reschedule(pool: &PgPool, job: &Claimed, lease: Uuid, at: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update jobs set lease = null, lease_until = null, attempts = 0, last_error = null,
                run_at = case when nudges = $3 then $4 else run_at end
         where id = $1 and lease = $2",
    )
    .bind(job.id)
    .bind(lease)
    .bind(job.nudges)
    .bind(at)
    .execute(pool)
    .await?;
    Ok(())
}

async fn postpone(
    pool: &PgPool,
    job: &Claimed,
    lease: Uuid,
    at: DateTime<Utc>,
    error: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update jobs set lease = null, lease_until = null, run_at = $3, last_error = $4 where id = $1 and lease = $2",
    )
    .bind(job.id)
    .bind(lease)
    .bind(at)
    .bind(error)
    .execute(pool)
    .await?;
    Ok(())
}

/// Jobs waiting or running now, by kind: for metrics, and for tests that must leave none behind.
pub async fn count_by_kind(pool: &PgPool) -> Result<Vec<(String, i64)>, sqlx::Error> {
    sqlx::query_as("select kind, count(*) from jobs group by kind order by kind").fetch_all(pool).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_and_is_capped() {
        assert!(backoff(0) <= TimeDelta::seconds(6));
        for attempts in 0..40 {
            assert!(backoff(attempts) <= TimeDelta::seconds(4320), "{attempts}");
        }
    }
}
