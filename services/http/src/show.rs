//! Numbers, sizes, spans and instants as people read them.

use std::fmt::Display;

use chrono::{DateTime, TimeDelta, Utc};

/// `1,234,567`; a decimal keeps its digits after the point.
pub fn count(number: impl Display) -> String {
    let text = number.to_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, ""), |(whole, fraction)| (whole, fraction));
    let mut out = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// `12.3k`, `4.5M`: for axes and narrow places. Exact numbers belong beside it.
pub fn short(number: f64) -> String {
    let magnitude = number.abs();
    for (limit, unit) in [(1e9, "G"), (1e6, "M"), (1e3, "k")] {
        // 999,950 would otherwise be shown as 1000k.
        if magnitude >= limit * 0.999_95 {
            return format!("{}{unit}", trimmed(number / limit, 1));
        }
    }
    trimmed(number, if magnitude < 10.0 { 2 } else { 1 })
}

/// `1.5 GiB`.
pub fn bytes(size: impl TryInto<i128>) -> String {
    let size = size.try_into().unwrap_or(i128::MAX);
    if size.abs() < 1024 {
        return format!("{size} B");
    }
    let mut value = size as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
        if value.abs() < 1023.95 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{} {unit}", trimmed(value, 1))
}

/// `850 ms`, `42 s`, `3 min 20 s`, `5 h 10 min`, `12 d 4 h`.
pub fn span(span: TimeDelta) -> String {
    let ms = span.num_milliseconds().max(0);
    let pair = |large: i64, large_unit: &str, small: i64, small_unit: &str| {
        if small == 0 { format!("{large} {large_unit}") } else { format!("{large} {large_unit} {small} {small_unit}") }
    };
    let seconds = ms / 1000;
    match seconds {
        0 => format!("{ms} ms"),
        1..60 => format!("{seconds} s"),
        60..3600 => pair(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => pair(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => pair(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

/// `just now`, `5 min ago`, `in 3 h`, `2 d ago`.
pub fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - at).num_seconds();
    let size = match seconds.abs() {
        0..45 => return "just now".to_owned(),
        45..5400 => format!("{} min", (seconds.abs() + 30) / 60),
        5400..129_600 => format!("{} h", (seconds.abs() + 1800) / 3600),
        other => format!("{} d", (other + 43_200) / 86_400),
    };
    if seconds >= 0 { format!("{size} ago") } else { format!("in {size}") }
}

/// `2026-11-22 12:00 UTC`.
pub fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// `1 finding`, `3 findings`, `1,204 findings`.
pub fn plural(number: i64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// `12.5%`; what rounds to nothing without being nothing is `<0.1%`.
pub fn percent(part: f64, whole: f64) -> String {
    if whole <= 0.0 {
        return "–".to_owned();
    }
    let share = 100.0 * part / whole;
    if share > 0.0 && share < 0.1 { "<0.1%".to_owned() } else { format!("{}%", trimmed(share, 1)) }
}

/// At most `decimals` digits after the point, without trailing zeros.
fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_thousands() {
        for (number, shown) in [(0, "0"), (999, "999"), (1000, "1,000"), (-1_234_567, "-1,234,567")] {
            assert_eq!(count(number), shown);
        }
        assert_eq!(count("12345.50"), "12,345.50");
    }

    #[test]
    fn short_numbers_round_into_the_next_unit() {
        for (number, shown) in [
            (0.0, "0"),
            (7.5, "7.5"),
            (0.127, "0.13"),
            (999.4, "999.4"),
            (12_345.0, "12.3k"),
            (999_960.0, "1M"),
            (-2e9, "-2G"),
        ] {
            assert_eq!(short(number), shown, "{number}");
        }
    }

    #[test]
    fn sizes_are_binary() {
        for (size, shown) in
            [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1_610_612_736, "1.5 GiB"), (1_048_570, "1 MiB")]
        {
            assert_eq!(bytes(size), shown, "{size}");
        }
    }

    #[test]
    fn spans_and_distances_name_two_units_at_most() {
        assert_eq!(span(TimeDelta::milliseconds(850)), "850 ms");
        assert_eq!(span(TimeDelta::seconds(200)), "3 min 20 s");
        assert_eq!(span(TimeDelta::hours(292)), "12 d 4 h");
        let now = DateTime::from_timestamp(1_795_348_800, 0).unwrap();
        for (seconds, shown) in [(10, "just now"), (300, "5 min ago"), (-10_800, "in 3 h"), (172_800, "2 d ago")] {
            assert_eq!(ago(now - TimeDelta::seconds(seconds), now), shown);
        }
    }

    #[test]
    fn a_share_is_never_rounded_to_nothing() {
        assert_eq!(percent(1.0, 8.0), "12.5%");
        assert_eq!(percent(1.0, 1e6), "<0.1%");
        assert_eq!(percent(0.0, 5.0), "0%");
        assert_eq!(percent(1.0, 0.0), "–");
    }
}
