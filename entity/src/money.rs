//! Amounts of money: integer minor units with their currency, checked arithmetic, exact splits.

use std::{fmt, str::FromStr};

use sea_orm::DeriveValueType;
use serde::{Deserialize, Serialize};

/// What can go wrong with an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The code is not a lower-case ISO 4217 currency.
    #[error("`{0}` is not a lower-case ISO 4217 currency code")]
    UnknownCurrency(String),
    /// Two amounts of different currencies met.
    #[error("amounts in {0} and {1} don't mix")]
    CurrencyMismatch(Currency, Currency),
    /// The result does not fit.
    #[error("the amount is too large")]
    Overflow,
    /// A split by weights that are negative or sum to nothing.
    #[error("an amount can't be split by these weights")]
    BadWeights,
}

/// A currency, as a lower-case ISO 4217 code (Stripe's way to write it).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, DeriveValueType)]
#[sea_orm(value_type = "String")]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// Where Stripe counts minor units in another way than ISO 4217.
/// Source: <https://docs.stripe.com/currencies#special-cases> and `#zero-decimal`.
const STRIPE_EXPONENTS: [(&str, u32); 3] = [("isk", 2), ("ugx", 2), ("mga", 0)];

impl Currency {
    /// The code, in lower case.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// How many decimals the minor unit stands for: 2 for usd, 0 for jpy, 3 for kwd.
    #[must_use]
    pub fn exponent(self) -> u32 {
        let special = STRIPE_EXPONENTS.iter().find(|(code, _)| *code == self.code());
        special.map(|(_, exponent)| *exponent).unwrap_or_else(|| {
            iso_currency::Currency::from_code(&self.code().to_uppercase())
                .and_then(|currency| currency.exponent())
                .map_or(2, u32::from)
        })
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(code: &str) -> Result<Self, MoneyError> {
        let unknown = || MoneyError::UnknownCurrency(code.chars().take(16).collect());
        let bytes: [u8; 3] = code.as_bytes().try_into().map_err(|_| unknown())?;
        if !bytes.iter().all(u8::is_ascii_lowercase) {
            return Err(unknown());
        }
        iso_currency::Currency::from_code(&code.to_uppercase()).ok_or_else(unknown)?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;

    fn try_from(code: String) -> Result<Self, MoneyError> {
        code.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount in minor units of its currency: `{1050, usd}` is 10.50 dollars, `{1050, jpy}` is 1050 yen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units; negative where money goes the other way.
    pub amount: i64,
    /// Lower-case ISO 4217.
    pub currency: Currency,
}

impl Money {
    /// An amount in minor units.
    #[must_use]
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Nothing, in a currency.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The sum of two amounts of one currency.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.amount
            .checked_add(other.amount)
            .map(|amount| Self::new(amount, self.currency))
            .ok_or(MoneyError::Overflow)
    }

    /// The difference of two amounts of one currency.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.amount
            .checked_sub(other.amount)
            .map(|amount| Self::new(amount, self.currency))
            .ok_or(MoneyError::Overflow)
    }

    /// This amount, `quantity` times.
    pub fn checked_mul(self, quantity: i64) -> Result<Self, MoneyError> {
        self.amount
            .checked_mul(quantity)
            .map(|amount| Self::new(amount, self.currency))
            .ok_or(MoneyError::Overflow)
    }

    /// `basis_points` / 10,000 of this amount, rounded half up (away from zero for negative amounts).
    pub fn basis_points(self, basis_points: u32) -> Result<Self, MoneyError> {
        const WHOLE: i128 = 10_000;
        let product = i128::from(self.amount) * i128::from(basis_points);
        let rounded = (product.abs() + WHOLE / 2) / WHOLE * product.signum();
        i64::try_from(rounded)
            .map(|amount| Self::new(amount, self.currency))
            .map_err(|_| MoneyError::Overflow)
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::CurrencyMismatch(self.currency, other.currency))
        }
    }
}

impl fmt::Display for Money {
    /// As people read it: `10.50 USD`, `1050 JPY`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.amount < 0 { "-" } else { "" };
        let code = self.currency.code().to_uppercase();
        let (exponent, units) = (self.currency.exponent(), self.amount.unsigned_abs());
        if exponent == 0 {
            return write!(f, "{sign}{units} {code}");
        }
        let unit = 10_u64.pow(exponent);
        write!(f, "{sign}{}.{:0width$} {code}", units / unit, units % unit, width = exponent as usize)
    }
}

