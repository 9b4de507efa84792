//! Balanced transactions. Append-only: the database refuses to change or delete one.

use sea_orm::entity::prelude::*;

use crate::{LedgerTransactionId, Scope};

/// A transaction of one book: its entries sum to zero in each currency.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_transactions")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LedgerTransactionId,
    /// Whose book.
    #[sea_orm(unique_key = "book_source")]
    pub book: Scope,
    /// What it was posted from; the same source can't be posted twice in a book.
    #[sea_orm(unique_key = "book_source")]
    pub source: String,
    /// Which posting (`destination_sale`, `charge`, `payout`, ...).
    pub kind: String,
    /// When the fact happened.
    pub occurred_at: DateTimeUtc,
    /// When it was written down.
    pub posted_at: DateTimeUtc,
    /// The transaction that this one takes back; none can be taken back twice.
    #[sea_orm(unique)]
    pub reverses: Option<LedgerTransactionId>,
}

impl ActiveModelBehavior for ActiveModel {}
