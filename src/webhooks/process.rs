//! Applying events: claim an object, bring its events into order, re-read what is in doubt, and commit effects
//! and state together.

use std::panic::AssertUnwindSafe;

use async_trait::async_trait;
use futures_util::FutureExt;
use sea_orm::{DatabaseTransaction, DbErr};
use serde_json::value::RawValue;
use souk_entity::stripe_event;

use super::{
    batch::{self, Rest},
    gate::{Fact, Stamp, Worth, agenda, holds_back, worth},
    settle::{Outcome, settlement},
    store::{self, Claim, Settlement},
};
use crate::{
    context::Context,
    db,
    stripe::{API_VERSION, Failure, Reading, events::Event},
};

/// What a handler made of a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is applied: the object stands as the fact says.
    Done,
    /// The object isn't known here yet. Nothing that the handler wrote is kept; the event is tried again, and
    /// becomes `foreign` after an hour.
    Waiting {
        /// What is missing.
        reason: String,
    },
    /// Nothing here handles it, `no_room` for instance.
    Ignored {
        /// Why.
        reason: String,
    },
    /// It is of an object that isn't of our making. What the handler wrote about it is kept.
    Foreign {
        /// How that is known.
        reason: String,
    },
}

/// Why a fact could not be applied. Nothing that the handler wrote is kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// It may go better later: tried again with growing delays, then dead.
    #[error("{0}")]
    Retry(String),
    /// Not its own fault (Stripe can't be reached): tried again for as long as it takes, without being counted.
    #[error("{0}")]
    Postpone(String),
    /// It will never go better: dead at once, for a person to look at.
    #[error("{0}")]
    Fail(String),
}

impl From<DbErr> for EventError {
    fn from(error: DbErr) -> Self {
        Self::Retry(error.to_string())
    }
}

/// What is to be done about Stripe's facts; composed above the rooms.
///
/// Handlers are idempotent and tolerate reordering: the same state may come twice, and under several types.
#[async_trait]
pub trait Handlers: Send + Sync {
    /// Where the object that the fact is about is read when its payload is in doubt; the scope is the fact's.
    /// `None` if the ids and the type are all that is needed, or nothing can be read any more (a deauthorised
    /// account).
    fn retrieve_path(&self, fact: &Fact) -> Option<String>;

    /// Runs before the transaction and may call Stripe; for every event, also one that turns out to be stale:
    /// it still proves that the request it names took effect.
    async fn before_apply(&self, _ctx: &Context, _fact: &Fact) -> Result<(), EventError> {
        Ok(())
    }

    /// What [`Self::apply`] locks, by any name: facts that may share a transaction are applied in this order, so that
    /// two such transactions can't wait for each other in a circle.
    fn locks(&self, fact: &Fact) -> String {
        fact.object_id.clone()
    }

    /// Applies the fact inside `tx`, which also commits the event's state. Never calls Stripe.
    async fn apply(&self, tx: &DatabaseTransaction, fact: &Fact) -> Result<Applied, EventError>;
}

/// One sweep: handles what is due of at most `limit` objects, and returns how many events that were. Any number of
/// sweeps may run at once, in any number of processes. An error is the database's; what the sweep had leased is free
/// again when the lease has run out.
pub async fn process_due(ctx: &Context, handlers: &dyn Handlers, limit: u64) -> Result<usize, DbErr> {
    let claims = store::claim(ctx, limit).await?;
    let works = claims.into_iter().map(|claim| Work { ctx, handlers, claim, reread: None }).collect();
    // 1. All at once what goes well together, which is nearly everything.
    let Rest { mut handled, works } = batch::all_at_once(works).await?;
    // 2. One after the other what doesn't.
    for work in works {
        handled += work.all_due().await?;
    }
    Ok(handled)
}

/// A claimed object at work.
pub(super) struct Work<'a> {
    pub(super) ctx: &'a Context,
    pub(super) handlers: &'a dyn Handlers,
    pub(super) claim: Claim,
    /// The object as Stripe has it. It was read after every event of this claim was loaded, so it holds what each
    /// of them tells: the later ones use it too, or the object would go back to their older payloads.
    reread: Option<Reread>,
}

/// An object that was read from Stripe.
struct Reread {
    path: String,
    object: Box<RawValue>,
    stamp: Stamp,
}

