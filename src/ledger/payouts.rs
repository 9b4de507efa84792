//! Payouts, as they arrive and come back: the only facts whose posting depends on what was posted before.

use chrono::{DateTime, Utc};
use sea_orm::DatabaseTransaction;
use souk_entity::{Money, Scope};

use super::{
    posting::{LedgerError, post_at},
    postings::{payout_failed_after_paid, payout_paid},
    store,
};
use crate::context::Context;

/// A payout arrived at the bank. Telling it again changes nothing.
pub async fn payout_arrived(
    tx: &DatabaseTransaction,
    ctx: &Context,
    book: &Scope,
    payout: &str,
    amount: Money,
    occurred_at: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let arrival = payout_paid(book.clone(), payout, amount, occurred_at)?;
    post_at(tx, ctx.clock.wall(), &arrival).await?;
    Ok(())
}

/// A payout failed. If it had arrived in the book, its arrival is taken back; if not, there is nothing to
/// take back: Stripe's own two balance transactions cancel each other out.
///
/// The caller holds the payout's row, or the inbox's lease of it, so that arrival and return can't be posted side by
/// side.
pub async fn payout_returned(
    tx: &DatabaseTransaction,
    ctx: &Context,
    book: &Scope,
    payout: &str,
    amount: Money,
    occurred_at: DateTime<Utc>,
) -> Result<(), LedgerError> {
    return_at(tx, ctx.clock.wall(), book, payout, amount, occurred_at).await
}

/// See [`payout_returned`]; `now` is wall time.
pub(super) async fn return_at(
    tx: &DatabaseTransaction,
    now: DateTime<Utc>,
    book: &Scope,
    payout: &str,
    amount: Money,
    occurred_at: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let arrival = payout_paid(book.clone(), payout, amount, occurred_at)?;
    if store::find_posted(tx, book, arrival.source()).await?.is_some() {
        let back = payout_failed_after_paid(book.clone(), payout, amount, occurred_at)?;
        post_at(tx, now, &back).await?;
    }
    Ok(())
}
