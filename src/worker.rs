//! What runs in the background: the inbox, the search for what no webhook brought, the completer of the outbox, and
//! jobs. Any number of workers share the work by leases.

use std::{future::Future, panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::TimeDelta;
use futures_util::FutureExt;
use souk_entity::{Scope, job};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    buyers,
    checkout::{self, post_sale::PostSales},
    context::Context,
    events::Events,
    idempotency,
    invariants::{self, Invariant},
    jobs::{self, JobError, Runner},
    ledger,
    outbox::{self, Actions},
    payouts, sellers,
    webhooks::{self, missed},
};

/// How long a worker rests when nothing is due and nobody rings.
const REST: Duration = Duration::from_millis(500);
/// How long it rests after the database failed.
const REST_AFTER_ERROR: Duration = Duration::from_secs(2);
/// How many requests one sweep takes: one, so that a stop waits for nothing that is not begun.
const SWEEP: u64 = 1;
/// How many jobs one sweep runs side by side.
const JOBS: usize = 8;
/// How many objects one sweep of the inbox takes: they share a transaction.
const OBJECTS: u64 = 32;
/// How many sales one sweep posts: they share a transaction.
const SALES: u64 = 32;
/// How often to look whether what runs by the clock is due: nobody knows when the others did it last.
const LOOK: Duration = Duration::from_secs(30);
/// Sweeps of the same kind side by side.
const ABREAST: usize = 2;
/// How often what is old is looked for.
const UPKEEP: Duration = Duration::from_secs(3_600);
/// How many rows one batch of the upkeep takes: a transaction of some milliseconds, that holds nobody up.
const UPKEEP_BATCH: u64 = 500;

/// All money actions, by the names that request rows carry.
#[must_use]
pub fn actions() -> Actions {
    Actions::default()
        .with(sellers::CreateAccount)
        .with(checkout::CreatePaymentIntent)
        .with(payouts::CreatePayout)
        .with(buyers::CreateCustomer)
        .with(buyers::CreateSetupIntent)
        .with(buyers::CopyPaymentMethod)
        .with(buyers::DetachPaymentMethod)
        .with(buyers::SetDefault)
}

/// What must hold, as each room says it.
#[must_use]
pub fn all_invariants() -> Vec<Invariant> {
    [ledger::INVARIANTS, checkout::INVARIANTS].concat()
}

/// All jobs, by the names that job rows carry.
#[derive(Clone, Copy, Debug)]
struct Jobs;

#[async_trait]
impl Runner for Jobs {
    fn together(&self) -> &'static [&'static str] {
        &[checkout::post_sale::KIND]
    }

    async fn run(&self, ctx: &Context, job: &job::Model) -> Result<(), JobError> {
        match job.kind.as_str() {
            ledger::IMPORT_JOB => ledger::run_import(ctx, job).await,
            invariants::CHECK_JOB => invariants::run(ctx, &all_invariants(), job).await,
            ledger::RECONCILE_JOB => ledger::run_reconcile(ctx, job).await,
            webhooks::REOPEN_JOB => webhooks::run_reopen(ctx, job).await,
            unknown => Err(JobError::Fail(format!("no job is called {unknown}"))),
        }
    }
}

/// Works until `stop`; what is begun is brought to its end.
pub async fn work(ctx: Context, stop: CancellationToken) {
    let actions = Arc::new(actions());
    let events = Arc::new(Events::new(ctx.clone(), Arc::clone(&actions)));
    watch_the_platform(&ctx, &stop).await;
    let mut loops = JoinSet::new();
    for _ in 0..ABREAST {
        let (sweep_ctx, events) = (ctx.clone(), Arc::clone(&events));
        loops.spawn(sweep("inbox", ctx.clone(), stop.clone(), move || {
            let (ctx, events) = (sweep_ctx.clone(), Arc::clone(&events));
            async move { webhooks::process_due(&ctx, &*events, OBJECTS).await }
        }));
        let (sweep_ctx, stopping) = (ctx.clone(), stop.clone());
        loops.spawn(sweep("jobs", ctx.clone(), stop.clone(), move || {
            let (ctx, stop) = (sweep_ctx.clone(), stopping.clone());
            async move { jobs::run_due(&ctx, &Jobs, JOBS, &stop).await }
        }));
        let sweep_ctx = ctx.clone();
        loops.spawn(sweep("sales", ctx.clone(), stop.clone(), move || {
            let ctx = sweep_ctx.clone();
            async move { jobs::run_together_due(&ctx, checkout::post_sale::KIND, &PostSales, SALES).await }
        }));
        let (sweep_ctx, actions) = (ctx.clone(), Arc::clone(&actions));
        loops.spawn(sweep("outbox", ctx.clone(), stop.clone(), move || {
            let (ctx, actions) = (sweep_ctx.clone(), Arc::clone(&actions));
            async move { outbox::complete_due(&ctx, &actions, SWEEP).await }
        }));
    }
    let sweep_ctx = ctx.clone();
    loops.spawn(sweep("import wakes", ctx.clone(), stop.clone(), move || {
        let ctx = sweep_ctx.clone();
        async move { ledger::collect_wakes(&ctx).await }
    }));
    let sweep_ctx = ctx.clone();
    loops.spawn(sweep("ledger", ctx.clone(), stop.clone(), move || {
        let ctx = sweep_ctx.clone();
        async move { ledger::sum_up_due(&ctx).await }
    }));
    let (sweep_ctx, stopping) = (ctx.clone(), stop.clone());
    loops.spawn(sweep("missed events", ctx.clone(), stop.clone(), move || {
        let (ctx, events, stop) = (sweep_ctx.clone(), Arc::clone(&events), stopping.clone());
        async move { missed::run_due(&ctx, &*events, SWEEP, &stop).await }
    }));
    let sweep_ctx = ctx.clone();
    loops.spawn(every("old_events", UPKEEP, stop.clone(), move || {
        let ctx = sweep_ctx.clone();
        async move { webhooks::prune(&ctx, UPKEEP_BATCH).await }
    }));
    let upkeep_ctx = ctx.clone();
    loops.spawn(every("old_keys", UPKEEP, stop.clone(), move || {
        let ctx = upkeep_ctx.clone();
        async move { idempotency::prune(&ctx, UPKEEP_BATCH).await }
    }));
    oversee(&ctx, &stop, &mut loops);
    loops.join_all().await;
}

