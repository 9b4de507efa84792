//! The sandbox, met over HTTP as a client meets it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod accounts;
mod authorisations;
mod books;
mod checkout;
mod connect;
mod conversion;
mod debits;
mod faults;
mod onboarding;
mod payments;
mod payouts;
mod protocol;
mod refunds;
mod restart;
mod setup;
mod webhooks;
mod world;
