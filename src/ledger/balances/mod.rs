//! Balances that cost the same however long the book is.
//!
//! A transaction that is posted also stands in `ledger_unsummed` (a trigger writes it there). Summing up takes
//! transactions out of it and adds their entries to `ledger_balances`, by account, and to `ledger_days`, by
//! account and day of occurrence, all in one database transaction. A balance is what was summed plus the entries
//! of what was not yet, read in one statement.
//!
//! **Invariants**
//! - A transaction is in `ledger_unsummed` or in the sums, never in both and never in neither: whatever commits
//!   late is found there by its row, not by its time or its place in an order of ids.
//! - Posting locks and changes no row that another posting needs: it inserts. The sums have one writer at a
//!   time.
//! - The sums can be thrown away and made again from the entries; an invariant compares them.

mod store;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};
use souk_entity::{Currency, Money, Scope};

use super::chart::Account;
use crate::{context::Context, db};

pub(super) use store::{AccountTotal, drifted, totals, totals_before};

/// Summing up begins when this many transactions wait: so few are added in a millisecond or two by whoever reads
/// a balance.
const WORTH_IT: i64 = 256;
/// Transactions summed up in one database transaction: about a tenth of a second's work.
const BATCH: i64 = 10_000;

/// What an account holds now, debits less credits.
pub async fn balance<C: ConnectionTrait>(
    db: &C,
    book: &Scope,
    account: Account,
    currency: Currency,
) -> Result<Money, DbErr> {
    Ok(Money::new(store::balance(db, book, account, currency).await?, currency))
}

/// What an account held before `time`, debits less credits: by when the facts occurred, whenever they were
/// written down.
pub async fn balance_before<C: ConnectionTrait>(
    db: &C,
    book: &Scope,
    account: Account,
    currency: Currency,
    time: DateTime<Utc>,
) -> Result<Money, DbErr> {
    Ok(Money::new(store::balance_before(db, book, account, currency, time).await?, currency))
}

/// What a key of an account holds now, debits less credits. A key has few entries, and an index finds them.
pub async fn balance_of_key<C: ConnectionTrait>(
    db: &C,
    book: &Scope,
    account: Account,
    currency: Currency,
    key: &str,
) -> Result<Money, DbErr> {
    Ok(Money::new(store::balance_of_key(db, book, account, currency, key).await?, currency))
}

/// Sums up if enough transactions wait; tells how many it took.
pub async fn sum_up_due(ctx: &Context) -> Result<usize, DbErr> {
    if store::unsummed(&ctx.db, WORTH_IT).await? < WORTH_IT {
        return Ok(0);
    }
    sum_up(&ctx.db).await
}

/// Sums up a batch of transactions, oldest first; tells how many it took. Replicas may try side by side: one
/// does it, the others take nothing.
pub async fn sum_up(db: &DatabaseConnection) -> Result<usize, DbErr> {
    // All statements must mean the same transactions, whatever commits between them.
    let tx = db::begin_write_of_one_moment(db).await?;
    let taken = if store::has_turn(&tx).await? { store::sum_up(&tx, BATCH).await? } else { 0 };
    db::commit(tx, "ledger", "sums").await?;
    Ok(usize::try_from(taken).unwrap_or(usize::MAX))
}
