//! What can go wrong with payouts, and what a caller is told.

use sea_orm::DbErr;

use crate::{api::Problem, outbox::OutboxError, stripe::Refusal};

/// A fact that stops a payout.
#[derive(Debug, thiserror::Error)]
pub(super) enum PayoutError {
    #[error("no such payout")]
    NotFound,
    #[error("an amount is above zero, in minor units")]
    Amount,
    #[error("Stripe does not pay this seller out now: see the seller's requirements")]
    PayoutsDisabled,
    #[error("the seller's available balance does not cover this amount")]
    InsufficientBalance,
    #[error("Stripe refused: {}", .0.told())]
    RefusedByStripe(Box<Refusal>),
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl From<Refusal> for PayoutError {
    fn from(refusal: Refusal) -> Self {
        match refusal.code.as_deref() {
            Some("balance_insufficient" | "insufficient_funds") => Self::InsufficientBalance,
            _ => Self::RefusedByStripe(Box::new(refusal)),
        }
    }
}

impl From<PayoutError> for Problem {
    fn from(error: PayoutError) -> Self {
        let detail = error.to_string();
        match error {
            PayoutError::NotFound => Self::not_found(),
            PayoutError::Amount => Self::unprocessable("invalid_amount", &*detail).with_field(
                "amount",
                "invalid_amount",
                &detail,
            ),
            PayoutError::PayoutsDisabled => Self::conflict("payouts_disabled", detail),
            PayoutError::InsufficientBalance => Self::unprocessable("insufficient_balance", detail),
            PayoutError::RefusedByStripe(_) => Self::unprocessable("refused_by_stripe", detail),
            PayoutError::Outbox(error) => error.into(),
            PayoutError::Database(error) => error.into(),
        }
    }
}
