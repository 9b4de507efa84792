//! Sends one request row and applies the answer.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sea_orm::DatabaseTransaction;
use souk_entity::{
    StripeRequestId,
    stripe_request::{self, State},
};

use super::{
    action::{Action, Applied, ApplyError},
    store::{self, Hold},
    waiting::{self, Standing},
};
use crate::{
    context::Context,
    db,
    idempotency::{self, ClaimError, Reply},
    jobs,
    stripe::{Answer, Failure, Frozen, Refusal},
};

/// What a lease outlasts the budget of its holder by, for what comes before and after the sending: it must not end
/// while its holder lives, and not much later, because until then a crash goes unnoticed.
const LEASE_MARGIN: Duration = Duration::from_secs(10);
/// The longest rest between two attempts is 2 to this, seconds: half a minute.
const MOST_DOUBLINGS: i32 = 5;
/// How long a row rests when nothing was sent, at least.
const SHORTEST_REST: Duration = Duration::from_secs(1);
/// Stripe forgets a key after 24 hours; an hour is left for clocks that differ.
/// Source: <https://docs.stripe.com/api/idempotent_requests>.
pub(super) const KEY_TRUSTED_HOURS: i64 = 23;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Driven {
    /// It is settled; this is the answer to the caller.
    Settled(Reply),
    /// Stripe has given no definite answer yet; a completer goes on.
    Pending,
    /// Somebody else is sending it.
    Busy,
    /// Nobody can tell whether it took effect: held for an operator.
    Held,
}

/// Why a request could not be driven.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// There is no such row.
    #[error("no such request to Stripe")]
    Missing,
    /// The caller's key can't be claimed.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The answer could not be applied; a completer tries again.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sea_orm::DbErr),
}

/// Sends a pending row, retrying inside `budget`, and applies the answer.
#[tracing::instrument(skip_all, fields(stripe_request = %id, kind = action.kind()))]
pub async fn drive(
    ctx: &Context,
    action: &dyn Action,
    id: StripeRequestId,
    budget: Duration,
) -> Result<Driven, OutboxError> {
    let began = Instant::now();
    // 1. A row that nobody sends now, and that need not wait.
    let Some(found) = store::find_free(ctx, id).await? else { return unleased(ctx, id).await };
    let filled = match waiting::standing(ctx, &found).await? {
        Standing::Free => None,
        Standing::Filled(frozen) => Some(frozen),
        Standing::Waits => return Ok(Driven::Pending),
        Standing::Held => return Ok(Driven::Held),
        Standing::Refused(refusal) => return waiting::refuse(ctx, action, id, &refusal).await,
    };
    if found.attempts > 0 {
        // 2. Keys are pruned on Stripe's clock, which in the sandbox runs ahead. One that may be is not sent, and
        // this is no attempt.
        if let Err(failure) = ctx.stripe.ask_the_time(budget).await {
            tracing::warn!(%failure, "the sandbox did not tell the time; nothing was sent");
            let (last, wait) = (found.stripe_request_id.clone(), circuit_rest(ctx));
            store::postpone(ctx, &found, &failure.to_string(), last, wait).await?;
            return Ok(Driven::Pending);
        }
        if key_is_too_old(&found, ctx.clock.business()) {
            let why = Hold::new("key_expired", "the key's 23 hours are over");
            return spend(ctx, &found, why).await;
        }
    }
    // 3. An attempt, within what is left.
    let left = budget.saturating_sub(began.elapsed());
    let Some(request) = store::lease_to_send(ctx, id, lease_for(left), filled).await? else {
        return unleased(ctx, id).await;
    };
    send(ctx, action, &request, left).await
}

/// The same for a row that *tx 1* leased to us: its first bytes leave now.
#[tracing::instrument(name = "drive", skip_all, fields(stripe_request = %request.id, kind = action.kind()))]
pub(super) async fn drive_leased(
    ctx: &Context,
    action: &dyn Action,
    request: &stripe_request::Model,
    budget: Duration,
) -> Result<Driven, OutboxError> {
    send(ctx, action, request, budget).await
}

/// How long whoever sends within `budget` leases the row.
pub(super) fn lease_for(budget: Duration) -> Duration {
    budget + LEASE_MARGIN
}

async fn send(
    ctx: &Context,
    action: &dyn Action,
    request: &stripe_request::Model,
    budget: Duration,
) -> Result<Driven, OutboxError> {
    let mut sent = ctx.stripe.send(&request.scope, request.id.uuid(), &frozen(request), budget).await;
    if request.attempts > 1 {
        sent = sent.map_err(Failure::after_an_earlier_attempt);
    }
    match sent {
        Ok(Answer { body, request_id, .. }) => settle_success(ctx, action, request, &body, request_id).await,
        Err(Failure::Refused(refusal)) => settle_refusal(ctx, action, request, &refusal).await,
        Err(Failure::Unavailable { reason, request_id }) => postpone(ctx, request, &reason, request_id).await,
        Err(Failure::NotSent { reason }) => not_sent(ctx, request, &reason).await,
        Err(Failure::KeySpent { reason, request_id }) => {
            spend(ctx, request, Hold { request_id, ..Hold::new("key_spent", reason) }).await
        }
        Err(Failure::Altered { reason, request_id }) => {
            hold(ctx, request, Hold { request_id, ..Hold::new("key_mismatch", reason) }).await
        }
        Err(Failure::Unreadable(reason)) => hold(ctx, request, Hold::new("unreadable_answer", reason)).await,
    }
}

