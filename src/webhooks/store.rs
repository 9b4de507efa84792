//! All queries of the inbox.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    sea_query::{Condition, Expr, InsertStatement, LockBehavior, LockType, OnConflict, Order, Query},
};
use souk_entity::{
    Scope, inbox_object,
    stripe_event::{self, State},
};

use super::gate::Stamp;
use crate::{context::Context, failpoint};

/// How long a worker has an object. Each event that it settles renews the lease; what a crash leaves behind is
/// picked up again after it, soon enough for all to be at rest a minute after the crash. Longer than the two reads of
/// Stripe that one event may need.
const LEASE: Duration = Duration::seconds(30);
/// How many open events of one object are looked at in one go.
pub(super) const LARGEST_BACKLOG: u64 = 500;
/// What an object is known by.
pub(super) const KEY: [inbox_object::Column; 2] =
    [inbox_object::Column::Scope, inbox_object::Column::ObjectId];

/// A leased object.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) scope: Scope,
    pub(super) object_id: String,
    fence: i64,
    pub(super) applied: Option<Stamp>,
}

impl From<inbox_object::Model> for Claim {
    fn from(object: inbox_object::Model) -> Self {
        let inbox_object::Model { scope, object_id, fence, .. } = object;
        let applied = object.applied_as_of.zip(object.applied_until);
        Self { scope, object_id, fence, applied: applied.map(|(as_of, until)| Stamp { as_of, until }) }
    }
}

/// Leases the objects that have been due for longest, at most `limit`. PostgreSQL skips those that another worker is
/// leasing at this moment; on SQLite writers take turns anyhow.
pub(super) async fn claim(ctx: &Context, limit: u64) -> Result<Vec<Claim>, DbErr> {
    let now = ctx.clock.wall();
    let is_free = Condition::any()
        .add(inbox_object::Column::LeaseUntil.is_null())
        .add(inbox_object::Column::LeaseUntil.lte(now));
    let due = Query::select()
        .columns(KEY)
        .from(inbox_object::Entity)
        .cond_where(Condition::all().add(inbox_object::Column::NextAt.lte(now)).add(is_free))
        .order_by(inbox_object::Column::NextAt, Order::Asc)
        .limit(limit)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .to_owned();
    let claiming = inbox_object::Entity::update_many()
        .col_expr(inbox_object::Column::LeaseUntil, Expr::value(Some(now + LEASE)))
        .col_expr(inbox_object::Column::Fence, Expr::col(inbox_object::Column::Fence).add(1))
        .filter(Expr::tuple(KEY.map(Expr::col)).in_subquery(due));
    let claimed = failpoint::around("inbox", "claim", claiming.exec_with_returning(&ctx.db)).await?;
    Ok(claimed.into_iter().map(Claim::from).collect())
}

impl Claim {
    fn row(
        &self,
        next_at: Option<DateTime<Utc>>,
        lease_until: Option<DateTime<Utc>>,
    ) -> inbox_object::ActiveModel {
        inbox_object::ActiveModel {
            scope: Set(self.scope.clone()),
            object_id: Set(self.object_id.clone()),
            next_at: Set(next_at),
            lease_until: Set(lease_until),
            fence: Set(self.fence),
            applied_as_of: Set(self.applied.map(|stamp| stamp.as_of)),
            applied_until: Set(self.applied.map(|stamp| stamp.until)),
        }
    }

    fn is_ours(&self) -> Condition {
        Condition::all()
            .add(inbox_object::Column::Scope.eq(self.scope.clone()))
            .add(inbox_object::Column::ObjectId.eq(self.object_id.as_str()))
            .add(inbox_object::Column::Fence.eq(self.fence))
    }

    /// Renews the lease inside a transaction, which from here on has the object's row to itself. False if the
    /// object has passed to another worker: then nothing may be committed.
    pub(super) async fn hold(&self, tx: &DatabaseTransaction, now: DateTime<Utc>) -> Result<bool, DbErr> {
        let renewed = inbox_object::Entity::update_many()
            .col_expr(inbox_object::Column::LeaseUntil, Expr::value(Some(now + LEASE)))
            .filter(self.is_ours())
            .exec(tx)
            .await?;
        Ok(renewed.rows_affected == 1)
    }

    /// Stamps the object with the time of the newest state that was applied.
    pub(super) async fn stamp(&self, tx: &DatabaseTransaction, applied: Stamp) -> Result<(), DbErr> {
        inbox_object::Entity::update_many()
            .col_expr(inbox_object::Column::AppliedAsOf, Expr::value(Some(applied.as_of)))
            .col_expr(inbox_object::Column::AppliedUntil, Expr::value(Some(applied.until)))
            .filter(self.is_ours())
            .exec(tx)
            .await?;
        Ok(())
    }

