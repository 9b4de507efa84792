//! Reconciliation: every mirrored balance equal to Stripe's to the cent, every clearing key zero, every
//! posting whole; and a name for whatever is not.
//!
//! Everything is computed from the entries, never from what was computed before, so that a row that was
//! changed or deleted behind the ledger's back is found. That reads each book as a whole: it is a job for
//! quiet hours.
//!
//! The map: this file compares, `keys` names open clearing keys, `foreign` posts what others did on the Stripe account,
//! `audit` names the balance transactions that a difference of balances is made of, `report` holds the kinds and what a
//! person does about each, `schedule` has it done by the clock.

mod audit;
mod foreign;
mod keys;
mod report;
mod schedule;
mod store;

use std::collections::BTreeMap;

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr};
use souk_entity::{Currency, Money, MoneyError, ReconciliationId, Scope, reconciliation};

use self::{
    audit::{AuditError, Unexplained, audit},
    store::{BookTotals, OpenKey},
};
use super::{
    chart::Account,
    feed::Feed,
    import::{ImportError, Reach, import_from},
    posting::LedgerError,
};
use crate::{clock::Clock, context::Context, db, stripe::balance::Balance};

pub(super) use keys::{cleared, may_be_open};
pub use report::{Compared, Counts, Difference, Report, State, kind};
pub use schedule::{RECONCILE_JOB, enqueue_due, run_reconcile};
pub use store::last_counts;

/// How often a balance that moves while it is looked at is looked at again.
const MOST_LOOKS: u32 = 4;
/// How often [`MOST_LISTED`] keys are looked at for what is foreign: a Stripe account that was in use before comes with
/// a long history, which is settled by several reconciliations.
const MOST_ROUNDS: u32 = 10;
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

/// How far a comparison has come.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// There are so many scopes.
    Begins(usize),
    /// This one is compared now.
    Scope(&'a Scope),
    /// So many balance transactions of it were new.
    Imported(u64),
    /// It was compared.
    Compared,
}

/// Compares all books with Stripe and keeps the report. An account that can't be read is a difference, not an
/// error: the others are compared all the same.
pub async fn reconcile(ctx: &Context) -> Result<Report, ReconcileError> {
    reconcile_telling(ctx, &|_| {}).await
}

/// The same, telling how far it has come.
pub async fn reconcile_telling(
    ctx: &Context,
    tell: &(dyn Fn(Step<'_>) + Sync),
) -> Result<Report, ReconcileError> {
    Comparison { feed: &ctx.stripe, db: &ctx.db, clock: &ctx.clock, tell }.report().await
}

/// The report of the last reconciliation; none if there never was one.
pub async fn latest(ctx: &Context) -> Result<Option<Report>, ReconcileError> {
    last_report(&ctx.db).await
}

/// Earlier reports, newest first, with the ids of their rows.
pub(super) async fn history(
    ctx: &Context,
    after: Option<ReconciliationId>,
    limit: u64,
) -> Result<Vec<(ReconciliationId, Report)>, ReconcileError> {
    let rows = store::page(&ctx.db, after, limit).await?;
    let report = |row: reconciliation::Model| Ok((row.id, serde_json::from_value(row.report)?));
    rows.into_iter().map(report).collect()
}

/// See [`latest`].
pub(super) async fn last_report(db: &DatabaseConnection) -> Result<Option<Report>, ReconcileError> {
    let row = store::latest(db).await?;
    Ok(row.map(|row| serde_json::from_value(row.report)).transpose()?)
}

/// A book and the balance that it mirrors, read as close to each other as can be.
struct Look {
    book: Book,
    /// By currency, in minor units; none if it couldn't be read.
    stripe: Option<BTreeMap<Currency, i64>>,
    /// Why the two can't be compared.
    trouble: Option<Difference>,
}

/// What a book says, as of one moment.
#[derive(Default)]
struct Book {
    totals: Vec<BookTotals>,
    keys: Vec<OpenKey>,
    /// What the imported balance transactions sum to, by currency.
    imported: BTreeMap<Currency, i64>,
}

/// A comparison under way.
pub(super) struct Comparison<'a, F> {
    pub(super) feed: &'a F,
    pub(super) db: &'a DatabaseConnection,
    pub(super) clock: &'a Clock,
    pub(super) tell: &'a (dyn Fn(Step<'_>) + Sync),
}

