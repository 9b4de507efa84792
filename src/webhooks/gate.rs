//! The gate: what an event is worth against what was applied already, and in which order events go through it.
//! Pure decisions; no database, no Stripe.

use chrono::{DateTime, Utc};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use souk_entity::{Scope, stripe_event};
use uuid::Uuid;

use super::{process::EventError, store::Open};
use crate::stripe::{API_VERSION, events::Event};

/// Begins the `reason` of an event that was replayed, until it is closed again.
pub(super) const REPLAY_MARK: &str = "replay";
/// How often an event may fail before the later ones of its object overtake it. With the delays of the retries
/// that is about half a minute: a passing trouble does not cost the order, a lasting one does not block.
pub(super) const HOLDS_BACK_ATTEMPTS: i32 = 5;

/// What Stripe says, as handlers get it.
#[derive(Clone)]
pub struct Fact {
    /// `evt_...`.
    pub event_id: String,
    /// Stripe's `type`.
    pub event_type: String,
    /// Where the object lives.
    pub scope: Scope,
    /// What the event is about: the key that it is ordered under. Mostly the object's id; of parts of an
    /// account the account's, of a balance `balance`.
    pub object_id: String,
    /// When it happened, in Stripe's time and whole seconds.
    pub occurred_at: DateTime<Utc>,
    /// When it was stored here, in wall time: how long it has been waiting.
    pub received_at: DateTime<Utc>,
    /// The request of ours that caused it, if it was one of ours: an idempotency key that is a UUID.
    pub idempotency_key: Option<Uuid>,
    /// The object: as the event brought it, or as Stripe has it now where that was in doubt.
    pub object: Box<RawValue>,
}

// The object holds client secrets and buyers' data.
impl std::fmt::Debug for Fact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fact")
            .field("event_id", &self.event_id)
            .field("event_type", &self.event_type)
            .field("scope", &self.scope)
            .field("object_id", &self.object_id)
            .field("occurred_at", &self.occurred_at)
            .finish_non_exhaustive()
    }
}

impl Fact {
    /// The object, as the handler wants to read it. One that can't be read is for a person to look at.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, EventError> {
        serde_json::from_str(self.object.get()).map_err(|error| {
            // What serde says may quote the object.
            let (category, column) = (error.classify(), error.column());
            EventError::Fail(format!("the object can't be read: {category:?} at column {column}"))
        })
    }

    pub(super) fn of(row: &stripe_event::Model, event: Event) -> Self {
        Self {
            event_id: row.id.clone(),
            event_type: row.event_type.clone(),
            scope: row.scope.clone(),
            object_id: row.object_id.clone(),
            occurred_at: row.stripe_created_at,
            received_at: row.received_at,
            idempotency_key: row.idempotency_key.as_deref().and_then(|key| Uuid::parse_str(key).ok()),
            object: event.data.object,
        }
    }

    /// Whether `object` is a state of what the event is ordered under. A capability is not the account.
    fn object_is_the_subject(&self) -> bool {
        #[derive(Deserialize)]
        struct Subject {
            id: Option<String>,
        }
        match serde_json::from_str(self.object.get()) {
            Ok(Subject { id: Some(id) }) => id == self.object_id,
            Ok(Subject { id: None }) => true,
            Err(_) => false,
        }
    }
}

/// When the applied state of an object is from, in Stripe's time and whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// All that happened before this second is in it.
    pub(super) as_of: DateTime<Utc>,
    /// Nothing that happened after this second is in it. The same second, unless the object was read.
    pub(super) until: DateTime<Utc>,
}

impl Stamp {
    /// Of a state that an event brought.
    pub(super) const fn of_event(occurred_at: DateTime<Utc>) -> Self {
        Self { as_of: occurred_at, until: occurred_at }
    }

    /// The later of two: of stamps that an object has had, none is undone.
    pub(super) fn later(self, other: Self) -> Self {
        Self { as_of: self.as_of.max(other.as_of), until: self.until.max(other.until) }
    }
}

/// What an event is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// Older than what was applied: skipped.
    Stale,
    /// Newer, and rendered at our version: its payload is used.
    Payload,
    /// In doubt: the object is read from Stripe.
    Reread,
}

/// Weighs an event against the stamp of its object. In doubt are: a tie (Stripe's times are whole seconds, so
/// nobody can tell which of the two is newer), what happened while the object was read, a payload of another
/// version, a payload that is only a part of the object, and a replay, which comes out of order by its nature.
pub(super) fn worth(row: &stripe_event::Model, fact: &Fact, applied: Option<Stamp>) -> Worth {
    if is_replayed(row.reason.as_deref()) {
        return Worth::Reread;
    }
    match applied {
        Some(stamp) if fact.occurred_at < stamp.as_of => Worth::Stale,
        Some(stamp) if fact.occurred_at <= stamp.until => Worth::Reread,
        _ if row.api_version.as_deref() != Some(API_VERSION) => Worth::Reread,
        _ if !fact.object_is_the_subject() => Worth::Reread,
        _ => Worth::Payload,
    }
}

pub(super) fn is_replayed(reason: Option<&str>) -> bool {
    reason.is_some_and(|reason| reason.starts_with(REPLAY_MARK))
}

