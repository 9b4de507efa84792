//! Stripe's protocol, the same for every resource: keys, parameters, scopes, idempotency, lists, expansion, errors.

pub(crate) mod call;
pub(crate) mod client_secret;
pub(crate) mod dispatch;
pub(crate) mod error;
pub(crate) mod expand;
pub(crate) mod faults;
pub(crate) mod idempotency;
pub(crate) mod keys;
pub(crate) mod list;
pub(crate) mod multipart;
pub(crate) mod params;
pub(crate) mod rate_limit;
pub(crate) mod route;
pub(crate) mod shape;
