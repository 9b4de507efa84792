//! What is for sale. A listing's price is the only one that a buyer can pay; stock stays with the marketplace's
//! own backend.
//!
//! States: active or not. Invariants: the price is above zero and never changes for an order that was made.

mod api;
mod error;
mod store;
mod write;

pub use api::CatalogApi;
pub use store::find_all;
