//! Buyers pay: carts with the server's prices, orders, payments through Stripe's payment intents.
//!
//! States of an order: `pending_payment` (also after a decline: another card may follow) -> `processing` (a
//! method that takes days) -> `paid`; `canceled` when it will not be paid. Only Stripe's word moves it.
//!
//! Invariants: prices come from listings; only the marketplace's backend may send its own. Price and commission
//! are frozen on the line at sale. Lines sum to the order, shares to the lines. An order is paid once.

mod api;
mod cart;
mod create;
mod decline;
mod error;
pub mod events;
mod invariants;
mod payment;
pub mod post_sale;
mod store;
mod view;

pub use api::CheckoutApi;
pub use create::CreatePaymentIntent;
pub use invariants::INVARIANTS;
