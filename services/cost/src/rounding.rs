//! A table of exact amounts as whole cents whose rows, columns and total all add up.
//!
//! Rounding each cell by itself is off by a few cents a page, and finance finds them. Instead the total is rounded once; its
//! cents go to the columns, and each column's cents to its cells, by largest remainder.

use rust_decimal::Decimal;

use crate::amount::to_cents;

/// Splits `total` cents over `parts` so that the shares sum to it and none is a cent or more from exact.
///
/// `total` is the parts' exact sum rounded down or up. Then as many cents are missing from the floors as the remainders sum
/// to, rounded: never negative, never more than there are parts with a remainder, so a zero stays zero.
/// Ties go to the earlier part: sort the parts by something stable first.
pub fn largest_remainder(parts: &[Decimal], total: i64) -> Vec<i64> {
    let exact: Vec<Decimal> = parts.iter().map(|part| part * Decimal::ONE_HUNDRED).collect();
    let mut cents: Vec<i64> = exact.iter().map(|part| whole(part.floor())).collect();
    let missing = usize::try_from(total - cents.iter().sum::<i64>()).unwrap_or(0);
    let remainder = |index: usize| exact[index] - exact[index].floor();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(remainder(index)));
    for index in order.into_iter().take(missing) {
        cents[index] += 1;
    }
    cents
}

/// One exact amount of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell<R, C> {
    pub row: R,
    pub column: C,
    pub amount: Decimal,
    /// Filled by [`round_table`].
    pub cents: i64,
}

/// Rounds a whole table. Returns the total in cents: the exact sum, rounded half to even.
pub fn round_table<R: Ord, C: Ord + Clone>(cells: &mut [Cell<R, C>]) -> i64 {
    cells.sort_by(|a, b| (&a.column, &a.row).cmp(&(&b.column, &b.row)));
    let total = to_cents(cells.iter().map(|cell| cell.amount).sum());
    let columns: Vec<Decimal> =
        cells.chunk_by(|a, b| a.column == b.column).map(|column| column.iter().map(|cell| cell.amount).sum()).collect();
    let column_cents = largest_remainder(&columns, total);
    for (column, cents) in cells.chunk_by_mut(|a, b| a.column == b.column).zip(column_cents) {
        let parts: Vec<Decimal> = column.iter().map(|cell| cell.amount).collect();
        for (cell, share) in column.iter_mut().zip(largest_remainder(&parts, cents)) {
            cell.cents = share;
        }
    }
    total
}

fn whole(amount: Decimal) -> i64 {
    amount.try_into().expect("a month's cell stays far below 92 quadrillion cents")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn decimals(texts: &[&str]) -> Vec<Decimal> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn shares_sum_to_the_total_and_ties_go_to_the_first() {
        assert_eq!(largest_remainder(&decimals(&["0.333", "0.333", "0.334"]), 100), [33, 33, 34]);
        assert_eq!(largest_remainder(&decimals(&["0.005", "0.005"]), 1), [1, 0]);
        assert_eq!(largest_remainder(&decimals(&["-0.005", "0.015"]), 1), [0, 1], "credits too");
        assert_eq!(largest_remainder(&[], 0), Vec::<i64>::new());
        assert_eq!(largest_remainder(&decimals(&["0", "0.004", "0.003"]), 1), [0, 1, 0], "a zero stays zero");
    }

    #[test]
    fn rows_columns_and_total_add_up_for_awkward_tables() {
        // A fixed multiplicative sequence: awkward fractions, some negative, the same in every run.
        let mut state: u64 = 7;
        for size in 1..40_u64 {
            let mut cells = Vec::new();
            for row in 0..size {
                for column in 0..=(size % 7) {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let amount = Decimal::new((state >> 40) as i64 - 3_000_000, 8);
                    cells.push(Cell { row, column, amount, cents: 0 });
                }
            }
            let exact: Decimal = cells.iter().map(|cell| cell.amount).sum();
            let total = round_table(&mut cells);
            assert_eq!(total, to_cents(exact));
            assert_eq!(cells.iter().map(|cell| cell.cents).sum::<i64>(), total);
            let mut columns: BTreeMap<u64, (Decimal, i64)> = BTreeMap::new();
            for cell in &cells {
                let off = cell.amount * Decimal::ONE_HUNDRED - Decimal::from(cell.cents);
                assert!(off.abs() <= Decimal::ONE, "{cell:?} is more than a cent off");
                let column = columns.entry(cell.column).or_default();
                *column = (column.0 + cell.amount, column.1 + cell.cents);
            }
            for (exact, cents) in columns.values() {
                assert!((exact * Decimal::ONE_HUNDRED - Decimal::from(*cents)).abs() <= Decimal::ONE);
            }
        }
    }
}
