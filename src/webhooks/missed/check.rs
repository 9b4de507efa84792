//! The continuous reading: a due scope is leased, a window of it is read, and the next reading is set.

use chrono::{DateTime, Duration, Utc};
use sea_orm::DbErr;
use souk_entity::{
    Scope, StripeAccountId,
    event_cursor::{Model, State},
};
use tokio_util::sync::CancellationToken;

use super::{
    ALARM, LONGEST_WINDOW, OVERLAP, SETTLING, Scopes,
    read::{Found, ReadError, Reader, Window},
    store::{self, Lease, Release},
};
use crate::{
    context::Context,
    db, jobs,
    stripe::{Failure, ObjectRef, Refusal},
};

/// How often a scope with an event in the last day is read, and the platform.
const BUSY_EVERY: Duration = Duration::minutes(10);
/// How often one with an event in the last month.
const QUIET_EVERY: Duration = Duration::hours(2);
/// How often any other.
const SLEEPING_EVERY: Duration = Duration::days(1);
/// How often a scope that Stripe refuses.
const REFUSED_EVERY: Duration = Duration::hours(1);
/// Stripe's code for an account that the key may not use (any more).
const ACCOUNT_INVALID: &str = "account_invalid";
/// Where the account is read that the key is of.
const OWN_ACCOUNT: &str = "/v1/account";

/// Reads a window of each of at most `limit` scopes that are due, one after the other; tells how many. Any number of
/// replicas may do so at once. An error is the database's.
pub async fn run_due(
    ctx: &Context,
    scopes: &dyn Scopes,
    limit: u64,
    stop: &CancellationToken,
) -> Result<usize, DbErr> {
    let mut count = 0;
    for _ in 0..limit {
        if stop.is_cancelled() {
            break;
        }
        let Some((cursor, lease)) = store::claim(ctx).await? else { break };
        count += 1;
        check(ctx, scopes, &cursor, &lease, stop).await?;
    }
    Ok(count)
}

#[tracing::instrument(name = "missed_events", skip_all, fields(scope = %cursor.scope))]
async fn check(
    ctx: &Context,
    scopes: &dyn Scopes,
    cursor: &Model,
    lease: &Lease,
    stop: &CancellationToken,
) -> Result<(), DbErr> {
    let (now, business) = (ctx.clock.wall(), ctx.clock.business());
    alarm(cursor, business);
    // 1. A window, to its end.
    let window = next_window(cursor.read_until, business);
    let types = scopes.types(&cursor.scope);
    let told = |_: Found| {};
    let reader = Reader { ctx, scope: &cursor.scope, types: &types, lease: Some(lease), stop, told: &told };
    let outcome = match is_the_key_ours(ctx, &cursor.scope).await {
        Ok(()) => reader.read(window).await,
        Err(error) => Err(error),
    };
    // 2. What becomes of the scope.
    let release = match outcome {
        Ok(_) => {
            store::advance(&ctx.db, &cursor.scope, window.from, window.to).await?;
            let active_at = store::find(&ctx.db, &cursor.scope).await?.and_then(|read| read.active_at);
            read_again(cursor, window, active_at, business, now)
        }
        Err(ReadError::Database(error)) => return Err(error),
        Err(ReadError::Stripe(failure)) => match gone(ctx, scopes, &cursor.scope, &failure).await? {
            true => return Ok(()),
            false => failed(cursor, &failure, now),
        },
        Err(ReadError::Interrupted) => Release { next_at: now, checked_at: None, ..unchanged(cursor) },
        Err(ReadError::List(reason)) => refused(cursor, reason, now),
    };
    // 3. Let go.
    lease.release(ctx, &release).await
}

/// Stripe forgets: what is not read before is lost.
fn alarm(cursor: &Model, business: DateTime<Utc>) {
    let lag = business - cursor.read_until;
    if lag > ALARM {
        let (scope, days) = (&cursor.scope, lag.num_days());
        let reason = cursor.reason.as_deref();
        tracing::error!(%scope, days, reason, "events were not read for so long that Stripe will forget them");
    }
}