impl<F: Feed> Comparison<'_, F> {
    /// Compares all books and keeps the report.
    pub(super) async fn report(&self) -> Result<Report, ReconcileError> {
        let (as_of, earlier) = (self.clock.business(), last_report(self.db).await?);
        let mut report = Report { state: State::Clean, as_of, scopes: Vec::new(), differences: Vec::new() };
        // 1. Each balance with its mirror, and each key of its book.
        let scopes = store::scopes(self.db).await?;
        (self.tell)(Step::Begins(scopes.len()));
        for scope in scopes {
            (self.tell)(Step::Scope(&scope));
            let mut look = self.look(&scope).await?;
            if look.stripe.is_some() {
                self.settle_foreign(&scope, &mut look.book).await?;
            }
            report.differences.extend(foreign::listed(self.db, &scope, report.as_of).await?);
            self.examine(&scope, look, &mut report).await?;
            (self.tell)(Step::Compared);
        }
        // 2. Each posting by itself, of whatever book.
        report.differences.extend(faults(self.db).await?);
        // 3. Keep what was found.
        let report = report.completed(earlier);
        store::insert(self.db, self.clock.wall(), &report).await?;
        Ok(report)
    }

    /// Looks at a balance until it stands still: the same before and after an import that brought nothing.
    async fn look(&self, scope: &Scope) -> Result<Look, ReconcileError> {
        let mut last = None;
        for look in 0..MOST_LOOKS {
            let before = match self.feed.balance(scope).await {
                Ok(balance) => totals(&balance)?,
                Err(failure) => return self.blind(scope, kind::UNREADABLE, failure.to_string()).await,
            };
            let reach = if look == 0 { Reach::WIDE } else { Reach::AGAIN };
            let new = match import_from(self.feed, self.db, self.clock, scope, reach).await {
                Ok(imported) => imported.new,
                Err(ImportError::Ledger(LedgerError::Db(error))) => return Err(error.into()),
                Err(error) => return self.blind(scope, kind::IMPORT, error.to_string()).await,
            };
            (self.tell)(Step::Imported(new));
            let book = self.book(scope).await?;
            let after = match self.feed.balance(scope).await {
                Ok(balance) => totals(&balance)?,
                Err(failure) => return self.blind(scope, kind::UNREADABLE, failure.to_string()).await,
            };
            if new == 0 && before == after {
                return Ok(Look { book, stripe: Some(after), trouble: None });
            }
            last = Some((book, after));
        }
        let (book, after) = last.unwrap_or_default();
        let detail = format!("the balance of {scope} moved during each of {MOST_LOOKS} looks");
        let trouble = Difference::new(kind::TIMING, scope, scope, None, detail)
            .with_action("reconcile again; if it stays, reconcile at a quiet hour");
        Ok(Look { book, stripe: Some(after), trouble: Some(trouble) })
    }

    /// Posts what others did, as long as there is any among the keys that are looked at.
    async fn settle_foreign(&self, scope: &Scope, book: &mut Book) -> Result<(), ReconcileError> {
        for _ in 0..MOST_ROUNDS {
            if !foreign::settle(self.feed, self.db, self.clock, scope, &book.keys).await? {
                break;
            }
            book.keys = self.book(scope).await?.keys;
        }
        Ok(())
    }

    /// A book whose balance could not be read.
    async fn blind(&self, scope: &Scope, kind: &str, detail: String) -> Result<Look, ReconcileError> {
        let book = self.book(scope).await?;
        let trouble = Difference::new(kind, scope, scope, None, detail);
        Ok(Look { book, stripe: None, trouble: Some(trouble) })
    }

    /// Reads a book as of one moment.
    async fn book(&self, scope: &Scope) -> Result<Book, DbErr> {
        let tx = db::begin_report(self.db).await?;
        let underway_since = self.clock.business() - may_be_open(Account::InTransit);
        let book = Book {
            totals: store::book_totals(&tx, scope).await?,
            keys: store::open_keys(&tx, scope, underway_since, MOST_LISTED).await?,
            imported: store::imported_sums(&tx, scope).await?,
        };
        tx.rollback().await?;
        Ok(book)
    }

    /// Writes down what a look at one scope shows.
    async fn examine(&self, scope: &Scope, look: Look, report: &mut Report) -> Result<(), ReconcileError> {
        let Look { book: Book { totals, keys, imported }, stripe, trouble } = look;
        report.differences.extend(keys::named(scope, &keys, report.as_of));
        let mut book: BTreeMap<Currency, BookTotals> =
            totals.into_iter().map(|totals| (totals.currency, totals)).collect();
        for currency in stripe.iter().flat_map(BTreeMap::keys) {
            book.entry(*currency).or_insert(BookTotals { currency: *currency, mirrored: 0, sum: 0 });
        }
        let mut differ = false;
        for (currency, BookTotals { mirrored: ours, sum, .. }) in book {
            let money = |amount| Some(Money::new(amount, currency));
            if sum != 0 {
                let detail = format!("the entries of the book of {scope} in {currency} don't sum to zero");
                report.differences.push(Difference::new(kind::BOOK, scope, scope, money(sum), detail));
            }
            let open_keys = keys.iter().find(|key| key.currency == currency).map_or(0, |key| key.open);
            let Some(stripe) = &stripe else { continue };
            let stripe = stripe.get(&currency).copied().unwrap_or_default();
            if ours != stripe && trouble.is_none() {
                let (ours, stripe) = (Money::new(ours, currency), Money::new(stripe, currency));
                let detail = format!("the book of {scope} says {ours}, Stripe says {stripe}");
                let difference = ours.checked_sub(stripe).ok();
                report.differences.push(Difference::new(kind::BALANCE, scope, scope, difference, detail));
                differ = true;
            }
            report.scopes.push(Compared { scope: scope.to_string(), currency, ours, stripe, open_keys });
        }
        if let Some(stripe) = stripe.filter(|_| differ) {
            report.differences.extend(self.explained(scope, &imported, &stripe).await?);
        }
        report.differences.extend(trouble);
        Ok(())
    }

    /// Names the balance transactions that a difference of balances is made of. What they don't explain is in the
    /// postings.
    async fn explained(
        &self,
        scope: &Scope,
        imported: &BTreeMap<Currency, i64>,
        stripe: &BTreeMap<Currency, i64>,
    ) -> Result<Vec<Difference>, ReconcileError> {
        let mut unexplained = Unexplained::new();
        for (currency, amount) in imported {
            *unexplained.entry(*currency).or_default() += i128::from(*amount);
        }
        for (currency, amount) in stripe {
            *unexplained.entry(*currency).or_default() -= i128::from(*amount);
        }
        match audit(self.feed, self.db, scope, unexplained).await {
            Ok(found) => Ok(found),
            Err(AuditError::Ledger(error)) => Err(error.into()),
            Err(error @ AuditError::Stripe(_)) => {
                Ok(vec![Difference::new(kind::UNREADABLE, scope, scope, None, error.to_string())])
            }
        }
    }
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

