//! Instants as producers write them: RFC 3339, the same without an offset, and Java's with the zone's name behind.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde::{Deserialize, Deserializer};

/// Reads an instant to the microsecond; a time without an offset is taken as UTC.
pub fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let text = text.split_once('[').map_or(text, |(instant, _zone)| instant);
    let at = DateTime::parse_from_rfc3339(text)
        .map(|at| at.to_utc())
        .ok()
        .or_else(|| ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"].iter().find_map(|format| naive(text, format)))
        .or_else(|| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z").ok().map(|at| at.to_utc()))
        .or_else(|| Some(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0)?.and_utc()))?;
    DateTime::from_timestamp_micros(at.timestamp_micros())
}

fn naive(text: &str, format: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(text, format).ok().map(|at| at.and_utc())
}

pub(super) fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    parse_time(&text).ok_or_else(|| {
        let shown: String = text.chars().take(60).collect();
        serde::de::Error::custom(format_args!("`{shown}` is not an instant like 2026-01-31T12:00:00Z"))
    })
}

#[cfg(test)]
mod tests {
    use super::parse_time;

    #[test]
    fn every_spelling_of_one_instant_is_the_same_instant() {
        let expected = parse_time("2026-03-01T11:00:00.5Z").unwrap();
        for text in [
            "2026-03-01T12:00:00.5+01:00",
            "2026-03-01T12:00:00.500+0100",
            "2026-03-01T11:00:00.500000",
            "2026-03-01 11:00:00.5",
            "2026-03-01T12:00:00.5+01:00[Europe/Berlin]",
        ] {
            assert_eq!(parse_time(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn an_impossible_date_is_no_instant() {
        for text in ["2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "", "yesterday", "99999999999999"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }
}
