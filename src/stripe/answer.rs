//! Answers, sorted into the classes of the money protocol.
//!
//! The question is always the same: did it happen? 2xx: yes. 400, 402, 403, 404: no, definitely. Everything else:
//! nobody can tell yet, and the same bytes under the same key will find out; unless the key itself is spent.
//! Sources: <https://docs.stripe.com/api/errors>, <https://docs.stripe.com/api/idempotent_requests>,
//! <https://docs.stripe.com/error-low-level>.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;
use serde::{Deserialize, de::DeserializeOwned};

use super::expandable::ObjectRef;

/// A 2xx answer.
#[derive(Clone)]
pub struct Answer {
    /// The JSON body as it came.
    pub body: Bytes,
    /// Stripe's `Request-Id`.
    pub request_id: Option<String>,
    /// Stripe's time when it answered, in whole seconds: the `Date` header.
    pub date: Option<DateTime<Utc>>,
}

impl Answer {
    /// Reads the body. An error is [`Failure::Unreadable`]: it succeeded all the same.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| Failure::Unreadable(error.to_string()))
    }
}

// The body holds client secrets, and the secrets of webhook endpoints.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { body, request_id, .. } = self;
        f.debug_struct("Answer").field("bytes", &body.len()).field("request_id", request_id).finish()
    }
}

/// What Stripe says when it refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Stripe's `type`: `card_error`, `invalid_request_error`, `idempotency_error`, ...
    pub error_type: String,
    /// Stripe's `code`.
    pub code: Option<String>,
    /// Stripe's `decline_code`.
    pub decline_code: Option<String>,
    /// Stripe's `message`.
    pub message: Option<String>,
    /// Stripe's `param`.
    pub param: Option<String>,
    /// The object that exists in spite of the refusal (`payment_intent` or `setup_intent` of a 402).
    pub object_id: Option<String>,
    /// Stripe's `Request-Id`.
    pub request_id: Option<String>,
}

/// Why there is no 2xx answer; the classes of the money protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A definite refusal: 400, 402, 403, 404. Nothing happened, but see [`Refusal::object_id`].
    #[error("Stripe refused: {} {:?}", .0.error_type, .0.code)]
    Refused(Box<Refusal>),
    /// Not executed or not known: network, 401, 409 lock, 429, 5xx. The same bytes and key may be sent again.
    #[error("Stripe did not answer definitely: {reason}")]
    Unavailable {
        /// For logs and operators.
        reason: String,
        /// Stripe's `Request-Id`, if there was an answer at all.
        request_id: Option<String>,
    },
    /// A 5xx that is stored under the key, or `idempotency_error`: sending again is of no use. Hold and look up.
    #[error("the key is spent: {reason}")]
    KeySpent {
        /// For logs and operators.
        reason: String,
        /// Stripe's `Request-Id`.
        request_id: Option<String>,
    },
    /// A 2xx whose body could not be read: it succeeded, its shape is unknown.
    #[error("Stripe's answer could not be read: {0}")]
    Unreadable(String),
}

impl Failure {
    /// What this failure means if the same write was sent before and may have taken effect. Who is turned away
    /// at the door (a key that lost a permission, an account that is no longer connected, a proxy) is turned away
    /// before Stripe looks whether it knows the idempotency key: that says nothing about the earlier attempt, and
    /// taking it for a refusal would let the caller try under a new key what has happened already.
    #[must_use]
    pub fn after_an_earlier_attempt(self) -> Self {
        match self {
            Self::Refused(refusal) if refusal.is_at_the_door() => {
                let Refusal { status, error_type, request_id, .. } = *refusal;
                let reason = format!("HTTP {status} {error_type} after an attempt whose outcome is unknown");
                Self::Unavailable { reason, request_id }
            }
            other => other,
        }
    }
}

impl Refusal {
    /// What a caller may be told. Stripe's words on our own credentials and accounts (403) name them, and are
    /// for the log.
    #[must_use]
    pub fn told(&self) -> &str {
        let ours = self.status == 401 || self.status == 403;
        self.message.as_deref().filter(|_| !ours).unwrap_or("no reason given")
    }

    /// Whether it comes from before the request itself was looked at.
    fn is_at_the_door(&self) -> bool {
        self.status == 403 || self.error_type == UNREADABLE
    }
}

/// In place of Stripe's `type` where the body can't be read.
const UNREADABLE: &str = "unreadable_error";

