//! Souk: the payments side of a marketplace, as one service on Stripe Connect.
//!
//! The map, from the ground up. A module imports only what stands before it here; `tests/it/architecture.rs` holds
//! the floors.
//!
//! Floor 0, the ground:
//! - [`clock`]: wall time and business time.
//! - [`seal`]: encryption of what is kept but must not be read in the database.
//! - [`config`]: settings from the environment, checked before anything starts.
//! - [`failpoint`]: where tests kill the process.
//! - [`db`]: connections, the one way to begin a writing transaction and the one way to commit it, migrations.
//! - [`telemetry`]: structured logs.
//!
//! Floor 1:
//! - [`stripe`]: the gateway, the only importer of async-stripe.
//! - [`context`]: what every floor above is handed: database, clocks, seal, gateway, settings.
//!
//! Floor 2, the kits, which know no room:
//! - [`jobs`]: work to be done later, committed with what makes it necessary.
//! - [`notify`]: what happened here, told in the transaction in which it happened.
//! - [`idempotency`]: callers may repeat a request and get the same answer.
//! - [`outbox`]: every write to Stripe is a row first.
//! - [`invariants`]: what must hold of the rows as a whole, checked by the clock.
//! - [`webhooks`]: every event of Stripe's is a row before it is acknowledged.
//! - [`api`]: callers, roles, problems, pages, payloads.
//!
//! Floor 3:
//! - [`ledger`]: the double-entry books, posted from what we know and from what Stripe's balances say.
//!
//! Floor 4, the rooms; each imports only those above it in this list:
//! - [`sellers`]: who sells: onboarding, status, balance.
//! - [`buyers`]: who buys.
//! - [`catalog`]: what is for sale, at which price.
//! - [`commissions`]: what the marketplace keeps of each line.
//! - [`checkout`]: buyers pay: carts, orders, payments.
//! - [`payouts`]: sellers are paid out.
//! - [`attention`]: what needs a person, by age.
//!
//! Floor 5, the composition:
//! - [`events`]: Stripe's events, and who handles them.
//! - [`worker`]: what runs in the background.
//! - [`server`]: the routes.
//! - [`explain`]: what happened to one thing, from everything that is written down about it.
//! - [`app`]: from settings to a running service, and back to rest.

pub mod api;
pub mod app;
pub mod attention;
pub mod buyers;
pub mod catalog;
pub mod checkout;
pub mod clock;
pub mod commissions;
pub mod config;
pub mod context;
pub mod db;
pub mod events;
pub mod explain;
pub mod failpoint;
pub mod idempotency;
pub mod invariants;
pub mod jobs;
pub mod ledger;
pub mod notify;
pub mod outbox;
pub mod payouts;
pub mod seal;
pub mod sellers;
pub mod server;
pub mod stripe;
pub mod telemetry;
pub mod webhooks;
pub mod worker;
