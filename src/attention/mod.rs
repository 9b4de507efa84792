//! What needs a person, by age: writes whose outcome nobody knows, events and jobs that died or wait for long,
//! differences between our books and Stripe's, violated invariants.
//!
//! Nothing is kept here: each kind is read where it lives, and is gone from the list when it is mended there.

mod api;
mod gauges;
mod store;

use std::{cmp::Ordering, fmt, str::FromStr};

use chrono::{DateTime, Duration, Utc};
use souk_entity::{invariant_violation, job, stripe_event, stripe_request};

use self::store::StuckEvent;
use crate::{
    context::Context,
    invariants,
    ledger::{self, Difference, ReconcileError},
};

pub use api::AttentionApi;
pub use gauges::Gauges;

/// An event that waits for its object for longer is shown.
const WAITS_FOR_LONG: Duration = Duration::hours(1);
/// How many things of one kind are shown; if there are more, the oldest.
const MOST_OF_A_KIND: u64 = 1_000;

/// Why there is no list.
pub type AttentionError = ReconcileError;

/// What kind of thing needs a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A write to Stripe whose outcome nobody knows.
    UnknownRequest,
    /// An event of Stripe's that failed too often.
    DeadEvent,
    /// An event of Stripe's whose object hasn't turned up.
    WaitingEvent,
    /// A job that failed too often.
    DeadJob,
    /// The last reconciliation named it.
    Difference,
    /// An invariant doesn't hold.
    Violation,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::UnknownRequest,
        Self::DeadEvent,
        Self::WaitingEvent,
        Self::DeadJob,
        Self::Difference,
        Self::Violation,
    ];

    /// What stands in the API and on metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownRequest => "unknown_request",
            Self::DeadEvent => "dead_event",
            Self::WaitingEvent => "waiting_event",
            Self::DeadJob => "dead_job",
            Self::Difference => "difference",
            Self::Violation => "violation",
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Something that needs a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What kind of thing.
    pub kind: Kind,
    /// Its id, or its name.
    pub object: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What is wrong, in words.
    pub detail: String,
    /// What to do, in words.
    pub action: String,
}

/// Everything that needs a person now, the oldest first.
pub async fn items(ctx: &Context) -> Result<Vec<Item>, AttentionError> {
    let long_ago = ctx.clock.wall() - WAITS_FOR_LONG;
    let mut items = Vec::new();
    items.extend(store::unknown_requests(&ctx.db, MOST_OF_A_KIND).await?.into_iter().map(Item::from));
    items.extend(store::stuck_events(&ctx.db, long_ago, MOST_OF_A_KIND).await?.into_iter().map(Item::from));
    items.extend(store::dead_jobs(&ctx.db, MOST_OF_A_KIND).await?.into_iter().map(Item::from));
    items.extend(invariants::open(&ctx.db, MOST_OF_A_KIND).await?.into_iter().map(Item::from));
    if let Some(report) = ledger::latest(ctx).await? {
        let as_of = report.as_of;
        let differences = report.differences.into_iter().filter(Difference::needs_a_person);
        items.extend(differences.map(|difference| of_difference(difference, as_of)));
    }
    items.sort_by_cached_key(Item::place);
    Ok(items)
}

impl From<stripe_request::Model> for Item {
    fn from(row: stripe_request::Model) -> Self {
        let error = row.error_message.or(row.error_code).unwrap_or_else(|| "no answer".to_owned());
        Self {
            kind: Kind::UnknownRequest,
            object: row.id.to_string(),
            since: row.settled_at.unwrap_or(row.created_at),
            detail: format!("{} for {}: {error}", row.kind, row.subject),
            action: "find out at Stripe whether it took effect (the object's metadata names this row); it stays held \
                     until it is resolved, and must not be asked for again meanwhile"
                .to_owned(),
        }
    }
}

impl From<StuckEvent> for Item {
    fn from(row: StuckEvent) -> Self {
        let reason = row.reason.unwrap_or_else(|| "no reason given".to_owned());
        let (kind, action) = match row.state {
            stripe_event::State::Dead => (
                Kind::DeadEvent,
                "read the reason, mend its cause, replay the event: its object is read again from Stripe",
            ),
            _ => (
                Kind::WaitingEvent,
                "find out what the object is: if it is ours, its own row is late or lost; if not, the event is given \
                 up as foreign by itself",
            ),
        };
        Self {
            kind,
            object: row.id,
            since: row.received_at,
            detail: format!("{} of {} in {}: {reason}", row.event_type, row.object_id, row.scope),
            action: action.to_owned(),
        }
    }
}

impl From<job::Model> for Item {
    fn from(row: job::Model) -> Self {
        let error = row.last_error.unwrap_or_else(|| "no reason given".to_owned());
        Self {
            kind: Kind::DeadJob,
            object: row.id.to_string(),
            since: row.created_at,
            detail: format!("{} of {}: {error}", row.kind, row.key),
            action:
                "mend the cause; the job runs again when its fact is told again, as by replaying the event"
                    .to_owned(),
        }
    }
}

impl From<invariant_violation::Model> for Item {
    fn from(row: invariant_violation::Model) -> Self {
        Self {
            kind: Kind::Violation,
            object: row.object,
            since: row.since,
            detail: format!("{}: {}", row.invariant, row.detail),
            action: row.action,
        }
    }
}

fn of_difference(difference: Difference, as_of: DateTime<Utc>) -> Item {
    Item {
        kind: Kind::Difference,
        object: difference.object,
        since: difference.since.unwrap_or(as_of),
        detail: format!("{}: {}", difference.kind, difference.detail),
        action: difference.action,
    }
}

impl Item {
    fn place(&self) -> Place {
        let Self { kind, object, since, detail, .. } = self;
        Place { since: *since, kind: *kind, object: object.clone(), of_object: detail.len() }
    }
}

/// Where an item stands in the list; the list's cursor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    since: DateTime<Utc>,
    kind: Kind,
    object: String,
    /// One object can have several faults of one kind.
    of_object: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}~{}~{}", self.since.timestamp_micros(), self.kind.name(), self.of_object, self.object)
    }
}

/// A text is no place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NoPlace;

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let mut parts = text.splitn(4, '~');
        let mut next = || parts.next().ok_or(NoPlace);
        let since = DateTime::from_timestamp_micros(next()?.parse().map_err(|_| NoPlace)?).ok_or(NoPlace)?;
        let kind = Kind::of_name(next()?).ok_or(NoPlace)?;
        let of_object = next()?.parse().map_err(|_| NoPlace)?;
        Ok(Self { since, kind, of_object, object: next()?.to_owned() })
    }
}

/// The items behind a place.
fn behind(items: Vec<Item>, place: Option<Place>) -> Vec<Item> {
    let Some(place) = place else { return items };
    items.into_iter().filter(|item| item.place().cmp(&place) == Ordering::Greater).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_the_round_trip_and_other_texts_are_none() {
        let place = Place {
            since: DateTime::from_timestamp_micros(1_795_241_400_000_001).unwrap(),
            kind: Kind::Violation,
            object: "platform clearing_charge ch~1".to_owned(),
            of_object: 7,
        };
        assert_eq!(place.to_string().parse(), Ok(place));
        for text in ["", "1", "x~violation~1~a", "1~weather~1~a", "1~violation~~a", "1~violation~1"] {
            assert_eq!(text.parse::<Place>(), Err(NoPlace), "{text}");
        }
    }
}
