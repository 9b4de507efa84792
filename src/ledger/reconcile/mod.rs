//! Reconciliation: every mirrored balance equal to Stripe's to the cent, every clearing key zero, every
//! posting whole; and a name for whatever is not.
//!
//! Everything is computed from the entries, never from what was computed before, so that a row that was
//! changed or deleted behind the ledger's back is found. That reads each book as a whole: it is a job for
//! quiet hours.

mod report;
mod store;

use std::collections::BTreeMap;

use chrono::Duration;
use sea_orm::{DatabaseConnection, DbErr};
use souk_entity::{Currency, Money, MoneyError, Scope};

use self::store::{BookTotals, OpenKey};
use super::{
    feed::Feed,
    import::{ImportError, import_from},
    posting::LedgerError,
};
use crate::{clock::Clock, context::Context, stripe::balance::Balance};

pub use report::{Compared, Difference, Report, State, kind};

/// How often a balance that moves while it is looked at is looked at again.
const MOST_LOOKS: u32 = 4;
/// A payout that is underway for longer than this is a difference. Banks take up to ten working days.
const LONGEST_PAYOUT: Duration = Duration::days(14);
/// Differences of one kind in one report; if there are more, these come first.
const MOST_LISTED: u16 = 1_000;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The ledger, or the database below it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A report can't be written, or one that was written can't be read.
    #[error(transparent)]
    Report(#[from] serde_json::Error),
}

impl From<DbErr> for ReconcileError {
    fn from(error: DbErr) -> Self {
        Self::Ledger(error.into())
    }
}

/// Compares all books with Stripe and keeps the report. An account that can't be read is a difference, not an
/// error: the others are compared all the same.
pub async fn reconcile(ctx: &Context) -> Result<Report, ReconcileError> {
    reconcile_with(&ctx.stripe, &ctx.db, &ctx.clock).await
}

/// The report of the last reconciliation; none if there never was one.
pub async fn latest(ctx: &Context) -> Result<Option<Report>, ReconcileError> {
    last_report(&ctx.db).await
}

/// See [`latest`].
pub(super) async fn last_report(db: &DatabaseConnection) -> Result<Option<Report>, ReconcileError> {
    let row = store::latest(db).await?;
    Ok(row.map(|row| serde_json::from_value(row.report)).transpose()?)
}

/// See [`reconcile`].
pub(super) async fn reconcile_with<F: Feed>(
    feed: &F,
    db: &DatabaseConnection,
    clock: &Clock,
) -> Result<Report, ReconcileError> {
    let mut report =
        Report { state: State::Clean, as_of: clock.business(), scopes: Vec::new(), differences: Vec::new() };
    // 1. Each balance with its mirror, and each key of its book.
    for scope in store::scopes(db).await? {
        let look = look(feed, db, clock, &scope).await?;
        examine(db, &scope, look, &mut report).await?;
    }
    // 2. Each posting by itself, of whatever book.
    report.differences.extend(faults(db).await?);
    // 3. Keep what was found.
    if !report.differences.is_empty() {
        report.state = State::Differences;
    }
    store::insert(db, clock.wall(), &report).await?;
    Ok(report)
}

/// A book and the balance that it mirrors, read as close to each other as can be.
struct Look {
    book: Vec<BookTotals>,
    /// By currency, in minor units; none if it couldn't be read.
    stripe: Option<BTreeMap<Currency, i64>>,
    /// Why the two can't be compared.
    trouble: Option<Difference>,
}

/// Looks at a balance until it stands still: the same before and after an import that brought nothing.
async fn look<F: Feed>(
    feed: &F,
    db: &DatabaseConnection,
    clock: &Clock,
    scope: &Scope,
) -> Result<Look, ReconcileError> {
    let mut last = None;
    for _ in 0..MOST_LOOKS {
        let before = match feed.balance(scope).await {
            Ok(balance) => totals(&balance)?,
            Err(failure) => return blind(db, scope, kind::UNREADABLE, failure.to_string()).await,
        };
        let new = match import_from(feed, db, clock, scope).await {
            Ok(imported) => imported.new,
            Err(ImportError::Ledger(LedgerError::Db(error))) => return Err(error.into()),
            Err(error) => return blind(db, scope, kind::IMPORT, error.to_string()).await,
        };
        let book = store::book_totals(db, scope).await?;
        let after = match feed.balance(scope).await {
            Ok(balance) => totals(&balance)?,
            Err(failure) => return blind(db, scope, kind::UNREADABLE, failure.to_string()).await,
        };
        if new == 0 && before == after {
            return Ok(Look { book, stripe: Some(after), trouble: None });
        }
        last = Some((book, after));
    }
    let (book, after) = last.unwrap_or_default();
    let detail = format!("the balance of {scope} moved during each of {MOST_LOOKS} looks");
    let trouble = Difference::new(kind::TIMING, scope, None, detail);
    Ok(Look { book, stripe: Some(after), trouble: Some(trouble) })
}