/// What the headers of an answer say about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hints {
    /// `Request-Id`.
    pub(super) request_id: Option<String>,
    /// `Idempotent-Replayed: true`: the answer is stored under the key.
    pub(super) replayed: bool,
    /// `Stripe-Should-Retry`.
    pub(super) should_retry: Option<bool>,
    /// `Retry-After`, in its form of seconds.
    pub(super) retry_after: Option<Duration>,
    /// `Stripe-Rate-Limited-Reason`: which limit a 429 ran into.
    pub(super) limit: Option<String>,
    /// `Date`: the time at Stripe's.
    pub(super) date: Option<DateTime<Utc>>,
}

impl Hints {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        Self {
            request_id: text("request-id").map(str::to_owned),
            replayed: text("idempotent-replayed") == Some("true"),
            should_retry: text("stripe-should-retry").and_then(|value| value.parse().ok()),
            retry_after: text("retry-after").and_then(|value| value.parse().ok()).map(Duration::from_secs),
            limit: text("stripe-rate-limited-reason").map(str::to_owned),
            date: text("date").and_then(|value| DateTime::parse_from_rfc2822(value).ok()).map(Into::into),
        }
    }
}

/// `{"error": {..}}`. Of the objects inside only the ids are read.
#[derive(Debug, Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    error: ErrorFields,
}

#[derive(Debug, Default, Deserialize)]
struct ErrorFields {
    #[serde(rename = "type")]
    error_type: Option<String>,
    code: Option<String>,
    decline_code: Option<String>,
    message: Option<String>,
    param: Option<String>,
    payment_intent: Option<ObjectRef>,
    setup_intent: Option<ObjectRef>,
}

/// The class of an answer.
pub(super) fn classify(status: u16, hints: &Hints, body: Bytes) -> Result<Answer, Failure> {
    let request_id = hints.request_id.clone();
    if matches!(status, 200..=299) {
        // What isn't even JSON is not what Stripe wrote: damaged on the way, and the key brings it again.
        return match serde_json::from_slice::<&serde_json::value::RawValue>(&body) {
            Ok(_) => Ok(Answer { body, request_id, date: hints.date }),
            Err(_) => Err(Failure::Unavailable { reason: format!("HTTP {status} without JSON"), request_id }),
        };
    }
    // A status is definite whether or not the body can be read (proxies answer in HTML).
    let error = serde_json::from_slice::<ErrorBody>(&body).unwrap_or_default().error;
    let reason = describe(status, hints, &error);
    if matches!(status, 500..=599) && hints.replayed {
        return Err(Failure::KeySpent { reason: format!("stored answer: {reason}"), request_id });
    }
    // 409 is the lock: the same key is in use by a request that still runs. It is an `idempotency_error` too.
    let is_mismatch = error.error_type.as_deref() == Some("idempotency_error")
        && error.code.as_deref() != Some("idempotency_key_in_use");
    if is_mismatch && status != 409 {
        return Err(Failure::KeySpent { reason, request_id });
    }
    if matches!(status, 400 | 402 | 403 | 404) {
        return Err(Failure::Refused(Box::new(refusal(status, error, request_id))));
    }
    Err(Failure::Unavailable { reason, request_id })
}

fn refusal(status: u16, error: ErrorFields, request_id: Option<String>) -> Refusal {
    Refusal {
        status,
        error_type: error.error_type.unwrap_or_else(|| UNREADABLE.to_owned()),
        code: error.code,
        decline_code: error.decline_code,
        message: error.message,
        param: error.param,
        object_id: error.payment_intent.or(error.setup_intent).map(|object| object.id),
        request_id,
    }
}

