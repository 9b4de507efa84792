//! How much a rule keeps, and when it holds.

use chrono::{DateTime, Datelike, SubsecRound, Utc};
use sea_orm::ActiveValue::Set;
use souk_entity::{
    Currency, Money,
    commission_rule::{ActiveModel, Model},
};

use super::error::CommissionError;

/// What can be changed of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// 0 to 10,000.
    pub(super) basis_points: i32,
    pub(super) fixed: Option<Money>,
    pub(super) minimum: Option<Money>,
    pub(super) maximum: Option<Money>,
    pub(super) effective_from: DateTime<Utc>,
    pub(super) effective_until: Option<DateTime<Utc>>,
}

impl Terms {
    /// The terms of a rule as it is.
    pub(super) fn of(rule: &Model) -> Self {
        let money = |amount: Option<i64>| Some(Money::new(amount?, rule.currency?));
        Self {
            basis_points: rule.basis_points,
            fixed: money(rule.fixed),
            minimum: money(rule.minimum),
            maximum: money(rule.maximum),
            effective_from: rule.effective_from,
            effective_until: rule.effective_until,
        }
    }

    /// Fills in a row; `currency` is what the rule names.
    pub(super) fn write(
        &self,
        currency: Option<Currency>,
        row: &mut ActiveModel,
    ) -> Result<(), CommissionError> {
        self.check(currency)?;
        let amount = |money: Option<Money>| Set(money.map(|money| money.amount));
        row.basis_points = Set(self.basis_points);
        row.fixed = amount(self.fixed);
        row.minimum = amount(self.minimum);
        row.maximum = amount(self.maximum);
        // Whole microseconds: what both databases can keep.
        row.effective_from = Set(self.effective_from.trunc_subsecs(6));
        row.effective_until = Set(self.effective_until.map(|time| time.trunc_subsecs(6)));
        Ok(())
    }

    fn check(&self, currency: Option<Currency>) -> Result<(), CommissionError> {
        for (field, money) in [("fixed", self.fixed), ("minimum", self.minimum), ("maximum", self.maximum)] {
            let Some(money) = money else { continue };
            match currency {
                None => return Err(CommissionError::CurrencyRequired),
                Some(currency) if currency != money.currency => {
                    return Err(CommissionError::OtherCurrency { field });
                }
                Some(_) if money.amount < 0 => return Err(CommissionError::Negative { field }),
                Some(_) => {}
            }
        }
        let (minimum, maximum) =
            (self.minimum.map(|money| money.amount), self.maximum.map(|money| money.amount));
        if maximum.is_some_and(|maximum| Some(maximum) < minimum) {
            return Err(CommissionError::MaximumBelowMinimum);
        }
        let (from, until) = (self.effective_from, self.effective_until);
        if !is_sortable(from) {
            return Err(CommissionError::Year { field: "effective_from" });
        }
        if until.is_some_and(|until| !is_sortable(until)) {
            return Err(CommissionError::Year { field: "effective_until" });
        }
        // As they will be stored.
        if until.is_some_and(|until| until.trunc_subsecs(6) <= from.trunc_subsecs(6)) {
            return Err(CommissionError::NeverInEffect);
        }
        Ok(())
    }
}

/// SQLite compares times as text: years of four digits, none of them before Unix time.
fn is_sortable(time: DateTime<Utc>) -> bool {
    (1970..=9999).contains(&time.year())
}
