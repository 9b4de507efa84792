//! Who sells: onboarding through Stripe's hosted form, one status, what is still missing, the balance.
//!
//! States: `onboarding` (the form is not submitted) -> `pending` (Stripe verifies) -> `active` (transfers and
//! payouts enabled); `restricted` when something is missing or was taken away, `rejected` and `disconnected` for
//! good. The status is a function of the account as Stripe last told it (`status`), never set by hand.
//!
//! Invariants: a seller has at most one Stripe account at a time, and acts in its scope only. Links are minted
//! anew for the seller who asks, never for an account id that a caller names.

mod api;
mod balance;
mod create;
mod error;
pub mod events;
mod links;
mod pages;
mod requirements;
mod status;
mod store;
mod view;

pub use api::SellersApi;
pub use create::CreateAccount;
pub(crate) use pages::{onboarding_refresh, onboarding_return};
pub use status::{Payable, payable};
pub use store::{find, find_all, find_of_account, lock};
