//! A stateful Stripe with Connect, for laptops and tests.
//!
//! It speaks Stripe's wire format on its own port, keeps what it is told, moves money in double entry, lets time
//! pass on request, and delivers signed webhooks. It never talks to Stripe, nor to any public address.
//!
//! - [`Sandbox`] runs one inside a process; [`cli`] runs one as a program.
//! - `protocol` is Stripe's protocol, the same for every resource: keys, parameters, idempotency, lists, errors.
//! - `resources` is one noun per file: its state, its JSON, its operations.
//! - `books` is the one place where money moves; `events` tells of what happened; `due` is what time does.
//! - `store` keeps all of it: in memory, with a journal behind it. It knows no payment.
//! - `json` is what objects are rendered as.
//! - `hosted` are the pages that people see; `control` is what tests ask for under `/_sandbox/`.

// Stripe's objects are long, and `json!` recurses field by field.
#![recursion_limit = "256"]

pub mod cli;

mod books;
mod clock;
mod config;
mod control;
mod due;
mod events;
mod hosted;
mod ids;
mod json;
mod money;
mod protocol;
mod resources;
mod server;
mod sever;
mod store;
mod webhooks;

pub use config::{Config, ExchangeRates, PayoutInterval, Settings};
pub use server::{Sandbox, StartError};
