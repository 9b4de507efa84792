//! What can go wrong at checkout, and what a caller is told.

use poem::http::StatusCode;
use sea_orm::DbErr;
use souk_entity::OrderId;

use super::{
    cart::{MOST_LINES, MOST_PIECES},
    decline::Decline,
    release::RuleError,
};
use crate::{
    api::Problem,
    config::RedirectError,
    outbox::OutboxError,
    stripe::{Refusal, limits::OutOfLimits, payment_intents::PaymentError},
};

/// A fact that stops a checkout. Lines are counted from 0, as in the request.
#[derive(Debug, thiserror::Error)]
pub(super) enum CheckoutError {
    #[error("no such order")]
    NotFound,
    #[error("no such buyer")]
    NoSuchBuyer,
    #[error("a checkout has 1 to {MOST_LINES} lines")]
    LineCount,
    #[error("line {line}: a quantity is 1 to {MOST_PIECES}")]
    Quantity { line: usize },
    #[error(
        "line {line}: name a listing_id; or, as the marketplace's backend, seller_id, title and unit_amount, with kind, \
         category and commissionable if they are needed"
    )]
    Ambiguous { line: usize },
    #[error("line {line}: only the marketplace's backend may set a price")]
    PriceNotAllowed { line: usize },
    #[error("line {line}: there is no such listing")]
    UnknownListing { line: usize },
    #[error("line {line}: the listing is not for sale now")]
    InactiveListing { line: usize },
    #[error("line {line}: a unit_amount is above zero")]
    UnitAmount { line: usize },
    #[error("all lines of a checkout have one currency")]
    MixedCurrencies,
    #[error("destination and direct charges pay one seller: a cart of several takes separate, or auto")]
    SeveralSellers,
    #[error("on_behalf_of names the one seller of a cart: this one has several")]
    OnBehalfOfSeveral,
    #[error("a direct charge is the seller's own already: leave on_behalf_of out")]
    OnBehalfOfDirect,
    #[error("{0}")]
    Release(RuleError),
    #[error("the charge pays the seller at once, so no release rule can wait: take separate, or auto")]
    ReleaseWaits,
    #[error("the commission is the whole amount: a sale leaves something to its sellers")]
    NothingForSellers,
    #[error("only the marketplace's backend may set {field}")]
    BackofficeOnly { field: &'static str },
    #[error("the seller can't be paid now: their Stripe account can't receive transfers")]
    SellerNotPayable,
    #[error("the seller can't be charged for now: their Stripe account can't take card payments")]
    SellerTakesNoCards,
    #[error("a seller can't be paid any more: their Stripe account was rejected or disconnected")]
    SellerGone,
    #[error("the seller does not exist")]
    NoSuchSeller,
    #[error("{0}")]
    Amount(OutOfLimits),
    #[error("the amount is too large")]
    TooLarge,
    #[error("return_url is where a payment that is made now comes back to: name a payment_method_id")]
    NothingToReturnFrom,
    #[error("the buyer keeps no such payment method")]
    NoSuchPaymentMethod,
    #[error("a buyer who is away pays with what they keep: name a saved payment_method_id and its buyer")]
    NotSaved,
    #[error("the payment method is saved already: leave save_payment_method out")]
    SavedAlready,
    #[error("what a direct charge is paid with can't be saved: it is made on the seller's account")]
    DirectSavesNothing,
    #[error("a payment method is saved for somebody: name a buyer_id")]
    NobodyToSaveFor,
    #[error("return_url: {0}")]
    Redirect(RedirectError),
    #[error("{}", .decline.message())]
    Declined { order: OrderId, decline: Decline },
    #[error("Stripe refused: {}", .0.told())]
    RefusedByStripe(Box<Refusal>),
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl CheckoutError {
    /// A payment of an order that was declined.
    pub(super) fn declined(order: OrderId, error: PaymentError) -> Self {
        Self::Declined { order, decline: Decline::new(error.code, error.decline_code) }
    }

    /// The stable code that a caller sees.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::NoSuchBuyer => "buyer_not_found",
            Self::LineCount => "invalid_line_count",
            Self::Quantity { .. } => "invalid_quantity",
            Self::Ambiguous { .. } => "invalid_line",
            Self::PriceNotAllowed { .. } => "price_not_allowed",
            Self::UnknownListing { .. } => "listing_not_found",
            Self::InactiveListing { .. } => "listing_inactive",
            Self::UnitAmount { .. } => "invalid_unit_amount",
            Self::MixedCurrencies => "mixed_currencies",
            Self::SeveralSellers | Self::OnBehalfOfSeveral => "several_sellers",
            Self::OnBehalfOfDirect => "on_behalf_of_not_possible",
            Self::Release(_) => "invalid_release",
            Self::ReleaseWaits => "release_needs_separate",
            Self::NothingForSellers => "commission_too_high",
            Self::BackofficeOnly { .. } => "field_not_allowed",
            Self::SellerNotPayable | Self::SellerTakesNoCards | Self::SellerGone => "seller_not_payable",
            Self::NoSuchSeller => "seller_not_found",
            Self::Amount(OutOfLimits::TooSmall { .. }) => "amount_too_small",
            Self::Amount(OutOfLimits::TooLarge { .. }) | Self::TooLarge => "amount_too_large",
            Self::NothingToReturnFrom => "payment_method_required",
            Self::NoSuchPaymentMethod => "payment_method_not_found",
            Self::NotSaved => "saved_payment_method_required",
            Self::SavedAlready | Self::DirectSavesNothing => "save_not_possible",
            Self::NobodyToSaveFor => "buyer_required",
            Self::Redirect(_) => "redirect_not_allowed",
            Self::Declined { decline, .. } if decline.asks_for_the_buyer() => "authentication_required",
            Self::Declined { .. } => "card_declined",
            Self::RefusedByStripe(_) => "refused_by_stripe",
            Self::Outbox(_) | Self::Database(_) => "internal_error",
        }
    }

    /// The field of the request that is to blame.
    fn field(&self) -> Option<String> {
        match self {
            Self::LineCount | Self::MixedCurrencies | Self::SeveralSellers => Some("lines".to_owned()),
            Self::Quantity { line } => Some(format!("lines[{line}].quantity")),
            Self::Ambiguous { line } => Some(format!("lines[{line}]")),
            Self::UnknownListing { line } | Self::InactiveListing { line } => {
                Some(format!("lines[{line}].listing_id"))
            }
            Self::PriceNotAllowed { line } | Self::UnitAmount { line } => {
                Some(format!("lines[{line}].unit_amount"))
            }
            Self::NoSuchBuyer => Some("buyer_id".to_owned()),
            Self::OnBehalfOfSeveral | Self::OnBehalfOfDirect => Some("on_behalf_of".to_owned()),
            Self::Release(_) => Some("release.days".to_owned()),
            Self::ReleaseWaits => Some("release".to_owned()),
            Self::BackofficeOnly { field } => Some((*field).to_owned()),
            Self::NothingToReturnFrom | Self::Redirect(_) => Some("return_url".to_owned()),
            Self::NoSuchPaymentMethod | Self::NotSaved => Some("payment_method_id".to_owned()),
            Self::SavedAlready | Self::DirectSavesNothing => Some("save_payment_method".to_owned()),
            Self::NobodyToSaveFor => Some("buyer_id".to_owned()),
            Self::RefusedByStripe(refusal) if refusal.param.as_deref() == Some("payment_method") => {
                Some("payment_method_id".to_owned())
            }
            _ => None,
        }
    }
}

impl From<CheckoutError> for Problem {
    fn from(error: CheckoutError) -> Self {
        let (code, detail, field) = (error.code(), error.to_string(), error.field());
        let problem = match error {
            CheckoutError::NotFound => return Self::not_found(),
            CheckoutError::Database(error) => return error.into(),
            CheckoutError::Outbox(error) => return error.into(),
            CheckoutError::Declined { order, decline } => {
                return Self::payment_declined(code, &*detail, decline.told_code(), &order.to_string());
            }
            CheckoutError::NoSuchPaymentMethod => Self::new(StatusCode::NOT_FOUND, code, &*detail),
            CheckoutError::PriceNotAllowed { .. } | CheckoutError::BackofficeOnly { .. } => {
                Self::new(StatusCode::FORBIDDEN, code, &*detail)
            }
            CheckoutError::SellerNotPayable
            | CheckoutError::SellerTakesNoCards
            | CheckoutError::SellerGone => Self::conflict(code, &*detail),
            _ => Self::unprocessable(code, &*detail),
        };
        match field {
            Some(field) => problem.with_field(&field, code, &detail),
            None => problem,
        }
    }
}
