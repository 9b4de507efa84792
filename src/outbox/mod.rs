//! Every write to Stripe is a row first: the money protocol.
//!
//! 1. *tx 1*: the room claims the caller's key ([`begin`]), checks its invariants, writes its row as pending and
//!    the request row ([`Attempt::send`], or [`enqueue`] where no caller waits).
//! 2. No transaction: [`drive()`] sends the row's frozen bytes under the row's own key.
//! 3. *tx 2*: the answer is applied: domain rows, ledger, jobs, events and the stored reply, all at once.
//!
//! A crash anywhere leaves a pending row. [`complete_due`] (any replica, by lease with a fence) sends the same
//! bytes with the same key and runs the same *tx 2*; an event of Stripe's that names the row by its key is a
//! second completer ([`complete_from_event`]). A failure of which not one byte was sent is no attempt.
//!
//! A key is trusted for 23 hours from its first byte. After that, or when Stripe has stored a failure under it, the
//! row is never sent again: the completer looks it up at Stripe ([`look_up()`]). Found, it is applied; provably absent,
//! a new row under a new key takes its place (`retry_of`), with the caller's key and the subject.
//!
//! Where a caller's one request needs two writes, both are rows in *tx 1*, and the second waits for the first
//! ([`Attempt::send_after`]).
//!
//! Invariants: no lock is held and no transaction is open while Stripe is called. A row is settled once, whoever
//! settles it. There is no second key without proof that the first did nothing. Where nothing can be proved the row
//! is `unknown`: a named hold that one of Stripe's events ends, or a person ([`resolve()`]).

mod action;
mod attempt;
mod complete;
mod drive;
mod lookup;
mod reads;
mod resolve;
mod store;
mod waiting;

pub use action::{Action, Actions, Applied, ApplyError, Trail};
pub use attempt::{Attempt, begin, metadata_of};
pub use complete::{CompleteError, complete_due, complete_from_event};
pub use drive::{Driven, OutboxError, drive};
pub use lookup::look_up;
pub use reads::{list, open_counts};
pub use resolve::{Outcome, Resolution, ResolveError, resolve};
pub use store::{NewRequest, enqueue};
pub use waiting::{First, open};
