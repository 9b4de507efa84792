//! Finding out at Stripe what became of a write whose key can't tell any more: Stripe has stored a failure under it,
//! or may have forgotten it.
//!
//! The order: events in our inbox that carry the key, Stripe's list of events (30 days), then the list that has the
//! object for certain. What is found is applied as if it had been answered. What is provably not there gets a new
//! row under a new key, with the same bytes but for the name of the request. What can't be proved either way within
//! three days is held for a person. A write that changes an object is looked for in that object, and one that leaves no
//! trace and does no harm is sent anew at once ([`Trail`]).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::DbErr;
use serde_json::value::RawValue;
use souk_entity::{StripeRequestId, stripe_request};
use uuid::Uuid;

use super::{
    action::{Action, Trail},
    drive::{Driven, OutboxError, frozen, hold, settle_success, unleased},
    store::{self, Hold, NewRequest},
};
use crate::{
    context::Context,
    db,
    stripe::{
        Failure, Identified, List, ObjectRef, Window,
        events::{self, Event, ListEvents},
    },
};

/// Reading a page has ten seconds, and the lease is renewed before each.
const LEASE: Duration = Duration::from_secs(20);
/// Clocks differ, and what was sent may be made later: this much around the attempts is read.
const WINDOW_MARGIN: TimeDelta = TimeDelta::minutes(5);
/// Only so long after the last attempt began is what is not there taken for not coming any more: 15 minutes after it
/// ended, and no budget is a minute.
const ABSENT_AFTER: TimeDelta = TimeDelta::minutes(16);
/// Clocks that differ by this may not agree on the window.
const LARGEST_SKEW: TimeDelta = TimeDelta::seconds(60);
/// How long to wait before looking again. Short: what turns up after all turns up soon, and its caller waits.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// After this a person must look.
const GIVE_UP_AFTER: TimeDelta = TimeDelta::days(3);
/// The longest page that Stripe gives.
const PAGE: u8 = 100;
/// 100,000 objects within one window: whoever has so many must look themselves.
const MOST_PAGES: u32 = 1_000;

/// Looks up what became of a row, and acts on it.
#[tracing::instrument(skip_all, fields(stripe_request = %id, kind = action.kind()))]
pub async fn look_up(ctx: &Context, action: &dyn Action, id: StripeRequestId) -> Result<Driven, OutboxError> {
    let Some(request) = store::lease_to_look_up(ctx, id, LEASE).await? else {
        return unleased(ctx, id).await;
    };
    let mut search = Search { ctx, action, request: &request, skew: Skew::default() };
    // Absence is proved as of the time before the first page was read: a long search proves nothing about its end.
    let began = ctx.clock.business();
    let trail = action.trail(&request, search.window(), None);
    if trail == Trail::Nowhere {
        return replace(ctx, action, &request, &trail).await;
    }
    match search.find().await {
        Ok(Some(object)) => {
            tracing::info!("found at Stripe");
            settle_success(ctx, action, &request, object.get().as_bytes(), None).await
        }
        Ok(None) => match proof_of_absence(&request, search.skew, began) {
            Ok(()) => replace(ctx, action, &request, &trail).await,
            Err(doubt) => later(ctx, &request, doubt).await,
        },
        Err(Trouble::Stripe(Failure::Refused(refusal))) => {
            let reason = format!("Stripe refused the look-up: {} {:?}", refusal.error_type, refusal.code);
            hold(ctx, &request, Hold::new("lookup_refused", reason)).await
        }
        Err(Trouble::Stripe(failure)) => later(ctx, &request, &failure.to_string()).await,
        Err(Trouble::Held(why)) => hold(ctx, &request, why).await,
        Err(Trouble::LeaseLost) => unleased(ctx, id).await,
        Err(Trouble::Database(error)) => Err(error.into()),
    }
}

/// Why a look-up found neither presence nor absence.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Stripe(#[from] Failure),
    #[error(transparent)]
    Database(#[from] DbErr),
    #[error("somebody else has the row")]
    LeaseLost,
    #[error("{}", .0.reason)]
    Held(Hold),
}

struct Search<'a> {
    ctx: &'a Context,
    action: &'a dyn Action,
    request: &'a stripe_request::Model,
    skew: Skew,
}

