//! How an import is asked for. Every sale asks for one of the platform's, so nothing that a sale writes may be
//! written by another: each asks with a row of its own, and a sweep of the worker turns the rows into the one job
//! of their scope.
//!
//! No wake is lost: its row is taken away in the transaction that enqueues the job, and a job that runs
//! meanwhile runs once more.

use sea_orm::{DatabaseTransaction, DbErr};
use souk_entity::Scope;

use super::{IMPORT_JOB, store};
use crate::{context::Context, db, jobs};

/// Has a scope's balance transactions imported soon, once the caller's transaction is committed. Takes no lock
/// that another caller could wait for.
pub async fn enqueue_import(tx: &DatabaseTransaction, scope: &Scope) -> Result<(), DbErr> {
    store::insert_wake(tx, scope).await
}

/// Enqueues the imports that were asked for; tells how many asked.
pub async fn collect_wakes(ctx: &Context) -> Result<usize, DbErr> {
    if !store::has_wakes(&ctx.db).await? {
        return Ok(0);
    }
    let tx = db::begin_write(&ctx.db).await?;
    let (count, scopes) = store::take_wakes(&tx).await?;
    // In order, so that two collections can't wait for each other in a circle.
    for scope in scopes {
        jobs::enqueue(&tx, ctx, IMPORT_JOB, &scope.to_string(), ctx.clock.wall()).await?;
    }
    db::commit(tx, IMPORT_JOB, "wakes").await?;
    if count > 0 {
        ctx.wake.notify_waiters();
    }
    Ok(count)
}
