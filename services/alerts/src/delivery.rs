//! A delivery and its attempts, as they are stored and shown.

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use lakewarden_core::{TenantId, typed_id};
use rand::Rng as _;
use serde::Serialize;

typed_id!(
    /// Row of `deliveries`.
    DeliveryId(i64)
);

const BACKOFF_FIRST_S: i64 = 5;
const BACKOFF_CAP_S: i64 = 6 * 3600;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum State {
    /// For its group's wait to end, for the receiver's turn, or for the next try.
    Waiting,
    Sending,
    Sent,
    /// The receiver will never take it as it is; a person may retry it.
    Dead,
    /// Its notices went out with another delivery.
    Merged,
    /// A silence was in force.
    Silenced,
}

impl State {
    pub const ALL: &[Self] = &[Self::Waiting, Self::Sending, Self::Sent, Self::Dead, Self::Merged, Self::Silenced];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Dead => "dead",
            Self::Merged => "merged",
            Self::Silenced => "silenced",
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for State {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|state| state.as_str() == text).ok_or(())
    }
}

/// One message to one receiver.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    pub id: DeliveryId,
    pub receiver: String,
    pub policy_id: String,
    pub tenant_id: Option<TenantId>,
    pub state: State,
    pub attempts: i32,
    pub created_at: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
    pub last_attempt_at: Option<DateTime<Utc>>,
    pub last_status: Option<i32>,
    pub last_answer: Option<String>,
    pub settled_at: Option<DateTime<Utc>>,
    /// How many findings it speaks of.
    pub findings: i64,
}

impl Delivery {
    /// A person may have it sent now.
    pub fn can_be_retried(&self) -> bool {
        self.state == State::Dead || (self.state == State::Waiting && self.attempts > 0)
    }

    /// The word whose colour the page shows.
    pub fn state_word(&self) -> &'static str {
        match self.state {
            State::Waiting if self.attempts > 0 => "retrying",
            State::Waiting => "pending",
            State::Sending => "running",
            State::Sent => "delivered",
            State::Dead => "dead",
            State::Merged => "merged",
            State::Silenced => "silenced",
        }
    }
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    pub attempt: i32,
    pub started_at: DateTime<Utc>,
    /// `None` where the worker died before it knew the outcome.
    pub finished_at: Option<DateTime<Utc>>,
    pub took_ms: Option<i64>,
    pub status: Option<i32>,
    pub answer: Option<String>,
}

/// How long to leave alone what failed `failures` times: from five seconds doubling to six hours, give or take a fifth, so
/// that a crowd does not return together.
pub(crate) fn backoff(failures: i32) -> TimeDelta {
    let doubled = BACKOFF_FIRST_S.saturating_mul(1 << failures.saturating_sub(1).clamp(0, 20)).min(BACKOFF_CAP_S);
    let jittered = doubled as f64 * 1000.0 * rand::rng().random_range(0.8..=1.2);
    TimeDelta::milliseconds(jittered as i64).min(TimeDelta::seconds(BACKOFF_CAP_S))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_starts_at_five_seconds_and_ends_at_six_hours() {
        for _ in 0..100 {
            assert!((4_000..=6_000).contains(&backoff(1).num_milliseconds()));
            assert!((8_000..=12_000).contains(&backoff(2).num_milliseconds()));
            assert!(backoff(i32::MAX) <= TimeDelta::hours(6));
            assert!(backoff(40) >= TimeDelta::hours(4));
        }
    }
}
