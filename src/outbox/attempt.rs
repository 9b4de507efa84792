//! The whole protocol as a room sees it: begin, write your rows, send.

use std::{fmt::Display, future::Future, time::Duration};

use sea_orm::{DatabaseTransaction, DbErr};
use souk_entity::{Scope, StripeRequestId};
use tracing::Instrument;
use uuid::Uuid;

use super::{
    action::Action,
    drive::{Driven, OutboxError, drive_leased, lease_for},
    store::{self, NewRequest},
    waiting::{First, drive_when_due},
};
use crate::{
    context::Context,
    db,
    idempotency::{self, Asked, Begun, Performed, Reply},
    stripe::{Frozen, Metadata, REQUEST_METADATA_KEY},
    telemetry,
};

/// A money action that has begun: the caller's key is claimed, nothing is committed. Dropped before
/// [`Attempt::send`] it leaves nothing behind.
#[derive(Debug)]
pub struct Attempt {
    /// *tx 1*: write your rows with it.
    pub tx: DatabaseTransaction,
    /// The id of the request row to be. Put its UUID into the object's metadata, so that the object can be found
    /// when its answer is lost.
    pub request_id: StripeRequestId,
    key: Uuid,
}

/// Begins *tx 1*: a new attempt, or what came of the earlier request with the same key. An earlier one that has
/// no answer yet is sent again here.
pub async fn begin(
    ctx: &Context,
    asked: &Asked,
    action: &'static dyn Action,
) -> Result<Result<Attempt, Performed>, OutboxError> {
    let request_id = StripeRequestId::from_uuid(Uuid::now_v7());
    let earlier = match idempotency::begin(ctx, asked, request_id).await? {
        Begun::New(attempt) => {
            return Ok(Ok(Attempt { tx: attempt.tx, request_id, key: attempt.key }));
        }
        Begun::Answered(reply) => Performed::Replayed(reply),
        Begun::Unanswered(request) => resume(ctx, action, request).await?,
    };
    Ok(Err(earlier))
}

impl Attempt {
    /// The metadata of the object to be made: which request made it, and which row of ours it is for.
    #[must_use]
    pub fn metadata(&self, name: &str, subject: &impl Display) -> Metadata {
        metadata_of(self.request_id, name, subject)
    }

    /// Answers without a word to Stripe: what was asked for is so already.
    pub async fn answer(self, ctx: &Context, reply: Reply) -> Result<Performed, OutboxError> {
        Ok(idempotency::Attempt { tx: self.tx, key: self.key }.commit(ctx, reply).await?)
    }

    /// Writes a request that must succeed before this attempt's own is sent ([`Self::send_after`]). Its object's
    /// metadata are made by [`metadata_of`].
    pub async fn first(
        &self,
        ctx: &Context,
        action: &'static dyn Action,
        new: NewRequest,
    ) -> Result<First, DbErr> {
        First::write(&self.tx, ctx, action, new, budget(ctx)).await
    }

    /// Writes the request row, commits *tx 1*, and sends once `first` has succeeded, whose object's id takes the places
    /// that [`crate::stripe::MADE_FIRST`] keeps for it.
    pub async fn send_after(
        self,
        ctx: &Context,
        first: First,
        action: &'static dyn Action,
        scope: Scope,
        subject: String,
        frozen: Frozen,
    ) -> Result<Performed, OutboxError> {
        let (id, budget) = (self.request_id, budget(ctx));
        let key = Some(self.key);
        let new = NewRequest { id, scope, kind: action.kind(), subject, frozen, idempotency_id: key };
        first.before(&self.tx, ctx, new, budget).await?;
        db::commit(self.tx, action.kind(), "tx1").await?;
        let ctx = ctx.clone();
        in_a_task(async move { first.drive(&ctx, action, id, budget).await }).await
    }

    /// Writes the request row, leased for the sending, commits *tx 1*, sends, and applies the answer in *tx 2*.
    pub async fn send(
        self,
        ctx: &Context,
        action: &'static dyn Action,
        scope: Scope,
        subject: String,
        frozen: Frozen,
    ) -> Result<Performed, OutboxError> {
        let new = NewRequest {
            id: self.request_id,
            scope,
            kind: action.kind(),
            subject,
            frozen,
            idempotency_id: Some(self.key),
        };
        let budget = budget(ctx);
        let request = store::enqueue_leased(&self.tx, ctx, new, lease_for(budget)).await?;
        db::commit(self.tx, action.kind(), "tx1").await?;
        let task_ctx = ctx.clone();
        in_a_task(async move { drive_leased(&task_ctx, action, &request, budget).await }).await
    }
}

/// The metadata of the object that a request makes, and which row of ours it is for.
#[must_use]
pub fn metadata_of(request: StripeRequestId, name: &str, subject: &impl Display) -> Metadata {
    let request = (REQUEST_METADATA_KEY.to_owned(), request.uuid().to_string());
    Metadata::from([request, (name.to_owned(), subject.to_string())])
}

/// Sends a row that an earlier request of the caller's left without an answer.
async fn resume(
    ctx: &Context,
    action: &'static dyn Action,
    id: StripeRequestId,
) -> Result<Performed, OutboxError> {
    let (ctx, budget) = (ctx.clone(), budget(ctx));
    in_a_task(async move { drive_when_due(&ctx, action, id, budget).await }).await
}

fn budget(ctx: &Context) -> Duration {
    Duration::from_secs(ctx.config.stripe_budget_s)
}

/// Sends in a task of its own: a caller who hangs up must not cut the protocol short.
async fn in_a_task(
    driving: impl Future<Output = Result<Driven, OutboxError>> + Send + 'static,
) -> Result<Performed, OutboxError> {
    let request = telemetry::request_id().unwrap_or_default();
    let task = tokio::spawn(telemetry::serving(request, driving).in_current_span());
    Ok(match task.await {
        Ok(driven) => match driven? {
            Driven::Settled(reply) => Performed::Fresh(reply),
            Driven::Pending => Performed::Pending,
            Driven::Busy => Performed::Busy,
            Driven::Held => Performed::Held,
        },
        // The task died; its lease runs out and a completer goes on.
        Err(_) => Performed::Pending,
    })
}