/// From before where the cursor stands up to what has settled, a day at most.
fn next_window(read_until: DateTime<Utc>, business: DateTime<Utc>) -> Window {
    let settled = business - SETTLING;
    Window { from: read_until - OVERLAP, to: settled.min(read_until + LONGEST_WINDOW).max(read_until) }
}

fn read_again(
    cursor: &Model,
    window: Window,
    active_at: Option<DateTime<Utc>>,
    business: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Release {
    let is_behind = window.to < business - SETTLING;
    let wait = if is_behind { Duration::zero() } else { spread(pace(&cursor.scope, active_at, business)) };
    let next_at = now + wait;
    Release { state: State::Open, reason: None, next_at, attempts: 0, checked_at: Some(now) }
}

/// How long until a scope is read again.
fn pace(scope: &Scope, active_at: Option<DateTime<Utc>>, business: DateTime<Utc>) -> Duration {
    let quiet_for = active_at.map(|active_at| business - active_at);
    match quiet_for {
        _ if *scope == Scope::Platform => BUSY_EVERY,
        Some(quiet_for) if quiet_for <= Duration::days(1) => BUSY_EVERY,
        Some(quiet_for) if quiet_for <= Duration::days(30) => QUIET_EVERY,
        _ => SLEEPING_EVERY,
    }
}

/// Up to a tenth earlier: scopes that became known together are not read together for ever.
fn spread(wait: Duration) -> Duration {
    let tenth_ms = (wait / 10).num_milliseconds();
    wait - Duration::milliseconds(rand::Rng::random_range(&mut rand::rng(), 0..=tenth_ms))
}

fn unchanged(cursor: &Model) -> Release {
    Release {
        state: cursor.state,
        reason: cursor.reason.clone(),
        next_at: cursor.next_at,
        attempts: cursor.attempts,
        checked_at: None,
    }
}

fn failed(cursor: &Model, failure: &Failure, now: DateTime<Utc>) -> Release {
    let reason = match failure {
        Failure::Refused(refusal) => return refused(cursor, said(refusal), now),
        failure => failure.to_string(),
    };
    let attempts = cursor.attempts.saturating_add(1);
    tracing::warn!(reason, attempts, "events could not be read");
    let wait = Duration::from_std(jobs::backoff(attempts)).unwrap_or(REFUSED_EVERY);
    Release { reason: Some(reason), next_at: now + wait, attempts, ..unchanged(cursor) }
}

fn refused(cursor: &Model, reason: String, now: DateTime<Utc>) -> Release {
    tracing::error!(reason, "events can't be read");
    let attempts = cursor.attempts.saturating_add(1);
    let next_at = now + REFUSED_EVERY;
    Release { state: State::Refused, reason: Some(reason), next_at, attempts, checked_at: None }
}

fn said(refusal: &Refusal) -> String {
    let code = refusal.code.as_deref().unwrap_or(&refusal.error_type);
    format!("Stripe refused the list of events: {} {code}", refusal.status)
}

/// Whether the failure says that the account has left the platform; then the scope is closed and the rooms know.
pub(super) async fn gone(
    ctx: &Context,
    scopes: &dyn Scopes,
    scope: &Scope,
    failure: &Failure,
) -> Result<bool, DbErr> {
    let Some(account) = account_that_left(scope, failure) else { return Ok(false) };
    // Only the platform that it was connected to can tell. A key that may not say whose it is doesn't.
    let known = store::find(&ctx.db, &Scope::Platform).await?.and_then(|platform| platform.key_account);
    let own = ctx.stripe.get::<ObjectRef>(&Scope::Platform, OWN_ACCOUNT).await;
    if own.ok().map(|own| own.id) != known || known.is_none() {
        return Ok(false);
    }
    let tx = db::begin_write(&ctx.db).await?;
    scopes.left(&tx, account).await?;
    store::close(&tx, scope, "the account has left the platform").await?;
    db::commit(tx, "missed_events", "close").await?;
    tracing::warn!("the account has left the platform");
    ctx.wake.notify_waiters();
    Ok(true)
}

fn account_that_left<'a>(scope: &'a Scope, failure: &Failure) -> Option<&'a StripeAccountId> {
    let Failure::Refused(refusal) = failure else { return None };
    let is_invalid = refusal.status == 403 && refusal.code.as_deref() == Some(ACCOUNT_INVALID);
    scope.account().filter(|_| is_invalid)
}

