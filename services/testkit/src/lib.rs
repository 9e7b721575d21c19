//! A real Postgres for every test, a clock that stands still, and requests through the real router.

mod database;
mod request;

pub use database::TestDb;
pub use request::{Answer, TestClient};

use chrono::{DateTime, Utc};
use lakewarden_core::Clock;

/// The instant at which tests take place: 2026-11-22 12:00 UTC.
pub fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_348_800, 0).expect("a valid instant")
}

/// A clock that stands at [`noon`] until moved.
pub fn clock() -> Clock {
    Clock::fixed(noon())
}
