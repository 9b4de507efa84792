//! What can go wrong in the catalogue, and what a caller is told.

use sea_orm::DbErr;

use crate::{api::Problem, idempotency::ClaimError};

/// A fact that stops a request.
#[derive(Debug, thiserror::Error)]
pub(super) enum CatalogError {
    #[error("no such listing")]
    NotFound,
    #[error("no such seller")]
    NoSuchSeller,
    #[error("the seller's Stripe account is still being made; try again in a moment")]
    SellerPending,
    #[error("a title has 1 to 250 characters")]
    Title,
    #[error("a price is above zero, in minor units")]
    Price,
    #[error("a category has 1 to 100 characters")]
    Category,
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        let detail = error.to_string();
        let field = |code, field: &str| Self::unprocessable(code, &*detail).with_field(field, code, &detail);
        match error {
            CatalogError::NotFound | CatalogError::NoSuchSeller => Self::not_found(),
            CatalogError::SellerPending => Self::conflict("account_pending", detail),
            CatalogError::Title => field("invalid_title", "title"),
            CatalogError::Price => field("invalid_price", "price"),
            CatalogError::Category => field("invalid_category", "category"),
            CatalogError::Claim(error) => error.into(),
            CatalogError::Database(error) => error.into(),
        }
    }
}