/// Which of an object's open events are to be handled now, and when the next one is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Agenda {
    /// Ids in Stripe's order.
    pub(super) due: Vec<String>,
    /// When something is due that isn't now.
    pub(super) next_at: Option<DateTime<Utc>>,
}

/// Goes through the open events of an object, which stand in Stripe's order. One that failed and is not due yet
/// holds back those after it, up to [`HOLDS_BACK_ATTEMPTS`]. One that waits for its object to become known holds
/// nobody back: the event that makes the object known may stand behind it.
pub(super) fn agenda(open: &[Open], now: DateTime<Utc>) -> Agenda {
    let mut agenda = Agenda::default();
    for event in open {
        if event.next_at <= now {
            agenda.due.push(event.id.clone());
            continue;
        }
        agenda.next_at = Some(agenda.next_at.map_or(event.next_at, |next| next.min(event.next_at)));
        if holds_back(event.state, event.attempts) {
            break;
        }
    }
    agenda
}

/// Whether an event that was tried and is still open keeps the later ones of its object waiting.
pub(super) fn holds_back(state: stripe_event::State, attempts: i32) -> bool {
    state == stripe_event::State::Pending && (1..HOLDS_BACK_ATTEMPTS).contains(&attempts)
}

#[cfg(test)]
mod tests {
    use souk_entity::stripe_event::State;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn open(id: &str, due: i64, state: State, attempts: i32) -> Open {
        let (id, scope, object_id) = (id.to_owned(), Scope::Platform, "ch_1".to_owned());
        Open { id, scope, object_id, next_at: at(due), state, attempts }
    }

    fn weigh(
        second: i64,
        version: Option<&str>,
        reason: Option<&str>,
        object: &str,
        stamp: Option<(i64, i64)>,
    ) -> Worth {
        let row = stripe_event::Model {
            id: "evt_1".to_owned(),
            scope: Scope::Platform,
            event_type: "charge.updated".to_owned(),
            object_id: "ch_1".to_owned(),
            api_version: version.map(str::to_owned),
            idempotency_key: None,
            stripe_created_at: at(second),
            payload_sealed: Vec::new(),
            state: State::Pending,
            reason: reason.map(str::to_owned),
            attempts: 0,
            next_at: at(0),
            received_at: at(0),
            processed_at: None,
        };
        let json = format!(
            r#"{{"id": "evt_1", "object": "event", "type": "charge.updated", "created": {second},
                "livemode": false, "data": {{"object": {object}}}}}"#
        );
        let stamp = stamp.map(|(as_of, until)| Stamp { as_of: at(as_of), until: at(until) });
        worth(&row, &Fact::of(&row, serde_json::from_str(&json).unwrap()), stamp)
    }

    #[test]
    fn only_a_newer_payload_of_our_version_is_used_as_it_is() {
        let ours = Some(API_VERSION);
        let charge = r#"{"id": "ch_1"}"#;
        assert_eq!(weigh(5, ours, None, charge, None), Worth::Payload);
        assert_eq!(weigh(5, ours, None, charge, Some((4, 4))), Worth::Payload);
        assert_eq!(weigh(5, ours, None, charge, Some((6, 6))), Worth::Stale);
        assert_eq!(weigh(5, ours, None, charge, Some((5, 5))), Worth::Reread);
        assert_eq!(weigh(5, Some("2020-01-01"), None, charge, Some((4, 4))), Worth::Reread);
        assert_eq!(weigh(5, None, None, charge, None), Worth::Reread);
    }

    #[test]
    fn what_happened_while_the_object_was_read_is_in_doubt() {
        let weigh_at = |second| weigh(second, Some(API_VERSION), None, r#"{"id": "ch_1"}"#, Some((5, 7)));
        let worths = [4, 5, 6, 7, 8].map(weigh_at);
        assert_eq!(worths, [Worth::Stale, Worth::Reread, Worth::Reread, Worth::Reread, Worth::Payload]);
    }

    #[test]
    fn a_part_of_the_object_and_a_replay_are_in_doubt() {
        let ours = Some(API_VERSION);
        assert_eq!(weigh(5, ours, None, r#"{"id": "re_1"}"#, None), Worth::Reread);
        assert_eq!(weigh(5, ours, None, r#"{"available": []}"#, None), Worth::Payload);
        assert_eq!(weigh(5, ours, Some("replay: failed"), r#"{"id": "ch_1"}"#, Some((9, 9))), Worth::Reread);
    }

    #[test]
    fn a_failed_event_holds_back_the_later_ones_for_a_while() {
        let held = agenda(&[open("a", 9, State::Pending, 1), open("b", 0, State::Pending, 0)], at(5));
        assert_eq!(held, Agenda { due: vec![], next_at: Some(at(9)) });
        let overtaken = [open("a", 9, State::Pending, HOLDS_BACK_ATTEMPTS), open("b", 0, State::Pending, 0)];
        assert_eq!(agenda(&overtaken, at(5)), Agenda { due: vec!["b".to_owned()], next_at: Some(at(9)) });
    }

    #[test]
    fn a_waiting_event_holds_nobody_back() {
        let open = [
            open("a", 9, State::Waiting, 1),
            open("b", 5, State::Pending, 0),
            open("c", 7, State::Waiting, 2),
        ];
        assert_eq!(agenda(&open, at(5)), Agenda { due: vec!["b".to_owned()], next_at: Some(at(7)) });
    }
}