/// What is known of an event before its transaction begins.
pub(super) struct Prepared {
    pub(super) fact: Fact,
    /// Older than what was applied.
    pub(super) is_stale: bool,
    /// When the fact's object is from.
    pub(super) stamp: Stamp,
}

impl Work<'_> {
    async fn all_due(mut self) -> Result<usize, DbErr> {
        // 1. The events in Stripe's order, as far as they are due. What a batch has read is older than what is loaded here.
        self.reread = None;
        let open = store::open_events(&self.ctx.db, [&self.claim]).await?;
        let mut handled = 0;
        for id in agenda(&open, self.ctx.clock.wall()).due {
            // 2. One after the other; a lost lease or a failure that holds back the later ones ends it.
            let Some(row) = store::event(&self.ctx.db, &id).await? else { continue };
            let Some(settlement) = self.one(&row).await? else { return Ok(handled) };
            handled += 1;
            if holds_back(settlement.state, settlement.attempts) {
                break;
            }
        }
        // 3. Whatever came in meanwhile makes the object due again.
        self.release().await?;
        Ok(handled)
    }

    /// Handles one event. `None` if the object has passed to another worker.
    #[tracing::instrument(name = "stripe_event", skip_all, fields(
        event_id = row.id, event_type = row.event_type, scope = %row.scope, object_id = row.object_id,
    ))]
    async fn one(&mut self, row: &stripe_event::Model) -> Result<Option<Settlement>, DbErr> {
        // 1. Outside of any transaction: what does the event say, and is it to be believed?
        let prepared = match self.prepare(row).await {
            Ok(prepared) => prepared,
            Err(outcome) => return self.record(row, outcome).await,
        };
        // 2. Effects and state in one transaction.
        let tx = db::begin_write(&self.ctx.db).await?;
        if !self.claim.hold(&tx, self.ctx.clock.wall()).await? {
            tx.rollback().await?;
            return Ok(None);
        }
        let outcome = self.apply(&tx, &prepared).await;
        // 3. What is tried again keeps nothing of what the handler wrote.
        if !outcome.is_kept() {
            tx.rollback().await?;
            return self.record(row, outcome).await;
        }
        match self.keep(tx, row, &outcome, prepared.stamp).await {
            Ok(settlement) => Ok(Some(settlement)),
            // The handler may have left the transaction broken: that is its failure, not the sweep's.
            Err(error) => self.record(row, Outcome::Failed(error.into())).await,
        }
    }

    /// What the event says and what that is worth; or why that can't be told.
    pub(super) async fn prepare(&mut self, row: &stripe_event::Model) -> Result<Prepared, Outcome> {
        let mut fact = open(self.ctx, row).map_err(Outcome::Failed)?;
        let mut worth = worth(row, &fact, self.claim.applied);
        let mut stamp = Stamp::of_event(fact.occurred_at);
        if worth != Worth::Stale
            && let Some(path) = self.handlers.retrieve_path(&fact)
        {
            worth = self.refresh(row, &mut fact, path, worth, &mut stamp).await?;
        }
        let before = AssertUnwindSafe(self.handlers.before_apply(self.ctx, &fact)).catch_unwind().await;
        before.unwrap_or_else(|_| Err(panicked())).map_err(Outcome::Failed)?;
        Ok(Prepared { fact, is_stale: worth == Worth::Stale, stamp })
    }

    /// Gives the fact the object as Stripe has it, if it is in doubt or was read already; returns what the fact
    /// is worth then.
    async fn refresh(
        &mut self,
        row: &stripe_event::Model,
        fact: &mut Fact,
        path: String,
        worth: Worth,
        stamp: &mut Stamp,
    ) -> Result<Worth, Outcome> {
        let is_read = self.reread.as_ref().is_some_and(|read| read.path == path);
        if worth != Worth::Reread && !is_read {
            return Ok(worth);
        }
        if !is_read {
            match self.ctx.stripe.read::<Box<RawValue>>(&fact.scope, &path).await {
                Ok(Reading { object, as_of, until }) => {
                    self.reread = Some(Reread { path, object, stamp: Stamp { as_of, until } });
                }
                Err(failure) => return self.unread(row, fact, failure),
            }
        }
        if let Some(read) = &self.reread {
            fact.object = read.object.clone();
            *stamp = stamp.later(read.stamp);
        }
        Ok(worth)
    }

    /// What an event is worth whose object could not be read.
    fn unread(&self, row: &stripe_event::Model, fact: &Fact, failure: Failure) -> Result<Worth, Outcome> {
        match failure {
            // It is gone, or no longer ours to see: the payload is the last that will ever be known of it,
            // unless something newer was applied.
            Failure::Refused(_) if self.claim.applied.is_some_and(|stamp| fact.occurred_at < stamp.as_of) => {
                Ok(Worth::Stale)
            }
            Failure::Refused(_) if row.api_version.as_deref() == Some(API_VERSION) => Ok(Worth::Payload),
            Failure::Refused(refusal) => {
                let code = refusal.code.unwrap_or(refusal.error_type);
                Err(Outcome::Failed(EventError::Fail(format!("reading the object was refused: {code}"))))
            }
            failure => Err(Outcome::Failed(EventError::Postpone(failure.to_string()))),
        }
    }

    pub(super) async fn apply(&self, tx: &DatabaseTransaction, prepared: &Prepared) -> Outcome {
        if prepared.is_stale {
            return Outcome::Stale;
        }
        // A handler that panics is a poison event, not the end of the worker.
        let applied = AssertUnwindSafe(self.handlers.apply(tx, &prepared.fact)).catch_unwind().await;
        match applied.unwrap_or_else(|_| Err(panicked())) {
            Ok(applied) => Outcome::Applied(applied),
            Err(error) => Outcome::Failed(error),
        }
    }

    /// Commits what the handler wrote, the event's state, and the stamp.
    async fn keep(
        &mut self,
        tx: DatabaseTransaction,
        row: &stripe_event::Model,
        outcome: &Outcome,
        stamp: Stamp,
    ) -> Result<Settlement, DbErr> {
        let now = self.ctx.clock.wall();
        let settlement = settlement(row, outcome, now);
        if !store::settle(&tx, row, &settlement, now).await? {
            return Err(DbErr::RecordNotUpdated);
        }
        let applied = outcome.stamped(self.claim.applied, stamp);
        if let Some(applied) = applied.filter(|_| applied != self.claim.applied) {
            self.claim.stamp(&tx, applied).await?;
        }
        db::commit(tx, &row.event_type, "apply").await?;
        self.claim.applied = applied;
        Ok(settlement)
    }

    /// Commits only what became of the event.
    pub(super) async fn record(
        &self,
        row: &stripe_event::Model,
        outcome: Outcome,
    ) -> Result<Option<Settlement>, DbErr> {
        let now = self.ctx.clock.wall();
        let settlement = settlement(row, &outcome, now);
        let tx = db::begin_write(&self.ctx.db).await?;
        if !self.claim.hold(&tx, now).await? {
            tx.rollback().await?;
            return Ok(None);
        }
        // Not settled: it was already, by a commit whose answer was lost, or by a replay meanwhile. That stands.
        store::settle(&tx, row, &settlement, now).await?;
        db::commit(tx, &row.event_type, "record").await?;
        let Settlement { state, reason, attempts, .. } = &settlement;
        tracing::warn!(?state, reason, attempts, "event not applied");
        Ok(Some(settlement))
    }

    /// Lets the object go. The order matters: the row is taken first and the events are read after, so that
    /// whoever stores one at this moment is either seen or makes the object due once we are done.
    pub(super) async fn release(&self) -> Result<(), DbErr> {
        let now = self.ctx.clock.wall();
        let tx = db::begin_write(&self.ctx.db).await?;
        if !self.claim.hold(&tx, now).await? {
            return tx.rollback().await;
        }
        let agenda = agenda(&store::open_events(&tx, [&self.claim]).await?, now);
        let next_at = if agenda.due.is_empty() { agenda.next_at } else { Some(now) };
        self.claim.let_go(&tx, next_at).await?;
        db::commit(tx, "inbox", "release").await
    }
}

/// Opens the sealed payload. What can't be opened or read will not get better by itself.
fn open(ctx: &Context, row: &stripe_event::Model) -> Result<Fact, EventError> {
    let payload =
        ctx.seal.open(&row.id, &row.payload_sealed).map_err(|error| EventError::Fail(error.to_string()))?;
    let event: Event =
        serde_json::from_slice(&payload).map_err(|_| EventError::Fail("not an event".to_owned()))?;
    Ok(Fact::of(row, event))
}

fn panicked() -> EventError {
    EventError::Retry("the handler panicked".to_owned())
}

#[cfg(test)]
mod tests;
