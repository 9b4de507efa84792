//! Where Stripe delivers: one endpoint for the platform's events, one for those of connected accounts. Not part
//! of the published API: Stripe is the only caller, and the signature its only credential.

use std::time::Duration;

use bytes::Bytes;
use poem::{
    Body, IntoResponse, Request, Response, error::ReadBodyError, handler, http::StatusCode, web::Data,
};

use super::problem::Problem;
use crate::webhooks::{Endpoint, Inbox, Refused};

/// No event of Stripe's comes near this.
const LARGEST_EVENT_BYTES: usize = 1024 * 1024;
/// How long a body may take to arrive: Stripe sends an event in one go.
const SLOWEST_BODY: Duration = Duration::from_secs(10);
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
    let raw = read(request, body).await.map_err(|unread| {
        let (status, code, detail) = unread.told();
        tracing::warn!(code, "a webhook was refused");
        inbox.tally().refused(endpoint, code);
        Problem::new(status, code, detail)
    })?;
    let signature = request.header("stripe-signature");
    // 2. Proven, stored, and only then acknowledged.
    match inbox.receive(endpoint, &raw, signature).await {
        Ok(_) => Ok(StatusCode::OK.into_response()),
        Err(refused) => Err(problem(refused)),
    }
}

/// Why there are no bytes to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unread {
    Encoded,
    TooLarge,
    TooSlow,
    Broken,
}

impl Unread {
    const fn told(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Encoded => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "content_encoding_unsupported",
                "An event comes as it was signed, without Content-Encoding.",
            ),
            Self::TooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "An event has at most 1 MiB.")
            }
            Self::TooSlow => {
                (StatusCode::REQUEST_TIMEOUT, "body_too_slow", "The body did not arrive within ten seconds.")
            }
            Self::Broken => (StatusCode::BAD_REQUEST, "body_unreadable", "The body could not be read."),
        }
    }
}

/// Reads the body, as far as it may be long and may take. What is compressed is not unpacked: a few bytes of it can
/// be gigabytes.
async fn read(request: &Request, body: Body) -> Result<Bytes, Unread> {
    let header = |name| request.header(name).map(str::trim);
    if header("content-encoding").is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(Unread::Encoded);
    }
    let length = header("content-length").and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length > LARGEST_EVENT_BYTES) {
        return Err(Unread::TooLarge);
    }
    match tokio::time::timeout(SLOWEST_BODY, body.into_bytes_limit(LARGEST_EVENT_BYTES)).await {
        Ok(Ok(raw)) => Ok(raw),
        Ok(Err(ReadBodyError::PayloadTooLarge)) => Err(Unread::TooLarge),
        Ok(Err(_)) => Err(Unread::Broken),
        Err(_) => Err(Unread::TooSlow),
    }
}

fn problem(refused: Refused) -> Problem {
    tracing::warn!(code = refused.code(), "a webhook was refused");
    let status = StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let problem = Problem::new(status, refused.code(), refused.to_string());
    if status == StatusCode::SERVICE_UNAVAILABLE { problem.retry_after(RETRY_AFTER_S) } else { problem }
}
