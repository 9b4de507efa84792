//! Conversion: Stripe settled an object in another currency than the one in which it was made.

use chrono::{DateTime, Utc};
use souk_entity::{Money, Scope};

use super::cleared;
use crate::ledger::{
    chart::Account,
    posting::{Posting, PostingError},
};

/// What one balance transaction exchanged. The fact is posted in the object's currency and the balance moved in
/// another; between the two stands the position `fx`, whose sums are what was given and taken of each currency.
///
/// The balance transaction alone does not tell the original amount: its rate is rounded. The object does.
#[derive(Clone, Debug)]
pub struct Conversion {
    /// Whose book.
    pub book: Scope,
    /// The balance transaction (`txn_...`).
    pub transaction: String,
    /// The object that it is about: a charge, a transfer, a payment, a refund, a fee, ...
    pub object: String,
    /// What the fact put on the object's key, in the object's currency; negative if money left.
    pub original: Money,
    /// What the balance transaction took from the key, in the currency of the balance; of the same sign.
    pub settled: Money,
    /// When the balance transaction was made.
    pub occurred_at: DateTime<Utc>,
}

impl Conversion {
    /// In the book of the account that exchanged. Money that left is posted the other way round.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | K(object), in the settled currency | settled | |
    /// | fx, in the settled currency | | settled |
    /// | fx, in the original currency | original | |
    /// | K(object), in the original currency | | original |
    pub fn posting(&self) -> Result<Posting, PostingError> {
        let Self { original, settled, .. } = *self;
        if original.currency == settled.currency || original.amount.signum() != settled.amount.signum() {
            return Err(PostingError::Amount { what: "settled", amount: settled });
        }
        let object = match Account::clearing(&self.object) {
            Some(account) => cleared(&self.object, &[account])?,
            None => return Err(PostingError::NotCleared(self.object.clone())),
        };
        let source = format!("conversion:{}", self.transaction);
        Posting::of(self.book.clone(), source, "conversion", self.occurred_at)
            .debit(object, settled)
            .credit(Account::Fx, settled)
            .debit(Account::Fx, original)
            .credit(object, original)
            .balanced()
    }
}
