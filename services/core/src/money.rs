//! Money is decimal and has a currency; two currencies are never added.

use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An ISO 4217 code, upper case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

#[derive(Debug, Error, PartialEq, Eq)]
pub enum MoneyError {
    #[error("`{0}` is not a currency code of three letters")]
    NotACurrency(String),
    #[error("cannot add {right} to {left}: amounts of two currencies are kept apart")]
    MixedCurrencies { left: Currency, right: Currency },
    #[error("the sum is too large for a decimal of 28 digits")]
    Overflow,
}

impl Currency {
    pub const USD: Self = Self(*b"USD");

    pub fn parse(code: &str) -> Result<Self, MoneyError> {
        match code.as_bytes() {
            bytes @ [a, b, c] if bytes.iter().all(u8::is_ascii_alphabetic) => {
                Ok(Self([a.to_ascii_uppercase(), b.to_ascii_uppercase(), c.to_ascii_uppercase()]))
            }
            _ => Err(MoneyError::NotACurrency(code.to_owned())),
        }
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("three ASCII letters")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Self::parse(&code).map_err(serde::de::Error::custom)
    }
}

/// An exact amount. Rounding happens only where a person or an invoice sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    pub amount: Decimal,
    pub currency: Currency,
}

impl Money {
    pub fn new(amount: Decimal, currency: Currency) -> Self {
        Self { amount, currency }
    }

    pub fn usd(amount: Decimal) -> Self {
        Self::new(amount, Currency::USD)
    }

    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::MixedCurrencies { left: self.currency, right: other.currency });
        }
        let amount = self.amount.checked_add(other.amount).ok_or(MoneyError::Overflow)?;
        Ok(Self { amount, currency: self.currency })
    }

    /// Rounded half to even to cents, the way an invoice is.
    pub fn to_cents(self) -> Decimal {
        self.amount.round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven)
    }
}

/// `$1,234.50`, `-$0.02`, `EUR 12.00`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents = self.to_cents();
        let digits = format!("{:.2}", cents.abs());
        let (whole, fraction) = digits.split_once('.').expect("formatted with two decimals");
        let sign = if cents.is_sign_negative() && !cents.is_zero() { "-" } else { "" };
        if self.currency == Currency::USD {
            write!(f, "{sign}${}.{fraction}", group_thousands(whole))
        } else {
            write!(f, "{} {sign}{}.{fraction}", self.currency, group_thousands(whole))
        }
    }
}

fn group_thousands(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Money {
        Money::usd(text.parse().unwrap())
    }

    #[test]
    fn money_is_shown_as_people_write_it() {
        for (amount, shown) in [
            ("0", "$0.00"),
            ("1234567.891", "$1,234,567.89"),
            ("-0.015", "-$0.02"),
            ("-0.001", "$0.00"),
            ("999", "$999.00"),
        ] {
            assert_eq!(usd(amount).to_string(), shown, "{amount}");
        }
        let euros = Money::new("12.005".parse().unwrap(), Currency::parse("eur").unwrap());
        assert_eq!(euros.to_string(), "EUR 12.00", "half to even");
    }

    #[test]
    fn two_currencies_are_never_added() {
        let euros = Money::new(Decimal::ONE, Currency::parse("EUR").unwrap());
        assert!(matches!(usd("1").checked_add(euros), Err(MoneyError::MixedCurrencies { .. })));
        assert_eq!(usd("0.1").checked_add(usd("0.2")), Ok(usd("0.3")));
    }
}