/// What a row sends.
pub(super) fn frozen(request: &stripe_request::Model) -> Frozen {
    Frozen {
        method: request.method.clone(),
        path: request.path.clone(),
        body: request.body.clone(),
        version: request.stripe_version.clone(),
    }
}

/// *tx 2* of a success. Also run when an event or a look-up told of it.
pub(super) async fn settle_success(
    ctx: &Context,
    action: &dyn Action,
    request: &stripe_request::Model,
    object: &[u8],
    stripe_request_id: Option<String>,
) -> Result<Driven, OutboxError> {
    let tx = db::begin_write(&ctx.db).await?;
    if !store::lock_mine(&tx, request).await? {
        drop(tx);
        return unleased(ctx, request.id).await;
    }
    match apply_success(ctx, &tx, action, request, object, stripe_request_id.clone()).await {
        Ok(reply) => committed(ctx, tx, request, "tx2", reply).await,
        Err(ApplyError::Unreadable(reason)) => {
            tx.rollback().await?;
            hold(ctx, request, Hold::new("unreadable_answer", reason)).await
        }
        Err(error) => put_back(ctx, tx, request, error, stripe_request_id).await,
    }
}

/// What *tx 2* of a success writes to a locked row.
pub(super) async fn apply_success(
    ctx: &Context,
    tx: &DatabaseTransaction,
    action: &dyn Action,
    request: &stripe_request::Model,
    object: &[u8],
    stripe_request_id: Option<String>,
) -> Result<Reply, ApplyError> {
    let Applied { object_id, reply } = action.succeeded(ctx, tx, request, object).await?;
    store::settle(tx, ctx, request, State::Succeeded, Some(object_id), None, stripe_request_id).await?;
    if let Some(key) = request.idempotency_id {
        idempotency::answer(tx, ctx, key, &reply).await?;
    }
    Ok(reply)
}

/// *tx 2* of a refusal.
pub(super) async fn settle_refusal(
    ctx: &Context,
    action: &dyn Action,
    request: &stripe_request::Model,
    refusal: &Refusal,
) -> Result<Driven, OutboxError> {
    tracing::info!(code = refusal.code, error_type = refusal.error_type, "Stripe refused");
    let tx = db::begin_write(&ctx.db).await?;
    if !store::lock_mine(&tx, request).await? {
        drop(tx);
        return unleased(ctx, request.id).await;
    }
    match apply_refusal(ctx, &tx, action, request, refusal).await {
        Ok(reply) => committed(ctx, tx, request, "refusal", reply).await,
        Err(ApplyError::Unreadable(reason)) => {
            tx.rollback().await?;
            hold(ctx, request, Hold::new("unreadable_answer", reason)).await
        }
        Err(error) => put_back(ctx, tx, request, error, refusal.request_id.clone()).await,
    }
}

/// What *tx 2* of a refusal writes to a locked row.
pub(super) async fn apply_refusal(
    ctx: &Context,
    tx: &DatabaseTransaction,
    action: &dyn Action,
    request: &stripe_request::Model,
    refusal: &Refusal,
) -> Result<Reply, ApplyError> {
    let reply = action.refused(ctx, tx, request, refusal).await?;
    let (object_id, request_id) = (refusal.object_id.clone(), refusal.request_id.clone());
    store::settle(tx, ctx, request, State::Refused, object_id, Some(refusal), request_id).await?;
    if let Some(key) = request.idempotency_id {
        idempotency::answer(tx, ctx, key, &reply).await?;
    }
    Ok(reply)
}

async fn committed(
    ctx: &Context,
    tx: DatabaseTransaction,
    request: &stripe_request::Model,
    place: &str,
    reply: Reply,
) -> Result<Driven, OutboxError> {
    db::commit(tx, &request.kind, place).await?;
    ctx.wake.notify_waiters();
    Ok(Driven::Settled(reply))
}

/// Lets go of a row whose answer is known but could not be applied: Stripe gives it again under the same key.
async fn put_back(
    ctx: &Context,
    tx: DatabaseTransaction,
    request: &stripe_request::Model,
    error: ApplyError,
    stripe_request_id: Option<String>,
) -> Result<Driven, OutboxError> {
    tx.rollback().await?;
    let wait = wait(request.attempts);
    store::postpone(ctx, request, &error.to_string(), stripe_request_id, wait).await?;
    Err(error.into())
}

