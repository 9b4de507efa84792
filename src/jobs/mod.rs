//! Work to be done later, written in the transaction that makes it necessary.
//!
//! A job is a kind and a key; there is at most one of each. Enqueuing one that waits changes nothing but its
//! time; enqueuing one that runs makes it run once more. A job carries no facts: whoever runs it reads the rows
//! as they are then, so that running it twice does no harm.
//!
//! Invariants: a job is never lost (a crash leaves its lease to expire), never run by two workers at once (lease
//! with a fence), and a job that keeps failing ends as `dead`, visible, and blocks no other.

mod store;

use std::{future::Future, panic::AssertUnwindSafe, pin::pin, time::Duration};

use async_trait::async_trait;
use futures_util::FutureExt;
use sea_orm::DbErr;
use souk_entity::job;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{context::Context, failpoint};

use store::Kinds;
pub use store::{counts, enqueue, enqueue_once};

/// A worker that dies gives its jobs free after this: soon enough for all to be at rest a minute after a crash.
const LEASE: Duration = Duration::from_secs(30);
/// How long to wait, while others run, before looking for further ones; a ring comes sooner.
const LOOK: Duration = Duration::from_millis(500);
/// A job that failed this often in a row is dead: with the back-off below, after about half a day.
const MOST_ATTEMPTS: i32 = 150;
/// Stripe's code for an account that the key may not use (any more).
const ACCOUNT_INVALID: &str = "account_invalid";
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);

/// Why a job did not succeed; the job decides.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Try again later.
    #[error("{0}")]
    Retry(String),
    /// Trying again is of no use: a person must look.
    #[error("{0}")]
    Fail(String),
}

impl From<DbErr> for JobError {
    fn from(error: DbErr) -> Self {
        Self::Retry(error.to_string())
    }
}

impl From<crate::stripe::Failure> for JobError {
    fn from(failure: crate::stripe::Failure) -> Self {
        match failure {
            // The account is no longer ours to read, and will not be.
            crate::stripe::Failure::Refused(refusal) if refusal.code.as_deref() == Some(ACCOUNT_INVALID) => {
                Self::Fail(format!("Stripe refused: {ACCOUNT_INVALID}"))
            }
            // Any other refusal of a read may be mended: a restricted key gets the permission that it lacked.
            failure => Self::Retry(failure.to_string()),
        }
    }
}

/// Runs jobs: the composition of all rooms' jobs.
#[async_trait]
pub trait Runner: Send + Sync {
    /// The kinds that are not run one by one; see [`run_together_due`].
    fn together(&self) -> &'static [&'static str] {
        &[]
    }

    /// Runs one job to its end.
    async fn run(&self, ctx: &Context, job: &job::Model) -> Result<(), JobError>;
}

/// Runs jobs of one kind of which there may be very many, so that they share transactions.
#[async_trait]
pub trait Together: Send + Sync {
    /// Runs jobs to their ends, and tells of each what became of it, in their order.
    async fn run_all(&self, ctx: &Context, jobs: &[job::Model]) -> Vec<Result<(), JobError>>;
}

/// Runs up to `limit` jobs of a kind that are due, together; tells how many.
pub async fn run_together_due(
    ctx: &Context,
    kind: &str,
    runner: &dyn Together,
    limit: u64,
) -> Result<usize, DbErr> {
    let jobs = store::claim(ctx, LEASE, Kinds::One(kind), limit).await?;
    if jobs.is_empty() {
        return Ok(0);
    }
    failpoint::after(kind, "claim");
    let outcomes = leased(ctx, &jobs, runner.run_all(ctx, &jobs)).await;
    let outcomes = outcomes.unwrap_or_else(|| jobs.iter().map(|_| Err(panicked())).collect());
    let count = jobs.len();
    settle(ctx, jobs.into_iter().zip(outcomes).collect()).await?;
    Ok(count)
}

