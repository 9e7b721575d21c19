//! What the pages and the API tell of a source, from its row, its days and its hours.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use lakewarden_core::{SourceId, TimeWindow};
use lakewarden_http::charts::{Cell, CellState, CoverageRow, CoverageStrip};
use lakewarden_http::show;

use crate::coverage::{Hours, State, day_of, day_state, hour_state};
use crate::store::{DayRow, Source};

/// How far back coverage is shown.
pub(crate) const DAYS_SHOWN: i64 = 30;

/// A source with its state now.
#[derive(Debug, Clone)]
pub struct Report {
    pub source: Source,
    pub state: State,
}

impl Report {
    pub fn of(source: Source, now: DateTime<Utc>) -> Self {
        Self { state: State::of(source.kind, source.last_hour, now), source }
    }

    /// `CloudTrail 111122223333`.
    pub fn title(&self) -> String {
        format!("{} {}", self.source.kind.title(), self.source.name)
    }

    pub fn state_word(&self) -> &'static str {
        self.state.as_str()
    }

    pub fn state_look(&self) -> &'static str {
        self.state.look()
    }

    pub fn size(&self) -> String {
        show::bytes(self.source.bytes)
    }
}

/// The first day that is shown.
pub(crate) fn first_day(now: DateTime<Utc>) -> DateTime<Utc> {
    day_of(now) - TimeDelta::days(DAYS_SHOWN - 1)
}

pub(crate) fn shown_window(now: DateTime<Utc>) -> TimeWindow {
    TimeWindow { from: first_day(now), to: now }
}

/// A row for every source, a square for every day.
pub(crate) fn strip_by_day(reports: &[Report], days: &[DayRow], now: DateTime<Utc>) -> CoverageStrip {
    let known: HashMap<(SourceId, DateTime<Utc>), &DayRow> =
        days.iter().map(|row| ((row.source_id, row.day), row)).collect();
    let first = first_day(now);
    let all_days: Vec<DateTime<Utc>> = (0..DAYS_SHOWN).map(|day| first + TimeDelta::days(day)).collect();
    let rows = reports
        .iter()
        .map(|report| {
            let source = &report.source;
            let cells = all_days
                .iter()
                .map(|day| {
                    let (hours, records) = known.get(&(source.id, *day)).map_or((0, 0), |row| (row.hours, row.records));
                    Cell {
                        label: day_label(*day, hours, records),
                        state: day_state(*day, hours, source.first_hour, source.kind, now),
                        href: Some(format!("/sources/{}", source.id)),
                    }
                })
                .collect();
            CoverageRow { label: shortened(&report.title()), cells }
        })
        .collect();
    CoverageStrip {
        title: "Coverage by day".to_owned(),
        description: format!("A row for every source, a square for each of the last {DAYS_SHOWN} days."),
        columns: all_days.iter().enumerate().map(|(index, day)| weekly(index, *day)).collect(),
        rows,
    }
}

/// A row for every day, a square for every hour.
pub(crate) fn strip_by_hour(source: &Source, hours: &Hours, now: DateTime<Utc>) -> CoverageStrip {
    let rows = (0..DAYS_SHOWN)
        .map(|day| {
            let day = first_day(now) + TimeDelta::days(day);
            let cells = (0..24)
                .map(|hour| {
                    let hour = day + TimeDelta::hours(hour);
                    let records = hours.get(&hour).copied();
                    Cell {
                        label: hour_label(hour, records.unwrap_or(0)),
                        state: hour_state(hour, records.is_some(), source.first_hour, source.kind, now),
                        href: None,
                    }
                })
                .collect();
            CoverageRow { label: day.format("%b %d").to_string(), cells }
        })
        .collect();
    CoverageStrip {
        title: "Coverage by hour".to_owned(),
        description: format!("A row for each of the last {DAYS_SHOWN} days, a square for every hour of it, in UTC."),
        columns: (0..24).map(|hour| if hour % 6 == 0 { format!("{hour:02}") } else { String::new() }).collect(),
        rows,
    }
}

/// Whether any square is a gap: a page then says so in words.
pub(crate) fn gap_days(strip: &CoverageStrip) -> usize {
    strip.rows.iter().flat_map(|row| &row.cells).filter(|cell| cell.state == CellState::Gap).count()
}

fn weekly(index: usize, day: DateTime<Utc>) -> String {
    if index.is_multiple_of(7) { day.format("%b %d").to_string() } else { String::new() }
}

fn day_label(day: DateTime<Utc>, hours: i64, records: i64) -> String {
    format!("{}, {} in {hours} of 24 hours", day.format("%Y-%m-%d"), show::plural(records, "record", "records"))
}

fn hour_label(hour: DateTime<Utc>, records: i64) -> String {
    format!("{}, {}", hour.format("%Y-%m-%d %H:%M"), show::plural(records, "record", "records"))
}

fn shortened(label: &str) -> String {
    const LONGEST: usize = 36;
    if label.chars().count() <= LONGEST {
        return label.to_owned();
    }
    label.chars().take(LONGEST - 1).chain(['…']).collect()
}
