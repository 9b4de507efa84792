//! What can go wrong in the sellers' room, and what a caller is told.

use sea_orm::DbErr;

use crate::{
    api::Problem,
    config::RedirectError,
    outbox::OutboxError,
    stripe::{Failure, Refusal},
};

/// A fact that stops a seller's request.
#[derive(Debug, thiserror::Error)]
pub(super) enum SellerError {
    #[error("no such seller")]
    NotFound,
    #[error("the seller's Stripe account is still being made; try again in a moment")]
    NoAccountYet,
    #[error("the seller has not finished onboarding")]
    NotOnboarded,
    #[error("the seller was rejected or disconnected: there is nothing to onboard")]
    Closed,
    #[error("{field}: {error}")]
    Redirect { field: &'static str, error: RedirectError },
    #[error("Stripe refused: {}", .0.told())]
    RefusedByStripe(Box<Refusal>),
    #[error("{0}")]
    Internal(String),
    #[error(transparent)]
    Stripe(Failure),
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl From<Failure> for SellerError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => Self::RefusedByStripe(refusal),
            failure => Self::Stripe(failure),
        }
    }
}

impl From<SellerError> for Problem {
    fn from(error: SellerError) -> Self {
        let detail = error.to_string();
        match error {
            SellerError::NotFound => Self::not_found(),
            SellerError::NoAccountYet => Self::conflict("account_pending", detail),
            SellerError::NotOnboarded => Self::conflict("onboarding_incomplete", detail),
            SellerError::Closed => Self::conflict("seller_closed", detail),
            SellerError::Redirect { field, .. } => Self::unprocessable("redirect_not_allowed", &detail)
                .with_field(field, "redirect_not_allowed", &detail),
            SellerError::RefusedByStripe(_) => Self::unprocessable("refused_by_stripe", detail),
            SellerError::Internal(cause) => Self::internal(cause),
            SellerError::Stripe(failure) => failure.into(),
            SellerError::Outbox(error) => error.into(),
            SellerError::Database(error) => error.into(),
        }
    }
}