/// A book whose balance could not be read.
async fn blind(
    db: &DatabaseConnection,
    scope: &Scope,
    kind: &str,
    detail: String,
) -> Result<Look, ReconcileError> {
    let book = store::book_totals(db, scope).await?;
    Ok(Look { book, stripe: None, trouble: Some(Difference::new(kind, scope, None, detail)) })
}

/// The whole balance by currency: what its balance transactions sum to.
fn totals(balance: &Balance) -> Result<BTreeMap<Currency, i64>, LedgerError> {
    let mut totals = BTreeMap::new();
    for funds in balance.available.iter().chain(&balance.pending).chain(&balance.connect_reserved) {
        let total: &mut i64 = totals.entry(funds.currency).or_default();
        *total = total
            .checked_add(funds.amount)
            .ok_or_else(|| LedgerError::Posting(MoneyError::Overflow.into()))?;
    }
    Ok(totals)
}

/// Writes down what a look at one scope shows.
async fn examine(
    db: &DatabaseConnection,
    scope: &Scope,
    look: Look,
    report: &mut Report,
) -> Result<(), ReconcileError> {
    let Look { book, stripe, trouble } = look;
    let mut book: BTreeMap<Currency, BookTotals> =
        book.into_iter().map(|totals| (totals.currency, totals)).collect();
    for currency in stripe.iter().flat_map(BTreeMap::keys) {
        book.entry(*currency).or_insert(BookTotals { currency: *currency, mirrored: 0, sum: 0 });
    }
    for (currency, BookTotals { mirrored: ours, sum, .. }) in book {
        let money = |amount| Some(Money::new(amount, currency));
        if sum != 0 {
            let detail = format!("the entries of the book of {scope} in {currency} don't sum to zero");
            report.differences.push(Difference::new(kind::BOOK, scope, money(sum), detail));
        }
        let open_keys = open_keys(db, scope, currency, report).await?;
        let Some(stripe) = &stripe else { continue };
        let stripe = stripe.get(&currency).copied().unwrap_or_default();
        if ours != stripe && trouble.is_none() {
            let (ours, stripe) = (Money::new(ours, currency), Money::new(stripe, currency));
            let detail = format!("the book of {scope} says {ours}, Stripe says {stripe}");
            let difference = ours.checked_sub(stripe).ok();
            report.differences.push(Difference::new(kind::BALANCE, scope, difference, detail));
        }
        report.scopes.push(Compared { scope: scope.to_string(), currency, ours, stripe, open_keys });
    }
    report.differences.extend(trouble);
    Ok(())
}

/// Writes down the keys of a book that should be zero and aren't; tells how many there are.
async fn open_keys(
    db: &DatabaseConnection,
    scope: &Scope,
    currency: Currency,
    report: &mut Report,
) -> Result<i64, ReconcileError> {
    let underway_since = report.as_of - LONGEST_PAYOUT;
    let keys = store::open_keys(db, scope, currency, underway_since, MOST_LISTED).await?;
    let open = keys.first().map_or(0, |key| key.open);
    report.differences.extend(keys.into_iter().map(|OpenKey { code, key, amount, .. }| {
        let detail = format!("{code} of {scope} is open under this id");
        Difference::new(&code, key, Some(Money::new(amount, currency)), detail)
    }));
    Ok(open)
}

/// Postings that aren't whole, and balance transactions that aren't posted.
async fn faults(db: &DatabaseConnection) -> Result<Vec<Difference>, DbErr> {
    let mut found = Vec::new();
    for fault in store::unbalanced_transactions(db, MOST_LISTED).await? {
        let detail = format!("the entries of {} in the book of {} are not whole", fault.id, fault.book);
        found.push(Difference::new(kind::TRANSACTION, fault.source, fault.amount, detail));
    }
    for fault in store::not_posted(db, MOST_LISTED).await? {
        let detail =
            format!("the balance of {} moved by {}, its book by {}", fault.book, fault.net, fault.posted);
        found.push(Difference::new(
            kind::NOT_POSTED,
            fault.id,
            fault.posted.checked_sub(fault.net).ok(),
            detail,
        ));
    }
    for fault in store::foreign_postings(db, MOST_LISTED).await? {
        let detail =
            format!("the book of {} has it, Stripe's imported balance transactions don't", fault.book);
        found.push(Difference::new(kind::FOREIGN_POSTING, fault.source, Some(fault.amount), detail));
    }
    Ok(found)
}
