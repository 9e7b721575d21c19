//! Calendar months, as bills have them.

use chrono::{Datelike as _, Months, NaiveDate};

/// The first day of the day's month.
pub fn first_of(day: NaiveDate) -> NaiveDate {
    day.with_day(1).expect("every month has a first day")
}

/// The first day of the month after; the last month of time is its own successor.
pub fn next(month: NaiveDate) -> NaiveDate {
    month.checked_add_months(Months::new(1)).unwrap_or(month)
}

pub fn previous(month: NaiveDate) -> NaiveDate {
    month.checked_sub_months(Months::new(1)).unwrap_or(month)
}

/// `2026-09`, as in addresses.
pub fn slug(month: NaiveDate) -> String {
    month.format("%Y-%m").to_string()
}

/// `September 2026`, as in headings.
pub fn name(month: NaiveDate) -> String {
    month.format("%B %Y").to_string()
}

/// Reads `2026-09`.
pub fn parse(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").ok().filter(|month| slug(*month) == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_read_as_they_are_written() {
        let september = NaiveDate::from_ymd_opt(2026, 9, 1).unwrap();
        assert_eq!(parse("2026-09"), Some(september));
        assert_eq!((slug(september), name(september)), ("2026-09".into(), "September 2026".into()));
        for text in ["", "2026", "2026-13", "2026-9", "2026-09-01", "x"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(first_of(NaiveDate::from_ymd_opt(2026, 12, 31).unwrap()), next(next(next(september))));
        assert_eq!(previous(next(september)), september);
    }
}
