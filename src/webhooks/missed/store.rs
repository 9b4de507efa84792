//! The queries of the cursors.

use chrono::{DateTime, Duration, Utc};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait,
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, UpdateMany,
    sea_query::{Expr, LockBehavior, LockType, OnConflict},
};
use souk_entity::{
    Scope,
    event_cursor::{ActiveModel, Column, Entity, Model, State},
    stripe_event,
};

use crate::{context::Context, db, webhooks::insert as inbox};

/// A worker that dies gives its scopes free after this. Each page renews it.
const LEASE: Duration = Duration::seconds(120);
/// When a new scope is first read. Nothing can be missing from it before.
const FIRST_READ: Duration = Duration::minutes(10);

/// Has a scope read from `since` on (Stripe's time), in the transaction in which it became known. One that is known
/// stays as it is.
pub async fn watch(
    db: &impl ConnectionTrait,
    ctx: &Context,
    scope: &Scope,
    since: DateTime<Utc>,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        scope: Set(scope.clone()),
        state: Set(State::Open),
        reason: Set(None),
        read_until: Set(since),
        active_at: Set(Some(since)),
        checked_at: Set(None),
        next_at: Set(ctx.clock.wall() + FIRST_READ),
        attempts: Set(0),
        lease_until: Set(None),
        fence: Set(0),
        found: Set(0),
        found_first_at: Set(None),
        found_last_at: Set(None),
        key_account: Set(None),
    };
    let known = OnConflict::column(Column::Scope).do_nothing().to_owned();
    Entity::insert(row).on_conflict(known).exec_without_returning(db).await?;
    Ok(())
}

/// Ends the reading of a scope, in the transaction in which its account left.
pub async fn close(tx: &DatabaseTransaction, scope: &Scope, reason: &str) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value("closed"))
        .col_expr(Column::Reason, Expr::value(Some(reason.to_owned())))
        .col_expr(Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
        .filter(Column::Scope.eq(scope.clone()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Stores what a page holds; tells how many of it the inbox did not have, and writes that down.
pub(super) async fn keep(ctx: &Context, scope: &Scope, events: &[stripe_event::Model]) -> Result<u64, DbErr> {
    let Some(newest) = events.iter().map(|event| event.stripe_created_at).max() else { return Ok(0) };
    let tx = db::begin_write(&ctx.db).await?;
    let new = inbox::insert_in(&tx, events, ctx.clock.wall()).await?;
    let happened = || {
        let found = events.iter().filter(|event| new.contains(&event.id));
        found.map(|event| event.stripe_created_at)
    };
    let count = i64::try_from(new.len()).unwrap_or(i64::MAX);
    if let Some(cursor) = Entity::find_by_id(scope.clone()).lock_exclusive().one(&tx).await? {
        let active_at = cursor.active_at.into_iter().chain([newest]).max();
        let first = cursor.found_first_at.into_iter().chain(happened()).min();
        let last = cursor.found_last_at.into_iter().chain(happened()).max();
        let found = cursor.found.saturating_add(count);
        let mut row = cursor.into_active_model();
        row.active_at = Set(active_at);
        row.found = Set(found);
        row.found_first_at = Set(first);
        row.found_last_at = Set(last);
        row.update(&tx).await?;
    }
    db::commit(tx, "missed_events", "insert").await?;
    if count > 0 {
        tracing::warn!(%scope, events = count, "events were found that no webhook had brought");
        ctx.wake.notify_waiters();
    }
    Ok(u64::try_from(count).unwrap_or_default())
}

/// Moves the cursor to the end of a window that was read whole, if the window begins where the cursor stands or
/// before it.
pub(super) async fn advance(
    db: &impl ConnectionTrait,
    scope: &Scope,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::ReadUntil, Expr::value(to))
        .filter(Column::Scope.eq(scope.clone()))
        .filter(Column::ReadUntil.gte(from))
        .filter(Column::ReadUntil.lt(to))
        .exec(db)
        .await?;
    Ok(())
}

/// A worker's right to a scope.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    scope: Scope,
    fence: i64,
}

/// Leases the scope that has been due for longest, if one is.
pub(super) async fn claim(ctx: &Context) -> Result<Option<(Model, Lease)>, DbErr> {
    let now = ctx.clock.wall();
    let tx = db::begin_write(&ctx.db).await?;
    let free = Condition::any().add(Column::LeaseUntil.is_null()).add(Column::LeaseUntil.lte(now));
    let due = Entity::find()
        .filter(Column::State.is_in([State::Open, State::Refused]))
        .filter(Column::NextAt.lte(now))
        .filter(free)
        .order_by_asc(Column::NextAt)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .one(&tx)
        .await?;
    let Some(cursor) = due else {
        tx.rollback().await?;
        return Ok(None);
    };
    let lease = Lease { scope: cursor.scope.clone(), fence: cursor.fence + 1 };
    let mut leased = cursor.into_active_model();
    leased.lease_until = Set(Some(now + LEASE));
    leased.fence = Set(lease.fence);
    let leased = leased.update(&tx).await?;
    db::commit(tx, "missed_events", "lease").await?;
    Ok(Some((leased, lease)))
}

/// What becomes of a scope after a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Release {
    pub(super) state: State,
    pub(super) reason: Option<String>,
    /// In wall time.
    pub(super) next_at: DateTime<Utc>,
    pub(super) attempts: i32,
    /// In wall time, if a window was read to its end.
    pub(super) checked_at: Option<DateTime<Utc>>,
}

