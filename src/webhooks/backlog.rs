//! What the inbox has not brought to its end, for metrics and alarms.

use chrono::Duration;
use sea_orm::DbErr;
use souk_entity::stripe_event::State;

use super::store;
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
        let (events, oldest) = store::count(&ctx.db, state).await?;
        backlog.push(Backlog { state, events, oldest: oldest.map(|received_at| now - received_at) });
    }
    Ok(backlog)
}
