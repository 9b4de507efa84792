//! What can go wrong in the buyers' room, and what a caller is told.

use poem::http::StatusCode;
use sea_orm::DbErr;

use crate::{api::Problem, idempotency::ClaimError, outbox::OutboxError, seal::SealError, stripe::Refusal};

/// A fact that stops a request.
#[derive(Debug, thiserror::Error)]
pub(super) enum BuyerError {
    #[error("no such buyer")]
    NotFound,
    #[error("the buyer keeps no such payment method")]
    NoSuchPaymentMethod,
    #[error("another change of this buyer's payment methods is under way: ask again when it is done")]
    PaymentMethodBusy,
    #[error("Stripe refused: {}", .0.told())]
    RefusedByStripe(Box<Refusal>),
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl From<BuyerError> for Problem {
    fn from(error: BuyerError) -> Self {
        let detail = error.to_string();
        match error {
            BuyerError::NotFound => Self::not_found(),
            BuyerError::NoSuchPaymentMethod => {
                Self::new(StatusCode::NOT_FOUND, "payment_method_not_found", detail)
            }
            BuyerError::PaymentMethodBusy => Self::conflict("payment_method_busy", detail),
            BuyerError::RefusedByStripe(_) => Self::unprocessable("refused_by_stripe", detail),
            BuyerError::Claim(error) => error.into(),
            BuyerError::Outbox(error) => error.into(),
            BuyerError::Seal(error) => Self::internal(error),
            BuyerError::Database(error) => error.into(),
        }
    }
}
