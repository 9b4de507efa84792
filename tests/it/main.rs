//! Souk as its users meet it: the real service over HTTP, a real database, and the stateful sandbox in Stripe's
//! place. One binary, so that PostgreSQL is started once.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and the harness runs in tests only"
)]

mod access;
mod acknowledged;
mod architecture;
mod books;
mod buyers;
mod catalog;
mod checkout;
mod commands;
mod commissions;
mod crashes;
mod dev;
mod drills;
mod engines;
mod explain;
mod facts;
mod facts_at_stripe;
mod foreign;
mod gateway;
mod harness;
mod journeys;
mod ledger;
mod lookups;
mod market;
mod missed;
mod openapi;
mod oversight;
mod payouts;
mod permutations;
mod postgres;
mod processes;
mod protocol;
mod refusals;
mod scratch;
mod sellers;
mod shape;
mod site;
mod stripe_events;
mod webhooks;
mod world;