/// Postings that aren't whole, and balance transactions that aren't posted.
async fn faults(db: &DatabaseConnection) -> Result<Vec<Difference>, DbErr> {
    let tx = db::begin_report(db).await?;
    let found = faults_within(&tx).await?;
    tx.rollback().await?;
    Ok(found)
}

async fn faults_within(tx: &DatabaseTransaction) -> Result<Vec<Difference>, DbErr> {
    let mut found = Vec::new();
    for fault in store::unbalanced_transactions(tx, MOST_LISTED).await? {
        let detail = format!("the entries of {} in the book of {} are not whole", fault.id, fault.book);
        found.push(Difference::new(kind::TRANSACTION, &fault.book, fault.source, fault.amount, detail));
    }
    for fault in store::not_posted(tx, MOST_LISTED).await? {
        let kind = match (fault.elsewhere > 0, fault.posted.amount) {
            (true, 0) => kind::CURRENCY,
            (false, 0) => kind::MISSING_HERE,
            _ => kind::AMOUNT,
        };
        let detail =
            format!("the balance of {} moved by {}, its book by {}", fault.book, fault.net, fault.posted);
        let amount = fault.posted.checked_sub(fault.net).ok();
        found.push(Difference::new(kind, &fault.book, fault.id, amount, detail).with_action(TOUCHED));
    }
    for fault in store::foreign_postings(tx, MOST_LISTED).await? {
        let detail =
            format!("the book of {} has it, Stripe's imported balance transactions don't", fault.book);
        let amount = Some(fault.amount);
        found.push(
            Difference::new(kind::MISSING_THERE, &fault.book, fault.source, amount, detail)
                .with_action(POSTED_BY_HAND),
        );
    }
    Ok(found)
}

const TOUCHED: &str =
    "someone changed the tables behind the ledger's back: find out who, restore the rows from a backup";
const POSTED_BY_HAND: &str = "the account `stripe` is posted from balance transactions only: find out who posted this, \
                              reverse it";
