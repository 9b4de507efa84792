//! Imports Stripe's balance transactions of a scope, oldest first, each with its mirror posting.
//!
//! Any number of replicas may import the same scope at once: whoever moves the cursor first has the page, the
//! others begin anew behind it. A crash between two pages loses nothing.

use chrono::{DateTime, Utc};
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr};
use souk_entity::{Scope, balance_transaction, job};

use super::{
    feed::Feed,
    mirror::{FeeDetail, mirror},
    posting::{LedgerError, Posting, post_at},
    store,
};
use crate::{
    clock::Clock,
    context::Context,
    db,
    jobs::{self, JobError},
    stripe::{
        Expandable, Failure, List,
        balance_transactions::{BalanceTransaction, Page},
    },
};

/// The kind of the job that imports; its key is the scope.
pub const IMPORT_JOB: &str = "import_balance_transactions";

/// One import reads no more pages than this; ten million transactions at a hundred each.
const MOST_PAGES: u32 = 100_000;

/// What an import did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Balance transactions that were not known before.
    pub new: u64,
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
    import_from(&ctx.stripe, &ctx.db, &ctx.clock, scope).await
}

/// Has a scope's balance transactions imported soon, once the caller's transaction is committed.
pub async fn enqueue_import(tx: &DatabaseTransaction, ctx: &Context, scope: &Scope) -> Result<(), DbErr> {
    // It reads Stripe's books, and what it is to find there has happened.
    jobs::enqueue_unless_waiting(tx, ctx, IMPORT_JOB, &scope.to_string(), ctx.clock.wall()).await
}

/// Runs the job of [`enqueue_import`].
pub async fn run_import(ctx: &Context, job: &job::Model) -> Result<(), JobError> {
    let scope: Scope = job.key.parse().map_err(|_| JobError::Fail("the key is no scope".to_owned()))?;
    match import(ctx, &scope).await {
        Ok(_) => Ok(()),
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
) -> Result<Imported, ImportError> {
    let mut new = 0;
    for _ in 0..MOST_PAGES {
        // 1. Read the next page behind the cursor; no transaction is open.
        let cursor = store::import_cursor(db, scope).await?;
        let page = match &cursor {
            Some(last) => feed.page(scope, Page::NewerThan(last)).await?,
            None => oldest_page(feed, scope).await?,
        };
        let Some(newest) = page.data.first() else { return Ok(Imported { new }) };

        // 2. Take it over, unless another replica was first.
        let batch = Batch::of(scope, &page, clock.wall())?;
        if let Some(taken) = batch.take_over(db, cursor.as_deref(), &newest.id).await? {
            new += taken;
            // The oldest page was read towards the past: whether more is newer isn't known yet.
            if cursor.is_some() && !page.has_more {
                return Ok(Imported { new });
            }
        }
    }
    Err(ImportError::Endless(scope.clone()))
}

/// The page with a scope's first transactions. Only one page is held at a time, however long the history; the
/// later ones are read again on the way back to the newest.
async fn oldest_page<F: Feed>(feed: &F, scope: &Scope) -> Result<List<BalanceTransaction>, ImportError> {
    let mut page = feed.page(scope, Page::Newest).await?;
    for _ in 0..MOST_PAGES {
        let Some(oldest) = page.data.last().filter(|_| page.has_more) else { return Ok(page) };
        let older = feed.page(scope, Page::OlderThan(&oldest.id)).await?;
        if older.data.is_empty() {
            return Ok(page);
        }
        page = older;
    }
    Err(ImportError::Endless(scope.clone()))
}

/// A page as rows and postings, oldest first.
struct Batch<'a> {
    scope: &'a Scope,
    now: DateTime<Utc>,
    rows: Vec<(balance_transaction::Model, Option<Posting>)>,
}

impl<'a> Batch<'a> {
    fn of(
        scope: &'a Scope,
        page: &List<BalanceTransaction>,
        now: DateTime<Utc>,
    ) -> Result<Self, ImportError> {
        let mut rows = Vec::with_capacity(page.data.len());
        for transaction in page.data.iter().rev() {
            let row = row_of(scope, transaction, now)?;
            let posting = mirror(&row).map_err(LedgerError::from)?;
            rows.push((row, posting));
        }
        Ok(Self { scope, now, rows })
    }

    /// Writes rows and postings and moves the cursor, all at once. `None` if the cursor isn't where it was.
    async fn take_over(
        self,
        db: &DatabaseConnection,
        from: Option<&str>,
        to: &str,
    ) -> Result<Option<u64>, ImportError> {
        let Self { scope, now, rows } = self;
        let tx = db::begin_write(db).await?;
        // The cursor first: its row is what other replicas wait for.
        if !store::move_import_cursor(&tx, scope, from, to, now).await? {
            tx.rollback().await?;
            return Ok(None);
        }
        // All accounts of the page in one order, so that imports and sales can't wait for each other in a
        // circle.
        store::open_accounts(&tx, now, rows.iter().filter_map(|(_, posting)| posting.as_ref())).await?;
        let mut new = 0;
        for (row, posting) in rows {
            if !store::insert_balance_transaction(&tx, row).await? {
                continue;
            }
            new += 1;
            if let Some(posting) = posting {
                post_at(&tx, now, &posting).await?;
            }
        }
        db::commit(tx, IMPORT_JOB, "page").await?;
        Ok(Some(new))
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