/// What to say of a row that can't be leased: settled, held, or in other hands.
pub(super) async fn unleased(ctx: &Context, id: StripeRequestId) -> Result<Driven, OutboxError> {
    let request = store::find(ctx, id).await?.ok_or(OutboxError::Missing)?;
    match request.state {
        // A completer looks it up; nothing is under way that could answer soon.
        State::Pending if request.key_spent_at.is_some() => Ok(Driven::Pending),
        State::Pending => Ok(Driven::Busy),
        State::Unknown => Ok(Driven::Held),
        // Another row has taken its place, and the caller's key.
        State::Refused if request.error_code.as_deref() == Some(store::ABSENT) => Ok(Driven::Pending),
        State::Succeeded | State::Refused => {
            let reply = match request.idempotency_id {
                Some(key) => idempotency::reply_of(ctx, key).await?,
                None => None,
            };
            // Settled without anybody waiting for an answer: nothing to say but that it is done.
            Ok(Driven::Settled(reply.unwrap_or_else(|| Reply { status: 200, body: b"{}".to_vec() })))
        }
    }
}

async fn postpone(
    ctx: &Context,
    request: &stripe_request::Model,
    reason: &str,
    stripe_request_id: Option<String>,
) -> Result<Driven, OutboxError> {
    tracing::warn!(reason, "no definite answer from Stripe; will be sent again");
    store::postpone(ctx, request, reason, stripe_request_id, wait(request.attempts)).await?;
    Ok(Driven::Pending)
}

/// How long a row rests that nothing was sent of: no longer than the circuit does, so that what waited for Stripe
/// goes on when Stripe is back.
fn circuit_rest(ctx: &Context) -> Duration {
    let circuit = ctx.config.stripe_calls.circuit_open_for.max(SHORTEST_REST);
    circuit.mul_f64(rand::random_range(0.5..=1.0))
}

/// Puts a row back that nothing was sent of.
async fn not_sent(
    ctx: &Context,
    request: &stripe_request::Model,
    reason: &str,
) -> Result<Driven, OutboxError> {
    tracing::warn!(reason, "nothing was sent");
    store::not_sent(ctx, request, reason, circuit_rest(ctx)).await?;
    Ok(Driven::Pending)
}

/// The key can't tell any more: the completer looks it up.
async fn spend(ctx: &Context, request: &stripe_request::Model, why: Hold) -> Result<Driven, OutboxError> {
    tracing::warn!(code = why.code, reason = why.reason, "the key is spent: will be looked up at Stripe");
    store::spend(ctx, request, &why).await?;
    ctx.wake.notify_waiters();
    Ok(Driven::Pending)
}

/// How long a row rests after its n-th attempt. Not for minutes, as jobs may: a caller is waiting for most.
fn wait(attempts: i32) -> Duration {
    jobs::backoff(attempts.min(MOST_DOUBLINGS))
}

pub(super) async fn hold(
    ctx: &Context,
    request: &stripe_request::Model,
    hold: Hold,
) -> Result<Driven, OutboxError> {
    tracing::error!(code = hold.code, reason = hold.reason, "the outcome of a write to Stripe is unknown");
    store::hold(ctx, request, &hold).await?;
    Ok(Driven::Held)
}

/// Whether Stripe may have forgotten the key of a row; not if it was never sent.
fn key_is_too_old(request: &stripe_request::Model, now: DateTime<Utc>) -> bool {
    let trusted = chrono::Duration::hours(KEY_TRUSTED_HOURS);
    request.first_sent_at.is_some_and(|first| now - first > trusted)
}

#[cfg(test)]
pub(super) mod tests {
    use chrono::Duration;
    use souk_entity::Scope;
    use uuid::Uuid;

    use super::*;

    const SENT_FIRST: DateTime<Utc> = DateTime::UNIX_EPOCH;

    /// A row that was sent so often, first at the beginning of time.
    pub(in super::super) fn request(attempts: i32) -> stripe_request::Model {
        stripe_request::Model {
            id: StripeRequestId::from_uuid(Uuid::nil()),
            scope: Scope::Platform,
            kind: "payout.create".to_owned(),
            subject: "payout_1".to_owned(),
            method: "POST".to_owned(),
            path: "/v1/payouts".to_owned(),
            body: Vec::new(),
            stripe_version: String::new(),
            state: State::Pending,
            attempts,
            next_at: SENT_FIRST,
            fence: 1,
            idempotency_id: None,
            caller_request_id: None,
            created_at: SENT_FIRST,
            stripe_object_id: None,
            error_code: None,
            error_message: None,
            stripe_request_id: None,
            first_sent_at: Some(SENT_FIRST),
            last_attempt_at: None,
            lease_until: None,
            retry_of: None,
            waits_for: None,
            settled_at: None,
            key_spent_at: None,
            resolved_by: None,
            resolved_reason: None,
        }
    }

    #[test]
    fn a_key_is_trusted_for_23_hours_after_it_was_first_sent() {
        let trusted = SENT_FIRST + Duration::hours(KEY_TRUSTED_HOURS);
        assert!(!key_is_too_old(&request(2), trusted));
        assert!(key_is_too_old(&request(2), trusted + Duration::seconds(1)));
    }

    #[test]
    fn a_key_that_was_never_sent_is_not_too_old() {
        let never = stripe_request::Model { first_sent_at: None, ..request(0) };
        assert!(!key_is_too_old(&never, SENT_FIRST + Duration::days(8)));
    }
}
