//! What the inbox has not brought to its end, for metrics and alarms.

use chrono::{DateTime, Duration, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use souk_entity::stripe_event::{self, State};

use crate::context::Context;

/// The events of one state that need the worker or a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// `pending`, `waiting` or `dead`.
    pub state: State,
    /// How many.
    pub events: i64,
    /// How long the oldest has been here; none if there is none.
    pub oldest: Option<Duration>,
}

/// Counts the events that are not at their end. Those that are done, ignored or foreign are many, and not counted.
pub async fn backlog(ctx: &Context) -> Result<Vec<Backlog>, DbErr> {
    let now = ctx.clock.wall();
    let mut backlog = Vec::new();
    for state in [State::Pending, State::Waiting, State::Dead] {
        let (events, oldest) = count(&ctx.db, state).await?;
        backlog.push(Backlog { state, events, oldest: oldest.map(|received_at| now - received_at) });
    }
    Ok(backlog)
}

/// How many events are in a state, and since when the oldest of them is here.
async fn count(db: &impl ConnectionTrait, state: State) -> Result<(i64, Option<DateTime<Utc>>), DbErr> {
    let counted = stripe_event::Entity::find()
        .select_only()
        .column_as(stripe_event::Column::Id.count(), "events")
        .column_as(stripe_event::Column::ReceivedAt.min(), "oldest")
        .filter(stripe_event::Column::State.eq(state))
        .into_tuple::<(i64, Option<DateTime<Utc>>)>()
        .one(db)
        .await?;
    Ok(counted.unwrap_or_default())
}
