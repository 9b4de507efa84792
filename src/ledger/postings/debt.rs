//! What becomes of a seller's debt: it is netted from a later share, debited from the seller's balance, collected
//! by Stripe, or written off.

use chrono::{DateTime, Utc};
use souk_entity::{Money, OrderShareId, Scope, SellerId, StripeAccountId};
use uuid::Uuid;

use super::{PAID, TRANSFERRED, above_zero, book_of, cleared};
use crate::ledger::{
    chart::Account,
    posting::{Posting, PostingError},
};

/// A part of a share is kept for a debt instead of being transferred. Nothing moves at Stripe.
#[derive(Clone, Debug)]
pub struct Netting {
    /// The decision, which is carried out once: a share may be netted more than once.
    pub decision: Uuid,
    /// Of which share.
    pub share: OrderShareId,
    /// Whose debt.
    pub seller: SellerId,
    /// What is kept.
    pub amount: Money,
    /// When it was kept.
    pub occurred_at: DateTime<Utc>,
}

impl Netting {
    /// In the platform's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | payable(share) | amount | |
    /// | seller_due(seller) | | amount |
    pub fn of_platform(&self) -> Result<Posting, PostingError> {
        let amount = above_zero("amount", self.amount)?;
        Posting::of(Scope::Platform, self.source(), "netting", self.occurred_at)
            .debit(Account::Payable.at(&self.share.to_string()), amount)
            .credit(Account::SellerDue.at(&self.seller.to_string()), amount)
            .balanced()
    }

    /// In the seller's book: sold, though it was never sent.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | seller_due(seller) | amount | |
    /// | sales | | amount |
    pub fn of_seller(&self, account: &StripeAccountId) -> Result<Posting, PostingError> {
        let amount = above_zero("amount", self.amount)?;
        Posting::of(book_of(account), self.source(), "netting_of_seller", self.occurred_at)
            .debit(Account::SellerDue.at(&self.seller.to_string()), amount)
            .credit(Account::Sales, amount)
            .balanced()
    }

    fn source(&self) -> String {
        format!("netting:{}", self.decision)
    }
}

/// The platform lets a debt go.
#[derive(Clone, Debug)]
pub struct WriteOff {
    /// The decision, which is carried out once.
    pub decision: Uuid,
    /// Whose debt.
    pub seller: SellerId,
    /// What is let go.
    pub amount: Money,
    /// When it was decided.
    pub occurred_at: DateTime<Utc>,
}

impl WriteOff {
    /// In the platform's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | loss | amount | |
    /// | seller_due(seller) | | amount |
    pub fn of_platform(&self) -> Result<Posting, PostingError> {
        let amount = above_zero("amount", self.amount)?;
        Posting::of(Scope::Platform, self.source(), "write_off", self.occurred_at)
            .debit(Account::Loss, amount)
            .credit(Account::SellerDue.at(&self.seller.to_string()), amount)
            .balanced()
    }

    /// In the seller's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | seller_due(seller) | amount | |
    /// | forgiven | | amount |
    pub fn of_seller(&self, account: &StripeAccountId) -> Result<Posting, PostingError> {
        let amount = above_zero("amount", self.amount)?;
        Posting::of(book_of(account), self.source(), "write_off_of_seller", self.occurred_at)
            .debit(Account::SellerDue.at(&self.seller.to_string()), amount)
            .credit(Account::Forgiven, amount)
            .balanced()
    }

    fn source(&self) -> String {
        format!("write_off:{}", self.decision)
    }
}

/// The platform debits a seller's Stripe balance for a debt: a payment on the platform, a transfer out of the
/// seller's account. See <https://docs.stripe.com/connect/account-debits>.
#[derive(Clone, Debug)]
pub struct AccountDebit {
    /// The payment on the platform (`py_...`).
    pub payment: String,
    /// The transfer out of the seller's account (`tr_...`).
    pub transfer: String,
    /// Whose debt.
    pub seller: SellerId,
    /// What is debited.
    pub amount: Money,
    /// When the debit was made.
    pub occurred_at: DateTime<Utc>,
}

impl AccountDebit {
    /// In the platform's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | K(payment) | amount | |
    /// | seller_due(seller) | | amount |
    pub fn of_platform(&self) -> Result<Posting, PostingError> {
        let amount = above_zero("amount", self.amount)?;
        Posting::of(Scope::Platform, self.source(), "account_debit", self.occurred_at)
            .debit(cleared(&self.payment, PAID)?, amount)
            .credit(Account::SellerDue.at(&self.seller.to_string()), amount)
            .balanced()
    }

    /// In the seller's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | seller_due(seller) | amount | |
    /// | K(transfer) | | amount |
    pub fn of_seller(&self, account: &StripeAccountId) -> Result<Posting, PostingError> {
        let amount = above_zero("amount", self.amount)?;
        Posting::of(book_of(account), self.source(), "account_debit_of_seller", self.occurred_at)
            .debit(Account::SellerDue.at(&self.seller.to_string()), amount)
            .credit(cleared(&self.transfer, TRANSFERRED)?, amount)
            .balanced()
    }

    fn source(&self) -> String {
        format!("account_debit:{}", self.payment)
    }
}

/// Stripe covered a seller's negative balance out of the platform's (`connect_collection_transfer`), which the
/// balance transaction posts to `seller_due` under the id that it names. Here the debt gets its seller.
#[derive(Clone, Debug)]
pub struct CollectedDebt {
    /// The balance transaction (`txn_...`).
    pub transaction: String,
    /// The key under which the balance transaction was posted: its source, or itself if it names none.
    pub posted_under: String,
    /// Whose debt it is.
    pub seller: SellerId,
    /// What Stripe took from the platform.
    pub amount: Money,
    /// When Stripe took it.
    pub occurred_at: DateTime<Utc>,
}

impl CollectedDebt {
    /// In the platform's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | seller_due(seller) | amount | |
    /// | seller_due(posted under) | | amount |
    pub fn of_platform(&self) -> Result<Posting, PostingError> {
        let amount = above_zero("amount", self.amount)?;
        let source = format!("collected_debt:{}", self.transaction);
        Posting::of(Scope::Platform, source, "collected_debt", self.occurred_at)
            .debit(Account::SellerDue.at(&self.seller.to_string()), amount)
            .credit(Account::SellerDue.at(&self.posted_under), amount)
            .balanced()
    }
}
