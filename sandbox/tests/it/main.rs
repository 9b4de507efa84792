//! The sandbox, met over HTTP as a client meets it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod accounts;
mod authorisations;
mod balance_settings;
mod books;
mod checkout;
mod connect;
mod conservation;
mod conversion;
mod debits;
mod disputes;
mod external_accounts;
mod faults;
mod files;
mod negative_balances;
mod oauth;
mod onboarding;
mod payments;
mod payout_reversals;
mod payouts;
mod persons;
mod protocol;
mod publishable;
mod refunds;
mod requirements;
mod restart;
mod setup;
mod stripe_js;
mod topups;
mod webhooks;
mod world;
