//! Payouts at their bank. What leaves and comes back to the Stripe balance is the mirror's.

use chrono::{DateTime, Utc};
use souk_entity::{Money, Scope};

use crate::ledger::{
    chart::Account,
    posting::{Posting, PostingError},
};

/// A payout that arrived, in the book of the account that was paid out. One with a negative amount is a debit of
/// the bank: for a balance below zero, or to take another payout back.
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
