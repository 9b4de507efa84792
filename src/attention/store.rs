//! The queries of what needs a person, each over the rows of a state that few rows are in.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, DbErr, EntityTrait, FromQueryResult, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, sea_query::SimpleExpr,
};
use souk_entity::{Scope, job, stripe_event, stripe_request};

/// Writes to Stripe whose outcome nobody knows, the oldest first.
pub(super) async fn unknown_requests(
    db: &DatabaseConnection,
    limit: u64,
) -> Result<Vec<stripe_request::Model>, DbErr> {
    stripe_request::Entity::find()
        .filter(is_unknown())
        .order_by_asc(stripe_request::Column::Id)
        .limit(limit)
        .all(db)
        .await
}

/// How many of them there are.
pub(super) async fn count_unknown_requests(db: &DatabaseConnection) -> Result<i64, DbErr> {
    stripe_request::Entity::find().filter(is_unknown()).count(db).await.map(signed)
}

fn is_unknown() -> SimpleExpr {
    stripe_request::Column::State.eq(stripe_request::State::Unknown)
}

/// An event, without what Stripe sent.
#[derive(Debug, FromQueryResult)]
pub(super) struct StuckEvent {
    pub(super) id: String,
    pub(super) scope: Scope,
    pub(super) event_type: String,
    pub(super) object_id: String,
    pub(super) state: stripe_event::State,
    pub(super) reason: Option<String>,
    pub(super) received_at: DateTime<Utc>,
}

/// Events that died, or that wait since `long_ago`, the oldest first.
pub(super) async fn stuck_events(
    db: &DatabaseConnection,
    long_ago: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<StuckEvent>, DbErr> {
    use stripe_event::Column::{EventType, Id, ObjectId, Reason, ReceivedAt, Scope, State};
    stripe_event::Entity::find()
        .select_only()
        .columns([Id, Scope, EventType, ObjectId, State, Reason, ReceivedAt])
        .filter(Condition::any().add(is_dead()).add(waits_since(long_ago)))
        .order_by_asc(ReceivedAt)
        .limit(limit)
        .into_model::<StuckEvent>()
        .all(db)
        .await
}

/// How many events died.
pub(super) async fn count_dead_events(db: &DatabaseConnection) -> Result<i64, DbErr> {
    stripe_event::Entity::find().filter(is_dead()).count(db).await.map(signed)
}

/// How many events wait since `long_ago`.
pub(super) async fn count_waiting_events(
    db: &DatabaseConnection,
    long_ago: DateTime<Utc>,
) -> Result<i64, DbErr> {
    stripe_event::Entity::find().filter(waits_since(long_ago)).count(db).await.map(signed)
}

fn is_dead() -> SimpleExpr {
    stripe_event::Column::State.eq(stripe_event::State::Dead)
}

fn waits_since(long_ago: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(stripe_event::Column::State.eq(stripe_event::State::Waiting))
        .add(stripe_event::Column::ReceivedAt.lt(long_ago))
}

/// Jobs that died, the oldest first.
pub(super) async fn dead_jobs(db: &DatabaseConnection, limit: u64) -> Result<Vec<job::Model>, DbErr> {
    job::Entity::find()
        .filter(job::Column::State.eq(job::State::Dead))
        .order_by_asc(job::Column::Id)
        .limit(limit)
        .all(db)
        .await
}

/// How many jobs died.
pub(super) async fn count_dead_jobs(db: &DatabaseConnection) -> Result<i64, DbErr> {
    job::Entity::find().filter(job::Column::State.eq(job::State::Dead)).count(db).await.map(signed)
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
