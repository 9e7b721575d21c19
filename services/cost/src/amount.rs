//! Amounts as Cost Explorer writes them: decimal text, exact or refused, never a float.

use rust_decimal::{Decimal, RoundingStrategy};
use thiserror::Error;

/// Decimals a stored amount keeps: `numeric(28, 12)`. AWS bills with eleven at most.
pub const DECIMALS: u32 = 12;
/// Sixteen digits before the point.
const LIMIT: i64 = 10_000_000_000_000_000;

#[derive(Debug, Error, PartialEq, Eq)]
pub enum AmountError {
    #[error("`{0}` is not a decimal number")]
    NotDecimal(String),
    #[error("`{0}` has more than 16 digits before the point")]
    TooLarge(String),
    #[error("`{0}` has more decimals than the 12 that are kept; storing it would change what was billed")]
    TooFine(String),
}

/// Reads `40.3527508453`, `-0.5` and `3.45E-7`. A value that would have to be rounded is an error.
pub fn parse_amount(text: &str) -> Result<Decimal, AmountError> {
    let not_decimal = || AmountError::NotDecimal(shorten(text));
    let exact = if text.contains(['e', 'E']) {
        Decimal::from_scientific(text).map_err(|_| not_decimal())?
    } else {
        // `FromStr` would round the 29th digit silently. `_` is a digit separator to it, not to anyone's bill.
        let plain = text.strip_prefix('-').unwrap_or(text);
        if plain.is_empty() || !plain.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err(not_decimal());
        }
        Decimal::from_str_exact(drop_trailing_zeros(text)).map_err(|_| not_decimal())?
    };
    let exact = exact.normalize();
    if exact.abs() >= Decimal::from(LIMIT) {
        return Err(AmountError::TooLarge(shorten(text)));
    }
    if exact.scale() > DECIMALS {
        return Err(AmountError::TooFine(shorten(text)));
    }
    Ok(exact)
}

/// AWS pads some amounts to more digits than a decimal holds; zeros at the end say nothing.
fn drop_trailing_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Cents, rounded half to even the way an invoice is.
pub fn to_cents(amount: Decimal) -> i64 {
    let cents = (amount * Decimal::ONE_HUNDRED).round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven);
    cents.try_into().expect("sums of a month stay far below 92 quadrillion cents")
}

/// The amount of a whole number of cents.
pub fn from_cents(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_or_refused() {
        for (text, value) in [
            ("0.00000000000", "0"),
            ("40.3527508453", "40.3527508453"),
            ("-0.5", "-0.5"),
            ("3.45E-7", "0.000000345"),
            ("1.000000000000000000000000000000000", "1"),
            ("12", "12"),
            ("100", "100"),
        ] {
            assert_eq!(parse_amount(text), Ok(value.parse().unwrap()), "{text}");
        }
        for text in ["", "-", ".", "1,5", "NaN", "Infinity", "1_000", "0x10", " 1", "1e999", "+1", "1.2.3"] {
            assert!(matches!(parse_amount(text), Err(AmountError::NotDecimal(_))), "{text}: {:?}", parse_amount(text));
        }
        assert!(matches!(parse_amount("0.0000000000001"), Err(AmountError::TooFine(_))));
        assert!(matches!(parse_amount("12345678901234567"), Err(AmountError::TooLarge(_))));
    }

    #[test]
    fn cents_are_rounded_half_to_even() {
        for (amount, cents) in [("0.005", 0), ("0.015", 2), ("-0.015", -2), ("1.23", 123)] {
            assert_eq!(to_cents(amount.parse().unwrap()), cents, "{amount}");
        }
        assert_eq!(from_cents(123).to_string(), "1.23");
    }
}
