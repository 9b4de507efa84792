//! All queries of the inbox.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Condition, Expr, LockBehavior, LockType, OnConflict},
};
use souk_entity::{
    Scope, inbox_object,
    stripe_event::{self, State},
    webhook_secret_use::{self, Endpoint},
};

use crate::{context::Context, db};

/// How long a worker has an object. Each event that it settles renews the lease; what a crash leaves behind is
/// picked up again after it.
const LEASE: Duration = Duration::seconds(60);
/// How many open events of one object are looked at in one go.
const LARGEST_BACKLOG: u64 = 500;

/// Stores events and makes the objects of those that are new due, in one transaction. Both are written in the
/// order of their keys: two replicas that store the same events in other orders would dead-lock.
pub(super) async fn insert(ctx: &Context, events: &[stripe_event::Model]) -> Result<(), DbErr> {
    let mut sorted: Vec<&stripe_event::Model> = events.iter().collect();
    sorted.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    sorted.dedup_by(|a, b| a.id == b.id);
    let rows = sorted.iter().map(|event| (*event).clone().into_active_model());
    let mut insert = stripe_event::Entity::insert_many(rows)
        .on_conflict(OnConflict::column(stripe_event::Column::Id).do_nothing().to_owned())
        .into_query();
    insert.returning_col(stripe_event::Column::Id);

    let tx = db::begin_write(&ctx.db).await?;
    let mut new = BTreeSet::new();
    for row in tx.query_all(&insert).await? {
        new.insert(row.try_get_by_index::<String>(0)?);
    }
    let objects: BTreeSet<(&Scope, &str)> = sorted
        .iter()
        .filter(|event| new.contains(&event.id))
        .map(|event| (&event.scope, event.object_id.as_str()))
        .collect();
    if !objects.is_empty() {
        make_due(&tx, objects, ctx.clock.wall()).await?;
    }
    tx.commit().await
}

/// Makes objects due, known or new. A worker that is about to let go of one of them waits for this transaction,
/// or this one for it: either way the new event is seen.
pub(super) async fn make_due(
    tx: &DatabaseTransaction,
    objects: BTreeSet<(&Scope, &str)>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let rows = objects.into_iter().map(|(scope, object_id)| inbox_object::ActiveModel {
        scope: Set(scope.clone()),
        object_id: Set(object_id.to_owned()),
        next_at: Set(Some(now)),
        lease_until: Set(None),
        fence: Set(0),
        applied_as_of: Set(None),
    });
    inbox_object::Entity::insert_many(rows)
        .on_conflict(
            OnConflict::columns([inbox_object::Column::Scope, inbox_object::Column::ObjectId])
                .update_column(inbox_object::Column::NextAt)
                .to_owned(),
        )
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// A leased object.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) scope: Scope,
    pub(super) object_id: String,
    fence: i64,
    pub(super) applied_as_of: Option<DateTime<Utc>>,
}

/// Leases the object that has been due for longest, if one is. PostgreSQL skips those that another worker is
/// leasing at this moment; on SQLite writers take turns anyhow.
pub(super) async fn claim(ctx: &Context) -> Result<Option<Claim>, DbErr> {
    let now = ctx.clock.wall();
    let tx = db::begin_write(&ctx.db).await?;
    let is_free = Condition::any()
        .add(inbox_object::Column::LeaseUntil.is_null())
        .add(inbox_object::Column::LeaseUntil.lte(now));
    let due = inbox_object::Entity::find()
        .filter(inbox_object::Column::NextAt.lte(now))
        .filter(is_free)
        .order_by_asc(inbox_object::Column::NextAt)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .one(&tx)
        .await?;
    let Some(object) = due else {
        tx.rollback().await?;
        return Ok(None);
    };
    let claim = Claim {
        scope: object.scope.clone(),
        object_id: object.object_id.clone(),
        fence: object.fence + 1,
        applied_as_of: object.applied_as_of,
    };
    let mut leased = object.into_active_model();
    leased.lease_until = Set(Some(now + LEASE));
    leased.fence = Set(claim.fence);
    leased.update(&tx).await?;
    tx.commit().await?;
    Ok(Some(claim))
}

impl Claim {
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
    pub(super) async fn stamp(
        &self,
        tx: &DatabaseTransaction,
        applied_as_of: Option<DateTime<Utc>>,
    ) -> Result<(), DbErr> {
        inbox_object::Entity::update_many()
            .col_expr(inbox_object::Column::AppliedAsOf, Expr::value(applied_as_of))
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

/// An open event, as far as its place in the order needs it.
#[derive(Clone, Debug, PartialEq, Eq, sea_orm::FromQueryResult)]
pub(super) struct Open {
    pub(super) id: String,
    pub(super) next_at: DateTime<Utc>,
    pub(super) state: State,
    pub(super) attempts: i32,
}

/// The open events of a claimed object, in Stripe's order.
pub(super) async fn open_events(db: &impl ConnectionTrait, claim: &Claim) -> Result<Vec<Open>, DbErr> {
    stripe_event::Entity::find()
        .select_only()
        .columns([
            stripe_event::Column::Id,
            stripe_event::Column::NextAt,
            stripe_event::Column::State,
            stripe_event::Column::Attempts,
        ])
        .filter(stripe_event::Column::Scope.eq(claim.scope.clone()))
        .filter(stripe_event::Column::ObjectId.eq(claim.object_id.as_str()))
        .filter(stripe_event::Column::State.is_in([State::Pending, State::Waiting]))
        .order_by_asc(stripe_event::Column::StripeCreatedAt)
        .order_by_asc(stripe_event::Column::Id)
        .limit(LARGEST_BACKLOG)
        .into_model::<Open>()
        .all(db)
        .await
}

/// An event with its payload.
pub(super) async fn event(db: &impl ConnectionTrait, id: &str) -> Result<Option<stripe_event::Model>, DbErr> {
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

/// Events in a state, by id, from the one after `after`; at most `limit`. The payloads stay sealed.
pub async fn list(
    db: &impl ConnectionTrait,
    state: State,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<stripe_event::Model>, DbErr> {
    let mut events = stripe_event::Entity::find().filter(stripe_event::Column::State.eq(state));
    if let Some(after) = after {
        events = events.filter(stripe_event::Column::Id.gt(after));
    }
    events.order_by_asc(stripe_event::Column::Id).limit(limit).all(db).await
}

/// Writes down that a signing secret was used. A process that is behind does not take it back.
pub(super) async fn note_secret_use(
    db: &impl ConnectionTrait,
    endpoint: Endpoint,
    fingerprint: String,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let used = webhook_secret_use::Column::LastUsedAt;
    let row = webhook_secret_use::ActiveModel {
        endpoint: Set(endpoint),
        fingerprint: Set(fingerprint),
        last_used_at: Set(now),
    };
    let key = [webhook_secret_use::Column::Endpoint, webhook_secret_use::Column::Fingerprint];
    let later = OnConflict::columns(key)
        .update_column(used)
        .action_and_where(Expr::col((webhook_secret_use::Entity, used)).lt(now))
        .to_owned();
    webhook_secret_use::Entity::insert(row).on_conflict(later).exec_without_returning(db).await?;
    Ok(())
}

/// When each secret that was ever used was last used.
pub(super) async fn secret_uses(db: &impl ConnectionTrait) -> Result<Vec<webhook_secret_use::Model>, DbErr> {
    webhook_secret_use::Entity::find().all(db).await
}