impl Search<'_> {
    /// The object as it is now, if the write made one.
    async fn find(&mut self) -> Result<Option<Box<RawValue>>, Trouble> {
        // 1. What Stripe has told us.
        for object_id in store::told_objects(&self.ctx.db, self.request).await? {
            if self.action.makes(&object_id) {
                return self.named_by_an_event(&object_id).await.map(Some);
            }
        }
        // 2. What Stripe could have told us.
        if let Some(object_id) = self.in_stripes_events().await? {
            return self.named_by_an_event(&object_id).await.map(Some);
        }
        // 3. What Stripe has.
        match self.action.trail(self.request, self.window(), None) {
            Trail::List(_) => match self.in_the_list().await? {
                Some(object_id) => self.read(&object_id).await.map(Some),
                None => Ok(None),
            },
            Trail::Object(object_id) => self.changed(&object_id).await,
            Trail::Nowhere => Ok(None),
        }
    }

    /// Reads what an event names with our key. It is ours; if its metadata doesn't say so, a person must look.
    async fn named_by_an_event(&mut self, object_id: &str) -> Result<Box<RawValue>, Trouble> {
        let object = self.read(object_id).await?;
        if self.action.made(self.request, object.get().as_bytes()) {
            return Ok(object);
        }
        let reason =
            format!("an event of Stripe's names {object_id}, whose metadata doesn't name this request");
        Err(Trouble::Held(Hold::new("lookup_mismatch", reason)))
    }

    async fn in_stripes_events(&mut self) -> Result<Option<String>, Trouble> {
        let types = self.action.event_types();
        if types.is_empty() {
            return Ok(None);
        }
        let (window, key) = (self.window(), self.request.id.uuid().to_string());
        let mut after: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let path = events::list_path(&ListEvents {
                types,
                created_gte: Some(window.from),
                created_lte: window.to,
                starting_after: after.as_deref(),
                ending_before: None,
                limit: PAGE,
            });
            let page: List<Event> = match self.page(&path).await {
                Ok(page) => page,
                // A key may be forbidden to read events, and the list decides anyway.
                Err(Trouble::Stripe(Failure::Refused(refusal))) => {
                    tracing::warn!(code = refusal.code, "Stripe's events can't be listed");
                    return Ok(None);
                }
                Err(trouble) => return Err(trouble),
            };
            for event in page.data.iter().filter(|event| event.idempotency_key() == Some(&*key)) {
                let object: ObjectRef = serde_json::from_str(event.data.object.get()).map_err(unreadable)?;
                if self.action.makes(&object.id) {
                    return Ok(Some(object.id));
                }
            }
            after = page.data.last().filter(|_| page.has_more).map(|last| last.id().to_owned());
            if after.is_none() {
                return Ok(None);
            }
        }
        Err(too_many())
    }

    async fn in_the_list(&mut self) -> Result<Option<String>, Trouble> {
        let window = self.window();
        let mut after: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let Trail::List(path) = self.action.trail(self.request, window, after.as_deref()) else {
                return Ok(None);
            };
            let page: List<Box<RawValue>> = self.page(&path).await?;
            let mut last = None;
            for object in &page.data {
                let ObjectRef { id } = serde_json::from_str(object.get()).map_err(unreadable)?;
                if self.action.made(self.request, object.get().as_bytes()) {
                    return Ok(Some(id));
                }
                last = Some(id);
            }
            after = last.filter(|_| page.has_more);
            if after.is_none() {
                return Ok(None);
            }
        }
        Err(too_many())
    }

    /// The object that the write changes, if it is so changed now.
    async fn changed(&mut self, object_id: &str) -> Result<Option<Box<RawValue>>, Trouble> {
        let object: Box<RawValue> = self.page(&self.action.object_path(object_id)).await?;
        Ok(self.action.made(self.request, object.get().as_bytes()).then_some(object))
    }

    async fn page<T: serde::de::DeserializeOwned>(&mut self, path: &str) -> Result<T, Trouble> {
        self.keep_the_lease().await?;
        let answer = self.ctx.stripe.get_answer(&self.request.scope, path).await?;
        self.skew.note(answer.date, self.ctx.clock.business());
        Ok(answer.read()?)
    }

    async fn read(&self, object_id: &str) -> Result<Box<RawValue>, Trouble> {
        self.keep_the_lease().await?;
        Ok(self.ctx.stripe.get(&self.request.scope, &self.action.object_path(object_id)).await?)
    }

    async fn keep_the_lease(&self) -> Result<(), Trouble> {
        if store::renew(self.ctx, self.request, LEASE).await? { Ok(()) } else { Err(Trouble::LeaseLost) }
    }

    /// When the write can have made its object. The sandbox's clock may have been advanced before the last attempt
    /// without our knowing: there the window ends now.
    fn window(&self) -> Window {
        let stripe_request::Model { first_sent_at, last_attempt_at, created_at, .. } = self.request;
        let last = last_attempt_at.filter(|_| !self.ctx.config.sandbox);
        Window {
            from: first_sent_at.unwrap_or(*created_at) - WINDOW_MARGIN,
            to: last.map(|last| last + WINDOW_MARGIN),
        }
    }
}

fn unreadable(error: serde_json::Error) -> Trouble {
    Trouble::Stripe(Failure::Unreadable(error.to_string()))
}

fn too_many() -> Trouble {
    Trouble::Held(Hold::new(
        "lookup_too_large",
        format!("more than {MOST_PAGES} pages of objects to look through"),
    ))
}

/// How far Stripe's clock was from ours while the lists were read, at worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Skew {
    worst: Option<TimeDelta>,
    /// An answer did not say what the time was.
    unknown: bool,
}

