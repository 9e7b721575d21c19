//! From the hours a source delivered to its state, its days and its gaps.

use std::collections::BTreeMap;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use lakewarden_core::TimeWindow;
use lakewarden_http::charts::CellState;
use serde::Serialize;

use crate::kind::{Every, SourceKind};

/// How a source does, as of an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Ok,
    Late,
    Silent,
    /// Nothing readable ever came.
    Never,
}

impl State {
    /// `last_hour` is the last hour records speak of.
    pub fn of(kind: SourceKind, last_hour: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        let Some(last_hour) = last_hour else { return Self::Never };
        let quiet = now - (last_hour + TimeDelta::hours(1));
        if quiet > kind.silent_after() {
            Self::Silent
        } else if quiet > kind.late_after() {
            Self::Late
        } else {
            Self::Ok
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Late => "late",
            Self::Silent => "silent",
            Self::Never => "never",
        }
    }

    /// The word of the style sheet that looks like it.
    pub const fn look(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Late => "late",
            Self::Silent => "gap",
            Self::Never => "stale",
        }
    }
}

/// The start of the hour an instant lies in: how deliveries count.
pub fn hour_of(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at)
}

pub(crate) fn day_of(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::days(1)).unwrap_or(at)
}

/// Hours with something in them, and how many records.
pub(crate) type Hours = BTreeMap<DateTime<Utc>, i64>;

/// Stretches of `window` in which something should have come and nothing did: between the first and the last covered step,
/// and after the last until now where the source is late.
pub fn gaps(kind: SourceKind, hours: &Hours, window: TimeWindow, now: DateTime<Utc>) -> Vec<TimeWindow> {
    let step = |at: DateTime<Utc>| match kind.every() {
        Every::Hour => hour_of(at),
        Every::Day => day_of(at),
    };
    let length = kind.every().length();
    let mut gaps = Vec::new();
    let mut expected: Option<DateTime<Utc>> = None;
    for at in hours.range(window.from..=window.to).map(|(hour, _)| step(*hour)) {
        if let Some(expected) = expected
            && expected < at
        {
            gaps.push(TimeWindow { from: expected, to: at });
        }
        expected = Some(at + length);
    }
    let last_hour = hours.range(..=now).next_back().map(|(hour, _)| *hour);
    if let Some(expected) = expected
        && State::of(kind, last_hour, now) != State::Ok
        && expected < now
    {
        gaps.push(TimeWindow { from: expected, to: now });
    }
    gaps
}

/// One hour of the strip.
pub(crate) fn hour_state(
    hour: DateTime<Utc>,
    covered: bool,
    first_hour: Option<DateTime<Utc>>,
    kind: SourceKind,
    now: DateTime<Utc>,
) -> CellState {
    if covered {
        CellState::Covered
    } else if hour > now {
        CellState::Future
    } else if first_hour.is_none_or(|first| hour < first)
        || kind.every() == Every::Day
        || now - hour <= kind.late_after()
    {
        // Nothing was to be expected in just this hour.
        CellState::Unknown
    } else {
        CellState::Gap
    }
}

/// One day of the strip, from how many of its hours are covered.
pub(crate) fn day_state(
    day: DateTime<Utc>,
    covered_hours: i64,
    first_hour: Option<DateTime<Utc>>,
    kind: SourceKind,
    now: DateTime<Utc>,
) -> CellState {
    if covered_hours == 0 {
        let first_day = first_hour.map(day_of);
        return if first_day.is_none_or(|first| day < first) {
            CellState::Unknown
        } else if day + TimeDelta::days(1) + kind.late_after() > now {
            CellState::Future
        } else {
            CellState::Gap
        };
    }
    let from = first_hour.map_or(day, |first| first.max(day));
    let to = (now - kind.late_after()).min(day + TimeDelta::days(1));
    let expected = match kind.every() {
        Every::Hour => (to - from).num_hours(),
        Every::Day => 1,
    };
    if covered_hours >= expected { CellState::Covered } else { CellState::Partial }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_305_600 + hour * 3600, 0).unwrap()
    }

    fn hours(covered: &[i64]) -> Hours {
        covered.iter().map(|hour| (at(*hour), 1)).collect()
    }

    fn found(kind: SourceKind, covered: &[i64], now: i64) -> Vec<(i64, i64)> {
        let window = TimeWindow { from: at(-1000), to: at(1000) };
        gaps(kind, &hours(covered), window, at(now))
            .into_iter()
            .map(|gap| ((gap.from - at(0)).num_hours(), (gap.to - at(0)).num_hours()))
            .collect()
    }

    #[test]
    fn a_gap_is_an_hour_in_the_middle_or_a_late_end() {
        assert_eq!(found(SourceKind::CloudTrail, &[0, 1, 2], 4), []);
        assert_eq!(found(SourceKind::CloudTrail, &[0, 1, 4, 5], 6), [(2, 4)]);
        assert_eq!(found(SourceKind::CloudTrail, &[0, 1], 10), [(2, 10)]);
        assert_eq!(found(SourceKind::CloudTrail, &[], 10), [], "never is a state, not a gap");
    }

    #[test]
    fn a_source_by_day_may_rest_at_night() {
        assert_eq!(found(SourceKind::OpenLineage, &[2, 30, 50], 60), []);
        assert_eq!(found(SourceKind::OpenLineage, &[2, 75], 80), [(24, 72)]);
    }

    #[test]
    fn a_source_is_late_and_then_silent() {
        for (quiet, state) in [(2, State::Ok), (4, State::Late), (26, State::Silent)] {
            assert_eq!(State::of(SourceKind::CloudTrail, Some(at(0)), at(quiet)), state, "{quiet} h");
        }
        assert_eq!(State::of(SourceKind::Glue, None, at(0)), State::Never);
        assert_eq!(State::of(SourceKind::Glue, Some(at(100)), at(0)), State::Ok, "a clock ahead of ours");
    }

    #[test]
    fn a_day_is_covered_when_all_that_was_to_be_expected_came() {
        let (trail, pipelines) = (SourceKind::CloudTrail, SourceKind::OpenLineage);
        let now = at(24 * 5 + 12);
        for (kind, day, covered, state) in [
            (trail, 1, 24, CellState::Covered),
            (trail, 1, 23, CellState::Partial),
            (trail, 1, 0, CellState::Gap),
            (trail, 0, 14, CellState::Covered),
            (trail, 5, 10, CellState::Covered),
            (trail, 5, 0, CellState::Future),
            (trail, -1, 0, CellState::Unknown),
            (pipelines, 1, 1, CellState::Covered),
            (pipelines, 1, 0, CellState::Gap),
            (pipelines, 4, 0, CellState::Future),
        ] {
            assert_eq!(day_state(at(day * 24), covered, Some(at(10)), kind, now), state, "{kind} day {day} {covered}");
        }
    }
}
