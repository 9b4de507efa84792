//! Refunds, by where the money comes from, and refunds that fail.
//!
//! Commission that is kept is a commission of zero here: what isn't given back isn't posted.

use chrono::{DateTime, Utc};
use souk_entity::{Money, OrderShareId, Scope, SellerId, StripeAccountId};

use super::{FEE_REFUNDED, REFUNDED, REVERSED, above_zero, book_of, cleared, cleared_if_any, rest};
use crate::ledger::{
    chart::Account,
    posting::{Draft, Posting, PostingError},
};

/// A refund of a destination charge, with the transfer reversed by as much and the commission given back to the
/// seller as a refund of the application fee.
#[derive(Clone, Debug)]
pub struct DestinationRefund {
    /// The refund (`re_...` or `pyr_...`).
    pub refund: String,
    /// The reversal of the transfer (`trr_...`).
    pub reversal: String,
    /// What that became on the seller's account (`pyr_...`).
    pub seller_refund: String,
    /// The refund of the application fee (`fr_...`); none if the commission is kept.
    pub fee_refund: Option<String>,
    /// What the buyer gets back.
    pub amount: Money,
    /// What the platform gives back of its commission.
    pub commission: Money,
    /// When the refund was made.
    pub occurred_at: DateTime<Utc>,
}

impl DestinationRefund {
    /// The refund, in the platform's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | commission | commission | |
    /// | K(reversal) | amount | |
    /// | K(refund) | | amount |
    /// | K(fee refund) | | commission |
    pub fn of_platform(&self) -> Result<Posting, PostingError> {
        rest("commission", above_zero("amount", self.amount)?, self.commission)?;
        Posting::of(Scope::Platform, self.source(), "destination_refund", self.occurred_at)
            .debit(Account::Commission, self.commission)
            .debit(cleared(&self.reversal, REVERSED)?, self.amount)
            .credit(cleared(&self.refund, REFUNDED)?, self.amount)
            .credit(cleared_if_any(self.fee_refund.as_deref(), FEE_REFUNDED)?, self.commission)
            .balanced()
    }

    /// The same, in the seller's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | sales | amount | |
    /// | K(fee refund) | commission | |
    /// | K(seller's refund) | | amount |
    /// | commission_paid | | commission |
    pub fn of_seller(&self, seller: &StripeAccountId) -> Result<Posting, PostingError> {
        rest("commission", above_zero("amount", self.amount)?, self.commission)?;
        Posting::of(book_of(seller), self.source(), "destination_refund_of_seller", self.occurred_at)
            .debit(Account::Sales, self.amount)
            .debit(cleared_if_any(self.fee_refund.as_deref(), FEE_REFUNDED)?, self.commission)
            .credit(cleared(&self.seller_refund, REFUNDED)?, self.amount)
            .credit(Account::CommissionPaid, self.commission)
            .balanced()
    }

    fn source(&self) -> String {
        format!("refund:{}", self.refund)
    }
}

/// Who gives up what a refund takes from a share, beside the commission.
#[derive(Clone, Debug)]
pub enum TakenFrom {
    /// The share itself: it was not transferred yet.
    Payable,
    /// The seller, by a reversal of the transfer.
    Transfer {
        /// The reversal (`trr_...`).
        reversal: String,
        /// What that became on the seller's account (`pyr_...`).
        seller_refund: String,
    },
    /// The seller, who could not pay: Stripe refused the reversal, and they owe it.
    Debt(SellerId),
    /// The platform, of its own will.
    Platform,
}

/// A refund's part that falls on one share; a refund of several shares is posted in as many parts.
#[derive(Clone, Debug)]
pub struct ShareRefund {
    /// The refund (`re_...` or `pyr_...`).
    pub refund: String,
    /// Whose part of the order.
    pub share: OrderShareId,
    /// What the buyer gets back of it.
    pub amount: Money,
    /// What the platform gives up of its commission; nothing if the rest falls on the platform too.
    pub commission: Money,
    /// Who gives up the rest.
    pub taken_from: TakenFrom,
    /// When the refund was made.
    pub occurred_at: DateTime<Utc>,
}

