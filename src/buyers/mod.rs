//! Who buys, and what they keep to pay with.
//!
//! A buyer becomes a customer at Stripe when something is first kept for them ([`customer_of`]). A setup intent saves a
//! payment method without paying; the buyer's app confirms it. What is saved lives on the platform and is known here by
//! Stripe's events alone; nothing of a card is kept but what may be shown.
//!
//! Invariants: a buyer sees themself, their own orders and payment methods, nobody else's. A buyer has one customer,
//! and one default payment method at most. What is detached stays detached.

mod api;
mod copy;
mod create;
mod customer;
mod default;
mod detach;
mod error;
pub mod events;
mod saved;
mod setup;
mod store;
mod view;

pub use api::BuyersApi;
pub use copy::{CopyPaymentMethod, copy_first};
pub use customer::{CreateCustomer, CustomerOf, customer_of};
pub use default::SetDefault;
pub use detach::DetachPaymentMethod;
pub use saved::{NotTheirs, payment_method};
pub use setup::CreateSetupIntent;
pub use store::{find, lock};
