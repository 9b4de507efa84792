//! The queries of the outbox.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait,
    FromQueryResult, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, UpdateMany,
    sea_query::{Expr, Func, SimpleExpr},
};
use souk_entity::{
    Scope, StripeRequestId, stripe_event,
    stripe_request::{ActiveModel, Column, Entity, Model, State},
};
use uuid::Uuid;

use super::waiting;
use crate::{
    context::Context,
    failpoint, idempotency,
    stripe::{Frozen, Refusal},
    telemetry,
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
    /// The caller's key that waits for the answer; it was claimed for this row.
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

pub(super) async fn insert(tx: &DatabaseTransaction, row: Model) -> Result<Model, DbErr> {
    Entity::insert(row.clone().into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(row)
}

pub(super) fn unsent(ctx: &Context, new: NewRequest) -> Model {
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
        caller_request_id: telemetry::request_id(),
        created_at: now,
        stripe_object_id: None,
        error_code: None,
        error_message: None,
        stripe_request_id: None,
        first_sent_at: None,
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

pub(super) async fn find(ctx: &Context, id: StripeRequestId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(&ctx.db).await
}

/// A pending row whose time has come.
#[derive(Debug, FromQueryResult)]
pub(super) struct Due {
    pub(super) id: StripeRequestId,
    pub(super) kind: String,
    pub(super) key_spent_at: Option<DateTime<Utc>>,
}

/// A pending row that may be sent, if nobody has it leased. It is not leased by this: whatever is written to it next
/// fails if somebody leases it meanwhile.
pub(super) async fn find_free(ctx: &Context, id: StripeRequestId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id)
        .filter(Column::State.eq(State::Pending))
        .filter(Column::KeySpentAt.is_null())
        .filter(is_free(ctx.clock.wall()))
        .one(&ctx.db)
        .await
}

/// Whether another row than this made the object.
pub(super) async fn is_bound_elsewhere<C: ConnectionTrait>(
    db: &C,
    request: &Model,
    object_id: &str,
) -> Result<bool, DbErr> {
    let bound = Entity::find()
        .filter(Column::Scope.eq(request.scope.clone()))
        .filter(Column::StripeObjectId.eq(object_id))
        .filter(Column::State.eq(State::Succeeded))
        .filter(Column::Kind.eq(&request.kind))
        .filter(Column::Id.ne(request.id))
        .one(db)
        .await?;
    Ok(bound.is_some())
}

/// Notes on a settled row who said what became of it, and why.
pub(super) async fn note_resolution(
    tx: &DatabaseTransaction,
    request: &Model,
    by: &str,
    reason: &str,
) -> Result<Model, DbErr> {
    let row = ActiveModel {
        id: Set(request.id),
        resolved_by: Set(Some(by.to_owned())),
        resolved_reason: Set(Some(reason.to_owned())),
        ..Default::default()
    };
    Entity::update(row).exec(tx).await
}

/// Pending rows of these kinds whose time has come, longest due first.
pub(super) async fn due(
    ctx: &Context,
    kinds: impl Iterator<Item = &'static str>,
    limit: u64,
) -> Result<Vec<Due>, DbErr> {
    let now = ctx.clock.wall();
    Entity::find()
        .select_only()
        .columns([Column::Id, Column::Kind, Column::KeySpentAt])
        .filter(Column::State.eq(State::Pending))
        .filter(Column::Kind.is_in(kinds))
        .filter(Column::NextAt.lte(now))
        .filter(is_free(now))
        .filter(waiting::is_over())
        .order_by_asc(Column::NextAt)
        .limit(limit)
        .into_model()
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
    take(ctx, leasing(ctx, id, lease).filter(is_open()), "prove").await
}

/// Takes the lease of a pending row whose key can't tell any more.
pub(super) async fn lease_to_look_up(
    ctx: &Context,
    id: StripeRequestId,
    lease: Duration,
) -> Result<Option<Model>, DbErr> {
    let spent = leasing(ctx, id, lease)
        .filter(Column::State.eq(State::Pending))
        .filter(Column::KeySpentAt.is_not_null());
    take(ctx, spent, "look_up").await
}

/// Lengthens a lease; false if it was lost meanwhile.
pub(super) async fn renew(ctx: &Context, request: &Model, lease: Duration) -> Result<bool, DbErr> {
    let renewed = Entity::update_many()
        .col_expr(Column::LeaseUntil, Expr::value(ctx.clock.wall() + lease))
        .filter(mine(request));
    change(ctx, request, "renew", renewed).await
}

/// Takes the lease of a pending row and notes that bytes are about to leave: committed before the first does. `filled`
/// are the bytes of a row that has waited for what stands in them.
pub(super) async fn lease_to_send(
    ctx: &Context,
    id: StripeRequestId,
    lease: Duration,
    filled: Option<Frozen>,
) -> Result<Option<Model>, DbErr> {
    let first_sent = Func::coalesce([Expr::col(Column::FirstSentAt), Expr::value(ctx.clock.business())]);
    let sent = leasing(ctx, id, lease)
        .filter(Column::State.eq(State::Pending))
        .filter(Column::KeySpentAt.is_null())
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .col_expr(Column::FirstSentAt, first_sent.into())
        .col_expr(Column::LastAttemptAt, Expr::value(ctx.clock.business()));
    let sent = match filled {
        None => sent,
        Some(Frozen { path, body, .. }) => {
            sent.col_expr(Column::Path, Expr::value(path)).col_expr(Column::Body, Expr::value(body))
        }
    };
    take(ctx, sent, "send").await
}

/// Takes a lease, with the points around its commit.
async fn take(ctx: &Context, lease: UpdateMany<Entity>, place: &str) -> Result<Option<Model>, DbErr> {
    let leased = failpoint::around("lease", place, lease.exec_with_returning(&ctx.db)).await?;
    Ok(leased.into_iter().next())
}

/// Changes a row by a statement that commits by itself, with the points around it; tells whether it was there.
async fn change(
    ctx: &Context,
    request: &Model,
    place: &str,
    update: UpdateMany<Entity>,
) -> Result<bool, DbErr> {
    let changed = failpoint::around(&request.kind, place, update.exec(&ctx.db)).await?;
    Ok(changed.rows_affected == 1)
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
    let postponed = released(request)
        .col_expr(Column::NextAt, Expr::value(ctx.clock.wall() + wait))
        .col_expr(Column::ErrorMessage, Expr::value(reason))
        .col_expr(Column::StripeRequestId, Expr::value(stripe_request_id));
    change(ctx, request, "postpone", postponed).await.map(drop)
}

/// Puts a row back whose lease sent nothing: that attempt was none. A row that was never sent may be sent at any
/// age.
pub(super) async fn not_sent(
    ctx: &Context,
    request: &Model,
    reason: &str,
    wait: Duration,
) -> Result<(), DbErr> {
    let mut update = released(request)
        .col_expr(Column::NextAt, Expr::value(ctx.clock.wall() + wait))
        .col_expr(Column::Attempts, Expr::value(request.attempts - 1))
        .col_expr(Column::ErrorMessage, Expr::value(reason));
    if request.attempts == 1 {
        update = update
            .col_expr(Column::FirstSentAt, Expr::value(None::<DateTime<Utc>>))
            .col_expr(Column::LastAttemptAt, Expr::value(None::<DateTime<Utc>>));
    }
    change(ctx, request, "not_sent", update).await.map(drop)
}

/// Notes that sending the row again is of no use; it is due to be looked up at once.
pub(super) async fn spend(ctx: &Context, request: &Model, why: &Hold) -> Result<(), DbErr> {
    let spent = noting(released(request), why)
        .col_expr(Column::KeySpentAt, Expr::value(ctx.clock.business()))
        .col_expr(Column::NextAt, Expr::value(ctx.clock.wall()));
    change(ctx, request, "spend", spent).await.map(drop)
}

/// Closes a locked row that did not take effect, and writes the one that takes its place: the caller's key and the
/// subject are the new one's.
pub(super) async fn replace(
    tx: &DatabaseTransaction,
    ctx: &Context,
    old: &Model,
    new: NewRequest,
) -> Result<(), DbErr> {
    let closed = ActiveModel {
        id: Set(old.id),
        state: Set(State::Refused),
        lease_until: Set(None),
        settled_at: Set(Some(ctx.clock.wall())),
        idempotency_id: Set(None),
        error_code: Set(Some(ABSENT.to_owned())),
        error_message: Set(Some(format!("not found at Stripe; {} takes its place", new.id))),
        ..Default::default()
    };
    Entity::update(closed).exec(tx).await?;
    waiting::wait_for_another(tx, old.id, new.id).await?;
    if let Some(key) = new.idempotency_id {
        idempotency::wait_for(tx, key, new.id).await?;
    }
    let caller_request_id = old.caller_request_id.clone();
    insert(tx, Model { retry_of: Some(old.id), caller_request_id, ..unsent(ctx, new) }).await.map(drop)
}

/// The object ids that Stripe's events in our inbox name with the key of a row.
pub(super) async fn told_objects(db: &impl ConnectionTrait, request: &Model) -> Result<Vec<String>, DbErr> {
    stripe_event::Entity::find()
        .select_only()
        .column(stripe_event::Column::ObjectId)
        .filter(stripe_event::Column::IdempotencyKey.eq(request.id.uuid().to_string()))
        .filter(stripe_event::Column::Scope.eq(request.scope.clone()))
        .into_tuple()
        .all(db)
        .await
}

/// Gives a lease back untouched.
pub(super) async fn give_back(ctx: &Context, request: &Model) -> Result<(), DbErr> {
    change(ctx, request, "give_back", released(request)).await.map(drop)
}

/// The code of a row that a look-up closed: provably it did not take effect.
pub(super) const ABSENT: &str = "absent_at_stripe";

/// Why a row is held, or may not be sent again.
#[derive(Debug)]
pub(super) struct Hold {
    pub(super) code: &'static str,
    pub(super) reason: String,
    pub(super) request_id: Option<String>,
}

impl Hold {
    pub(super) fn new(code: &'static str, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), request_id: None }
    }
}

/// Holds a row for an operator.
pub(super) async fn hold(ctx: &Context, request: &Model, why: &Hold) -> Result<(), DbErr> {
    let held = noting(released(request), why).col_expr(Column::State, Expr::value("unknown"));
    change(ctx, request, "hold", held).await.map(drop)
}

fn noting(update: UpdateMany<Entity>, why: &Hold) -> UpdateMany<Entity> {
    let update = update
        .col_expr(Column::ErrorCode, Expr::value(why.code))
        .col_expr(Column::ErrorMessage, Expr::value(why.reason.as_str()));
    match &why.request_id {
        Some(id) => update.col_expr(Column::StripeRequestId, Expr::value(id.as_str())),
        None => update,
    }
}

fn released(request: &Model) -> UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
        .filter(mine(request))
}
