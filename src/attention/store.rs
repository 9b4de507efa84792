//! The queries of what needs a person, each over the rows of a state that few rows are in.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use souk_entity::{job, stripe_event, stripe_request};

/// Writes to Stripe whose outcome nobody knows, the oldest first.
pub(super) async fn unknown_requests(
    db: &DatabaseConnection,
    limit: u64,
) -> Result<Vec<stripe_request::Model>, DbErr> {
    stripe_request::Entity::find()
        .filter(stripe_request::Column::State.eq(stripe_request::State::Unknown))
        .order_by_asc(stripe_request::Column::Id)
        .limit(limit)
        .all(db)
        .await
}

/// Events that died, or that wait since `long_ago`, the oldest first.
pub(super) async fn stuck_events(
    db: &DatabaseConnection,
    long_ago: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<stripe_event::Model>, DbErr> {
    use stripe_event::{Column, State};
    let waiting = Condition::all().add(Column::State.eq(State::Waiting)).add(Column::ReceivedAt.lt(long_ago));
    stripe_event::Entity::find()
        .filter(Condition::any().add(Column::State.eq(State::Dead)).add(waiting))
        .order_by_asc(Column::ReceivedAt)
        .limit(limit)
        .all(db)
        .await
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
