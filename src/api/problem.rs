//! What a caller is told when something fails: RFC 9457 `application/problem+json`, with a stable `code`.
//!
//! Rooms map their own errors (`impl From<CheckoutError> for Problem`) and return `Result<_, Problem>`; what
//! the framework rejects before an operation runs is turned into a `Problem` by [`super::reject`].

use std::fmt;

use bytes::Bytes;
use poem::{
    IntoResponse, Response,
    http::{HeaderName, HeaderValue, StatusCode, header},
};
use poem_openapi::{
    ApiResponse, Object,
    registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::{ToJSON, Type},
};
use sea_orm::DbErr;

use crate::telemetry;

/// The media type of every error.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Seconds after which a caller may try again when the database has no connection to spare.
const DATABASE_RETRY_AFTER_S: u64 = 1;

/// The problems that every operation documents: status, name in the specification, and what it means.
pub(super) const DOCUMENTED: [(u16, &str, &str); 11] = [
    (400, "BadRequest", "The request is not understood: see `code` and `errors`."),
    (401, "Unauthenticated", "The token is missing, expired or not ours."),
    (403, "Forbidden", "The token's role may not do this."),
    (404, "NotFound", "No such object, or none that this caller may see."),
    (409, "Conflict", "The object's state, or another request in flight, forbids this now."),
    (413, "BodyTooLarge", "The body is too large."),
    (415, "UnsupportedMediaType", "The body is not `application/json`."),
    (422, "Unprocessable", "The request is understood, but can't be done as asked."),
    (429, "TooManyRequests", "Too many requests."),
    (500, "InternalError", "A fault on our side. Quote the `request_id`."),
    (503, "Unavailable", "Stripe or the database did not answer; try again with the same `Idempotency-Key`."),
];

/// The problem of an operation that charges a card.
pub(super) const CARD_DECLINED: (u16, &str, &str) = (
    402,
    "CardDeclined",
    "The card was declined; `detail` may be shown to the buyer, and another card may be tried. With the code \
     `authentication_required` the bank wants to see the buyer: their app can finish with the order's `client_secret`.",
);

/// One field of the request that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
pub struct FieldError {
    /// Where it is: `lines[0].unit_amount.currency`.
    pub field: String,
    /// Stable: `required`, `unknown_field`, `invalid`, `unknown_currency`, or a code of the operation's own.
    pub code: String,
    /// For people.
    pub detail: String,
}

/// An error (RFC 9457). Programs branch on `code`, never on the texts.
#[derive(Debug, Object)]
#[oai(rename = "Problem", skip_serializing_if_is_none)]
struct ProblemDocument {
    /// A URI for the kind of problem: `urn:souk:problem:` and the code.
    #[oai(rename = "type")]
    kind: String,
    /// The HTTP status in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// Stable, for programs: `not_found`, `invalid_request`, ...
    code: String,
    /// What went wrong this time, for people.
    detail: String,
    /// Names the request in our logs.
    request_id: String,
    /// The fields that are wrong; empty if it isn't about fields.
    errors: Vec<FieldError>,
    /// With 402: Stripe's decline code (`insufficient_funds`, ...), as far as a buyer may know it.
    decline_code: Option<String>,
    /// With 402: the order, which another card can pay.
    order_id: Option<String>,
}

/// An error on its way to a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    // Boxed, for it is rare and every operation's result has room for it.
    declined: Option<Box<Declined>>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What a decline says besides.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Declined {
    decline_code: Option<String>,
    order_id: String,
}

impl Problem {
    /// A problem with a stable code; the detail is for people and must tell nothing that is secret.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), errors: Vec::new(), declined: None, headers: Vec::new() }
    }

    /// 400 with a code of the operation's own.
    #[must_use]
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 400 `invalid_request`: the fields that are wrong come with [`Self::with_field`].
    #[must_use]
    pub fn invalid_request(detail: impl Into<String>) -> Self {
        Self::bad_request("invalid_request", detail)
    }

    /// 400 `invalid_parameter`: one parameter of the query or of the headers is wrong.
    #[must_use]
    pub fn invalid_parameter(name: &str, detail: &str) -> Self {
        Self::bad_request("invalid_parameter", format!("The parameter `{name}` is wrong: {detail}"))
            .with_field(name, "invalid", detail)
    }

    /// 401 `unauthenticated`, with the challenge that HTTP asks for.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "A valid bearer token is needed: it is missing, expired or not ours.",
        )
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 403 `forbidden`: the caller's role may not do this to anybody's objects.
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 404 `not_found`; the same for what isn't there and for what is another tenant's.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such object.")
    }

    /// 402 `card_declined`, or a code that says more: the detail and the decline code may be shown to a buyer.
    #[must_use]
    pub fn payment_declined(
        code: &'static str,
        detail: impl Into<String>,
        decline_code: Option<&str>,
        order_id: &str,
    ) -> Self {
        Self {
            declined: Some(Box::new(Declined {
                decline_code: decline_code.map(str::to_owned),
                order_id: order_id.to_owned(),
            })),
            ..Self::new(StatusCode::PAYMENT_REQUIRED, code, detail)
        }
    }

    /// 409 with a code of the operation's own: the object's state forbids this now.
    #[must_use]
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 422 with a code of the operation's own: understood, but it can't be done as asked.
    #[must_use]
    pub fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 500 `internal_error`: logs the cause, tells nothing.
    #[must_use]
    pub fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(%cause, "internal error");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "A fault on our side. Quote the request_id when you report it.",
        )
    }

    /// 503 `stripe_unavailable`: Stripe did not answer definitely.
    #[must_use]
    pub fn stripe_unavailable(retry_after_s: u64) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "stripe_unavailable",
            "Stripe did not answer in time. Try again with the same Idempotency-Key.",
        )
        .retry_after(retry_after_s)
    }

    /// Names a field that is wrong.
    #[must_use]
    pub fn with_field(mut self, field: &str, code: &str, detail: &str) -> Self {
        self.errors.push(FieldError {
            field: field.to_owned(),
            code: code.to_owned(),
            detail: detail.to_owned(),
        });
        self
    }

    /// Names all the fields that are wrong.
    #[must_use]
    pub fn with_fields(mut self, errors: Vec<FieldError>) -> Self {
        self.errors.extend(errors);
        self
    }

    /// Tells when to try again, in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Adds a header to the response.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The body as it goes over the wire, with the id of the request that it answers.
    pub(super) fn to_bytes(&self, request_id: &str) -> Bytes {
        let document = ProblemDocument {
            kind: format!("urn:souk:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            code: self.code.to_owned(),
            detail: self.detail.clone(),
            request_id: request_id.to_owned(),
            errors: self.errors.clone(),
            decline_code: self.declined.as_ref().and_then(|declined| declined.decline_code.clone()),
            order_id: self.declined.as_ref().map(|declined| declined.order_id.clone()),
        };
        document.to_json_string().into()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.code, self.detail)
    }
}