/// For logs and operators. Stripe's `message` stays out: it can quote what was sent.
fn describe(status: u16, hints: &Hints, error: &ErrorFields) -> String {
    let parts = [error.error_type.as_deref(), error.code.as_deref(), hints.limit.as_deref()];
    let mut text = format!("HTTP {status}");
    for part in parts.into_iter().flatten() {
        text.push(' ');
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer_to(status: u16, body: &'static str) -> Result<Answer, Failure> {
        classify(status, &Hints::default(), Bytes::from_static(body.as_bytes()))
    }

    fn refused(status: u16, body: &'static str) -> Refusal {
        match answer_to(status, body) {
            Err(Failure::Refused(refusal)) => *refusal,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_2xx_with_json_is_a_success_whatever_it_says() {
        assert!(answer_to(200, "{}").is_ok());
        let strange = answer_to(201, "[7]").unwrap();
        assert!(matches!(strange.read::<ErrorBody>(), Err(Failure::Unreadable(_))));
    }

    #[test]
    fn a_success_that_was_damaged_on_the_way_is_asked_for_again() {
        for body in ["", "<html>", r#"{"id": "po_1""#] {
            assert!(matches!(answer_to(200, body), Err(Failure::Unavailable { .. })), "{body}");
        }
    }

    #[test]
    fn four_statuses_are_definite_refusals_even_with_an_unreadable_body() {
        for status in [400, 402, 403, 404] {
            assert_eq!(refused(status, "<html>").error_type, "unreadable_error");
            assert_eq!(refused(status, r#"{"error": {"type": "invalid_request_error"}}"#).status, status);
        }
    }

    #[test]
    fn who_is_turned_away_at_the_door_learns_nothing_about_an_earlier_attempt() {
        let after = |status, body| answer_to(status, body).unwrap_err().after_an_earlier_attempt();
        let by_stripe = r#"{"error": {"type": "invalid_request_error", "code": "account_invalid"}}"#;
        for (status, body) in [(403, by_stripe), (403, "<html>"), (404, "<html>"), (400, "")] {
            assert!(matches!(after(status, body), Failure::Unavailable { .. }), "{status} {body}");
        }
        for status in [400, 402, 404] {
            assert!(matches!(after(status, by_stripe), Failure::Refused(_)), "{status}");
        }
    }

    #[test]
    fn a_declined_card_names_the_intent_that_exists_all_the_same() {
        let body = r#"{"error": {"type": "card_error", "code": "card_declined", "decline_code": "generic_decline",
            "message": "Your card was declined.", "payment_intent": {"id": "pi_1", "new": {}}, "new": 1}}"#;
        let refusal = refused(402, body);
        assert_eq!(refusal.object_id.as_deref(), Some("pi_1"));
        assert_eq!(refusal.decline_code.as_deref(), Some("generic_decline"));
        let setup = refused(402, r#"{"error": {"type": "card_error", "setup_intent": {"id": "seti_1"}}}"#);
        assert_eq!(setup.object_id.as_deref(), Some("seti_1"));
    }

    #[test]
    fn what_is_not_definite_may_be_sent_again() {
        let lock = r#"{"error": {"type": "idempotency_error", "code": "idempotency_key_in_use"}}"#;
        let terse_lock = r#"{"error": {"type": "idempotency_error"}}"#;
        for (status, body) in [
            (401, "{}"),
            (409, "{}"),
            (409, lock),
            (409, terse_lock),
            (429, "{}"),
            (500, ""),
            (503, "<html>"),
            (302, ""),
        ] {
            let answer = answer_to(status, body);
            assert!(matches!(answer, Err(Failure::Unavailable { .. })), "{status}: {answer:?}");
        }
    }

    #[test]
    fn a_replayed_server_error_spends_the_key() {
        let hints = Hints { replayed: true, ..Hints::default() };
        assert!(matches!(classify(500, &hints, Bytes::new()), Err(Failure::KeySpent { .. })));
        assert!(matches!(classify(402, &hints, Bytes::new()), Err(Failure::Refused(_))));
    }

    #[test]
    fn other_parameters_under_the_same_key_are_a_hold_and_not_a_refusal() {
        let answer = answer_to(400, r#"{"error": {"type": "idempotency_error"}}"#);
        assert!(matches!(answer, Err(Failure::KeySpent { .. })));
    }

    #[test]
    fn neither_bodies_nor_messages_reach_the_logs() {
        let answer = answer_to(200, r#"{"client_secret": "pi_1_secret_2"}"#).unwrap();
        assert!(!format!("{answer:?}").contains("secret_2"));
        let failure = answer_to(500, r#"{"error": {"type": "api_error", "message": "quoted"}}"#).unwrap_err();
        assert_eq!(failure.to_string(), "Stripe did not answer definitely: HTTP 500 api_error");
    }

    #[test]
    fn headers_are_read_leniently() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("retry-after", "7"),
            ("stripe-should-retry", "false"),
            ("idempotent-replayed", "true"),
            ("date", "Sat, 21 Nov 2026 06:10:00 GMT"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let hints = Hints::of(&headers);
        assert_eq!(hints.retry_after, Some(Duration::from_secs(7)));
        assert_eq!(hints.should_retry, Some(false));
        assert!(hints.replayed);
        assert_eq!(hints.date.unwrap().timestamp(), 1_795_241_400);
        headers.insert("retry-after", "soon".parse().unwrap());
        assert_eq!(Hints::of(&headers).retry_after, None);
    }
}