impl Lease {
    fn ours(&self) -> UpdateMany<Entity> {
        Entity::update_many()
            .filter(Column::Scope.eq(self.scope.clone()))
            .filter(Column::Fence.eq(self.fence))
            .filter(Column::State.ne(State::Closed))
    }

    /// False if the scope has passed to another worker, or was closed.
    pub(super) async fn renew(&self, ctx: &Context) -> Result<bool, DbErr> {
        let until = ctx.clock.wall() + LEASE;
        let renewed =
            self.ours().col_expr(Column::LeaseUntil, Expr::value(Some(until))).exec(&ctx.db).await?;
        Ok(renewed.rows_affected == 1)
    }

    /// Lets the scope go.
    pub(super) async fn release(&self, ctx: &Context, release: &Release) -> Result<(), DbErr> {
        let mut update = self
            .ours()
            .col_expr(Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
            .col_expr(Column::State, Expr::value(release.state))
            .col_expr(Column::Reason, Expr::value(release.reason.clone()))
            .col_expr(Column::NextAt, Expr::value(release.next_at))
            .col_expr(Column::Attempts, Expr::value(release.attempts));
        if release.checked_at.is_some() {
            update = update.col_expr(Column::CheckedAt, Expr::value(release.checked_at));
        }
        update.exec(&ctx.db).await?;
        Ok(())
    }
}

/// A scope's cursor.
pub(super) async fn find(db: &impl ConnectionTrait, scope: &Scope) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(scope.clone()).one(db).await
}

/// Cursors by scope, from the one after `after`; at most `limit`.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    after: Option<&Scope>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut query = Entity::find().order_by_asc(Column::Scope).limit(limit);
    if let Some(after) = after {
        query = query.filter(Column::Scope.gt(after.clone()));
    }
    query.all(db).await
}

/// Notes that a scope was read to the end of a window.
pub(super) async fn note_checked(
    db: &impl ConnectionTrait,
    scope: &Scope,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::CheckedAt, Expr::value(Some(now)))
        .filter(Column::Scope.eq(scope.clone()))
        .exec(db)
        .await?;
    Ok(())
}

/// Writes down which Stripe account the key is of, unless that is known.
pub(super) async fn learn_key_account(db: &impl ConnectionTrait, account: &str) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::KeyAccount, Expr::value(Some(account.to_owned())))
        .filter(Column::Scope.eq(Scope::Platform))
        .filter(Expr::col(Column::KeyAccount).is_null())
        .exec(db)
        .await?;
    Ok(())
}