/// The platform's own events are read from the first start on.
async fn watch_the_platform(ctx: &Context, stop: &CancellationToken) {
    while let Err(error) = missed::watch(&ctx.db, ctx, &Scope::Platform, ctx.clock.business()).await {
        tracing::error!(%error, "the platform's cursor could not be written; no work before it is");
        tokio::select! {
            () = tokio::time::sleep(REST_AFTER_ERROR) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Compares the books with Stripe's and checks the invariants, as often as the settings say.
fn oversee(ctx: &Context, stop: &CancellationToken, loops: &mut JoinSet<()>) {
    let looks = |period: TimeDelta| period.to_std().unwrap_or(LOOK).min(LOOK);
    if let Some(period) = ctx.config.oversight.reconcile_every() {
        let ctx = ctx.clone();
        loops.spawn(every("reconciliation", looks(period), stop.clone(), move || {
            let ctx = ctx.clone();
            async move { ledger::enqueue_due(&ctx, period).await.map(u64::from) }
        }));
    }
    if let Some(period) = ctx.config.oversight.check_every() {
        let ctx = ctx.clone();
        loops.spawn(every("invariants", looks(period), stop.clone(), move || {
            let ctx = ctx.clone();
            async move { invariants::enqueue_due(&ctx, period).await.map(u64::from) }
        }));
    }
}

/// Does a piece of upkeep about once in each `period`, batch after batch until one finds nothing. The first time
/// comes soon; all are jittered, so that replicas that started together don't come together.
async fn every<F, E>(
    name: &'static str,
    period: Duration,
    stop: CancellationToken,
    mut batch: impl FnMut() -> F + Send,
) where
    F: Future<Output = Result<u64, E>> + Send,
    E: std::fmt::Display,
{
    let mut rest = period.mul_f64(rand::random_range(0.0..0.1));
    loop {
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = stop.cancelled() => return,
        }
        while !stop.is_cancelled() {
            match AssertUnwindSafe(batch()).catch_unwind().await {
                Ok(Ok(0)) => break,
                Ok(Ok(rows)) => tracing::info!(name, rows, "upkeep"),
                Ok(Err(error)) => {
                    tracing::error!(name, %error, "a piece of upkeep failed");
                    break;
                }
                Err(_) => {
                    tracing::error!(name, "a piece of upkeep panicked");
                    break;
                }
            }
        }
        rest = period.mul_f64(rand::random_range(0.9..1.1));
    }
}

/// Sweeps as long as there is something to do, and rests until somebody rings or `REST` is over.
async fn sweep<F, E>(
    name: &'static str,
    ctx: Context,
    stop: CancellationToken,
    mut once: impl FnMut() -> F + Send,
) where
    F: Future<Output = Result<usize, E>> + Send,
    E: std::fmt::Display,
{
    while !stop.is_cancelled() {
        // Listening begins before the sweep: what is committed while it runs rings for the next.
        let mut rung = pin!(ctx.wake.notified());
        rung.as_mut().enable();
        // A panic must not end the loop: nothing would start it again.
        let rest = match AssertUnwindSafe(once()).catch_unwind().await {
            Ok(Ok(0)) => REST,
            Ok(Ok(_)) => continue,
            Ok(Err(error)) => {
                tracing::error!(name, %error, "a sweep failed");
                REST_AFTER_ERROR
            }
            Err(_) => {
                tracing::error!(name, "a sweep panicked");
                REST_AFTER_ERROR
            }
        };
        tokio::select! {
            () = rung => {}
            () = tokio::time::sleep(rest) => {}
            () = stop.cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::atomic::{AtomicU64, Ordering},
    };

    use super::*;

    #[tokio::test]
    async fn upkeep_goes_on_until_nothing_is_left_comes_again_and_survives_a_panic() {
        static BATCHES: AtomicU64 = AtomicU64::new(0);
        let stop = CancellationToken::new();
        let batch = || async {
            match BATCHES.fetch_add(1, Ordering::Relaxed) {
                0 | 1 => Ok::<_, Infallible>(7),
                2 => panic!("a poison row"),
                _ => Ok(0),
            }
        };
        let upkeep = tokio::spawn(every("test", Duration::from_millis(20), stop.clone(), batch));
        while BATCHES.load(Ordering::Relaxed) < 5 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
        upkeep.await.unwrap();
    }
}
