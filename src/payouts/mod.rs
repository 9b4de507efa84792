//! Money from a seller's Stripe balance to their bank, in the scope of the seller's account.
//!
//! States: `requested` (asked of Stripe) -> `pending` -> `in_transit` -> `paid`; `failed` when it came back (also
//! after `paid`: banks return payouts days later), `canceled`, `refused` when Stripe did not make it. From
//! `pending` on they are Stripe's own. A payout that Stripe's schedule or its dashboard made is adopted.
//!
//! Invariant: a payout acts in its seller's scope and no other.

mod api;
mod create;
mod error;
pub mod events;
mod store;

pub use api::PayoutsApi;
pub use create::CreatePayout;
