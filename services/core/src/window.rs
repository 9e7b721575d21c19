//! Half-open stretches of time.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// From `from` (inclusive) to `to` (exclusive).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TimeWindow {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
}

impl TimeWindow {
    /// `None` where the end is before the start.
    pub fn new(from: DateTime<Utc>, to: DateTime<Utc>) -> Option<Self> {
        (from <= to).then_some(Self { from, to })
    }

    /// An instant, as a window of no length.
    pub const fn at(instant: DateTime<Utc>) -> Self {
        Self { from: instant, to: instant }
    }

    pub fn contains(&self, instant: DateTime<Utc>) -> bool {
        self.from <= instant && instant < self.to
    }

    /// The smallest window that holds both.
    #[must_use]
    pub fn cover(self, other: Self) -> Self {
        Self { from: self.from.min(other.from), to: self.to.max(other.to) }
    }

    pub fn overlaps(&self, other: &Self) -> bool {
        self.from < other.to && other.from < self.to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_not_inside() {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let window = TimeWindow::new(at(10), at(20)).unwrap();
        assert!(window.contains(at(10)) && !window.contains(at(20)));
        assert_eq!(TimeWindow::new(at(2), at(1)), None);
        assert_eq!(window.cover(TimeWindow::at(at(30))), TimeWindow { from: at(10), to: at(30) });
        assert!(!window.overlaps(&TimeWindow { from: at(20), to: at(30) }));
    }
}
