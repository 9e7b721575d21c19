//! What a newly collected set changes of what was stored: the whole window at once, so that a vanished cell is closed too.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::cost_explorer::{CellKey, CostSet};

/// A line in force, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredCell {
    pub line_id: i64,
    pub amount: Decimal,
    pub estimated: bool,
}

/// The stored state of a set's window.
#[derive(Debug, Default)]
pub struct StoredWindow {
    pub cells: BTreeMap<CellKey, StoredCell>,
    /// Days collected before; true where they were estimated.
    pub days: BTreeMap<NaiveDate, bool>,
}

/// A cell whose amount is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restatement {
    pub key: CellKey,
    pub old: Option<Decimal>,
    pub new: Option<Decimal>,
    pub was_estimated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLine {
    pub key: CellKey,
    pub amount: Decimal,
    pub estimated: bool,
}

/// What must be written. Empty where the same pages came again.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub close: Vec<i64>,
    pub open: Vec<NewLine>,
    pub restated: Vec<Restatement>,
    /// Days that are new or no longer (or again) estimated.
    pub days: Vec<(NaiveDate, bool)>,
    pub unchanged: usize,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.close.is_empty() && self.open.is_empty() && self.days.is_empty()
    }

    /// Adds each day on which anything changed, with its lines that were opened.
    pub fn cover(&self, days: &mut BTreeMap<NaiveDate, i64>) {
        for (day, _) in &self.days {
            days.entry(*day).or_insert(1);
        }
        for gone in &self.restated {
            days.entry(gone.key.day).or_insert(1);
        }
        for line in &self.open {
            *days.entry(line.key.day).or_insert(0) += 1;
        }
    }
}

/// Compares a set with what is stored for its days.
pub fn compare(stored: &StoredWindow, set: &CostSet) -> Changes {
    let mut changes = Changes::default();
    for (key, &amount) in &set.cells {
        let estimated = set.days.get(&key.day).copied().unwrap_or_default();
        let old = stored.cells.get(key);
        if old.is_some_and(|old| old.amount == amount && old.estimated == estimated) {
            changes.unchanged += 1;
            continue;
        }
        changes.close.extend(old.map(|old| old.line_id));
        changes.open.push(NewLine { key: key.clone(), amount, estimated });
        let collected_before = stored.days.get(&key.day);
        let old = old.map(|old| old.amount);
        if let Some(&was_estimated) = collected_before.filter(|_| old != Some(amount)) {
            changes.restated.push(Restatement { key: key.clone(), old, new: Some(amount), was_estimated });
        }
    }
    for (key, old) in &stored.cells {
        if set.days.contains_key(&key.day) && !set.cells.contains_key(key) {
            changes.close.push(old.line_id);
            let gone = Restatement { key: key.clone(), old: Some(old.amount), new: None, was_estimated: old.estimated };
            changes.restated.push(gone);
        }
    }
    changes.restated.sort_by(|a, b| a.key.cmp(&b.key));
    changes.days =
        set.days.iter().filter(|&(day, flag)| stored.days.get(day) != Some(flag)).map(|(d, f)| (*d, *f)).collect();
    changes
}

#[cfg(test)]
mod tests {
    use lakewarden_core::{Currency, Sha256};

    use super::*;
    use crate::cost_explorer::Grouping;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 9, day).unwrap()
    }

    fn key(number: u32, service: &str) -> CellKey {
        CellKey { day: day(number), service: service.into(), allocation_key: "acme".into(), currency: Currency::USD }
    }

    fn set(days: &[(u32, bool)], cells: &[(u32, &str, &str)]) -> CostSet {
        CostSet {
            grouping: Grouping::Tag("tenant".into()),
            days: days.iter().map(|&(number, estimated)| (day(number), estimated)).collect(),
            cells: cells.iter().map(|&(n, service, amount)| (key(n, service), amount.parse().unwrap())).collect(),
            pages: 1,
            pages_sha256: Sha256::of(""),
        }
    }

    fn store(set: &CostSet) -> StoredWindow {
        let cells = set.cells.iter().zip(1..).map(|((key, &amount), line_id)| {
            (key.clone(), StoredCell { line_id, amount, estimated: set.days[&key.day] })
        });
        StoredWindow { cells: cells.collect(), days: set.days.clone() }
    }

    #[test]
    fn the_same_set_again_changes_nothing_whatever_its_trailing_zeros() {
        let stored = store(&set(&[(1, false)], &[(1, "S", "0.10")]));
        let changes = compare(&stored, &set(&[(1, false)], &[(1, "S", "0.1000")]));
        assert!(changes.is_empty());
        assert_eq!(changes.unchanged, 1);
    }

    #[test]
    fn changed_gone_and_late_cells_are_restatements_and_first_days_are_not() {
        let stored = store(&set(&[(1, false), (2, true)], &[(1, "S", "1"), (1, "T", "2"), (2, "S", "3")]));
        let next =
            set(&[(1, false), (2, true), (3, true)], &[(1, "S", "1.5"), (2, "S", "3"), (2, "U", "9"), (3, "S", "4")]);
        let changes = compare(&stored, &next);
        let amount = |text: &str| Some(text.parse::<Decimal>().unwrap());
        assert_eq!(
            changes.restated,
            [
                Restatement { key: key(1, "S"), old: amount("1"), new: amount("1.5"), was_estimated: false },
                Restatement { key: key(1, "T"), old: amount("2"), new: None, was_estimated: false },
                Restatement { key: key(2, "U"), old: None, new: amount("9"), was_estimated: true },
            ]
        );
        assert_eq!((changes.close.len(), changes.open.len(), changes.unchanged), (2, 3, 1));
        assert_eq!(changes.days, [(day(3), true)]);
    }

    #[test]
    fn a_day_that_becomes_final_is_rewritten_without_being_restated() {
        let stored = store(&set(&[(1, true)], &[(1, "S", "1")]));
        let changes = compare(&stored, &set(&[(1, false)], &[(1, "S", "1")]));
        assert_eq!((changes.close.len(), changes.open.len(), changes.restated.len()), (1, 1, 0));
        assert_eq!(changes.days, [(day(1), false)]);
    }

    #[test]
    fn days_outside_the_set_are_left_alone() {
        let stored = store(&set(&[(1, false), (2, false)], &[(1, "S", "1"), (2, "S", "1")]));
        assert!(compare(&stored, &set(&[(2, false)], &[(2, "S", "1")])).is_empty());
    }
}
