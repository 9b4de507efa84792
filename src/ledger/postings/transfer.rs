//! Transfers of what sellers are due, and their reversals.

use chrono::{DateTime, Utc};
use souk_entity::{Money, OrderShareId, Scope, StripeAccountId};

use super::{RECEIVED, REFUNDED, REVERSED, TRANSFERRED, above_zero, book_of, cleared, rest};
use crate::ledger::{
    chart::Account,
    posting::{Posting, PostingError},
};

/// A transfer of a share, or of a part of it, to its seller. Also one that restores what a refund that failed
/// had taken.
#[derive(Clone, Debug)]
pub struct ShareTransfer {
    /// Whose part of an order.
    pub share: OrderShareId,
    /// The transfer (`tr_...`).
    pub transfer: String,
    /// The payment that it became on the seller's account (`py_...`).
    pub destination_payment: String,
    /// What is sent.
    pub amount: Money,
    /// What the platform kept of the sale that is sent: shown to the seller as part of it.
    pub commission: Money,
    /// When the transfer was made.
    pub occurred_at: DateTime<Utc>,
}

impl ShareTransfer {
    /// The transfer, in the platform's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | payable(share) | amount | |
    /// | K(transfer) | | amount |
    pub fn of_platform(&self) -> Result<Posting, PostingError> {
        let amount = above_zero("amount", self.amount)?;
        Posting::of(Scope::Platform, self.source(), "transfer_of_share", self.occurred_at)
            .debit(Account::Payable.at(&self.share.to_string()), amount)
            .credit(cleared(&self.transfer, TRANSFERRED)?, amount)
            .balanced()
    }

    /// What the seller sold, in the seller's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | K(destination payment) | amount | |
    /// | commission_paid | commission | |
    /// | sales | | amount and commission |
    pub fn of_seller(&self, seller: &StripeAccountId) -> Result<Posting, PostingError> {
        let sold = above_zero("amount", self.amount)?.checked_add(self.commission)?;
        rest("commission", sold, self.commission)?;
        Posting::of(book_of(seller), self.source(), "transfer_received", self.occurred_at)
            .debit(cleared(&self.destination_payment, RECEIVED)?, self.amount)
            .debit(Account::CommissionPaid, self.commission)
            .credit(Account::Sales, sold)
            .balanced()
    }

    fn source(&self) -> String {
        format!("transfer:{}", self.transfer)
    }
}

/// A transfer that is taken back without a refund: the share waits on the platform again.
#[derive(Clone, Debug)]
pub struct TransferReversal {
    /// Whose part of an order.
    pub share: OrderShareId,
    /// The reversal (`trr_...`).
    pub reversal: String,
    /// What it became on the seller's account (`pyr_...`).
    pub seller_refund: String,
    /// What is taken back.
    pub amount: Money,
    /// The commission that was shown with it.
    pub commission: Money,
    /// When the reversal was made.
    pub occurred_at: DateTime<Utc>,
}

impl TransferReversal {
    /// The reversal, in the platform's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | K(reversal) | amount | |
    /// | payable(share) | | amount |
    pub fn of_platform(&self) -> Result<Posting, PostingError> {
        let amount = above_zero("amount", self.amount)?;
        Posting::of(Scope::Platform, self.source(), "transfer_reversal", self.occurred_at)
            .debit(cleared(&self.reversal, REVERSED)?, amount)
            .credit(Account::Payable.at(&self.share.to_string()), amount)
            .balanced()
    }

    /// The mirror of [`ShareTransfer::of_seller`].
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | sales | amount and commission | |
    /// | K(seller's refund) | | amount |
    /// | commission_paid | | commission |
    pub fn of_seller(&self, seller: &StripeAccountId) -> Result<Posting, PostingError> {
        let sold = above_zero("amount", self.amount)?.checked_add(self.commission)?;
        rest("commission", sold, self.commission)?;
        Posting::of(book_of(seller), self.source(), "transfer_reversal_of_seller", self.occurred_at)
            .debit(Account::Sales, sold)
            .credit(cleared(&self.seller_refund, REFUNDED)?, self.amount)
            .credit(Account::CommissionPaid, self.commission)
            .balanced()
    }

    fn source(&self) -> String {
        format!("transfer_reversal:{}", self.reversal)
    }
}
