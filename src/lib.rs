//! Souk: the payments side of a marketplace, as one service on Stripe Connect.
//!
//! The map, from the ground up. A module imports downward only; `tests/it/architecture.rs` holds the floors.
//!
//! Floor 0, the ground:
//! - [`config`]: settings from the environment, checked before anything starts.
//! - [`clock`]: wall time and business time.
//! - [`seal`]: encryption of what is kept but must not be read in the database.
//! - [`db`]: connections, the one way to begin a writing transaction, migrations.
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
//! - [`webhooks`]: every event of Stripe's is a row before it is acknowledged.
//! - [`api`]: callers, roles, problems, pages, payloads.

pub mod clock;
pub mod config;
pub mod context;
pub mod db;
pub mod seal;
pub mod stripe;
pub mod webhooks;
