//! The gateway to Stripe: the only importer of async-stripe. It knows no database and no room.
//!
//! Typed requests are async-stripe's; they are frozen to wire bytes ([`Frozen`]) and sent by our own transport
//! ([`Gateway`]), because a retry must send the same bytes under the same key. What money depends on is read by
//! our own partial structs over the raw answer: one field that Stripe drops must not fail the whole object.
//!
//! The map: `gateway` is the transport, `gate` what each attempt passes first (`bucket`: the rate limit, `breaker`:
//! whether Stripe is alive), `retry` says whether and when to send again, `answer` sorts answers into the classes
//! of the money protocol, `frozen` makes wire bytes. Then one file a resource: what we
//! write to it (`create(..) -> Frozen`), where it is read (`path(..) -> String`), what we read of it.
//!
//! Invariants: `Stripe-Account` comes from the [`Scope`](souk_entity::Scope) of a call and from nothing else;
//! a key is sent with the bytes that it was made for or not at all; no secret is in any `Debug`, error or log.

mod answer;
mod breaker;
mod bucket;
mod expandable;
mod frozen;
mod gate;
mod gateway;
mod retry;

pub mod account_links;
pub mod accounts;
pub mod application_fees;
pub mod balance;
pub mod balance_transactions;
pub mod charges;
pub mod customers;
pub mod events;
pub mod limits;
pub mod login_links;
pub mod origins;
pub mod payment_intents;
pub mod payment_methods;
pub mod payouts;
pub mod setup_intents;
pub mod webhook_endpoints;

pub use answer::{Answer, Failure, Refusal};
pub use expandable::{Expandable, Identified, List, ObjectRef, Window};
pub use frozen::{Frozen, MADE_FIRST, Metadata, REQUEST_METADATA_KEY};
pub use gateway::{Gateway, GatewayError, Priority, Reading};

/// The version of Stripe's API that this service writes and reads; async-stripe's types are of the same one.
pub const API_VERSION: &str = "2026-09-30.endive";

#[cfg(test)]
mod tests {
    #[test]
    fn our_version_is_the_one_that_async_stripe_was_generated_from() {
        assert_eq!(super::API_VERSION, stripe_client_core::VERSION.as_str());
    }
}
