//! The legs of transactions. Append-only: the database refuses to change or delete one.

use sea_orm::entity::prelude::*;

use crate::{LedgerAccountId, LedgerTransactionId};

/// One leg: a debit is positive, a credit negative; minor units of the account's currency.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_entries")]
pub struct Model {
    /// Of which transaction.
    #[sea_orm(primary_key, auto_increment = false)]
    pub transaction_id: LedgerTransactionId,
    /// Order of the legs, from 0.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i32,
    /// Which account.
    pub account_id: LedgerAccountId,
    /// The Stripe object that a clearing account is keyed by; empty on other accounts.
    pub key: String,
    /// Minor units: debit positive, credit negative, never zero.
    pub amount: i64,
}

impl ActiveModelBehavior for ActiveModel {}
