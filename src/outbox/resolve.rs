//! A person says what became of a write that nobody else can tell of.

use std::time::Duration;

use sea_orm::DbErr;
use serde::Deserialize;
use serde_json::value::RawValue;
use souk_entity::{
    StripeRequestId,
    stripe_request::{self, State},
};
use uuid::Uuid;

use super::{
    action::{Action, Actions, ApplyError, Trail},
    drive::{OutboxError, apply_refusal, apply_success},
    store,
};
use crate::{
    context::Context,
    idempotency::{self, Asked, ClaimError, Performed, Reply},
    stripe::{Failure, Metadata, REQUEST_METADATA_KEY, Refusal, Window},
};

/// Reading the object has ten seconds; the lease outlasts it as that of a sender does.
const LEASE: Duration = Duration::from_secs(20);

/// What a person found out.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// What became of it.
    pub outcome: Outcome,
    /// Role and subject of who says so.
    pub by: String,
    /// How they know.
    pub reason: String,
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It made this object.
    TookEffect {
        /// Stripe's id of it, in the scope of the write.
        object_id: String,
    },
    /// It did nothing.
    DidNot,
}

/// Why a request can't be resolved so.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// There is no such request.
    #[error("no such request to Stripe")]
    NotFound,
    /// Its outcome is known, or still being found out.
    #[error("only a request whose outcome is unknown can be resolved; this one is {0:?}")]
    NotUnknown(State),
    /// Somebody else is at it.
    #[error("somebody else is settling this request now")]
    Busy,
    /// This release has no such kind of request.
    #[error("this release knows no requests of the kind {0}")]
    UnknownKind(String),
    /// The object is of another kind than what the request makes.
    #[error("a request of the kind {kind} does not make {object_id}")]
    OtherKind {
        /// The request's kind.
        kind: String,
        /// The object.
        object_id: String,
    },
    /// Stripe has no such object in the request's scope.
    #[error("Stripe has no such object in the scope of the request")]
    NoSuchObject,
    /// Another request made the object, or may have.
    #[error("this object belongs to another request")]
    BoundElsewhere,
    /// Stripe does not show the object, or it can't be read as what the request makes.
    #[error("Stripe does not show this object, or not as what the request makes")]
    Unreadable,
    /// The object could not be read now.
    #[error(transparent)]
    Stripe(Failure),
    /// The caller's key can't be claimed.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The database failed, or the outcome could not be applied.
    #[error(transparent)]
    Outbox(OutboxError),
}

impl From<DbErr> for ResolveError {
    fn from(error: DbErr) -> Self {
        Self::Outbox(error.into())
    }
}

/// Resolves a request that is held as unknown, by the same *tx 2* as an answer of Stripe's. `reply` makes the answer
/// to the person of the settled row.
pub async fn resolve(
    ctx: &Context,
    actions: &Actions,
    asked: &Asked,
    id: StripeRequestId,
    resolution: &Resolution,
    reply: impl Fn(&stripe_request::Model) -> Reply + Send + Sync,
) -> Result<Performed, ResolveError> {
    // 1. The caller's key. What is claimed here is let go again: an object is read before it is claimed for good.
    if let Err(earlier) = idempotency::begin_local(ctx, asked).await? {
        return Ok(earlier);
    }
    // 2. A request that is held, and its lease.
    let found = store::find(ctx, id).await?.ok_or(ResolveError::NotFound)?;
    let action = actions.get(&found.kind).ok_or_else(|| ResolveError::UnknownKind(found.kind.clone()))?;
    if found.state != State::Unknown {
        return Err(ResolveError::NotUnknown(found.state));
    }
    let request = store::lease_to_prove(ctx, id, LEASE).await?.ok_or(ResolveError::Busy)?;
    // 3. What Stripe has of it, then all at once.
    let outcome = settle(ctx, action, asked, &request, resolution, reply).await;
    if !matches!(outcome, Ok(Performed::Fresh(_))) {
        store::give_back(ctx, &request).await?;
    }
    outcome
}

