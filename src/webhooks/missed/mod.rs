//! What no webhook brought: Stripe's list of events is read again and again, scope by scope, into the inbox.
//!
//! A cursor for the platform and for each connected account says until when everything was read. A reading takes
//! the window from ten minutes before it to now, all pages of all types that are handled, and only then moves the
//! cursor; what the inbox has already changes nothing. Of an event that is found here only the ids, the type and the
//! time are believed: the list renders each event at the version of its day, so it is stored as one of no known
//! version, and the gate has its object read.
//!
//! States of a cursor: `open`; `refused` (Stripe refused the last read, and not because the account has left: tried
//! again every hour, for a person to see); `closed` (the account has left, nothing can be read any more).
//!
//! How often: a scope with an event in the last day every ten minutes, as the platform always; one with an event in
//! the last month every two hours; any other once a day. A webhook has two minutes to come by itself before it counts
//! as missed.
//!
//! Invariants:
//! - A cursor moves only over a window that was read to its end, and never back; so readers need no lock, and the
//!   lease only keeps replicas from doing the same work twice.
//! - An account is taken to have left only if Stripe says so to the key of the platform that it was connected to:
//!   the key of another platform disconnects nobody.
//! - These calls wait for those of callers: the worker's gateway is a background one.

mod check;
mod demand;
mod gaps;
mod read;
mod store;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use chrono::Duration;
use sea_orm::{DatabaseTransaction, DbErr};
use souk_entity::{Scope, StripeAccountId};

pub use check::run_due;
pub use demand::{Reading, Since, cursors, read_now};
pub use gaps::{Gap, gaps};
pub use read::{Found, ReadError};
pub use souk_entity::event_cursor::State;
pub use store::{close, watch};

/// Events may surface late, and `created` is in whole seconds.
const OVERLAP: Duration = Duration::minutes(10);
/// How long a webhook has to come by itself.
const SETTLING: Duration = Duration::minutes(2);
/// The longest stretch that is read before the cursor moves.
const LONGEST_WINDOW: Duration = Duration::days(1);
/// How long Stripe keeps events.
const KEPT: Duration = Duration::days(30);
/// A cursor that is older alarms: what it has not read will soon be gone.
pub const ALARM: Duration = Duration::days(25);

/// What the rooms know of scopes; composed above them.
#[async_trait]
pub trait Scopes: Send + Sync {
    /// The types that are looked for in a scope.
    fn types(&self, scope: &Scope) -> Vec<&'static str>;

    /// The account has left the platform, and no webhook may have told so. Never calls Stripe.
    async fn left(&self, tx: &DatabaseTransaction, account: &StripeAccountId) -> Result<(), DbErr>;
}
