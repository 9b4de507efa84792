//! Reversals: the only way to take a posting back. What was written stays; its mirror is written beside it.

use chrono::{DateTime, Utc};
use sea_orm::DatabaseTransaction;
use souk_entity::Scope;

use super::{
    chart::Account,
    posting::{LedgerError, Posted, Posting, post_at},
    store,
};
use crate::context::Context;

/// The kind of a posting that takes another one back.
const KIND: &str = "reversal";

/// Posts the mirror of what stands in a book under `source`, linked to it; `occurred_at` is when it was found
/// wrong, not when the mistake was made. A second time changes nothing.
///
/// What a Stripe balance did is not ours to take back, nor is a reversal: post the fact anew under a source of
/// its own.
pub async fn reverse(
    tx: &DatabaseTransaction,
    ctx: &Context,
    book: &Scope,
    source: &str,
    occurred_at: DateTime<Utc>,
) -> Result<Posted, LedgerError> {
    reverse_at(tx, ctx.clock.wall(), book, source, occurred_at).await
}

/// See [`reverse`]; `now` is wall time.
pub(super) async fn reverse_at(
    tx: &DatabaseTransaction,
    now: DateTime<Utc>,
    book: &Scope,
    source: &str,
    occurred_at: DateTime<Utc>,
) -> Result<Posted, LedgerError> {
    let refusal = |of: fn(Scope, String) -> LedgerError| of(book.clone(), source.to_owned());
    let not_reversible = || refusal(|book, source_name| LedgerError::NotReversible { book, source_name });
    let Some(found) = store::find_posted(tx, book, source).await? else {
        return Err(refusal(|book, source_name| LedgerError::NotPosted { book, source_name }));
    };
    if found.reverses.is_some() {
        return Err(not_reversible());
    }
    let mut mirror = Posting::of(book.clone(), format!("reversal:{source}"), KIND, occurred_at);
    for (code, key, amount) in found.legs() {
        let account = Account::from_code(code).filter(|account| *account != Account::Stripe);
        mirror = mirror.credit(account.ok_or_else(not_reversible)?.at(key), amount);
    }
    let mut mirror = mirror.balanced()?;
    mirror.reverses = Some(found.id);
    post_at(tx, now, &mirror).await
}
