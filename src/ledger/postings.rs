//! The postings of our own facts, one function each. What Stripe's balances say is in `mirror.rs`.
//!
//! `K(x)` is the clearing account of the Stripe object `x`, under its id as the key; its other half is posted
//! from the balance transaction.

use chrono::{DateTime, Utc};
use souk_entity::{Money, OrderId, Scope, StripeAccountId};

use super::{
    chart::Account,
    posting::{Place, Posting, PostingError},
};

/// A destination charge that succeeded: one seller, whose Stripe account gets the whole amount and gives back
/// the commission as an application fee.
#[derive(Clone, Debug)]
pub struct DestinationSale {
    /// What was sold.
    pub order: OrderId,
    /// The charge on the platform (`ch_...` or `py_...`).
    pub charge: String,
    /// The transfer that Stripe made of it (`tr_...`).
    pub transfer: String,
    /// The application fee (`fee_...`); none if there is no commission.
    pub application_fee: Option<String>,
    /// The payment that the transfer became on the seller's account (`py_...`).
    pub destination_payment: String,
    /// What the buyer paid.
    pub gross: Money,
    /// What the platform keeps of it.
    pub commission: Money,
    /// When the charge succeeded.
    pub occurred_at: DateTime<Utc>,
}

impl DestinationSale {
    /// The sale, in the platform's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | K(charge) | gross | |
    /// | K(application fee) | commission | |
    /// | K(transfer) | | gross |
    /// | commission | | commission |
    pub fn of_platform(&self) -> Result<Posting, PostingError> {
        let fee = self.application_fee.as_deref().unwrap_or_default();
        Posting::of(Scope::Platform, self.source(), "destination_sale", self.occurred_at)
            .debit(clearing(&self.charge)?, self.gross)
            .debit(Account::ClearingApplicationFee.at(fee), self.commission)
            .credit(clearing(&self.transfer)?, self.gross)
            .credit(Account::Commission, self.commission)
            .balanced()
    }

    /// The same sale, in the book of the seller.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | K(destination payment) | gross less commission | |
    /// | commission_paid | commission | |
    /// | sales | | gross |
    pub fn of_seller(&self, seller: &StripeAccountId) -> Result<Posting, PostingError> {
        let book = Scope::Connected(seller.clone());
        Posting::of(book, self.source(), "destination_sale_of_seller", self.occurred_at)
            .debit(clearing(&self.destination_payment)?, self.gross.checked_sub(self.commission)?)
            .debit(Account::CommissionPaid, self.commission)
            .credit(Account::Sales, self.gross)
            .balanced()
    }

    fn source(&self) -> String {
        format!("sale:{}", self.order)
    }
}

/// A payout that arrived, in the book of the account that was paid out.
///
/// | account | debit | credit |
/// |---|---|---|
/// | paid_out | amount | |
/// | in_transit(payout) | | amount |
pub fn payout_paid(
    book: Scope,
    payout: &str,
    amount: Money,
    occurred_at: DateTime<Utc>,
) -> Result<Posting, PostingError> {
    Posting::of(book, format!("payout_paid:{payout}"), "payout_paid", occurred_at)
        .debit(Account::PaidOut, amount)
        .credit(Account::InTransit.at(payout), amount)
        .balanced()
}

/// A payout that the bank sent back after Stripe had called it paid: the mirror of [`payout_paid`]. One that
/// fails before that needs no posting of ours: its two balance transactions cancel out.
///
/// | account | debit | credit |
/// |---|---|---|
/// | in_transit(payout) | amount | |
/// | paid_out | | amount |
pub fn payout_failed_after_paid(
    book: Scope,
    payout: &str,
    amount: Money,
    occurred_at: DateTime<Utc>,
) -> Result<Posting, PostingError> {
    Posting::of(book, format!("payout_failed:{payout}"), "payout_failed_after_paid", occurred_at)
        .debit(Account::InTransit.at(payout), amount)
        .credit(Account::PaidOut, amount)
        .balanced()
}

/// The clearing account of an object of Stripe's, which must be of a kind that the chart knows.
fn clearing(stripe_id: &str) -> Result<Place<'_>, PostingError> {
    match Account::clearing(stripe_id) {
        Some(account) => Ok(account.at(stripe_id)),
        None => Err(PostingError::NotCleared(stripe_id.to_owned())),
    }
}
