//! Where Stripe delivers: one endpoint for the platform's events, one for those of connected accounts. Not part
//! of the published API: Stripe is the only caller, and the signature its only credential.

use poem::{
    Body, IntoResponse, Request, Response, error::ReadBodyError, handler, http::StatusCode, web::Data,
};

use super::problem::Problem;
use crate::webhooks::{Endpoint, Inbox, Refused};

/// No event of Stripe's comes near this.
const LARGEST_EVENT_BYTES: usize = 1024 * 1024;
/// When Stripe may deliver again what was not stored, in seconds.
const RETRY_AFTER_S: u64 = 5;

/// `POST /webhooks/stripe/platform`
#[handler]
pub(crate) async fn platform_webhook(
    inbox: Data<&Inbox>,
    request: &Request,
    body: Body,
) -> Result<Response, Problem> {
    receive(&inbox, Endpoint::Platform, request, body).await
}

/// `POST /webhooks/stripe/connect`
#[handler]
pub(crate) async fn connect_webhook(
    inbox: Data<&Inbox>,
    request: &Request,
    body: Body,
) -> Result<Response, Problem> {
    receive(&inbox, Endpoint::Connect, request, body).await
}

async fn receive(
    inbox: &Inbox,
    endpoint: Endpoint,
    request: &Request,
    body: Body,
) -> Result<Response, Problem> {
    // 1. The bytes exactly as they came: the signature is over them.
    let raw = body.into_bytes_limit(LARGEST_EVENT_BYTES).await.map_err(|error| match error {
        ReadBodyError::PayloadTooLarge => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "An event has at most 1 MiB.")
        }
        _ => Problem::bad_request("body_unreadable", "The body could not be read."),
    })?;
    let signature = request.header("stripe-signature");
    // 2. Proven, stored, and only then acknowledged.
    match inbox.receive(endpoint, &raw, signature).await {
        Ok(_) => Ok(StatusCode::OK.into_response()),
        Err(refused) => Err(problem(refused)),
    }
}

fn problem(refused: Refused) -> Problem {
    tracing::warn!(code = refused.code(), "a webhook was refused");
    let status = StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let problem = Problem::new(status, refused.code(), refused.to_string());
    if status == StatusCode::SERVICE_UNAVAILABLE { problem.retry_after(RETRY_AFTER_S) } else { problem }
}
