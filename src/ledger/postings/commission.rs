//! Commission that is given back on its own: by goodwill, or because a direct charge was lost to a dispute.

use chrono::{DateTime, Utc};
use souk_entity::{Money, Scope, StripeAccountId};

use super::{FEE_REFUNDED, above_zero, book_of, cleared};
use crate::ledger::{
    chart::Account,
    posting::{Posting, PostingError},
};

/// A refund of an application fee that belongs to no refund of the buyer's.
#[derive(Clone, Debug)]
pub struct CommissionReturned {
    /// The refund of the application fee (`fr_...`).
    pub fee_refund: String,
    /// What the platform gives back.
    pub amount: Money,
    /// When it was given back.
    pub occurred_at: DateTime<Utc>,
}

impl CommissionReturned {
    /// In the platform's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | commission | amount | |
    /// | K(fee refund) | | amount |
    pub fn of_platform(&self) -> Result<Posting, PostingError> {
        let amount = above_zero("amount", self.amount)?;
        Posting::of(Scope::Platform, self.source(), "commission_returned", self.occurred_at)
            .debit(Account::Commission, amount)
            .credit(cleared(&self.fee_refund, FEE_REFUNDED)?, amount)
            .balanced()
    }

    /// In the seller's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | K(fee refund) | amount | |
    /// | commission_paid | | amount |
    pub fn of_seller(&self, seller: &StripeAccountId) -> Result<Posting, PostingError> {
        let amount = above_zero("amount", self.amount)?;
        Posting::of(book_of(seller), self.source(), "commission_returned_of_seller", self.occurred_at)
            .debit(cleared(&self.fee_refund, FEE_REFUNDED)?, amount)
            .credit(Account::CommissionPaid, amount)
            .balanced()
    }

    fn source(&self) -> String {
        format!("commission_returned:{}", self.fee_refund)
    }
}
