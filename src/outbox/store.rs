//! The queries of the outbox.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, UpdateMany,
    sea_query::{Expr, Func, SimpleExpr},
};
use souk_entity::{
    Scope, StripeRequestId,
    stripe_request::{ActiveModel, Column, Entity, Model, State},
};
use uuid::Uuid;

use crate::{
    context::Context,
    idempotency,
    stripe::{Frozen, Refusal},
};

/// A write to Stripe, to be.
#[derive(Clone, Debug)]
pub struct NewRequest {
    /// The row's id; its UUID is the key, and stands in the object's metadata.
    pub id: StripeRequestId,
    /// In whose name.
    pub scope: Scope,
    /// The kind of its [`super::Action`].
    pub kind: &'static str,
    /// The domain row that it is for, as a TypeID.
    pub subject: String,
    /// What will be sent.
    pub frozen: Frozen,
    /// The caller's key that waits for the answer.
    pub idempotency_id: Option<Uuid>,
}

/// Writes a request row in *tx 1* that nobody waits for: a completer sends it.
pub async fn enqueue(tx: &DatabaseTransaction, ctx: &Context, new: NewRequest) -> Result<(), DbErr> {
    insert(tx, unsent(ctx, new)).await.map(drop)
}

/// Writes a request row in *tx 1*, leased by whoever sends it once that is committed: *tx 1* itself announces that
/// bytes are about to leave. If it is the last that the sender does, the row counts as sent; the same bytes under
/// the same key find out.
pub(super) async fn enqueue_leased(
    tx: &DatabaseTransaction,
    ctx: &Context,
    new: NewRequest,
    lease: Duration,
) -> Result<Model, DbErr> {
    let row = unsent(ctx, new);
    let (lease_until, sent_at) = (Some(row.created_at + lease), Some(ctx.clock.business()));
    let leased =
        Model { attempts: 1, fence: 1, lease_until, first_sent_at: sent_at, last_attempt_at: sent_at, ..row };
    insert(tx, leased).await
}

async fn insert(tx: &DatabaseTransaction, row: Model) -> Result<Model, DbErr> {
    Entity::insert(row.clone().into_active_model().reset_all()).exec_without_returning(tx).await?;
    if let Some(key) = row.idempotency_id {
        idempotency::wait_for(tx, key, row.id).await?;
    }
    Ok(row)
}

fn unsent(ctx: &Context, new: NewRequest) -> Model {
    let now = ctx.clock.wall();
    Model {
        id: new.id,
        scope: new.scope,
        kind: new.kind.to_owned(),
        subject: new.subject,
        method: new.frozen.method,
        path: new.frozen.path,
        body: new.frozen.body,
        stripe_version: new.frozen.version,
        state: State::Pending,
        attempts: 0,
        next_at: now,
        fence: 0,
        idempotency_id: new.idempotency_id,
        created_at: now,
        stripe_object_id: None,
        error_code: None,
        error_message: None,
        stripe_request_id: None,
        first_sent_at: None,
        last_attempt_at: None,
        lease_until: None,
        retry_of: None,
        settled_at: None,
        key_spent_at: None,
        resolved_by: None,
        resolved_reason: None,
    }
}

pub(super) async fn find(ctx: &Context, id: StripeRequestId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(&ctx.db).await
}

/// Ids and kinds of pending rows of these kinds whose time has come, longest due first.
pub(super) async fn due(
    ctx: &Context,
    kinds: impl Iterator<Item = &'static str>,
    limit: u64,
) -> Result<Vec<(StripeRequestId, String)>, DbErr> {
    let now = ctx.clock.wall();
    Entity::find()
        .select_only()
        .columns([Column::Id, Column::Kind])
        .filter(Column::State.eq(State::Pending))
        .filter(Column::Kind.is_in(kinds))
        .filter(Column::NextAt.lte(now))
        .filter(is_free(now))
        .order_by_asc(Column::NextAt)
        .limit(limit)
        .into_tuple()
        .all(&ctx.db)
        .await
}

/// Takes the lease of a row without an outcome, for work that sends nothing: what is held as unknown may be proved
/// by an event.
pub(super) async fn lease_to_prove(
    ctx: &Context,
    id: StripeRequestId,
    lease: Duration,
) -> Result<Option<Model>, DbErr> {
    let leased = leasing(ctx, id, lease).filter(is_open()).exec_with_returning(&ctx.db).await?;
    Ok(leased.into_iter().next())
}

