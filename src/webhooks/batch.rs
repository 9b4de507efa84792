//! Many objects in one transaction. Nearly all events go well, and then most of what one costs is the commit and the
//! round trips around the handler: those are shared. What can't be shared goes its own way: an object with several
//! due events, and one whose event fails or waits, because nothing of what its handler wrote may be kept.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use sea_orm::DbErr;
use souk_entity::stripe_event::{self, State};

use super::{
    gate::{Agenda, agenda},
    process::{Prepared, Work},
    settle::settlement,
    store::{self, Claim, LARGEST_BACKLOG, Open, Settlement},
};
use crate::db;

/// How often a batch is begun again without the event that spoilt it, before each object is handled alone.
const MOST_FAILURES: usize = 2;

/// What a batch left over.
pub(super) struct Rest<'a> {
    /// How many events were handled.
    pub(super) handled: usize,
    /// The objects that are to be handled alone.
    pub(super) works: Vec<Work<'a>>,
}

/// An object with its one due event.
struct Item<'a> {
    work: Work<'a>,
    row: stripe_event::Model,
    prepared: Prepared,
}

/// Handles the objects that have one due event in one transaction.
pub(super) async fn all_at_once(works: Vec<Work<'_>>) -> Result<Rest<'_>, DbErr> {
    let Some(ctx) = works.first().map(|work| work.ctx).filter(|_| works.len() > 1) else {
        return Ok(Rest { handled: 0, works });
    };
    // 1. The events.
    let open = store::open_events(&ctx.db, works.iter().map(|work| &work.claim)).await?;
    if open.len() as u64 == LARGEST_BACKLOG {
        return Ok(Rest { handled: 0, works });
    }
    let now = ctx.clock.wall();
    let due = |work: &Work<'_>| match &agenda_of(&open, &work.claim, now).due[..] {
        [only] => Some(only.clone()),
        _ => None,
    };
    let ids: Vec<String> = works.iter().filter_map(&due).collect();
    let mut rows: BTreeMap<String, stripe_event::Model> =
        store::events(&ctx.db, ids.iter().map(String::as_str))
            .await?
            .into_iter()
            .map(|row| (row.id.clone(), row))
            .collect();
    // 2. What each is worth, asked of Stripe side by side where it is in doubt.
    let mut rest = Rest { handled: 0, works: Vec::new() };
    let mut to_prepare = Vec::new();
    for work in works {
        match due(&work).and_then(|id| rows.remove(&id)) {
            Some(row) => to_prepare.push((work, row)),
            None => rest.works.push(work),
        }
    }
    let prepared = join_all(to_prepare.into_iter().map(|(mut work, row)| async {
        let prepared = work.prepare(&row).await;
        (work, row, prepared)
    }));
    let mut items = Vec::new();
    for (work, row, prepared) in prepared.await {
        match prepared {
            Ok(prepared) => items.push(Item { work, row, prepared }),
            Err(outcome) => {
                rest.handled += usize::from(work.record(&row, outcome).await?.is_some());
                work.release().await?;
            }
        }
    }
    // 3. All of them in one transaction; without the one that spoils it, if one does.
    for _ in 0..=MOST_FAILURES {
        match commit(&mut items).await {
            Ok(None) => {
                rest.handled += items.len();
                return Ok(rest);
            }
            Ok(Some(spoilt)) => rest.works.push(items.swap_remove(spoilt).work),
            Err(error) => {
                tracing::warn!(%error, events = items.len(), "a batch failed; each object is handled alone");
                break;
            }
        }
    }
    rest.works.extend(items.into_iter().map(|item| item.work));
    Ok(rest)
}

/// Applies all in one transaction. `Some` is the place of the one that spoils it, and then nothing is kept.
async fn commit(items: &mut Vec<Item<'_>>) -> Result<Option<usize>, DbErr> {
    let Some(ctx) = items.first().map(|item| item.work.ctx) else { return Ok(None) };
    let now = ctx.clock.wall();
    let tx = db::begin_write(&ctx.db).await?;
    // 1. Only objects that are still ours.
    let claims: Vec<_> = items.iter().map(|item| &item.work.claim).collect();
    let held = store::hold_all(&tx, &claims, now).await?;
    items
        .retain(|Item { work, .. }| held.contains(&(work.claim.scope.clone(), work.claim.object_id.clone())));
    // 2. The handlers, one after the other, in one order for all.
    items.sort_by_cached_key(|Item { work, prepared, .. }| work.handlers.locks(&prepared.fact));
    let mut closed: Vec<(State, Settlement, Vec<&str>)> = Vec::new();
    let mut claims = Vec::with_capacity(items.len());
    for (place, Item { work, row, prepared }) in items.iter().enumerate() {
        let outcome = work.apply(&tx, prepared).await;
        if !outcome.is_kept() {
            tx.rollback().await?;
            return Ok(Some(place));
        }
        let settlement = settlement(row, &outcome, now);
        match closed.iter_mut().find(|(was, as_what, _)| (*was, as_what) == (row.state, &settlement)) {
            Some((_, _, ids)) => ids.push(&row.id),
            None => closed.push((row.state, settlement, vec![&row.id])),
        }
        let mut claim = work.claim.clone();
        claim.applied = outcome.stamped(claim.applied, prepared.stamp);
        claims.push(claim);
    }
    // 3. The events' states.
    for (was, settlement, ids) in closed {
        let expected = ids.len() as u64;
        if store::close_all(&tx, ids, was, &settlement, now).await? != expected {
            return Err(DbErr::RecordNotUpdated);
        }
    }
    // 4. The stamps. Whatever came in meanwhile makes its object due again.
    let open = store::open_events(&tx, &claims).await?;
    let is_cut = open.len() as u64 == LARGEST_BACKLOG;
    let next_at = |claim: &Claim| {
        let agenda = agenda_of(&open, claim, now);
        if is_cut || !agenda.due.is_empty() { Some(now) } else { agenda.next_at }
    };
    let released: Vec<_> = claims.iter().map(|claim| (claim, next_at(claim))).collect();
    if !released.is_empty() {
        store::let_all_go(&tx, &released).await?;
    }
    db::commit(tx, "inbox", "batch").await?;
    Ok(None)
}

fn agenda_of(open: &[Open], claim: &Claim, now: DateTime<Utc>) -> Agenda {
    let of_claim: Vec<Open> = open.iter().filter(|event| event.is_of(claim)).cloned().collect();
    agenda(&of_claim, now)
}
