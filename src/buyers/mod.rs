//! Who buys.
//!
//! Invariant: a buyer sees themself and their own orders, nobody else's.

mod api;
mod create;
mod error;
mod store;

pub use api::BuyersApi;
pub use store::find;
