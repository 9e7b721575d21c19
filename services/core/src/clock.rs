//! Time is passed in, so that the same input gives the same output and tests never sleep.

use std::fmt;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Duration, Utc};

/// Where a slice takes "now" from: the machine's clock, or one a test moves by hand.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Fixed(Arc<Mutex<DateTime<Utc>>>),
}

impl Clock {
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until [`Clock::advance`] moves it.
    pub fn fixed(now: DateTime<Utc>) -> Self {
        Self(Source::Fixed(Arc::new(Mutex::new(now))))
    }

    /// The current instant, to the microsecond: what Postgres can store, so that a value read back compares equal.
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
            Source::System => truncate_to_micros(Utc::now()),
            Source::Fixed(now) => *now.lock().expect("no holder of the test clock panics"),
        }
    }

    /// Moves a fixed clock; the system's clock is not ours to move and stays.
    pub fn advance(&self, by: Duration) {
        if let Source::Fixed(now) = &self.0 {
            *now.lock().expect("no holder of the test clock panics") += by;
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now().to_rfc3339())
    }
}

fn truncate_to_micros(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_when_told() {
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let clock = Clock::fixed(start);
        assert_eq!(clock.now(), start);
        clock.clone().advance(Duration::hours(1));
        assert_eq!(clock.now(), start + Duration::hours(1), "clones share one time");
    }
}
