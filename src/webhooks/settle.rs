//! What becomes of an event after a try: closed, or open again and when. Pure decisions.

use chrono::{DateTime, Duration, Utc};
use souk_entity::stripe_event::{self, State};

use super::{
    gate::{HOLDS_BACK_ATTEMPTS, REPLAY_MARK, Stamp, is_replayed},
    process::{Applied, EventError},
    store::Settlement,
};

/// After this many failures an event is dead. With the delays between them that is an hour or two.
pub(super) const MOST_ATTEMPTS: i32 = 20;
/// The delay after the first failure; it doubles with each.
const FIRST_DELAY: Duration = Duration::seconds(2);
/// No delay is longer.
const LONGEST_DELAY: Duration = Duration::minutes(10);
/// An event whose object is still unknown after this long is of something that isn't ours.
pub(super) const LONGEST_WAIT: Duration = Duration::hours(1);

/// What an event came to.
pub(super) enum Outcome {
    Applied(Applied),
    Stale,
    Failed(EventError),
}

impl Outcome {
    /// Whether what the handler wrote is committed.
    pub(super) const fn is_kept(&self) -> bool {
        !matches!(self, Self::Applied(Applied::Waiting { .. }) | Self::Failed(_))
    }

    /// The stamp of the object after it: only what was applied moves it, and never back.
    pub(super) fn stamped(&self, before: Option<Stamp>, stamp: Stamp) -> Option<Stamp> {
        match self {
            Self::Applied(Applied::Done) => Some(before.map_or(stamp, |before| before.later(stamp))),
            _ => before,
        }
    }
}

/// What becomes of the event.
pub(super) fn settlement(row: &stripe_event::Model, outcome: &Outcome, now: DateTime<Utc>) -> Settlement {
    let tried = row.attempts.saturating_add(1);
    let closed = |state, reason: Option<&str>| Settlement {
        state,
        reason: reason.map(str::to_owned),
        attempts: tried,
        next_at: None,
    };
    let again = |state, reason: &str, attempts| Settlement {
        state,
        reason: Some(reason_of_open(row, reason)),
        attempts,
        next_at: Some(now + delay_after(attempts)),
    };
    match outcome {
        Outcome::Stale => closed(State::Done, Some("stale")),
        Outcome::Applied(Applied::Done) => closed(State::Done, None),
        Outcome::Applied(Applied::Ignored { reason }) => closed(State::Ignored, Some(reason)),
        Outcome::Applied(Applied::Foreign { reason }) => closed(State::Foreign, Some(reason)),
        Outcome::Applied(Applied::Waiting { reason }) if now - row.received_at >= LONGEST_WAIT => {
            closed(State::Foreign, Some(reason))
        }
        Outcome::Applied(Applied::Waiting { reason }) => again(State::Waiting, reason, tried),
        // Counted only as far as it moves out of the way of the later events: it must not die of it, and it must
        // come back soon after Stripe does.
        Outcome::Failed(EventError::Postpone(reason)) => {
            again(State::Pending, reason, tried.min(HOLDS_BACK_ATTEMPTS))
        }
        Outcome::Failed(EventError::Retry(reason)) if tried < MOST_ATTEMPTS => {
            again(State::Pending, reason, tried)
        }
        Outcome::Failed(EventError::Retry(reason) | EventError::Fail(reason)) => {
            closed(State::Dead, Some(reason))
        }
    }
}

/// A replayed event stays marked as one until it is closed.
fn reason_of_open(row: &stripe_event::Model, reason: &str) -> String {
    if is_replayed(row.reason.as_deref()) { format!("{REPLAY_MARK}: {reason}") } else { reason.to_owned() }
}

/// Doubles with each failure, up to a limit; the second half of it is drawn, so that events that failed together
/// don't come back together.
fn delay_after(failures: i32) -> Duration {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(0).min(16);
    let ceiling_ms = (FIRST_DELAY * (1 << doublings)).min(LONGEST_DELAY).num_milliseconds();
    let half = ceiling_ms / 2;
    Duration::milliseconds(half + rand::Rng::random_range(&mut rand::rng(), 0..=half))
}
