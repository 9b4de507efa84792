//! The sandbox, met over HTTP as a client meets it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod accounts;
mod authorisations;
mod books;
mod checkout;
mod connect;
mod conservation;
mod conversion;
mod debits;
mod disputes;
mod faults;
mod files;
mod onboarding;
mod payments;
mod payouts;
mod protocol;
mod refunds;
mod restart;
mod setup;
mod webhooks;
mod world;
