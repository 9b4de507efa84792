//! Imports Stripe's balance transactions of a scope, oldest first, each with its mirror posting.
//!
//! Any number of replicas may import the same scope at once: whoever moves the cursor first has the page, the
//! others begin anew behind it. A page is taken over as a whole or not at all, so a crash loses nothing, and the
//! next import goes on at that page.
//!
//! Stripe's `created` is in seconds, and its list is ordered by it: a transaction that comes about late can stand
//! in the list before one that was imported already. Each import therefore begins some time before its cursor
//! ([`Reach`]) and leaves out what is known by id.

mod store;
mod wake;

use std::collections::HashSet;

use chrono::{DateTime, Duration, Utc};
use sea_orm::{DatabaseConnection, DbErr};
use souk_entity::{Scope, balance_transaction, import_cursor, job};

use super::{
    feed::Feed,
    mirror::{FeeDetail, mirror},
    posting::{LedgerError, Posting, post_all_at},
    store as books,
};
use crate::{
    clock::Clock,
    context::Context,
    db,
    jobs::JobError,
    stripe::{
        Expandable, Failure, List,
        balance_transactions::{BalanceTransaction, Page},
    },
};

pub use wake::{collect_wakes, enqueue_import};

/// The kind of the job that imports; its key is the scope.
pub const IMPORT_JOB: &str = "import_balance_transactions";

/// How much an import reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// It begins this long before the newest transaction that is known.
    pub(super) overlap: Duration,
    /// It reads no more pages than this.
    pub(super) most_pages: u32,
}

impl Reach {
    /// What an event asks for: often, so little is read again; and few pages, so that a job ends before its lease
    /// does and a long history doesn't keep others waiting. What is left is imported by the next job.
    const OF_A_JOB: Self = Self { overlap: Duration::seconds(30), most_pages: 50 };
    /// What a comparison asks for: to the end, ten million transactions at a hundred each.
    pub(super) const WIDE: Self = Self { overlap: Duration::minutes(10), most_pages: 100_000 };
    /// The same, when [`Self::WIDE`] was just done.
    pub(super) const AGAIN: Self = Self { overlap: Self::OF_A_JOB.overlap, ..Self::WIDE };
}

/// What an import did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Balance transactions that were not known before.
    pub new: u64,
    /// Whether it came to the end of Stripe's list.
    pub finished: bool,
}

