//! The queries of the outbox.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter,
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

/// The room that wrote a row sends it at once; a completer takes it only after this.
const COMPLETER_WAITS: Duration = Duration::from_secs(15);

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

/// Writes a request row in *tx 1*.
pub async fn enqueue(tx: &DatabaseTransaction, ctx: &Context, new: NewRequest) -> Result<(), DbErr> {
    let now = ctx.clock.wall();
    let row = ActiveModel {
        id: Set(new.id),
        scope: Set(new.scope),
        kind: Set(new.kind.to_owned()),
        subject: Set(new.subject),
        method: Set(new.frozen.method),
        path: Set(new.frozen.path),
        body: Set(new.frozen.body),
        stripe_version: Set(new.frozen.version),
        state: Set(State::Pending),
        attempts: Set(0),
        next_at: Set(now + COMPLETER_WAITS),
        fence: Set(0),
        idempotency_id: Set(new.idempotency_id),
        key_spent_at: Set(None),
        resolved_by: Set(None),
        resolved_reason: Set(None),
        created_at: Set(now),
        stripe_object_id: Set(None),
        error_code: Set(None),
        error_message: Set(None),
        stripe_request_id: Set(None),
        first_sent_at: Set(None),
        last_attempt_at: Set(None),
        lease_until: Set(None),
        retry_of: Set(None),
        settled_at: Set(None),
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    if let Some(key) = new.idempotency_id {
        idempotency::wait_for(tx, key, new.id).await?;
    }
    Ok(())
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

/// How many requests have no definite answer: not yet, or none that anybody can tell.
pub async fn open_counts(ctx: &Context) -> Result<Vec<(State, i64)>, DbErr> {
    let mut counts = Vec::new();
    for state in [State::Pending, State::Unknown] {
        let requests = Entity::find().filter(Column::State.eq(state)).count(&ctx.db).await?;
        counts.push((state, i64::try_from(requests).unwrap_or(i64::MAX)));
    }
    Ok(counts)
}
