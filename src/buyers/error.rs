//! What can go wrong in the buyers' room, and what a caller is told.

use sea_orm::DbErr;

use crate::{api::Problem, idempotency::ClaimError};

/// A fact that stops a request.
#[derive(Debug, thiserror::Error)]
pub(super) enum BuyerError {
    #[error("no such buyer")]
    NotFound,
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl From<BuyerError> for Problem {
    fn from(error: BuyerError) -> Self {
        match error {
            BuyerError::NotFound => Self::not_found(),
            BuyerError::Claim(error) => error.into(),
            BuyerError::Database(error) => error.into(),
        }
    }
}
