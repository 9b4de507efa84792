//! The queries of the job kit.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter,
    sea_query::{Expr, LockBehavior, LockType, OnConflict, Order, Query},
};
use souk_entity::{JobId, job};
use uuid::Uuid;

use crate::context::Context;

/// Writes a job that is due at `due` (wall time), in the caller's transaction.
pub async fn enqueue(
    tx: &DatabaseTransaction,
    ctx: &Context,
    kind: &str,
    key: &str,
    due: DateTime<Utc>,
) -> Result<(), DbErr> {
    let row = new(ctx, kind, key, due);
    let again = OnConflict::columns([job::Column::Kind, job::Column::Key])
        .value(job::Column::Generation, Expr::col((job::Entity, job::Column::Generation)).add(1))
        .value(job::Column::State, "pending")
        .value(job::Column::NextAt, due)
        .value(job::Column::Attempts, 0)
        .to_owned();
    job::Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
    Ok(())
}

/// As [`enqueue`], but a job that waits or runs already stays as it is; one that is dead begins anew. Tells whether
/// there is something to do that was not.
pub async fn enqueue_once(
    tx: &DatabaseTransaction,
    ctx: &Context,
    kind: &str,
    key: &str,
    due: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let revive = OnConflict::columns([job::Column::Kind, job::Column::Key])
        .value(job::Column::State, "pending")
        .value(job::Column::NextAt, due)
        .value(job::Column::Attempts, 0)
        .action_and_where(Expr::col((job::Entity, job::Column::State)).eq("dead"))
        .to_owned();
    let inserted =
        job::Entity::insert(new(ctx, kind, key, due)).on_conflict(revive).exec_without_returning(tx).await?;
    Ok(inserted == 1)
}

fn new(ctx: &Context, kind: &str, key: &str, due: DateTime<Utc>) -> job::ActiveModel {
    job::ActiveModel {
        id: Set(JobId::from_uuid(Uuid::now_v7())),
        kind: Set(kind.to_owned()),
        key: Set(key.to_owned()),
        state: Set(job::State::Pending),
        next_at: Set(due),
        lease_until: Set(None),
        fence: Set(0),
        generation: Set(0),
        attempts: Set(0),
        last_error: Set(None),
        created_at: Set(ctx.clock.wall()),
    }
}

/// Keeps a job that takes long; tells whether it was still ours.
pub(super) async fn extend(ctx: &Context, job: &job::Model, lease: Duration) -> Result<bool, DbErr> {
    let extended = job::Entity::update_many()
        .col_expr(job::Column::LeaseUntil, Expr::value(ctx.clock.wall() + lease))
        .filter(mine(job))
        .exec(&ctx.db)
        .await?;
    Ok(extended.rows_affected == 1)
}

/// Of which kinds jobs are claimed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kinds<'a> {
    One(&'a str),
    AllBut(&'a [&'static str]),
}

/// Leases the jobs that have been due for longest, at most `limit`.
pub(super) async fn claim(
    ctx: &Context,
    lease: Duration,
    kinds: Kinds<'_>,
    limit: u64,
) -> Result<Vec<job::Model>, DbErr> {
    let now = ctx.clock.wall();
    let wanted = match kinds {
        Kinds::One(kind) => job::Column::Kind.eq(kind),
        Kinds::AllBut(kinds) => job::Column::Kind.is_not_in(kinds.iter().copied()),
    };
    let free = Condition::any().add(job::Column::LeaseUntil.is_null()).add(job::Column::LeaseUntil.lt(now));
    let due = Query::select()
        .column(job::Column::Id)
        .from(job::Entity)
        .cond_where(
            Condition::all()
                .add(job::Column::State.eq(job::State::Pending))
                .add(job::Column::NextAt.lte(now))
                .add(wanted)
                .add(free),
        )
        .order_by(job::Column::NextAt, Order::Asc)
        .limit(limit)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .to_owned();
    job::Entity::update_many()
        .col_expr(job::Column::LeaseUntil, Expr::value(now + lease))
        .col_expr(job::Column::Fence, Expr::col(job::Column::Fence).add(1))
        .filter(job::Column::Id.in_subquery(due))
        .exec_with_returning(&ctx.db)
        .await
}

/// Deletes jobs that were done; those that were enqueued meanwhile become due again.
pub(super) async fn finish(ctx: &Context, jobs: &[&job::Model]) -> Result<(), DbErr> {
    if jobs.is_empty() {
        return Ok(());
    }
    let as_begun = |job: &job::Model| mine(job).add(job::Column::Generation.eq(job.generation));
    let deleted = job::Entity::delete_many()
        .filter(jobs.iter().fold(Condition::any(), |any, job| any.add(as_begun(job))))
        .exec(&ctx.db)
        .await?;
    if deleted.rows_affected < jobs.len() as u64 {
        for job in jobs {
            release(job).exec(&ctx.db).await?;
        }
    }
    Ok(())
}

/// Puts a job back for another try after `wait`.
pub(super) async fn retry(ctx: &Context, job: &job::Model, error: &str, wait: Duration) -> Result<(), DbErr> {
    release(job)
        .col_expr(job::Column::Attempts, Expr::col(job::Column::Attempts).add(1))
        .col_expr(job::Column::LastError, Expr::value(error))
        .col_expr(job::Column::NextAt, Expr::value(ctx.clock.wall() + wait))
        .exec(&ctx.db)
        .await?;
    Ok(())
}

/// Gives a job up; a person must look. One that was enqueued meanwhile becomes due again: what made it necessary
/// may be what it lacked.
pub(super) async fn bury(ctx: &Context, job: &job::Model, error: &str) -> Result<(), DbErr> {
    let buried = release(job)
        .col_expr(job::Column::State, Expr::value("dead"))
        .col_expr(job::Column::LastError, Expr::value(error))
        .filter(job::Column::Generation.eq(job.generation))
        .exec(&ctx.db)
        .await?;
    if buried.rows_affected == 0 {
        release(job).exec(&ctx.db).await?;
    }
    Ok(())
}

/// How many jobs there are of each state; those that are done are deleted.
pub async fn counts(ctx: &Context) -> Result<Vec<(job::State, i64)>, DbErr> {
    let mut counts = Vec::new();
    for state in [job::State::Pending, job::State::Dead] {
        let jobs = job::Entity::find().filter(job::Column::State.eq(state)).count(&ctx.db).await?;
        counts.push((state, i64::try_from(jobs).unwrap_or(i64::MAX)));
    }
    Ok(counts)
}

/// The job, as long as nobody else has leased it since.
fn mine(job: &job::Model) -> Condition {
    Condition::all().add(job::Column::Id.eq(job.id)).add(job::Column::Fence.eq(job.fence))
}

fn release(job: &job::Model) -> sea_orm::UpdateMany<job::Entity> {
    job::Entity::update_many()
        .col_expr(job::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
        .filter(mine(job))
}
