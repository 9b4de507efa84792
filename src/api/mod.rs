//! The kit of the HTTP API: callers and their authority, problems, ids and money on the wire, bodies, answers
//! that can be replayed, pages, the specification, health.
//!
//! It knows no room, no table and no Stripe object. An operation reads, top to bottom: who may call it, what
//! it needs, what it does:
//!
//! ```ignore
//! /// Pay a seller out
//! #[oai(path = "/sellers/:id/payouts", method = "post", operation_id = "createPayout")]
//! async fn create(
//!     &self,
//!     caller: BackofficeOrSeller,            // first: 401 and 403 come before anything else is read
//!     id: Path<Id<SellerId>>,                // what is no id is 404
//!     idempotency_key: IdempotencyKey,
//!     body: Body<CreatePayout>,              // every wrong field is named; `body.raw` is fingerprinted
//! ) -> Result<Created<PayoutView>, Problem> {
//!     caller.may_see_seller(**id)?;          // another's is 404
//!     ...                                    // a room's error becomes a `Problem` by `From`
//! }
//! ```
//!
//! Architecture invariant: nothing leaves the service that is neither a documented answer nor a [`Problem`]
//! with a `code` and the request's id; [`serve`] sees to it for all routes, webhooks and health included.

pub mod auth;
pub mod authority;
pub mod body;
pub mod caller;
pub mod docs_page;
pub mod event_gaps;
pub mod events;
pub mod health;
pub mod id;
pub mod idempotency_key;
pub mod metrics;
pub mod money;
pub mod page;
pub mod performed;
pub mod problem;
pub mod reject;
pub mod reply;
pub mod request_id;
mod schema_check;
pub mod sheet;
pub mod spec;
pub mod stripe_events;
pub mod stripe_requests;
mod stripe_webhooks;

use poem::{Endpoint, EndpointExt, Response};

pub(crate) use self::stripe_webhooks::{connect_webhook, platform_webhook};
pub use self::{
    auth::{TokenIssuer, TokenVerifier},
    authority::{AnyCaller, Backoffice, BackofficeOrBuyer, BackofficeOrSeller, OperatorOnly},
    body::Body,
    caller::{Caller, Role},
    event_gaps::EventGapsApi,
    events::EventsApi,
    id::Id,
    idempotency_key::{IdempotencyKey, OptionalIdempotencyKey},
    money::{Currency, Money},
    page::{Cursor, Limit, Page},
    performed::{check_metadata, performed, reply},
    problem::{FieldError, Problem},
    reject::Rejections,
    reply::{Charged, Created, Done, Replayable},
    request_id::RequestIds,
    sheet::{Sheet, SheetFormat},
    stripe_events::StripeEventsApi,
    stripe_requests::StripeRequestsApi,
};

/// Wraps all routes of the service: request ids outermost, then problems for whatever fails, then the keys by
/// which the authority types know their callers.
pub fn serve<E: Endpoint + 'static>(
    routes: E,
    verifier: TokenVerifier,
    rejections: Rejections,
) -> impl Endpoint<Output = Response> {
    routes.data(verifier).with(rejections).with(RequestIds)
}

#[cfg(test)]
mod tests;