impl Skew {
    fn note(&mut self, stripe: Option<DateTime<Utc>>, ours: DateTime<Utc>) {
        match stripe {
            Some(stripe) => self.worst = self.worst.max(Some((stripe - ours).abs())),
            None => self.unknown = true,
        }
    }

    fn is_small(self) -> bool {
        !self.unknown && self.worst.is_some_and(|worst| worst < LARGEST_SKEW)
    }
}

/// Whether what is in no list did not take effect, and will not; if not, why that is not certain.
fn proof_of_absence(
    request: &stripe_request::Model,
    skew: Skew,
    now: DateTime<Utc>,
) -> Result<(), &'static str> {
    if !skew.is_small() {
        return Err("not found, but Stripe's clock and ours differ too much for that to prove anything");
    }
    if request.last_attempt_at.is_none_or(|last| now - last <= ABSENT_AFTER) {
        return Err("not found, but the last attempt is too recent for that to prove anything");
    }
    Ok(())
}

/// A new row under a new key takes the place of one that provably did not take effect.
async fn replace(
    ctx: &Context,
    action: &dyn Action,
    request: &stripe_request::Model,
    trail: &Trail,
) -> Result<Driven, OutboxError> {
    // One that took the place of another ends here: bytes that Stripe fails on each time would be sent for ever.
    if request.retry_of.is_some() {
        let why =
            Hold::new("absent_again", "what took the place of a request was not found at Stripe either");
        return hold(ctx, request, why).await;
    }
    let id = StripeRequestId::from_uuid(Uuid::now_v7());
    let frozen = frozen(request);
    let frozen = match trail {
        Trail::List(_) => frozen.of_another_request(request.id.uuid(), id.uuid()),
        // Nothing is made that would have to name the request.
        Trail::Object(_) | Trail::Nowhere => Some(frozen),
    };
    let Some(frozen) = frozen else {
        let why = Hold::new("not_repeatable", "not found at Stripe, but its bytes name no request of ours");
        return hold(ctx, request, why).await;
    };
    let new = NewRequest {
        id,
        scope: request.scope.clone(),
        kind: action.kind(),
        subject: request.subject.clone(),
        frozen,
        idempotency_id: request.idempotency_id,
    };
    let tx = db::begin_write(&ctx.db).await?;
    if !store::lock_mine(&tx, request).await? {
        drop(tx);
        return unleased(ctx, request.id).await;
    }
    // An event that came while the lists were read has found the row leased, and is kept: it proves the effect.
    if store::told_objects(&tx, request).await?.iter().any(|object_id| action.makes(object_id)) {
        drop(tx);
        return later(ctx, request, "an event of Stripe's has told of it meanwhile").await;
    }
    store::replace(&tx, ctx, request, new).await?;
    db::commit(tx, action.kind(), "replace").await?;
    ctx.wake.notify_waiters();
    tracing::warn!(takes_its_place = %id, "provably not at Stripe: will be sent anew under a new key");
    Ok(Driven::Pending)
}

/// Looks again later; but not for ever.
async fn later(ctx: &Context, request: &stripe_request::Model, doubt: &str) -> Result<Driven, OutboxError> {
    if request.key_spent_at.is_some_and(|since| ctx.clock.business() - since > GIVE_UP_AFTER) {
        return hold(ctx, request, Hold::new("lookup_inconclusive", doubt)).await;
    }
    tracing::warn!(doubt, "looked up in vain; will be looked up again");
    let wait = LOOK_AGAIN.mul_f64(rand::random_range(0.5..=1.0));
    store::postpone(ctx, request, doubt, request.stripe_request_id.clone(), wait).await?;
    Ok(Driven::Pending)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEN: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn skew_of(seconds: &[Option<i64>]) -> Skew {
        let mut skew = Skew::default();
        for seconds in seconds {
            skew.note(seconds.map(|seconds| THEN + TimeDelta::seconds(seconds)), THEN);
        }
        skew
    }

    #[test]
    fn the_worst_of_all_pages_counts_in_either_direction() {
        assert!(skew_of(&[Some(0), Some(59), Some(-59)]).is_small());
        for skews in [&[Some(60), Some(0)][..], &[Some(0), Some(-60)], &[Some(0), None], &[]] {
            assert!(!skew_of(skews).is_small(), "{skews:?}");
        }
    }

    #[test]
    fn absence_is_proved_by_close_clocks_and_time_alone() {
        let request = super::super::drive::tests::request(1);
        let tried = stripe_request::Model { last_attempt_at: Some(THEN), ..request.clone() };
        let (now, soon) = (THEN + ABSENT_AFTER + TimeDelta::seconds(1), THEN + ABSENT_AFTER);
        let close = skew_of(&[Some(1)]);
        assert!(proof_of_absence(&tried, close, now).is_ok());
        assert!(proof_of_absence(&tried, close, soon).is_err());
        assert!(proof_of_absence(&tried, skew_of(&[Some(61)]), now).is_err());
        assert!(proof_of_absence(&request, close, now).is_err(), "nobody knows when it was sent");
    }
}