/// Runs jobs that are due, up to `abreast` of them side by side, until none is; tells how many. Most of a job's time it
/// waits for Stripe. One that takes long keeps its own place only: the others are settled as they end, and further ones
/// begin, until `stop`.
pub async fn run_due(
    ctx: &Context,
    runner: &(impl Runner + Clone + 'static),
    abreast: usize,
    stop: &CancellationToken,
) -> Result<usize, DbErr> {
    // Tasks of their own: a job that holds a lock goes on while this one waits for it.
    let (mut under_way, mut count) = (JoinSet::new(), 0);
    loop {
        // 1. As many as there is room for. Listening begins before: what is enqueued meanwhile rings.
        let mut rung = pin!(ctx.wake.notified());
        rung.as_mut().enable();
        let room = abreast - under_way.len();
        if room > 0 && !stop.is_cancelled() {
            for job in store::claim(ctx, LEASE, Kinds::AllBut(runner.together()), room as u64).await? {
                failpoint::after(&job.kind, "claim");
                count += 1;
                let (ctx, runner) = (ctx.clone(), runner.clone());
                under_way.spawn(async move {
                    let outcome = run_leased(&ctx, &runner, &job).await;
                    (job, outcome)
                });
            }
        }
        // 2. What has ended.
        tokio::select! {
            first = under_way.join_next() => match first {
                None => return Ok(count),
                Some(first) => {
                    let others = std::iter::from_fn(|| under_way.try_join_next());
                    // A task that was ended from outside leaves its lease, which runs out.
                    let ended = std::iter::once(first).chain(others).filter_map(Result::ok);
                    settle(ctx, ended.collect()).await?;
                }
            },
            () = rung => {}
            () = tokio::time::sleep(LOOK), if room > 0 => {}
        }
    }
}

async fn settle(ctx: &Context, ended: Vec<(job::Model, Result<(), JobError>)>) -> Result<(), DbErr> {
    let done: Vec<_> = ended.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(job, _)| job).collect();
    if !done.is_empty() {
        failpoint::around("jobs", "finish", store::finish(ctx, &done)).await?;
    }
    for (job, outcome) in &ended {
        if let Err(error) = outcome {
            try_later(ctx, job, error).await?;
        }
    }
    Ok(())
}

async fn run_leased(ctx: &Context, runner: &dyn Runner, job: &job::Model) -> Result<(), JobError> {
    leased(ctx, std::slice::from_ref(job), runner.run(ctx, job)).await.unwrap_or_else(|| Err(panicked()))
}

/// Runs jobs under leases that last as long as they do; `None` if one panics.
async fn leased<T>(ctx: &Context, jobs: &[job::Model], run: impl Future<Output = T>) -> Option<T> {
    // A job that panics is a poison job, not the end of the worker.
    let mut run = pin!(AssertUnwindSafe(run).catch_unwind());
    loop {
        tokio::select! {
            outcome = &mut run => return outcome.ok(),
            () = tokio::time::sleep(LEASE / 3) => {
                for job in jobs {
                    extend(ctx, job).await;
                }
            }
        }
    }
}

async fn extend(ctx: &Context, job: &job::Model) {
    match store::extend(ctx, job, LEASE).await {
        Ok(true) => {}
        Ok(false) => tracing::warn!(kind = job.kind, key = job.key, "another worker has the job now"),
        // The next time, perhaps; to give up half-way would help nobody.
        Err(error) => tracing::warn!(kind = job.kind, key = job.key, %error, "the lease was not extended"),
    }
}

fn panicked() -> JobError {
    JobError::Retry("the job panicked".to_owned())
}

async fn try_later(ctx: &Context, job: &job::Model, error: &JobError) -> Result<(), DbErr> {
    let job::Model { kind, key, attempts, .. } = job;
    match error {
        JobError::Retry(error) if *attempts < MOST_ATTEMPTS => {
            tracing::warn!(kind, key, error, attempts, "job will be retried");
            failpoint::around(kind, "retry", store::retry(ctx, job, error, backoff(*attempts))).await
        }
        JobError::Retry(error) | JobError::Fail(error) => {
            tracing::error!(kind, key, error, "job is dead");
            failpoint::around(kind, "bury", store::bury(ctx, job, error)).await
        }
    }
}

/// How long to wait after the n-th failure in a row: doubling from a second to five minutes, with full jitter so
/// that what failed together doesn't come back together.
#[must_use]
pub fn backoff(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts.clamp(0, 16)).unwrap_or_default();
    let ceiling = Duration::from_secs(1).saturating_mul(1 << doublings).min(LONGEST_BACKOFF);
    let ceiling_ms = u64::try_from(ceiling.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(rand::Rng::random_range(&mut rand::rng(), ceiling_ms / 4..=ceiling_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_to_five_minutes_and_no_further() {
        for (attempts, longest_s) in [(0, 1), (1, 2), (5, 32), (9, 300), (150, 300), (-1, 1)] {
            let wait = backoff(attempts);
            assert!(wait <= Duration::from_secs(longest_s), "{attempts}: {wait:?}");
            assert!(wait >= Duration::from_secs(longest_s) / 4, "{attempts}: {wait:?}");
        }
    }
}
