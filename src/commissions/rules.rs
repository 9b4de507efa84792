//! Which rule decides a line, and what the marketplace keeps of it.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use souk_entity::{
    CommissionRuleId, ListingId, Money, MoneyError, SellerId, commission_rule::Model, listing,
};

/// What rules look at in a line, besides its amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sold<'a> {
    /// What is sold; none for what the marketplace's backend priced.
    pub listing: Option<ListingId>,
    /// Who sells it.
    pub seller: SellerId,
    /// The marketplace's own word for its kind.
    pub category: Option<&'a str>,
}

impl<'a> From<&'a listing::Model> for Sold<'a> {
    fn from(listing: &'a listing::Model) -> Self {
        Self { listing: Some(listing.id), seller: listing.seller_id, category: listing.category.as_deref() }
    }
}

/// What the marketplace keeps of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commission {
    /// Minor units of the line's currency, from zero to the line's amount.
    pub amount: i64,
    /// The rule that decided; none for the default.
    pub rule: Option<CommissionRuleId>,
}

impl Commission {
    /// Of what the marketplace takes none.
    pub const NONE: Self = Self { amount: 0, rule: None };
}

/// The rules that are in effect at one moment for some lines, and the default.
#[derive(Clone, Debug)]
pub struct Rules {
    in_effect: Vec<Model>,
    default_basis_points: u32,
}

impl Rules {
    /// Rules that are in effect, and the basis points of lines that none of them fits.
    #[must_use]
    pub const fn new(in_effect: Vec<Model>, default_basis_points: u32) -> Self {
        Self { in_effect, default_basis_points }
    }

    /// What the marketplace keeps of `amount`, for which `sold` is sold.
    pub fn commission(&self, sold: &Sold<'_>, amount: Money) -> Result<Commission, MoneyError> {
        let fitting = self.in_effect.iter().filter(|rule| fits(rule, sold, amount));
        match fitting.max_by(|one, other| by_precedence(one, other)) {
            Some(rule) => Ok(Commission { amount: kept(rule, amount)?, rule: Some(rule.id) }),
            None => {
                let kept = amount.basis_points(self.default_basis_points)?;
                Ok(Commission { amount: within(kept.amount, amount), rule: None })
            }
        }
    }
}

/// Whether all that the rule names is so.
fn fits(rule: &Model, sold: &Sold<'_>, amount: Money) -> bool {
    rule.listing_id.is_none_or(|listing| sold.listing == Some(listing))
        && rule.seller_id.is_none_or(|seller| sold.seller == seller)
        && rule.category.as_deref().is_none_or(|category| sold.category == Some(category))
        && rule.currency.is_none_or(|currency| amount.currency == currency)
}

/// What a rule is about, the more specific the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Specificity {
    Everything,
    Category,
    Seller,
    SellerAndCategory,
    Listing,
}

fn specificity(rule: &Model) -> Specificity {
    match (rule.listing_id, rule.seller_id, &rule.category) {
        (Some(_), _, _) => Specificity::Listing,
        (None, Some(_), Some(_)) => Specificity::SellerAndCategory,
        (None, Some(_), None) => Specificity::Seller,
        (None, None, Some(_)) => Specificity::Category,
        (None, None, None) => Specificity::Everything,
    }
}

/// The greater decides: the more specific; then the one for this currency alone; then the one that came into effect
/// later; then the one that was made later.
fn by_precedence(one: &Model, other: &Model) -> Ordering {
    let rank = |rule: &Model| -> (Specificity, bool, DateTime<Utc>, CommissionRuleId) {
        (specificity(rule), rule.currency.is_some(), rule.effective_from, rule.id)
    };
    rank(one).cmp(&rank(other))
}

fn kept(rule: &Model, amount: Money) -> Result<i64, MoneyError> {
    // The table holds them to 0 to 10,000.
    let part = amount.basis_points(rule.basis_points.unsigned_abs())?.amount;
    // What does not fit is above the line anyway.
    let kept = part.saturating_add(rule.fixed.unwrap_or(0)).max(rule.minimum.unwrap_or(0));
    Ok(within(rule.maximum.map_or(kept, |maximum| kept.min(maximum)), amount))
}

/// Never negative, never above the line.
fn within(kept: i64, amount: Money) -> i64 {
    kept.min(amount.amount).max(0)
}

#[cfg(test)]
mod tests;
