//! Buyers pay: carts with the server's prices, orders, payments through Stripe's payment intents.
//!
//! The money goes one of three ways (`route`): `destination` (one seller, whom the charge itself pays), `separate`
//! (one seller or many: the charge stays on the platform, and each share is transferred when its release rule lets it
//! go) or `direct` (one seller, on whose own Stripe account the charge is made).
//!
//! States of an order: `pending_payment` (also after a decline: another card may follow) -> `processing` (a
//! method that takes days) or `authorized` (held for a capture) -> `paid`; `canceled` when it will not be paid. Only
//! Stripe's word moves it.
//!
//! Invariants: prices come from listings; only the marketplace's backend may send its own. Price and commission
//! are frozen on the line at sale. Lines sum to shares, one a seller, and shares to the order. An order is paid once.
//!
//! States of a share: `pending` until its order is paid and Stripe has moved the money. Then one of a destination or
//! direct charge is `transferred`; one of a separate charge is `held`, with what it waits for, or `releasable`
//! (`release`). One that is all commission, as only a cart of several sellers can have it, is `transferred` with nothing
//! to transfer.

mod api;
mod cart;
mod create;
mod decline;
mod error;
pub mod events;
mod invariants;
mod payer;
mod payment;
pub mod post_sale;
pub mod release;
mod route;
mod store;
mod view;
mod words;

pub use api::CheckoutApi;
pub use create::CreatePaymentIntent;
pub use invariants::INVARIANTS;
