//! A closed event is opened again: after a room was built, a bug was fixed, or an object was bound.

use std::collections::BTreeSet;

use sea_orm::DbErr;
use souk_entity::stripe_event::State;

use super::{
    gate::REPLAY_MARK,
    insert,
    store::{self, Filter},
};
use crate::{context::Context, db};

/// What came of the wish to replay an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// It is pending, and its object is due.
    Queued,
    /// There is no such event.
    Unknown,
    /// It is in a state that isn't replayed: done, or pending anyway.
    NotReplayable(State),
}

/// Opens an event again that is ignored, dead, foreign or waiting. Its object is read from Stripe when it is
/// handled, however old the event is by then: the state that is applied is never an old one. One whose object is
/// still unknown after its hour is tried once and is foreign again.
pub async fn replay(ctx: &Context, event_id: &str) -> Result<Replayed, DbErr> {
    let tx = db::begin_write(&ctx.db).await?;
    let Some(row) = store::event(&tx, event_id).await? else {
        tx.rollback().await?;
        return Ok(Replayed::Unknown);
    };
    // The object first, like everybody who works on it: then the state below can't change any more.
    let now = ctx.clock.wall();
    insert::make_due(&tx, BTreeSet::from([(&row.scope, row.object_id.as_str())]), now).await?;
    let row = store::event(&tx, event_id).await?.unwrap_or(row);
    if matches!(row.state, State::Done | State::Pending) {
        tx.rollback().await?;
        return Ok(Replayed::NotReplayable(row.state));
    }
    store::reopen(&tx, &row, REPLAY_MARK, now).await?;
    db::commit(tx, "inbox", "replay").await?;
    ctx.wake.notify_waiters();
    Ok(Replayed::Queued)
}

/// How far a replay of many has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayedMany {
    /// How many events were opened.
    pub replayed: u64,
    /// The last event that was looked at, if there are more behind it: where the next call goes on.
    pub last: Option<String>,
    /// How many events behind it the filter names.
    pub remaining: u64,
}

/// Opens again the events that the filter names, in the order of their ids from the one after `after`: at most `limit`,
/// each in a transaction of its own. Opens none if the filter names a state that isn't replayed.
///
/// However many there are, call after call comes to their end: what is handled and ends as it was before (an event
/// that still nobody handles, say) stands before `last` by then.
pub async fn replay_all(
    ctx: &Context,
    filter: &Filter,
    after: Option<&str>,
    limit: u64,
) -> Result<ReplayedMany, DbErr> {
    let ids = store::ids(&ctx.db, filter, after, limit).await?;
    let mut replayed = 0;
    for id in &ids {
        if replay(ctx, id).await? == Replayed::Queued {
            replayed += 1;
        }
    }
    let last = ids.into_iter().next_back();
    let remaining = match &last {
        Some(last) => store::count(&ctx.db, filter, Some(last)).await?,
        None => 0,
    };
    Ok(ReplayedMany { replayed, last: last.filter(|_| remaining > 0), remaining })
}