impl ShareRefund {
    /// The refund, in the platform's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | commission | commission | |
    /// | payable(share), or K(reversal), or seller_due(seller), or loss | amount less commission | |
    /// | K(refund) | | amount |
    pub fn of_platform(&self) -> Result<Posting, PostingError> {
        let net = rest("commission", above_zero("amount", self.amount)?, self.commission)?;
        let draft = Posting::of(Scope::Platform, self.source(), "share_refund", self.occurred_at)
            .debit(Account::Commission, self.commission);
        let draft = match &self.taken_from {
            TakenFrom::Payable => draft.debit(Account::Payable.at(&self.share.to_string()), net),
            TakenFrom::Transfer { reversal, .. } => draft.debit(cleared(reversal, REVERSED)?, net),
            TakenFrom::Debt(seller) => draft.debit(Account::SellerDue.at(&seller.to_string()), net),
            TakenFrom::Platform => draft.debit(Account::Loss, net),
        };
        draft.credit(cleared(&self.refund, REFUNDED)?, self.amount).balanced()
    }

    /// The same, in the seller's book. Nothing is posted where the seller never had the money, or keeps it.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | sales | amount | |
    /// | K(seller's refund), or seller_due(seller) | | amount less commission |
    /// | commission_paid | | commission |
    pub fn of_seller(&self, seller: &StripeAccountId) -> Result<Option<Posting>, PostingError> {
        let net = rest("commission", above_zero("amount", self.amount)?, self.commission)?;
        let draft = Posting::of(book_of(seller), self.source(), "share_refund_of_seller", self.occurred_at)
            .debit(Account::Sales, self.amount)
            .credit(Account::CommissionPaid, self.commission);
        let draft = match &self.taken_from {
            TakenFrom::Payable | TakenFrom::Platform => return Ok(None),
            TakenFrom::Transfer { seller_refund, .. } => draft.credit(cleared(seller_refund, REFUNDED)?, net),
            TakenFrom::Debt(seller) => draft.credit(Account::SellerDue.at(&seller.to_string()), net),
        };
        draft.balanced().map(Some)
    }

    fn source(&self) -> String {
        format!("refund:{}:{}", self.refund, self.share)
    }
}

/// A refund of a direct charge: the seller pays it, and gets the commission back as a refund of the application
/// fee.
#[derive(Clone, Debug)]
pub struct DirectRefund {
    /// The refund on the seller's account (`re_...` or `pyr_...`).
    pub refund: String,
    /// The refund of the application fee (`fr_...`); none if the commission is kept.
    pub fee_refund: Option<String>,
    /// What the buyer gets back.
    pub amount: Money,
    /// What the platform gives back of its commission.
    pub commission: Money,
    /// When the refund was made.
    pub occurred_at: DateTime<Utc>,
}

impl DirectRefund {
    /// The commission that goes back, in the platform's book; nothing is posted if it is kept.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | commission | commission | |
    /// | K(fee refund) | | commission |
    pub fn of_platform(&self) -> Result<Option<Posting>, PostingError> {
        rest("commission", above_zero("amount", self.amount)?, self.commission)?;
        let source = format!("refund:{}", self.refund);
        let draft = Posting::of(Scope::Platform, source, "direct_refund", self.occurred_at)
            .debit(Account::Commission, self.commission)
            .credit(cleared_if_any(self.fee_refund.as_deref(), FEE_REFUNDED)?, self.commission);
        if draft.is_empty() { Ok(None) } else { draft.balanced().map(Some) }
    }

