//! The inbox: every event of Stripe's is a row before it is acknowledged, and is applied exactly once after it.
//!
//! The way of an event: [`verify`] checks the signature over the raw bytes; [`receive`](Inbox::receive) checks
//! that it belongs here; `ingest` commits it, sealed, together with whatever else arrived meanwhile; only then
//! Stripe gets its 200. Later [`process_due`] claims the *objects* that events are about, brings each object's
//! events into Stripe's order, asks the `gate` what each of them is worth, and hands it to the [`Handlers`]: in a
//! `batch`, many objects in one transaction, or alone what can't share one. [`prune()`] deletes what is done with.
//!
//! States of an event: `pending` (to be handled, or tried again) and `waiting` (its object isn't known here yet)
//! are open; `done` (applied, or older than what was applied), `ignored` (no room handles it), `foreign` (not of
//! our making) and `dead` (failed too often, or for good) are closed. [`replay()`] opens a closed one again, and
//! so does [`catch_up`] when the object of one turns out to be ours.
//!
//! What no webhook brings is found by [`missed`], which reads Stripe's list of events into the same inbox.
//!
//! Invariants:
//! - Nothing is written for a delivery that isn't proven to be Stripe's.
//! - 200 means committed.
//! - Events of one object never run side by side: a lease with a fence guards the object, and a transaction
//!   whose fence has passed to another worker commits nothing.
//! - An event's effects and its state change commit together, so no crash applies it twice or loses it.
//! - Stripe is never called inside a transaction.
//! - An object never goes back: what is older than the stamp of the newest applied state is skipped. What was read
//!   from Stripe is stamped with the time of the read, not of the event that was in doubt.
//! - A poison event blocks no other object, and the later events of its own object for half a minute.

mod backlog;
mod batch;
mod gate;
mod ingest;
mod insert;
mod late;
pub mod missed;
mod process;
mod prune;
mod receive;
mod replay;
mod secrets;
mod settle;
mod store;
mod tally;
#[cfg(test)]
mod testing;
pub mod verify;

pub use backlog::{Backlog, backlog};
pub use gate::Fact;
pub use ingest::{Inbox, NotStored};
pub use late::{REOPEN_JOB, catch_up, run_reopen};
pub use process::{Applied, EventError, Handlers, process_due};
pub use prune::prune;
pub use receive::{Received, Refused};
pub use replay::{Replayed, ReplayedMany, replay, replay_all};
pub use secrets::{Endpoint, SecretUse, fingerprint, secret_uses};
pub use store::{Filter, event as find, list};
pub use tally::Tally;