/// A key of another platform must not move the platform's cursor: its own events would be skipped.
pub(super) async fn is_the_key_ours(ctx: &Context, scope: &Scope) -> Result<(), ReadError> {
    if *scope != Scope::Platform {
        return Ok(());
    }
    let own = match ctx.stripe.get::<ObjectRef>(&Scope::Platform, OWN_ACCOUNT).await {
        Ok(own) => own.id,
        // A restricted key need not be allowed to say whose it is.
        Err(Failure::Refused(_)) => return Ok(()),
        Err(failure) => return Err(failure.into()),
    };
    let cursor = store::find(&ctx.db, scope).await?;
    match cursor.and_then(|platform| platform.key_account) {
        Some(known) if known != own => Err(ReadError::List(format!(
            "the key is of {own}, but the platform is {known}: set STRIPE_SECRET_KEY to a key of {known}"
        ))),
        Some(_) => Ok(()),
        None => Ok(store::learn_key_account(&ctx.db, &own).await?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(hour * 3_600, 0).unwrap()
    }

    #[test]
    fn a_window_overlaps_the_last_one_leaves_webhooks_their_time_and_takes_a_day_at_most() {
        let window = next_window(at(100), at(101));
        assert_eq!(window, Window { from: at(100) - OVERLAP, to: at(101) - SETTLING });
        let long = next_window(at(100), at(1_000));
        assert_eq!(long, Window { from: at(100) - OVERLAP, to: at(124) });
        let nothing_new = next_window(at(100), at(100));
        assert_eq!(nothing_new, Window { from: at(100) - OVERLAP, to: at(100) }, "it never goes back");
    }

    #[test]
    fn active_scopes_are_read_more_often_than_sleeping_ones_and_the_platform_always() {
        let account = Scope::Connected("acct_1".parse().unwrap());
        for (quiet_for, wait) in [(1, BUSY_EVERY), (25, QUIET_EVERY), (30 * 24 + 1, SLEEPING_EVERY)] {
            assert_eq!(pace(&account, Some(at(10_000 - quiet_for)), at(10_000)), wait, "{quiet_for} h");
        }
        assert_eq!(pace(&account, None, at(10_000)), SLEEPING_EVERY);
        assert_eq!(pace(&Scope::Platform, None, at(10_000)), BUSY_EVERY);
    }

    #[test]
    fn only_a_refused_account_has_left() {
        let account = Scope::Connected("acct_1".parse().unwrap());
        let refusal = |status, code: &str| {
            Failure::Refused(Box::new(Refusal {
                status,
                error_type: "invalid_request_error".to_owned(),
                code: Some(code.to_owned()),
                decline_code: None,
                message: None,
                param: None,
                object_id: None,
                object: None,
                request_id: None,
            }))
        };
        assert!(account_that_left(&account, &refusal(403, ACCOUNT_INVALID)).is_some());
        assert!(account_that_left(&account, &refusal(403, "more_permissions_required")).is_none());
        assert!(account_that_left(&account, &refusal(400, ACCOUNT_INVALID)).is_none());
        assert!(account_that_left(&Scope::Platform, &refusal(403, ACCOUNT_INVALID)).is_none());
        let away = Failure::Unavailable { reason: "away".to_owned(), request_id: None };
        assert!(account_that_left(&account, &away).is_none());
    }
}