/// Why an import stopped. What it had taken over before stays; the next one goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Stripe gave no page.
    #[error(transparent)]
    Stripe(#[from] Failure),
    /// A balance transaction makes no posting, or contradicts one that is in the book.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The fees of a balance transaction can't be written as JSON.
    #[error(transparent)]
    Fees(#[from] serde_json::Error),
    /// Stripe's list has no end.
    #[error("the balance transactions of {0} have no end")]
    Endless(Scope),
}

impl From<DbErr> for ImportError {
    fn from(error: DbErr) -> Self {
        Self::Ledger(error.into())
    }
}

/// Imports a scope's balance transactions up to the newest.
pub async fn import(ctx: &Context, scope: &Scope) -> Result<Imported, ImportError> {
    import_from(&ctx.stripe, &ctx.db, &ctx.clock, scope, Reach::WIDE).await
}

/// Runs the job of [`enqueue_import`].
pub async fn run_import(ctx: &Context, job: &job::Model) -> Result<(), JobError> {
    let scope: Scope = job.key.parse().map_err(|_| JobError::Fail("the key is no scope".to_owned()))?;
    match import_from(&ctx.stripe, &ctx.db, &ctx.clock, &scope, Reach::OF_A_JOB).await {
        Ok(Imported { finished: true, .. }) => Ok(()),
        Ok(_) => {
            let tx = db::begin_write(&ctx.db).await?;
            enqueue_import(&tx, &scope).await?;
            Ok(db::commit(tx, IMPORT_JOB, "again").await?)
        }
        Err(ImportError::Stripe(failure)) => Err(failure.into()),
        Err(ImportError::Ledger(error)) => Err(error.into()),
        Err(error) => Err(JobError::Fail(error.to_string())),
    }
}

/// See [`import`].
pub(super) async fn import_from<F: Feed>(
    feed: &F,
    db: &DatabaseConnection,
    clock: &Clock,
    scope: &Scope,
    reach: Reach,
) -> Result<Imported, ImportError> {
    let mut new = 0;
    let mut cursor = store::cursor(db, scope).await?;
    let mut at = beginning(db, cursor.as_ref(), reach).await?;
    for _ in 0..reach.most_pages {
        // 1. Read the next page; no transaction is open.
        let page = match &at {
            Some(last) => feed.page(scope, Page::NewerThan(last)).await?,
            None => oldest_page(feed, clock, scope).await?,
        };
        let Some(newest) = page.data.first() else { return Ok(Imported { new, finished: true }) };

        // 2. Take over what isn't known, unless another replica moved the cursor.
        let known = store::known(db, scope, page.data.iter().map(|one| one.id.as_str())).await?;
        let batch = Batch::of(scope, &page, &known, clock.wall())?;
        let Some(taken) = batch.take_over(db, &mut cursor, newest).await? else {
            cursor = store::cursor(db, scope).await?;
            at = beginning(db, cursor.as_ref(), reach).await?;
            continue;
        };
        new += taken;
        // The oldest page was read towards the past: whether more is newer isn't known yet.
        if at.is_some() && !page.has_more {
            return Ok(Imported { new, finished: true });
        }
        at = Some(newest.id.clone());
    }
    Ok(Imported { new, finished: false })
}

/// Behind which transaction an import begins; none if it begins with the first.
async fn beginning(
    db: &DatabaseConnection,
    cursor: Option<&import_cursor::Model>,
    reach: Reach,
) -> Result<Option<String>, DbErr> {
    let Some(cursor) = cursor else { return Ok(None) };
    match cursor.last_created_at {
        Some(last) => store::newest_before(db, &cursor.scope, last - reach.overlap).await,
        None => Ok(Some(cursor.last_id.clone())),
    }
}

/// The page with a scope's first transactions. Stripe lists the newest first and can't be asked for the oldest:
/// the second in which they begin is found by halves, in some thirty pages however long the history.
async fn oldest_page<F: Feed>(
    feed: &F,
    clock: &Clock,
    scope: &Scope,
) -> Result<List<BalanceTransaction>, ImportError> {
    let mut page = feed.page(scope, Page::Newest).await?;
    // Nothing is as old as `before`; something is as old as the oldest of the page.
    let mut before = 0;
    for _ in 0..=i64::BITS {
        let Some(oldest) = page.data.last().filter(|_| page.has_more) else { return Ok(page) };
        let until = oldest.created.timestamp();
        if until - before <= 1 {
            return oldest_of_second(feed, scope, page).await;
        }
        let middle = before + (until - before) / 2;
        let time = DateTime::from_timestamp(middle, 0).unwrap_or_else(|| clock.wall());
        let older = feed.page(scope, Page::Until(time)).await?;
        if older.data.is_empty() {
            before = middle;
        } else {
            page = older;
        }
    }
    Err(ImportError::Endless(scope.clone()))
}

/// The last page from here on: of transactions of one second, or two.
async fn oldest_of_second<F: Feed>(
    feed: &F,
    scope: &Scope,
    mut page: List<BalanceTransaction>,
) -> Result<List<BalanceTransaction>, ImportError> {
    for _ in 0..Reach::WIDE.most_pages {
        let Some(oldest) = page.data.last().filter(|_| page.has_more) else { return Ok(page) };
        let older = feed.page(scope, Page::OlderThan(&oldest.id)).await?;
        if older.data.is_empty() {
            return Ok(page);
        }
        page = older;
    }
    Err(ImportError::Endless(scope.clone()))
}

/// What of a page isn't known yet, as rows and postings, oldest first.
struct Batch<'a> {
    scope: &'a Scope,
    now: DateTime<Utc>,
    rows: Vec<(balance_transaction::Model, Option<Posting>)>,
}

