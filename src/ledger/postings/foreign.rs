//! What others did on the same Stripe account: somebody in the dashboard, or other software.

use chrono::{DateTime, Utc};
use souk_entity::{Money, Scope};

use crate::ledger::{
    chart::Account,
    posting::{Posting, PostingError},
};

/// A balance transaction about an object that isn't ours: its key would stay open for ever.
#[derive(Clone, Debug)]
pub struct ForeignActivity {
    /// Whose book.
    pub book: Scope,
    /// The balance transaction (`txn_...`).
    pub transaction: String,
    /// The object.
    pub object: String,
    /// What the balance transaction credited the object's key with; negative if money left.
    pub amount: Money,
    /// When the balance transaction was made.
    pub occurred_at: DateTime<Utc>,
}

impl ForeignActivity {
    /// The posting's kind.
    pub(in crate::ledger) const KIND: &'static str = "foreign_activity";

    /// In the book of the account on which it was done. Money that left is posted the other way round.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | K(object) | amount | |
    /// | foreign_activity(object) | | amount |
    pub fn posting(&self) -> Result<Posting, PostingError> {
        let account =
            Account::clearing(&self.object).ok_or_else(|| PostingError::NotCleared(self.object.clone()))?;
        let source = format!("foreign:{}", self.transaction);
        Posting::of(self.book.clone(), source, Self::KIND, self.occurred_at)
            .debit(account.at(&self.object), self.amount)
            .credit(Account::ForeignActivity.at(&self.object), self.amount)
            .balanced()
    }
}
