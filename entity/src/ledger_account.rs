//! The accounts of the books. One book a scope: a seller's Stripe balance is not the platform's asset.

use sea_orm::entity::prelude::*;

use crate::{Currency, LedgerAccountId, Scope};

/// An account of a book, in one currency.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_accounts")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LedgerAccountId,
    /// Whose book.
    #[sea_orm(unique_key = "book_code_currency")]
    pub book: Scope,
    /// Which account of the chart (`stripe`, `commission`, `clearing_charge`, ...).
    #[sea_orm(unique_key = "book_code_currency")]
    pub code: String,
    /// Lower-case ISO 4217.
    #[sea_orm(unique_key = "book_code_currency")]
    pub currency: Currency,
    /// When it was opened.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