impl<'a> Batch<'a> {
    fn of(
        scope: &'a Scope,
        page: &List<BalanceTransaction>,
        known: &HashSet<String>,
        now: DateTime<Utc>,
    ) -> Result<Self, ImportError> {
        let mut rows = Vec::with_capacity(page.data.len());
        for transaction in page.data.iter().rev().filter(|one| !known.contains(&one.id)) {
            let row = row_of(scope, transaction, now)?;
            let posting = mirror(&row).map_err(LedgerError::from)?;
            rows.push((row, posting));
        }
        Ok(Self { scope, now, rows })
    }

    /// Writes rows and postings and moves the cursor, all at once; tells how many were new. `None` if the cursor
    /// isn't where it was.
    async fn take_over(
        self,
        db: &DatabaseConnection,
        cursor: &mut Option<import_cursor::Model>,
        newest: &BalanceTransaction,
    ) -> Result<Option<u64>, ImportError> {
        let Self { scope, now, rows } = self;
        let to = moved(cursor.as_ref(), scope, newest, now);
        if rows.is_empty() && cursor.as_ref().is_some_and(|cursor| cursor.last_id == to.last_id) {
            return Ok(Some(0));
        }
        let tx = db::begin_write(db).await?;
        // The cursor first: its row is what other replicas wait for.
        let from = cursor.as_ref().map(|cursor| cursor.last_id.as_str());
        if !store::move_cursor(&tx, from, to.clone()).await? {
            tx.rollback().await?;
            return Ok(None);
        }
        // All accounts of the page in one order, so that imports and sales can't wait for each other in a
        // circle.
        books::open_accounts(&tx, now, rows.iter().filter_map(|(_, posting)| posting.as_ref())).await?;
        let (mut new, mut postings) = (0, Vec::with_capacity(rows.len()));
        for (row, posting) in rows {
            if store::insert(&tx, row).await? {
                new += 1;
                postings.extend(posting);
            }
        }
        post_all_at(&tx, now, &postings).await?;
        db::commit(tx, IMPORT_JOB, "page").await?;
        *cursor = Some(to);
        Ok(Some(new))
    }
}

/// Where the cursor stands after a page: at its newest transaction, unless that is older than where it was.
fn moved(
    cursor: Option<&import_cursor::Model>,
    scope: &Scope,
    newest: &BalanceTransaction,
    now: DateTime<Utc>,
) -> import_cursor::Model {
    match cursor {
        Some(cursor) if cursor.last_created_at.is_some_and(|last| last > newest.created) => {
            import_cursor::Model { updated_at: now, ..cursor.clone() }
        }
        _ => import_cursor::Model {
            scope: scope.clone(),
            last_id: newest.id.clone(),
            last_created_at: Some(newest.created),
            updated_at: now,
        },
    }
}

fn row_of(
    scope: &Scope,
    transaction: &BalanceTransaction,
    now: DateTime<Utc>,
) -> Result<balance_transaction::Model, ImportError> {
    let fees = transaction.fee_details.iter().map(|detail| FeeDetail {
        amount: detail.amount,
        currency: detail.currency,
        fee_type: detail.kind.clone(),
    });
    let category = Some(transaction.reporting_category.clone()).filter(|category| !category.is_empty());
    Ok(balance_transaction::Model {
        scope: scope.clone(),
        id: transaction.id.clone(),
        transaction_type: transaction.kind.clone(),
        reporting_category: category,
        source: transaction.source.as_ref().map(Expandable::id).map(str::to_owned),
        amount: transaction.amount,
        fee: transaction.fee,
        net: transaction.net,
        currency: transaction.currency,
        fee_details: serde_json::to_value(fees.collect::<Vec<_>>())?,
        stripe_created_at: transaction.created,
        available_at: transaction.available_on,
        imported_at: now,
    })
}