/// Splits `total` (minor units, not negative) by `weights`, so that the parts always sum to it: each part is
/// rounded down, then the units that are left go to the largest remainders, ties by order.
pub fn split_by_largest_remainder(total: i64, weights: &[i64]) -> Result<Vec<i64>, MoneyError> {
    let sum: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if total < 0 || sum <= 0 || weights.iter().any(|weight| *weight < 0) {
        return Err(MoneyError::BadWeights);
    }
    let shares: Vec<(i128, i128)> = weights
        .iter()
        .map(|weight| i128::from(total) * i128::from(*weight))
        .map(|product| (product / sum, product % sum))
        .collect();
    let given: i128 = shares.iter().map(|(part, _)| part).sum();
    let left = usize::try_from(i128::from(total) - given).map_err(|_| MoneyError::Overflow)?;

    let mut parts = shares.iter().map(|(part, _)| i64::try_from(*part)).collect::<Result<Vec<_>, _>>();
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    by_remainder.sort_by_key(|index| std::cmp::Reverse(shares[*index].1));
    if let Ok(parts) = parts.as_mut() {
        for index in by_remainder.into_iter().take(left) {
            parts[index] += 1;
        }
    }
    parts.map_err(|_| MoneyError::Overflow)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd(amount: i64) -> Money {
        Money::new(amount, "usd".parse().unwrap())
    }

    #[test]
    fn a_currency_is_lower_case_iso_4217() {
        for code in ["USD", "us", "usdd", "xyz", "", "ü1"] {
            assert!(code.parse::<Currency>().is_err(), "{code:?}");
        }
        assert_eq!("eur".parse::<Currency>().unwrap().code(), "eur");
    }

    #[test]
    fn amounts_read_as_people_write_them() {
        let shown = |amount, code: &str| Money::new(amount, code.parse().unwrap()).to_string();
        assert_eq!(shown(1050, "usd"), "10.50 USD");
        assert_eq!(shown(-5, "usd"), "-0.05 USD");
        assert_eq!(shown(1050, "jpy"), "1050 JPY");
        assert_eq!(shown(1050, "kwd"), "1.050 KWD");
        assert_eq!(shown(i64::MIN, "usd"), "-92233720368547758.08 USD");
    }

    #[test]
    fn stripe_counts_some_currencies_in_its_own_way() {
        let exponent = |code: &str| code.parse::<Currency>().unwrap().exponent();
        assert_eq!(
            (exponent("isk"), exponent("ugx"), exponent("mga"), exponent("clp"), exponent("bhd")),
            (2, 2, 0, 0, 3)
        );
    }

    #[test]
    fn currencies_do_not_mix() {
        let eur = Money::new(1, "eur".parse().unwrap());
        assert!(matches!(usd(1).checked_add(eur), Err(MoneyError::CurrencyMismatch(..))));
        assert!(matches!(usd(1).checked_sub(eur), Err(MoneyError::CurrencyMismatch(..))));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        assert_eq!(usd(i64::MAX).checked_add(usd(1)), Err(MoneyError::Overflow));
        assert_eq!(usd(i64::MIN).checked_sub(usd(1)), Err(MoneyError::Overflow));
        assert_eq!(usd(i64::MAX).checked_mul(2), Err(MoneyError::Overflow));
        assert_eq!(usd(i64::MAX).basis_points(10_001), Err(MoneyError::Overflow));
    }

    #[test]
    fn a_commission_is_rounded_half_up() {
        let ten_percent = |amount| usd(amount).basis_points(1_000).unwrap().amount;
        assert_eq!((ten_percent(4), ten_percent(5), ten_percent(15), ten_percent(14)), (0, 1, 2, 1));
        assert_eq!(usd(1575).basis_points(725).unwrap().amount, 114);
    }

    #[test]
    fn a_third_each_sums_to_the_whole() {
        assert_eq!(split_by_largest_remainder(100, &[1, 1, 1]), Ok(vec![34, 33, 33]));
        assert_eq!(split_by_largest_remainder(0, &[1, 2]), Ok(vec![0, 0]));
        assert_eq!(split_by_largest_remainder(5, &[0, 1]), Ok(vec![0, 5]));
        assert_eq!(split_by_largest_remainder(5, &[]), Err(MoneyError::BadWeights));
        assert_eq!(split_by_largest_remainder(-1, &[1]), Err(MoneyError::BadWeights));
        assert_eq!(split_by_largest_remainder(1, &[2, -1]), Err(MoneyError::BadWeights));
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_whole_and_are_within_a_unit_of_their_due(
            total in 0_i64..=i64::MAX,
            weights in prop::collection::vec(0_i64..=i64::MAX, 1..50),
        ) {
            let sum: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
            prop_assume!(sum > 0);
            let parts = split_by_largest_remainder(total, &weights).unwrap();
            prop_assert_eq!(parts.iter().map(|part| i128::from(*part)).sum::<i128>(), i128::from(total));
            for (part, weight) in parts.iter().zip(&weights) {
                let floor = i128::from(total) * i128::from(*weight) / sum;
                prop_assert!((floor..=floor + 1).contains(&i128::from(*part)));
                prop_assert!(*weight > 0 || *part == 0, "a weight of nothing gets nothing");
            }
        }

        #[test]
        fn a_commission_is_never_above_the_amount_nor_off_by_more_than_half_a_unit(
            amount in 0_i64..=i64::MAX, basis_points in 0_u32..=10_000,
        ) {
            let fee = usd(amount).basis_points(basis_points).unwrap().amount;
            prop_assert!((0..=amount).contains(&fee));
            let exact = i128::from(amount) * i128::from(basis_points);
            prop_assert!((i128::from(fee) * 10_000 - exact).abs() <= 5_000);
        }

        #[test]
        fn what_is_added_can_be_taken_away(a in -(1_i64 << 61)..(1 << 61), b in -(1_i64 << 61)..(1 << 61)) {
            prop_assert_eq!(usd(a).checked_add(usd(b)).unwrap().checked_sub(usd(b)).unwrap(), usd(a));
        }
    }
}
