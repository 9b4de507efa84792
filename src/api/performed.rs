//! From what the protocol came to, to the answer that a caller gets.

use std::collections::BTreeMap;

use poem_openapi::types::ToJSON;
use souk_entity::stripe_request;

use super::{
    problem::Problem,
    reply::{Replayable, to_bytes},
};
use crate::{
    idempotency::{ClaimError, Performed, Reply},
    outbox::OutboxError,
    stripe::Failure,
    telemetry,
};

/// When a caller may ask again for what Stripe hasn't answered, in seconds: a completer is at it meanwhile.
const STRIPE_RETRY_AFTER_S: u64 = 5;
/// When a caller may ask again for what is under way, in seconds.
const BUSY_RETRY_AFTER_S: u64 = 1;

const MOST_METADATA_KEYS: usize = 20;
const LONGEST_METADATA_KEY: usize = 40;
const LONGEST_METADATA_VALUE: usize = 500;

/// The answer to a caller whose request went through the protocol.
pub fn performed<T, const STATUS: u16>(performed: Performed) -> Result<Replayable<T, STATUS>, Problem> {
    match performed {
        Performed::Fresh(reply) => Ok(Replayable::fresh(reply.status, reply.body)),
        Performed::Replayed(reply) => Ok(Replayable::replayed(reply.status, reply.body)),
        Performed::Pending => Err(Problem::stripe_unavailable(STRIPE_RETRY_AFTER_S)),
        Performed::Busy => Err(Problem::conflict(
            "idempotency_key_in_use",
            "A request with this Idempotency-Key is under way. Ask again with the same key for its answer.",
        )
        .retry_after(BUSY_RETRY_AFTER_S)),
        Performed::Held => Err(Problem::conflict(
            "outcome_unknown",
            "Nobody can tell whether Stripe did this. It is held until an operator has looked; don't ask under \
             another key.",
        )),
    }
}

/// A wire type as an answer to be stored.
#[must_use]
pub fn reply<T: ToJSON>(status: u16, value: &T) -> Reply {
    Reply { status, body: to_bytes(value).to_vec() }
}

impl Problem {
    /// This problem as an answer to be stored. Whoever completes a write to Stripe makes it, and it names the request
    /// of the caller who asked for the write.
    #[must_use]
    pub fn reply(&self, request: &stripe_request::Model) -> Reply {
        let asked_as = telemetry::request_id().or_else(|| request.caller_request_id.clone());
        let body = self.to_bytes(asked_as.as_deref().unwrap_or_default());
        Reply { status: self.status().as_u16(), body: body.to_vec() }
    }
}

impl From<ClaimError> for Problem {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::OtherRequest => Self::unprocessable(
                "idempotency_key_reused",
                "This Idempotency-Key was used for another request. Take a new key for a new request.",
            ),
            ClaimError::Seal(error) => Self::internal(error),
            ClaimError::Database(error) => error.into(),
        }
    }
}

impl From<OutboxError> for Problem {
    fn from(error: OutboxError) -> Self {
        match error {
            OutboxError::Claim(error) => error.into(),
            OutboxError::Database(error) => error.into(),
            // The write may have taken effect; a completer brings it to its end.
            error @ (OutboxError::Apply(_) | OutboxError::Missing) => Self::internal(error),
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => {
                Self::internal(format!("Stripe refused: {} {:?}", refusal.error_type, refusal.code))
            }
            Failure::Unavailable { .. } | Failure::NotSent { .. } => {
                Self::stripe_unavailable(STRIPE_RETRY_AFTER_S)
            }
            failure @ (Failure::KeySpent { .. } | Failure::Altered { .. } | Failure::Unreadable { .. }) => {
                Self::internal(failure)
            }
        }
    }
}

/// Checks a caller's own keys and values: at most 20 of them, keys of 1 to 40 and values of up to 500
/// characters, as Stripe has it (<https://docs.stripe.com/api/metadata>); `souk_` is ours.
pub fn check_metadata(metadata: &BTreeMap<String, String>) -> Result<(), Problem> {
    let refuse = |detail: &str| {
        Err(Problem::unprocessable("invalid_metadata", detail).with_field(
            "metadata",
            "invalid_metadata",
            detail,
        ))
    };
    if metadata.len() > MOST_METADATA_KEYS {
        return refuse("Metadata has at most 20 keys.");
    }
    let keys_fit = |key: &String| (1..=LONGEST_METADATA_KEY).contains(&key.chars().count());
    if !metadata.keys().all(keys_fit) {
        return refuse("A metadata key has 1 to 40 characters.");
    }
    if metadata.keys().any(|key| key.starts_with("souk_")) {
        return refuse("Metadata keys that begin with souk_ are reserved.");
    }
    if metadata.values().any(|value| value.chars().count() > LONGEST_METADATA_VALUE) {
        return refuse("A metadata value has at most 500 characters.");
    }
    Ok(())
}
