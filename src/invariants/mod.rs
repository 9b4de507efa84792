//! Invariants: what must hold of the rows as a whole, whoever wrote them.
//!
//! A room says what must hold of its rows by a list of [`Invariant`]s: a name, a meaning, what a person does, and a
//! query that returns what violates it. `worker.rs` puts the rooms' lists together and has them checked by the
//! clock; what is found is kept until a check finds it no longer, and shown by `GET /v1/attention` and as metrics.
//!
//! A check only reads: nothing is ever corrected by itself.

mod store;

use chrono::{DateTime, Duration, Utc};
use sea_orm::DbErr;
use souk_entity::{invariant_check, invariant_violation, job};
use uuid::Uuid;

use crate::{
    context::Context,
    db,
    jobs::{self, JobError},
};

pub use store::{checks, open};

/// The kind of the job that checks; its key is `all`.
pub const CHECK_JOB: &str = "check_invariants";
/// All invariants at once: there is one job.
const ALL: &str = "all";
/// Violations of one invariant that are kept; if there are more, they are counted.
const MOST_KEPT: u16 = 1_000;

/// Something that must hold.
#[derive(Clone, Copy, Debug)]
pub struct Invariant {
    /// Stable, snake case: the label of its metric.
    pub name: &'static str,
    /// What holds, as a sentence.
    pub meaning: &'static str,
    /// What a person does about a violation.
    pub action: &'static str,
    /// What the column `object` of the query is.
    pub objects: Objects,
    /// The query, as of a business time.
    pub query: fn(DateTime<Utc>) -> Query,
}

/// A query that returns a row for each violation, with the columns `object` and `detail` (text, in words). The same
/// text on SQLite and PostgreSQL.
#[derive(Clone, Debug)]
pub struct Query {
    /// The statement, a `SELECT`.
    pub sql: String,
    /// The times that it binds: `$1`, `$2`, ...
    pub times: Vec<DateTime<Utc>>,
}

impl From<&str> for Query {
    fn from(sql: &str) -> Self {
        Self { sql: sql.to_owned(), times: Vec::new() }
    }
}

/// What violates an invariant.
#[derive(Clone, Copy, Debug)]
pub enum Objects {
    /// Something that has a name: text.
    Named,
    /// A row, by its UUID; as people know it.
    Rows(fn(Uuid) -> String),
}

/// What a check found of one invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which invariant.
    pub name: &'static str,
    /// How many objects violate it.
    pub violations: i64,
}

/// Checks invariants one by one and keeps what violates them.
pub async fn check(ctx: &Context, invariants: &[Invariant]) -> Result<Vec<Finding>, DbErr> {
    let mut findings = Vec::with_capacity(invariants.len());
    let mut failed = None;
    for invariant in invariants {
        match check_one(ctx, invariant).await {
            Ok(finding) => findings.push(finding),
            // The others are checked all the same.
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(findings), Err)
}

async fn check_one(ctx: &Context, invariant: &Invariant) -> Result<Finding, DbErr> {
    // 1. Look; each has a snapshot of its own, so that none is held for long.
    let tx = db::begin_report(&ctx.db).await?;
    let (violations, found) = store::violations(&tx, invariant, ctx.clock.business(), MOST_KEPT).await?;
    tx.rollback().await?;
    // 2. Tell, and keep.
    if violations > 0 {
        let (name, meaning) = (invariant.name, invariant.meaning);
        tracing::error!(name, violations, "violated: {meaning}; see GET /v1/attention");
    }
    let now = ctx.clock.wall();
    let check = invariant_check::Model { name: invariant.name.to_owned(), violations, checked_at: now };
    let rows = found.into_iter().map(|(object, detail)| invariant_violation::Model {
        invariant: invariant.name.to_owned(),
        object,
        detail,
        action: invariant.action.to_owned(),
        since: now,
    });
    store::keep(ctx, check, rows.collect()).await?;
    Ok(Finding { name: invariant.name, violations })
}

/// Has all invariants checked, if the last time was `every` ago or longer; tells whether it was. Asking often, or
/// from several replicas, makes no second job.
pub async fn enqueue_due(ctx: &Context, every: Duration) -> Result<bool, DbErr> {
    let now = ctx.clock.wall();
    let last = checks(&ctx.db).await?.into_iter().map(|check| check.checked_at).max();
    if last.is_some_and(|last| now - last < every) {
        return Ok(false);
    }
    let tx = db::begin_write(&ctx.db).await?;
    let is_new = jobs::enqueue_once(&tx, ctx, CHECK_JOB, ALL, now).await?;
    db::commit(tx, CHECK_JOB, "enqueue").await?;
    if is_new {
        ctx.wake.notify_waiters();
    }
    Ok(is_new)
}

/// Runs the job of [`enqueue_due`].
pub async fn run(ctx: &Context, invariants: &[Invariant], _job: &job::Model) -> Result<(), JobError> {
    check(ctx, invariants).await?;
    Ok(())
}
