//! The completers: what a crash or a silent Stripe left pending is brought to its end.

use std::time::Duration;

use serde_json::value::RawValue;
use souk_entity::{Scope, StripeRequestId, stripe_request::State};

use super::{
    action::Actions,
    drive::{Driven, OutboxError, drive, settle_success},
    lookup::look_up,
    store::{self, Due},
};
use crate::{context::Context, stripe::Failure};

/// The completer has no caller who waits; but as long as it sends, a crash of its own goes unnoticed.
const BUDGET: Duration = Duration::from_secs(20);
/// Reading an object again has ten seconds; the lease outlasts it as that of a sender does.
const LEASE: Duration = Duration::from_secs(20);

/// Sends up to `limit` pending rows that are due again, or looks up what became of them; tells how many it brought
/// further. One that could not be (the database failed) is not counted, so that nobody takes it up again without a
/// rest. A kind that this process doesn't know is left to one that does: while a new version is rolled out, both run.
pub async fn complete_due(ctx: &Context, actions: &Actions, limit: u64) -> Result<usize, OutboxError> {
    let mut driven = 0;
    for Due { id, kind, key_spent_at } in store::due(ctx, actions.kinds(), limit).await? {
        let Some(action) = actions.get(&kind) else { continue };
        let outcome = match key_spent_at {
            None => drive(ctx, action, id, BUDGET).await,
            Some(_) => look_up(ctx, action, id).await,
        };
        match outcome {
            Ok(_) => driven += 1,
            Err(error) => {
                tracing::warn!(%id, kind, %error, "a pending request could not be completed yet");
            }
        }
    }
    Ok(driven)
}

/// Completes a row that one of Stripe's events named by its key, after reading the object again: the event proves
/// the effect, the object tells it. That settles a row that was held as unknown, too. Does nothing if the row is
/// settled, in other hands, of another scope, or if the event's object is not what the row made.
pub async fn complete_from_event(
    ctx: &Context,
    actions: &Actions,
    id: StripeRequestId,
    scope: &Scope,
    object_id: &str,
) -> Result<(), CompleteError> {
    let Some(request) = store::find(ctx, id).await.map_err(OutboxError::from)? else { return Ok(()) };
    if request.scope != *scope {
        return Ok(());
    }
    if request.error_code.as_deref() == Some(store::ABSENT) {
        tracing::error!(%id, object_id, "what a look-up had not found exists: see the request that took its place");
    }
    if matches!(request.state, State::Succeeded | State::Refused) {
        return Ok(());
    }
    let Some(action) = actions.get(&request.kind).filter(|action| action.makes(object_id)) else {
        return Ok(());
    };
    let Some(request) = store::lease_to_prove(ctx, id, LEASE).await.map_err(OutboxError::from)? else {
        return Ok(());
    };
    let read: Result<Box<RawValue>, Failure> = ctx.stripe.get(scope, &action.object_path(object_id)).await;
    let object = match read {
        Ok(object) => object,
        Err(failure) => {
            store::give_back(ctx, &request).await.map_err(OutboxError::from)?;
            return Err(failure.into());
        }
    };
    if !action.made(&request, object.get().as_bytes()) {
        tracing::warn!(%id, object_id, "an event names this request, its object does not");
        return Ok(store::give_back(ctx, &request).await.map_err(OutboxError::from)?);
    }
    match settle_success(ctx, action, &request, object.get().as_bytes(), None).await? {
        Driven::Settled(_) => tracing::info!(%id, object_id, "completed by Stripe's event"),
        outcome => tracing::info!(%id, object_id, ?outcome, "named by Stripe's event"),
    }
    Ok(())
}

/// Why an event could not complete a row; the event is tried again.
#[derive(Debug, thiserror::Error)]
pub enum CompleteError {
    /// The object could not be read.
    #[error(transparent)]
    Stripe(#[from] Failure),
    /// The row could not be settled.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}
