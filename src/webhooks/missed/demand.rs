//! The reading on demand: a person wants to know now, or from further back.

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use souk_entity::{Scope, event_cursor::Model};
use tokio_util::sync::CancellationToken;

use super::{
    KEPT, LONGEST_WINDOW, OVERLAP, Scopes, State,
    check::{gone, is_the_key_ours},
    read::{Found, ReadError, Reader, Window},
    store,
};
use crate::context::Context;

/// From when on to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Where each cursor stands, with the overlap.
    Cursor,
    /// A moment in Stripe's time. Stripe has nothing that is older than 30 days.
    Moment(DateTime<Utc>),
}

/// What a reading on demand came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Everything up to now was read.
    Read(Found),
    /// The account has left the platform; its seller is disconnected now.
    Left,
}

/// How many cursors are loaded at once.
const PAGE: u64 = 500;

/// The cursors to read: of one scope, or all that are not closed, the platform's first: with it is learnt whose key it
/// is, without which no account is taken to have left.
pub async fn cursors(ctx: &Context, only: Option<&Scope>) -> Result<Vec<Model>, DbErr> {
    if let Some(scope) = only {
        return Ok(store::find(&ctx.db, scope).await?.into_iter().collect());
    }
    let mut all: Vec<Model> = Vec::new();
    loop {
        let page = store::list(&ctx.db, all.last().map(|cursor| &cursor.scope), PAGE).await?;
        if page.is_empty() {
            all.retain(|cursor| cursor.state != State::Closed);
            all.sort_by(|a, b| a.scope.cmp(&b.scope));
            return Ok(all);
        }
        all.extend(page);
    }
}

/// Reads a scope's events up to now, and moves its cursor if the reading began at it or before; `told` hears what
/// each page brought. It needs no lease: whoever reads the same events meanwhile stores them once with us.
pub async fn read_now(
    ctx: &Context,
    scopes: &dyn Scopes,
    cursor: &Model,
    since: Since,
    told: &(dyn Fn(Found) + Send + Sync),
) -> Result<Reading, ReadError> {
    let now = ctx.clock.business();
    let begin = match since {
        Since::Cursor => cursor.read_until - OVERLAP,
        Since::Moment(moment) => moment,
    };
    let types = scopes.types(&cursor.scope);
    let stop = CancellationToken::new();
    let reader = Reader { ctx, scope: &cursor.scope, types: &types, lease: None, stop: &stop, told };
    let mut window = Window { from: begin.max(now - KEPT), to: begin.max(now - KEPT) };
    let mut found = Found::default();
    is_the_key_ours(ctx, &cursor.scope).await?;
    while window.to < now {
        window = Window { from: window.to, to: now.min(window.to + LONGEST_WINDOW) };
        match reader.read(window).await {
            Ok(more) => found = found.and(more),
            Err(ReadError::Stripe(failure)) if gone(ctx, scopes, &cursor.scope, &failure).await? => {
                return Ok(Reading::Left);
            }
            Err(error) => return Err(error),
        }
        store::advance(&ctx.db, &cursor.scope, window.from, window.to).await?;
    }
    store::note_checked(&ctx.db, &cursor.scope, ctx.clock.wall()).await?;
    Ok(Reading::Read(found))
}
