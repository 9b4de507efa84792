//! An object that a row learns of late. Its events came before, and did not wait for it: they are foreign, or dead,
//! or wait for their next try. They are opened again, and the object is read from Stripe as they are handled: what
//! the row was bound to may be Stripe's answer of long ago.

use chrono::{DateTime, Duration, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    sea_query::Expr,
};
use souk_entity::{
    Scope, inbox_object, job,
    stripe_event::{self, State},
    stripe_request,
};

use super::gate::REPLAY_MARK;
use crate::{
    context::Context,
    db,
    jobs::{self, JobError},
};

/// The kind of the job; its key is the object's scope and id, with a space between.
pub const REOPEN_JOB: &str = "reopen_events";

/// A row that is bound sooner after it was written is bound in time: its object has no events yet that gave it up.
const IN_TIME: Duration = Duration::minutes(1);

/// Has the events of an object that was bound late opened again, once that is committed: part of every *tx 2* that
/// binds an object of which events tell. A job, because *tx 2* must not take an object of the inbox.
pub async fn catch_up(
    tx: &DatabaseTransaction,
    ctx: &Context,
    request: &stripe_request::Model,
    object_id: &str,
) -> Result<(), DbErr> {
    let now = ctx.clock.wall();
    if is_late(request, now) {
        jobs::enqueue(tx, ctx, REOPEN_JOB, &format!("{} {object_id}", request.scope), now).await?;
    }
    Ok(())
}

/// Whether anything but the first answer to the first attempt may have come to be applied.
fn is_late(request: &stripe_request::Model, now: DateTime<Utc>) -> bool {
    request.attempts > 1
        || request.key_spent_at.is_some()
        || request.state == stripe_request::State::Unknown
        || now - request.created_at > IN_TIME
}

/// Opens the events of one object again; a second run does no harm.
pub async fn run_reopen(ctx: &Context, job: &job::Model) -> Result<(), JobError> {
    let object = job.key.split_once(' ').and_then(|(scope, id)| Some((scope.parse::<Scope>().ok()?, id)));
    let (scope, object_id) = object.ok_or_else(|| JobError::Fail("the key is no scope and id".to_owned()))?;
    let now = ctx.clock.wall();
    // 1. The object first, like everybody who works on it.
    let tx = db::begin_write(&ctx.db).await?;
    let Some(object) = take(&tx, &scope, object_id, now).await? else {
        return Ok(tx.rollback().await?);
    };
    // 2. Its events.
    let reopened = reopen(&tx, &scope, object_id, now).await?;
    db::commit(tx, REOPEN_JOB, "events").await?;
    tracing::info!(%scope, object_id, reopened, "bound late; its events are handled again");
    ctx.wake.notify_waiters();
    // 3. Whoever has the object leased may have found it unknown and be about to say so of one more.
    if object.lease_until.is_some_and(|until| until > now) {
        return Err(JobError::Retry("the object's events are being handled".to_owned()));
    }
    Ok(())
}

/// Takes an object's row, and makes the object due. `None` if no event told of it: what comes finds it known.
async fn take(
    tx: &DatabaseTransaction,
    scope: &Scope,
    object_id: &str,
    now: DateTime<Utc>,
) -> Result<Option<inbox_object::Model>, DbErr> {
    let taken = inbox_object::Entity::update_many()
        .col_expr(inbox_object::Column::NextAt, Expr::value(Some(now)))
        .filter(
            Condition::all()
                .add(inbox_object::Column::Scope.eq(scope.clone()))
                .add(inbox_object::Column::ObjectId.eq(object_id)),
        )
        .exec_with_returning(tx)
        .await?;
    Ok(taken.into_iter().next())
}

async fn reopen(
    tx: &DatabaseTransaction,
    scope: &Scope,
    object_id: &str,
    now: DateTime<Utc>,
) -> Result<u64, DbErr> {
    let reopened = stripe_event::ActiveModel {
        state: Set(State::Pending),
        reason: Set(Some(REPLAY_MARK.to_owned())),
        attempts: Set(0),
        next_at: Set(now),
        processed_at: Set(None),
        ..Default::default()
    };
    let reopened = stripe_event::Entity::update_many()
        .set(reopened)
        .filter(stripe_event::Column::Scope.eq(scope.clone()))
        .filter(stripe_event::Column::ObjectId.eq(object_id))
        .filter(stripe_event::Column::State.is_in([State::Waiting, State::Foreign, State::Dead]))
        .exec(tx)
        .await?;
    Ok(reopened.rows_affected)
}
