//! Reconciliation by the clock: one job, whoever of the replicas enqueues it and whoever runs it.

use chrono::{DateTime, Duration, Utc};
use sea_orm::DbErr;
use souk_entity::job;

use super::{ReconcileError, reconcile, store};
use crate::{
    context::Context,
    db,
    jobs::{self, JobError},
};

/// The kind of the job that reconciles; its key is `all`.
pub const RECONCILE_JOB: &str = "reconcile";
/// All books at once: there is one job.
const ALL: &str = "all";

/// Has all books reconciled, if the last time was `every` ago or longer; tells whether it was. Asking often, or
/// from several replicas, makes no second job.
pub async fn enqueue_due(ctx: &Context, every: Duration) -> Result<bool, DbErr> {
    let last = store::latest(&ctx.db).await?.and_then(|row| written_at(&row));
    let now = ctx.clock.wall();
    if last.is_some_and(|last| now - last < every) {
        return Ok(false);
    }
    let tx = db::begin_write(&ctx.db).await?;
    let is_new = jobs::enqueue_once(&tx, ctx, RECONCILE_JOB, ALL, now).await?;
    db::commit(tx, RECONCILE_JOB, "enqueue").await?;
    if is_new {
        ctx.wake.notify_waiters();
    }
    Ok(is_new)
}

/// When a report was written, wall time: its id says so. (`as_of` is business time, which can be set back.)
fn written_at(row: &souk_entity::reconciliation::Model) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = row.id.uuid().get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

/// Runs the job of [`enqueue_due`].
pub async fn run_reconcile(ctx: &Context, _job: &job::Model) -> Result<(), JobError> {
    match reconcile(ctx).await {
        Ok(report) => {
            let needing = report.differences.iter().filter(|difference| difference.needs_a_person()).count();
            if needing > 0 {
                tracing::error!(
                    differences = needing,
                    "our books and Stripe's differ: see GET /v1/reconciliation"
                );
            }
            Ok(())
        }
        Err(ReconcileError::Ledger(error)) => Err(error.into()),
        Err(ReconcileError::Report(error)) => Err(JobError::Fail(error.to_string())),
    }
}