    /// Ends the lease; the object is due again at `next_at`.
    pub(super) async fn let_go(
        &self,
        tx: &DatabaseTransaction,
        next_at: Option<DateTime<Utc>>,
    ) -> Result<(), DbErr> {
        inbox_object::Entity::update_many()
            .col_expr(inbox_object::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
            .col_expr(inbox_object::Column::NextAt, Expr::value(next_at))
            .filter(self.is_ours())
            .exec(tx)
            .await?;
        Ok(())
    }
}

/// Takes the rows of many claimed objects, in the order in which deliveries take them, and returns those that have
/// not passed to another worker. From here on the transaction has them to itself.
pub(super) async fn hold_all(
    tx: &DatabaseTransaction,
    claims: &[&Claim],
    now: DateTime<Utc>,
) -> Result<BTreeSet<(Scope, String)>, DbErr> {
    let rows = claims.iter().map(|claim| claim.row(None, Some(now + LEASE)));
    let mut hold = upsert(rows.collect(), &[inbox_object::Column::LeaseUntil]);
    hold.returning(Query::returning().columns(KEY));
    let mut held = BTreeSet::new();
    for row in tx.query_all(&hold).await? {
        held.insert((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
    }
    Ok(held)
}

/// Stamps many claimed objects and lets them go, each to be due again at its time.
pub(super) async fn let_all_go(
    tx: &DatabaseTransaction,
    claims: &[(&Claim, Option<DateTime<Utc>>)],
) -> Result<(), DbErr> {
    let rows = claims.iter().map(|(claim, next_at)| claim.row(*next_at, None));
    let columns = [
        inbox_object::Column::NextAt,
        inbox_object::Column::LeaseUntil,
        inbox_object::Column::AppliedAsOf,
        inbox_object::Column::AppliedUntil,
    ];
    tx.execute(&upsert(rows.collect(), &columns)).await?;
    Ok(())
}

/// Writes columns of rows that exist, each under its fence. Both databases know no other way to give many rows
/// different values in one statement that also fixes the order in which they are locked.
fn upsert(mut rows: Vec<inbox_object::ActiveModel>, columns: &[inbox_object::Column]) -> InsertStatement {
    rows.sort_by(|a, b| {
        (a.scope.as_ref(), a.object_id.as_ref()).cmp(&(b.scope.as_ref(), b.object_id.as_ref()))
    });
    let fence = inbox_object::Column::Fence;
    let of_the_fence = Expr::col((inbox_object::Entity, fence)).eq(Expr::col(("excluded", fence)));
    let on_conflict = OnConflict::columns(KEY)
        .update_columns(columns.iter().copied())
        .action_and_where(of_the_fence)
        .to_owned();
    inbox_object::Entity::insert_many(rows).on_conflict(on_conflict).into_query()
}

/// An open event, as far as its place in the order needs it.
#[derive(Clone, Debug, PartialEq, Eq, sea_orm::FromQueryResult)]
pub(super) struct Open {
    pub(super) id: String,
    pub(super) scope: Scope,
    pub(super) object_id: String,
    pub(super) next_at: DateTime<Utc>,
    pub(super) state: State,
    pub(super) attempts: i32,
}

impl Open {
    pub(super) fn is_of(&self, claim: &Claim) -> bool {
        (&self.scope, &self.object_id) == (&claim.scope, &claim.object_id)
    }
}

/// The open events of claimed objects, in Stripe's order: at most [`LARGEST_BACKLOG`].
pub(super) async fn open_events(
    db: &impl ConnectionTrait,
    claims: impl IntoIterator<Item = &Claim>,
) -> Result<Vec<Open>, DbErr> {
    let of = |claim: &Claim| {
        Condition::all()
            .add(stripe_event::Column::Scope.eq(claim.scope.clone()))
            .add(stripe_event::Column::ObjectId.eq(claim.object_id.as_str()))
    };
    stripe_event::Entity::find()
        .select_only()
        .columns([
            stripe_event::Column::Id,
            stripe_event::Column::Scope,
            stripe_event::Column::ObjectId,
            stripe_event::Column::NextAt,
            stripe_event::Column::State,
            stripe_event::Column::Attempts,
        ])
        .filter(claims.into_iter().fold(Condition::any(), |any, claim| any.add(of(claim))))
        .filter(stripe_event::Column::State.is_in([State::Pending, State::Waiting]))
        .order_by_asc(stripe_event::Column::StripeCreatedAt)
        .order_by_asc(stripe_event::Column::Id)
        .limit(LARGEST_BACKLOG)
        .into_model::<Open>()
        .all(db)
        .await
}

/// Events with their payloads.
pub(super) async fn events(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = &str>,
) -> Result<Vec<stripe_event::Model>, DbErr> {
    stripe_event::Entity::find().filter(stripe_event::Column::Id.is_in(ids)).all(db).await
}

/// An event with its payload.
pub async fn event(db: &impl ConnectionTrait, id: &str) -> Result<Option<stripe_event::Model>, DbErr> {
    stripe_event::Entity::find_by_id(id).one(db).await
}

/// What becomes of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settlement {
    pub(super) state: State,
    pub(super) reason: Option<String>,
    pub(super) attempts: i32,
    /// When an open event is tried again.
    pub(super) next_at: Option<DateTime<Utc>>,
}

/// Closes events that went well together, all from one state to another. Returns how many it were: fewer if one of
/// them was changed meanwhile.
pub(super) async fn close_all(
    tx: &DatabaseTransaction,
    ids: impl IntoIterator<Item = &str>,
    was: State,
    settlement: &Settlement,
    now: DateTime<Utc>,
) -> Result<u64, DbErr> {
    let changed = stripe_event::ActiveModel {
        state: Set(settlement.state),
        reason: Set(settlement.reason.clone()),
        attempts: Set(settlement.attempts),
        processed_at: Set(Some(now)),
        ..Default::default()
    };
    let closed = stripe_event::Entity::update_many()
        .set(changed)
        .filter(stripe_event::Column::Id.is_in(ids))
        .filter(stripe_event::Column::State.eq(was))
        .exec(tx)
        .await?;
    Ok(closed.rows_affected)
}

/// Writes what became of an event, if it is still in the state that `row` has; false if it isn't. Whatever changed it
/// meanwhile was right: a commit of ours whose answer was lost, or a replay.
pub(super) async fn settle(
    tx: &DatabaseTransaction,
    row: &stripe_event::Model,
    settlement: &Settlement,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let is_open = matches!(settlement.state, State::Pending | State::Waiting);
    let changed = stripe_event::ActiveModel {
        state: Set(settlement.state),
        reason: Set(settlement.reason.clone()),
        attempts: Set(settlement.attempts),
        next_at: Set(settlement.next_at.unwrap_or(row.next_at)),
        processed_at: Set((!is_open).then_some(now)),
        ..Default::default()
    };
    let settled = stripe_event::Entity::update_many()
        .set(changed)
        .filter(stripe_event::Column::Id.eq(row.id.as_str()))
        .filter(stripe_event::Column::State.eq(row.state))
        .exec(tx)
        .await?;
    Ok(settled.rows_affected == 1)
}

/// Opens a closed or waiting event again.
pub(super) async fn reopen(
    tx: &DatabaseTransaction,
    row: &stripe_event::Model,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let reopened = stripe_event::ActiveModel {
        id: Set(row.id.clone()),
        state: Set(State::Pending),
        reason: Set(Some(reason.to_owned())),
        attempts: Set(0),
        next_at: Set(now),
        processed_at: Set(None),
        ..Default::default()
    };
    reopened.update(tx).await?;
    Ok(())
}

/// Which events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this state.
    pub state: Option<State>,
    /// Of this `type` of Stripe's.
    pub event_type: Option<String>,
}

impl Filter {
    /// The events that it names, from the one after `after`.
    fn behind(&self, after: Option<&str>) -> Select<stripe_event::Entity> {
        let wanted = Condition::all()
            .add_option(self.state.map(|state| stripe_event::Column::State.eq(state)))
            .add_option(self.event_type.as_deref().map(|name| stripe_event::Column::EventType.eq(name)))
            .add_option(after.map(|after| stripe_event::Column::Id.gt(after)));
        stripe_event::Entity::find().filter(wanted)
    }
}

/// Events by id, from the one after `after`; at most `limit`. The payloads stay sealed.
pub async fn list(
    db: &impl ConnectionTrait,
    filter: &Filter,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<stripe_event::Model>, DbErr> {
    filter.behind(after).order_by_asc(stripe_event::Column::Id).limit(limit).all(db).await
}

/// Their ids alone.
pub(super) async fn ids(
    db: &impl ConnectionTrait,
    filter: &Filter,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<String>, DbErr> {
    let ids = filter.behind(after).select_only().column(stripe_event::Column::Id);
    ids.order_by_asc(stripe_event::Column::Id).limit(limit).into_tuple().all(db).await
}

/// How many events there are from the one after `after`.
pub(super) async fn count(
    db: &impl ConnectionTrait,
    filter: &Filter,
    after: Option<&str>,
) -> Result<u64, DbErr> {
    filter.behind(after).count(db).await
}