/// Takes the lease of a pending row and notes that bytes are about to leave: committed before the first does.
pub(super) async fn lease_to_send(
    ctx: &Context,
    id: StripeRequestId,
    lease: Duration,
) -> Result<Option<Model>, DbErr> {
    let first_sent = Func::coalesce([Expr::col(Column::FirstSentAt), Expr::value(ctx.clock.business())]);
    let leased = leasing(ctx, id, lease)
        .filter(Column::State.eq(State::Pending))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .col_expr(Column::FirstSentAt, first_sent.into())
        .col_expr(Column::LastAttemptAt, Expr::value(ctx.clock.business()))
        .exec_with_returning(&ctx.db)
        .await?;
    Ok(leased.into_iter().next())
}

fn leasing(ctx: &Context, id: StripeRequestId, lease: Duration) -> UpdateMany<Entity> {
    let now = ctx.clock.wall();
    Entity::update_many()
        .col_expr(Column::LeaseUntil, Expr::value(now + lease))
        .col_expr(Column::Fence, Expr::col(Column::Fence).add(1))
        .filter(Column::Id.eq(id))
        .filter(is_free(now))
}

fn is_free(now: DateTime<Utc>) -> Condition {
    Condition::any().add(Column::LeaseUntil.is_null()).add(Column::LeaseUntil.lt(now))
}

/// Without an outcome: still being asked for, or held.
fn is_open() -> SimpleExpr {
    Column::State.is_in([State::Pending, State::Unknown])
}

/// The row, as long as it has no outcome and nobody else has leased it since.
fn mine(request: &Model) -> Condition {
    Condition::all().add(Column::Id.eq(request.id)).add(is_open()).add(Column::Fence.eq(request.fence))
}

/// Locks the row for *tx 2*; false if it was settled or leased by somebody else meanwhile.
pub(super) async fn lock_mine(tx: &DatabaseTransaction, request: &Model) -> Result<bool, DbErr> {
    Ok(Entity::find().filter(mine(request)).lock_exclusive().one(tx).await?.is_some())
}

/// Settles a locked row.
pub(super) async fn settle(
    tx: &DatabaseTransaction,
    ctx: &Context,
    request: &Model,
    state: State,
    object_id: Option<String>,
    refusal: Option<&Refusal>,
    stripe_request_id: Option<String>,
) -> Result<(), DbErr> {
    let mut row = ActiveModel {
        id: Set(request.id),
        state: Set(state),
        stripe_object_id: Set(object_id),
        lease_until: Set(None),
        settled_at: Set(Some(ctx.clock.wall())),
        error_code: Set(
            refusal.map(|refusal| refusal.code.clone().unwrap_or_else(|| refusal.error_type.clone()))
        ),
        error_message: Set(refusal.and_then(|refusal| refusal.message.clone())),
        ..Default::default()
    };
    if stripe_request_id.is_some() {
        row.stripe_request_id = Set(stripe_request_id);
    }
    Entity::update(row).exec(tx).await?;
    Ok(())
}

/// Puts a row back for another try after `wait`.
pub(super) async fn postpone(
    ctx: &Context,
    request: &Model,
    reason: &str,
    stripe_request_id: Option<String>,
    wait: Duration,
) -> Result<(), DbErr> {
    released(request)
        .col_expr(Column::NextAt, Expr::value(ctx.clock.wall() + wait))
        .col_expr(Column::ErrorMessage, Expr::value(reason))
        .col_expr(Column::StripeRequestId, Expr::value(stripe_request_id))
        .exec(&ctx.db)
        .await?;
    Ok(())
}

/// Gives a lease back untouched.
pub(super) async fn give_back(ctx: &Context, request: &Model) -> Result<(), DbErr> {
    released(request).exec(&ctx.db).await?;
    Ok(())
}

/// Why a row is held.
pub(super) struct Hold {
    pub(super) code: &'static str,
    pub(super) reason: String,
    pub(super) request_id: Option<String>,
}

impl Hold {
    pub(super) fn new(code: &'static str, reason: &str) -> Self {
        Self { code, reason: reason.to_owned(), request_id: None }
    }
}

/// Holds a row for an operator.
pub(super) async fn hold(ctx: &Context, request: &Model, hold: &Hold) -> Result<(), DbErr> {
    released(request)
        .col_expr(Column::State, Expr::value("unknown"))
        .col_expr(Column::ErrorCode, Expr::value(hold.code))
        .col_expr(Column::ErrorMessage, Expr::value(hold.reason.as_str()))
        .col_expr(Column::StripeRequestId, Expr::value(hold.request_id.clone()))
        .exec(&ctx.db)
        .await?;
    Ok(())
}

fn released(request: &Model) -> UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
        .filter(mine(request))
}