async fn settle(
    ctx: &Context,
    action: &dyn Action,
    asked: &Asked,
    request: &stripe_request::Model,
    resolution: &Resolution,
    reply: impl Fn(&stripe_request::Model) -> Reply + Send + Sync,
) -> Result<Performed, ResolveError> {
    let object = match &resolution.outcome {
        Outcome::TookEffect { object_id } => Some(object(ctx, action, request, object_id).await?),
        Outcome::DidNot => None,
    };
    let attempt = match idempotency::begin_local(ctx, asked).await? {
        Ok(attempt) => attempt,
        Err(earlier) => return Ok(earlier),
    };
    if !store::lock_mine(&attempt.tx, request).await? {
        return Err(ResolveError::Busy);
    }
    let applied = match &object {
        Some(object) => apply_success(ctx, &attempt.tx, action, request, object.get().as_bytes(), None).await,
        None => apply_refusal(ctx, &attempt.tx, action, request, &did_not()).await,
    };
    applied.map_err(|error| match error {
        ApplyError::Unreadable(_) => ResolveError::Unreadable,
        error => ResolveError::Outbox(error.into()),
    })?;
    let Resolution { by, reason, outcome } = resolution;
    let row = store::note_resolution(&attempt.tx, request, by, reason).await?;
    let performed = attempt.commit(ctx, reply(&row)).await?;
    tracing::warn!(stripe_request = %request.id, by, reason, ?outcome, "a person resolved a request");
    Ok(performed)
}

/// The object that a person names, read again. Its metadata need not name the request: the person says so, and is
/// written down. But it must not be another request's.
async fn object(
    ctx: &Context,
    action: &dyn Action,
    request: &stripe_request::Model,
    object_id: &str,
) -> Result<Box<RawValue>, ResolveError> {
    if !action.makes(object_id) {
        let (kind, object_id) = (request.kind.clone(), object_id.to_owned());
        return Err(ResolveError::OtherKind { kind, object_id });
    }
    // Many may have changed an object; one has made it.
    let window = Window { from: request.created_at, to: None };
    let makes = matches!(action.trail(request, window, None), Trail::List(_));
    if makes && store::is_bound_elsewhere(&ctx.db, request, object_id).await? {
        return Err(ResolveError::BoundElsewhere);
    }
    let read = ctx.stripe.get(&request.scope, &action.object_path(object_id)).await;
    let object: Box<RawValue> = read.map_err(|failure| match failure {
        Failure::Refused(refusal) if refusal.status == 404 => ResolveError::NoSuchObject,
        Failure::Refused(_) => ResolveError::Unreadable,
        failure => ResolveError::Stripe(failure),
    })?;
    // One that names another request is that one's, unless it is closed: then what was taken for absent may have
    // turned up after all.
    if let Some(named) = named_by(&object).filter(|named| makes && *named != request.id)
        && let Some(other) = store::find(ctx, named).await?
        && other.state != State::Refused
    {
        return Err(ResolveError::BoundElsewhere);
    }
    Ok(object)
}

/// The request that an object's metadata names.
fn named_by(object: &RawValue) -> Option<StripeRequestId> {
    #[derive(Deserialize)]
    struct Made {
        metadata: Metadata,
    }
    let made: Made = serde_json::from_str(object.get()).ok()?;
    let named: Uuid = made.metadata.get(REQUEST_METADATA_KEY)?.parse().ok()?;
    Some(StripeRequestId::from_uuid(named))
}

/// What the caller of a request that did nothing is told.
fn did_not() -> Refusal {
    Refusal {
        status: 409,
        error_type: "resolved".to_owned(),
        code: Some("did_not_take_effect".to_owned()),
        decline_code: None,
        message: Some("this did not take effect; ask again under a new key".to_owned()),
        param: None,
        object_id: None,
        object: None,
        request_id: None,
    }
}
