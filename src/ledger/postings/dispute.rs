//! Disputes: the bank takes the money while they are open, and who loses it is decided at their end.
//!
//! `dispute_open` holds what is in question, by dispute: in the platform's book what the bank has taken and no
//! seller has made good, in a seller's book what the platform took from the seller. It is zero at the end.

use chrono::{DateTime, Utc};
use souk_entity::{Money, Scope, SellerId, StripeAccountId};

use super::{DISPUTED, RECEIVED, REFUNDED, REVERSED, TRANSFERRED, above_zero, book_of, cleared, rest};
use crate::ledger::{
    chart::Account,
    posting::{Posting, PostingError},
};

/// A dispute, in the book that the bank took the money from: the platform's, or for a direct charge the seller's.
#[derive(Clone, Debug)]
pub struct Dispute {
    /// Whose book.
    pub book: Scope,
    /// The dispute (`du_...`).
    pub dispute: String,
    /// What is disputed.
    pub amount: Money,
}

impl Dispute {
    /// The bank took the money (`charge.dispute.funds_withdrawn`).
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | dispute_open(dispute) | amount | |
    /// | K(dispute) | | amount |
    pub fn withdrawn(&self, occurred_at: DateTime<Utc>) -> Result<Posting, PostingError> {
        let amount = above_zero("amount", self.amount)?;
        Posting::of(self.book.clone(), self.source("withdrawn"), "dispute_withdrawn", occurred_at)
            .debit(Account::DisputeOpen.at(&self.dispute), amount)
            .credit(cleared(&self.dispute, DISPUTED)?, amount)
            .balanced()
    }

    /// The bank gave it back: the dispute is won (`charge.dispute.funds_reinstated`).
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | K(dispute) | amount | |
    /// | dispute_open(dispute) | | amount |
    pub fn reinstated(&self, occurred_at: DateTime<Utc>) -> Result<Posting, PostingError> {
        let amount = above_zero("amount", self.amount)?;
        Posting::of(self.book.clone(), self.source("reinstated"), "dispute_reinstated", occurred_at)
            .debit(cleared(&self.dispute, DISPUTED)?, amount)
            .credit(Account::DisputeOpen.at(&self.dispute), amount)
            .balanced()
    }

    /// The dispute is lost, and the owner of the book bears it.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | loss | amount | |
    /// | dispute_open(dispute) | | amount |
    pub fn lost(&self, occurred_at: DateTime<Utc>) -> Result<Posting, PostingError> {
        cleared(&self.dispute, DISPUTED)?;
        let amount = above_zero("amount", self.amount)?;
        Posting::of(self.book.clone(), self.source("lost"), "dispute_lost", occurred_at)
            .debit(Account::Loss, amount)
            .credit(Account::DisputeOpen.at(&self.dispute), amount)
            .balanced()
    }

    fn source(&self, what: &str) -> String {
        format!("dispute_{what}:{}", self.dispute)
    }
}

/// The platform takes disputed money from the seller by reversing the transfer, until the dispute is decided.
#[derive(Clone, Debug)]
pub struct DisputeRecovery {
    /// The dispute (`du_...`).
    pub dispute: String,
    /// The reversal (`trr_...`).
    pub reversal: String,
    /// What it became on the seller's account (`pyr_...`).
    pub seller_refund: String,
    /// What is taken: the disputed amount less the commission.
    pub amount: Money,
    /// When the reversal was made.
    pub occurred_at: DateTime<Utc>,
}

impl DisputeRecovery {
    /// In the platform's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | K(reversal) | amount | |
    /// | dispute_open(dispute) | | amount |
    pub fn of_platform(&self) -> Result<Posting, PostingError> {
        cleared(&self.dispute, DISPUTED)?;
        let amount = above_zero("amount", self.amount)?;
        Posting::of(Scope::Platform, self.source(), "dispute_recovery", self.occurred_at)
            .debit(cleared(&self.reversal, REVERSED)?, amount)
            .credit(Account::DisputeOpen.at(&self.dispute), amount)
            .balanced()
    }

    /// In the seller's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | dispute_open(dispute) | amount | |
    /// | K(seller's refund) | | amount |
    pub fn of_seller(&self, seller: &StripeAccountId) -> Result<Posting, PostingError> {
        cleared(&self.dispute, DISPUTED)?;
        let amount = above_zero("amount", self.amount)?;
        Posting::of(book_of(seller), self.source(), "dispute_recovery_of_seller", self.occurred_at)
            .debit(Account::DisputeOpen.at(&self.dispute), amount)
            .credit(cleared(&self.seller_refund, REFUNDED)?, amount)
            .balanced()
    }