impl From<DbErr> for Problem {
    fn from(error: DbErr) -> Self {
        match error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => {
                tracing::error!(%error, "no connection to the database");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "database_unavailable",
                    "The database has no connection to spare. Try again with the same Idempotency-Key.",
                )
                .retry_after(DATABASE_RETRY_AFTER_S)
            }
            error => Self::internal(error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let bytes = self.to_bytes(&telemetry::request_id().unwrap_or_default());
        let mut response = Response::builder().status(self.status).content_type(PROBLEM_JSON).body(bytes);
        response.headers_mut().extend(self.headers.into_iter().map(|(name, value)| (Some(name), value)));
        response
    }
}

impl From<Problem> for poem::Error {
    fn from(problem: Problem) -> Self {
        let message = problem.to_string();
        let mut error = Self::from_response(problem.into_response());
        error.set_error_message(message);
        error
    }
}

// By hand rather than derived: the derive wants an enum with a variant for each status.
impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        MetaResponses { responses: DOCUMENTED.into_iter().map(document).collect() }
    }

    fn register(registry: &mut Registry) {
        ProblemDocument::register(registry);
    }
}

pub(super) fn document((status, _, description): (u16, &str, &'static str)) -> MetaResponse {
    let header = |name: &str, description: &str, schema| MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: true,
        deprecated: false,
        schema,
    };
    MetaResponse {
        description,
        status: Some(status),
        status_range: None,
        content: vec![MetaMediaType { content_type: PROBLEM_JSON, schema: ProblemDocument::schema_ref() }],
        headers: match status {
            401 => vec![header("WWW-Authenticate", "`Bearer`", String::schema_ref())],
            503 => vec![header("Retry-After", "Seconds to wait before the next try.", i32::schema_ref())],
            _ => vec![],
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn body(response: Response) -> serde_json::Value {
        serde_json::from_slice(&response.into_body().into_vec().await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_problem_is_rfc_9457_with_a_code() {
        let response = Problem::unprocessable("over_refund", "Only 5.00 USD are left.")
            .with_field("amount", "too_large", "at most 500")
            .into_response();
        assert_eq!((response.status().as_u16(), response.content_type()), (422, Some(PROBLEM_JSON)));
        assert_eq!(
            body(response).await,
            json!({
                "type": "urn:souk:problem:over_refund",
                "title": "Unprocessable Entity",
                "status": 422,
                "code": "over_refund",
                "detail": "Only 5.00 USD are left.",
                "request_id": "",
                "errors": [{"field": "amount", "code": "too_large", "detail": "at most 500"}],
            })
        );
    }

    #[tokio::test]
    async fn an_internal_error_tells_nothing() {
        let problem = Problem::from(DbErr::Custom("password is hunter2".to_owned()));
        assert_eq!((problem.status().as_u16(), problem.code()), (500, "internal_error"));
        assert!(!body(problem.into_response()).await.to_string().contains("hunter2"));
    }

    #[test]
    fn what_can_be_tried_again_says_when() {
        let response = Problem::stripe_unavailable(7).into_response();
        assert_eq!(response.status().as_u16(), 503);
        assert_eq!(response.header("Retry-After"), Some("7"));
        let timeout = DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout);
        let response = Problem::from(timeout).into_response();
        assert_eq!((response.status().as_u16(), response.header("Retry-After")), (503, Some("1")));
    }

    #[test]
    fn a_missing_token_is_answered_with_a_challenge() {
        assert_eq!(Problem::unauthenticated().into_response().header("WWW-Authenticate"), Some("Bearer"));
    }
}