    /// The refund, in the seller's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | sales | amount | |
    /// | K(fee refund) | commission | |
    /// | K(refund) | | amount |
    /// | commission_paid | | commission |
    pub fn of_seller(&self, seller: &StripeAccountId) -> Result<Posting, PostingError> {
        rest("commission", above_zero("amount", self.amount)?, self.commission)?;
        let source = format!("refund:{}", self.refund);
        Posting::of(book_of(seller), source, "direct_refund_of_seller", self.occurred_at)
            .debit(Account::Sales, self.amount)
            .debit(cleared_if_any(self.fee_refund.as_deref(), FEE_REFUNDED)?, self.commission)
            .credit(cleared(&self.refund, REFUNDED)?, self.amount)
            .credit(Account::CommissionPaid, self.commission)
            .balanced()
    }

    /// The refund failed: the money is the seller's again, and the commission stays with them.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | K(refund) | amount | |
    /// | sales | | amount |
    pub fn failed_of_seller(
        &self,
        seller: &StripeAccountId,
        occurred_at: DateTime<Utc>,
    ) -> Result<Posting, PostingError> {
        let source = format!("refund_failed:{}", self.refund);
        let amount = above_zero("amount", self.amount)?;
        Posting::of(book_of(seller), source, "direct_refund_failed_of_seller", occurred_at)
            .debit(cleared(&self.refund, REFUNDED)?, amount)
            .credit(Account::Sales, amount)
            .balanced()
    }
}

/// Whose the money of a failed refund is.
#[derive(Clone, Copy, Debug)]
pub enum RestoredTo {
    /// The seller's, who is to be sent it (again): a reversal is not undone by the failure.
    Payable,
    /// The seller's, who owed it.
    Debt(SellerId),
    /// The platform's, which had borne the refund.
    Platform,
}

/// A refund on the platform that failed, for the part of one share: Stripe has put the money back.
#[derive(Clone, Debug)]
pub struct FailedRefund {
    /// The refund (`re_...` or `pyr_...`).
    pub refund: String,
    /// Whose part of the order.
    pub share: OrderShareId,
    /// What the buyer did not get.
    pub amount: Money,
    /// What the platform keeps of it after all.
    pub commission: Money,
    /// Whose the rest is.
    pub restored_to: RestoredTo,
    /// When the refund failed.
    pub occurred_at: DateTime<Utc>,
}

impl FailedRefund {
    /// The failure, in the platform's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | K(refund) | amount | |
    /// | commission | | commission |
    /// | payable(share), or seller_due(seller), or loss | | amount less commission |
    pub fn of_platform(&self) -> Result<Posting, PostingError> {
        let net = rest("commission", above_zero("amount", self.amount)?, self.commission)?;
        let draft = Posting::of(Scope::Platform, self.source(), "refund_failed", self.occurred_at)
            .debit(cleared(&self.refund, REFUNDED)?, self.amount)
            .credit(Account::Commission, self.commission);
        let draft = match self.restored_to {
            RestoredTo::Payable => draft.credit(Account::Payable.at(&self.share.to_string()), net),
            RestoredTo::Debt(seller) => draft.credit(Account::SellerDue.at(&seller.to_string()), net),
            RestoredTo::Platform => draft.credit(Account::Loss, net),
        };
        draft.balanced()
    }

    /// A debt that is none any more, in the seller's book; what is to be sent again is posted when it is.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | seller_due(seller) | amount less commission | |
    /// | commission_paid | commission | |
    /// | sales | | amount |
    pub fn of_seller(&self, account: &StripeAccountId) -> Result<Option<Posting>, PostingError> {
        let RestoredTo::Debt(seller) = self.restored_to else { return Ok(None) };
        let net = rest("commission", above_zero("amount", self.amount)?, self.commission)?;
        let draft: Draft =
            Posting::of(book_of(account), self.source(), "refund_failed_of_seller", self.occurred_at)
                .debit(Account::SellerDue.at(&seller.to_string()), net)
                .debit(Account::CommissionPaid, self.commission)
                .credit(Account::Sales, self.amount);
        draft.balanced().map(Some)
    }

    fn source(&self) -> String {
        format!("refund_failed:{}:{}", self.refund, self.share)
    }
}
