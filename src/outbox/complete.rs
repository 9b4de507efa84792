//! The completers: what a crash or a silent Stripe left pending is brought to its end.

use std::time::Duration;

use serde_json::value::RawValue;
use souk_entity::{Scope, StripeRequestId, stripe_request::State};

use super::{
    action::Actions,
    drive::{Driven, OutboxError, drive, settle_success},
    store,
};
use crate::{context::Context, stripe::Failure};

/// The completer has no caller who waits; it still must end well before its lease does.
const BUDGET: Duration = Duration::from_secs(20);
const LEASE: Duration = Duration::from_secs(60);

/// Sends up to `limit` pending rows that are due again; tells how many it took.
pub async fn complete_due(ctx: &Context, actions: &Actions, limit: u64) -> Result<usize, OutboxError> {
    let due = store::due(ctx, limit).await?;
    for (id, kind) in &due {
        let Some(action) = actions.get(kind) else {
            tracing::error!(%id, kind, "no action of this kind: was a room removed?");
            continue;
        };
        if let Err(error) = drive(ctx, action, *id, BUDGET).await {
            tracing::warn!(%id, kind, %error, "a pending request could not be completed yet");
        }
    }
    Ok(due.len())
}

/// Completes a pending row that one of Stripe's events named by its key, after reading the object again: the
/// event proves the effect, the object tells it. Does nothing if the row is settled, in other hands, of another
/// scope, or if the event's object can't be what the row makes.
pub async fn complete_from_event(
    ctx: &Context,
    actions: &Actions,
    id: StripeRequestId,
    scope: &Scope,
    object_id: &str,
) -> Result<(), CompleteError> {
    let Some(request) = store::find(ctx, id).await.map_err(OutboxError::from)? else { return Ok(()) };
    if request.state != State::Pending || request.scope != *scope {
        return Ok(());
    }
    let Some(action) = actions.get(&request.kind).filter(|action| action.makes(object_id)) else {
        return Ok(());
    };
    let Some(request) = store::lease(ctx, id, LEASE).await.map_err(OutboxError::from)? else { return Ok(()) };
    let read: Result<Box<RawValue>, Failure> = ctx.stripe.get(scope, &action.object_path(object_id)).await;
    let object = match read {
        Ok(object) => object,
        Err(failure) => {
            store::give_back(ctx, &request).await.map_err(OutboxError::from)?;
            return Err(failure.into());
        }
    };
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
