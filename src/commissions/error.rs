//! What can go wrong with commission rules, and what a caller is told.

use sea_orm::DbErr;

use crate::{api::Problem, idempotency::ClaimError};

/// A fact that stops a request. Lines are counted from 0, as in the request.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommissionError {
    #[error("no such rule")]
    NotFound,
    #[error("the rule was deleted: make another")]
    Deleted,
    #[error("there is no such seller")]
    NoSuchSeller,
    #[error("the seller's Stripe account is still being made; try again in a moment")]
    SellerPending,
    #[error("there is no such listing, or none of this seller's")]
    NoSuchListing,
    #[error("a rule with an amount names its currency: there is no rate between currencies here")]
    CurrencyRequired,
    #[error("{field} is not in the rule's currency")]
    OtherCurrency { field: &'static str },
    #[error("{field} is below zero")]
    Negative { field: &'static str },
    #[error("the maximum is below the minimum")]
    MaximumBelowMinimum,
    #[error("{field} is in the years 1970 to 9999")]
    Year { field: &'static str },
    #[error("effective_until is after effective_from")]
    NeverInEffect,
    #[error("line {line}: name a listing_id; or seller_id and unit_amount, and a category if there is one")]
    Ambiguous { line: usize },
    #[error("line {line}: there is no such listing")]
    UnknownListing { line: usize },
    #[error("line {line}: there is no such seller")]
    UnknownSeller { line: usize },
    #[error("line {line}: a unit_amount is above zero")]
    UnitAmount { line: usize },
    #[error("all lines of a cart have one currency")]
    MixedCurrencies,
    #[error("the amount is too large")]
    TooLarge,
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl From<CommissionError> for Problem {
    fn from(error: CommissionError) -> Self {
        let detail = error.to_string();
        let field = |code, field: &str| Self::unprocessable(code, &*detail).with_field(field, code, &detail);
        let of_line = |code, line: usize, name: &str| field(code, &format!("lines[{line}].{name}"));
        match error {
            CommissionError::NotFound => Self::not_found(),
            CommissionError::Deleted => Self::conflict("commission_rule_deleted", detail),
            CommissionError::NoSuchSeller => field("seller_not_found", "seller_id"),
            CommissionError::SellerPending => Self::conflict("account_pending", detail),
            CommissionError::NoSuchListing => field("listing_not_found", "listing_id"),
            CommissionError::CurrencyRequired => field("currency_required", "currency"),
            CommissionError::OtherCurrency { field: name } => field("mixed_currencies", name),
            CommissionError::Negative { field: name } => field("invalid_amount", name),
            CommissionError::MaximumBelowMinimum => field("invalid_amount", "maximum"),
            CommissionError::Year { field: name } => field("invalid_period", name),
            CommissionError::NeverInEffect => field("invalid_period", "effective_until"),
            CommissionError::Ambiguous { line } => field("invalid_line", &format!("lines[{line}]")),
            CommissionError::UnknownListing { line } => of_line("listing_not_found", line, "listing_id"),
            CommissionError::UnknownSeller { line } => of_line("seller_not_found", line, "seller_id"),
            CommissionError::UnitAmount { line } => of_line("invalid_unit_amount", line, "unit_amount"),
            CommissionError::MixedCurrencies => field("mixed_currencies", "lines"),
            CommissionError::TooLarge => field("amount_too_large", "lines"),
            CommissionError::Claim(error) => error.into(),
            CommissionError::Database(error) => error.into(),
        }
    }
}
