//! How small and how large a charge can be. Stripe would refuse it too; a caller is told before anything is
//! written. Source: <https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>.

use souk_entity::Money;

/// Stripe takes at most eight digits.
const LARGEST_CHARGE: i64 = 99_999_999;

/// The smallest charge by currency, in minor units. In other currencies Stripe decides by what it settles to.
const SMALLEST_CHARGES: &[(&str, i64)] = &[
    ("aed", 200),
    ("aud", 50),
    ("bgn", 100),
    ("brl", 50),
    ("cad", 50),
    ("chf", 50),
    ("czk", 1_500),
    ("dkk", 250),
    ("eur", 50),
    ("gbp", 30),
    ("hkd", 400),
    ("huf", 17_500),
    ("inr", 50),
    ("jpy", 50),
    ("mxn", 1_000),
    ("myr", 200),
    ("nok", 300),
    ("nzd", 50),
    ("pln", 200),
    ("ron", 200),
    ("sek", 300),
    ("sgd", 50),
    ("thb", 1_000),
    ("usd", 50),
];

/// A charge that Stripe would refuse for its amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfLimits {
    /// Below the currency's minimum.
    #[error("the smallest payment is {smallest}")]
    TooSmall {
        /// The currency's minimum.
        smallest: Money,
    },
    /// Above what Stripe takes at once.
    #[error("the largest payment is {largest}")]
    TooLarge {
        /// The most that Stripe takes.
        largest: Money,
    },
}

/// Checks the amount of a charge.
pub fn check_charge(amount: Money) -> Result<(), OutOfLimits> {
    let known = SMALLEST_CHARGES.iter().find(|(code, _)| *code == amount.currency.code());
    let smallest = known.map_or(1, |(_, smallest)| *smallest);
    if amount.amount < smallest {
        return Err(OutOfLimits::TooSmall { smallest: Money::new(smallest, amount.currency) });
    }
    if amount.amount > LARGEST_CHARGE {
        return Err(OutOfLimits::TooLarge { largest: Money::new(LARGEST_CHARGE, amount.currency) });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_within_stripes_limits() {
        for (amount, code, fits) in [
            (49, "usd", false),
            (50, "usd", true),
            (30, "gbp", true),
            (17_499, "huf", false),
            (1, "isk", true),
            (0, "isk", false),
            (-5, "usd", false),
            (99_999_999, "eur", true),
            (100_000_000, "eur", false),
        ] {
            let charge = Money::new(amount, code.parse().unwrap());
            assert_eq!(check_charge(charge).is_ok(), fits, "{charge}");
        }
    }
}
