//! What became of payouts, for the book of the account that was paid out.

use chrono::{DateTime, Utc};
use sea_orm::DatabaseTransaction;
use souk_entity::{Money, Scope};

use super::{
    posting::{LedgerError, post},
    postings, store,
};
use crate::context::Context;

/// A payout arrived, as far as Stripe knows.
pub async fn payout_arrived(
    tx: &DatabaseTransaction,
    ctx: &Context,
    book: &Scope,
    payout: &str,
    amount: Money,
    occurred_at: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let posting = postings::payout_paid(book.clone(), payout, amount, occurred_at)?;
    // The same payout is told of more than once, at other times: what was posted first stands.
    if store::find_posted(tx, book, posting.source()).await?.is_none() {
        post(tx, ctx, posting).await?;
    }
    Ok(())
}

/// A payout came back. If it had been posted as arrived, that is reversed; otherwise the two balance
/// transactions cancel out by themselves.
pub async fn payout_returned(
    tx: &DatabaseTransaction,
    ctx: &Context,
    book: &Scope,
    payout: &str,
    amount: Money,
    occurred_at: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let arrived = postings::payout_paid(book.clone(), payout, amount, occurred_at)?;
    let returned = postings::payout_failed_after_paid(book.clone(), payout, amount, occurred_at)?;
    let posted = store::find_posted(tx, book, arrived.source()).await?.is_some()
        && store::find_posted(tx, book, returned.source()).await?.is_none();
    if posted {
        post(tx, ctx, returned).await?;
    }
    Ok(())
}
