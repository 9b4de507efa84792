//! The report: how far each scope is read, and what no webhook had brought.

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use souk_entity::{
    Scope,
    event_cursor::{Model, State},
};

use super::{ALARM, store};
use crate::context::Context;

/// A scope's place in its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Whose events.
    pub scope: Scope,
    /// Whether it is read.
    pub state: State,
    /// Why the last read failed, or why there are no more.
    pub reason: Option<String>,
    /// Everything until then was read, in Stripe's time.
    pub read_until: DateTime<Utc>,
    /// When it was last read, in wall time.
    pub checked_at: Option<DateTime<Utc>>,
    /// How far that is behind now, in seconds; none of a closed scope.
    pub lag_s: Option<i64>,
    /// How many events were found that no webhook had brought.
    pub found: i64,
    /// When the first of them happened.
    pub found_first_at: Option<DateTime<Utc>>,
    /// When the last of them happened.
    pub found_last_at: Option<DateTime<Utc>>,
    /// Whether Stripe will soon forget, or has forgotten, what is not read.
    pub alarm: bool,
}

/// The scopes in the order of their names, from the one after `after`; at most `limit`.
pub async fn gaps(ctx: &Context, after: Option<&Scope>, limit: u64) -> Result<Vec<Gap>, DbErr> {
    let now = ctx.clock.business();
    let cursors = store::list(&ctx.db, after, limit).await?;
    Ok(cursors.into_iter().map(|cursor| gap(cursor, now)).collect())
}

fn gap(cursor: Model, now: DateTime<Utc>) -> Gap {
    let lag = (cursor.state != State::Closed).then(|| now - cursor.read_until);
    Gap {
        scope: cursor.scope,
        state: cursor.state,
        reason: cursor.reason,
        read_until: cursor.read_until,
        checked_at: cursor.checked_at,
        lag_s: lag.map(|lag| lag.num_seconds().max(0)),
        found: cursor.found,
        found_first_at: cursor.found_first_at,
        found_last_at: cursor.found_last_at,
        alarm: lag.is_some_and(|lag| lag > ALARM),
    }
}