    fn source(&self) -> String {
        format!("dispute_recovery:{}", self.reversal)
    }
}

/// A dispute is won, and the seller gets back what was taken: by a transfer of its own, for a reversal is not
/// undone.
#[derive(Clone, Debug)]
pub struct RecoveryReturned {
    /// The dispute (`du_...`).
    pub dispute: String,
    /// The new transfer (`tr_...`).
    pub transfer: String,
    /// The payment that it became on the seller's account (`py_...`).
    pub destination_payment: String,
    /// What is sent back.
    pub amount: Money,
    /// When the transfer was made.
    pub occurred_at: DateTime<Utc>,
}

impl RecoveryReturned {
    /// In the platform's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | dispute_open(dispute) | amount | |
    /// | K(transfer) | | amount |
    pub fn of_platform(&self) -> Result<Posting, PostingError> {
        cleared(&self.dispute, DISPUTED)?;
        let amount = above_zero("amount", self.amount)?;
        Posting::of(Scope::Platform, self.source(), "dispute_recovery_returned", self.occurred_at)
            .debit(Account::DisputeOpen.at(&self.dispute), amount)
            .credit(cleared(&self.transfer, TRANSFERRED)?, amount)
            .balanced()
    }

    /// In the seller's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | K(destination payment) | amount | |
    /// | dispute_open(dispute) | | amount |
    pub fn of_seller(&self, seller: &StripeAccountId) -> Result<Posting, PostingError> {
        cleared(&self.dispute, DISPUTED)?;
        let amount = above_zero("amount", self.amount)?;
        Posting::of(book_of(seller), self.source(), "dispute_recovery_returned_of_seller", self.occurred_at)
            .debit(cleared(&self.destination_payment, RECEIVED)?, amount)
            .credit(Account::DisputeOpen.at(&self.dispute), amount)
            .balanced()
    }

    fn source(&self) -> String {
        format!("dispute_recovery_returned:{}", self.transfer)
    }
}

/// A dispute on the platform is lost, and the seller bears it: what was recovered stays taken, the platform gives
/// up its commission, and what is left of the amount the seller owes.
#[derive(Clone, Debug)]
pub struct DisputeCharged {
    /// The dispute (`du_...`).
    pub dispute: String,
    /// Who bears it.
    pub seller: SellerId,
    /// What was disputed.
    pub amount: Money,
    /// What was recovered of it; nothing if there was no reversal, or Stripe refused it.
    pub recovered: Money,
    /// What the platform gives up of its commission.
    pub commission: Money,
    /// When the dispute was lost.
    pub occurred_at: DateTime<Utc>,
}

impl DisputeCharged {
    /// In the platform's book; nothing is posted if all was recovered.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | commission | commission | |
    /// | seller_due(seller) | amount less recovered less commission | |
    /// | dispute_open(dispute) | | amount less recovered |
    pub fn of_platform(&self) -> Result<Option<Posting>, PostingError> {
        let (open, owed) = self.left()?;
        let draft = Posting::of(Scope::Platform, self.source(), "dispute_charged", self.occurred_at)
            .debit(Account::Commission, self.commission)
            .debit(Account::SellerDue.at(&self.seller.to_string()), owed)
            .credit(Account::DisputeOpen.at(&self.dispute), open);
        if draft.is_empty() { Ok(None) } else { draft.balanced().map(Some) }
    }

    /// In the seller's book: the sale is undone.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | sales | amount | |
    /// | dispute_open(dispute) | | recovered |
    /// | commission_paid | | commission |
    /// | seller_due(seller) | | amount less recovered less commission |
    pub fn of_seller(&self, account: &StripeAccountId) -> Result<Posting, PostingError> {
        let (_, owed) = self.left()?;
        Posting::of(book_of(account), self.source(), "dispute_charged_of_seller", self.occurred_at)
            .debit(Account::Sales, self.amount)
            .credit(Account::DisputeOpen.at(&self.dispute), self.recovered)
            .credit(Account::CommissionPaid, self.commission)
            .credit(Account::SellerDue.at(&self.seller.to_string()), owed)
            .balanced()
    }

    /// What is left of the amount without what was recovered, and then without the commission.
    fn left(&self) -> Result<(Money, Money), PostingError> {
        cleared(&self.dispute, DISPUTED)?;
        let open = rest("recovered", above_zero("amount", self.amount)?, self.recovered)?;
        Ok((open, rest("commission", open, self.commission)?))
    }

    fn source(&self) -> String {
        format!("dispute_charged:{}", self.dispute)
    }
}
