//! `Idempotency-Key`: the same request gets the same answer, and happens once.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::StripeError;
use crate::store::{Record, Tx};

/// How long a key is remembered, on the sandbox's clock.
const KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// The longest key that Stripe takes.
const LONGEST: usize = 255;

/// An answer that was given under a key.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredAnswer {
    id: String,
    fingerprint: String,
    path: String,
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) request_id: String,
    until_ms: i64,
}

impl Record for StoredAnswer {
    const NOUN: &'static str = "idempotency key";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        ""
    }

    fn due_ms(&self) -> Option<i64> {
        Some(self.until_ms)
    }
}

/// A key in the scope in which it counts, with what it was sent for.
#[derive(Clone, Debug)]
pub(crate) struct KeyUse {
    pub(crate) key: String,
    id: String,
    fingerprint: String,
    path: String,
}

impl KeyUse {
    pub(crate) fn new(
        platform: &str,
        account: Option<&str>,
        key: &str,
        path: &str,
        request: &str,
    ) -> Result<Self, StripeError> {
        if key.len() > LONGEST {
            let message = format!("Idempotency keys can have up to {LONGEST} characters");
            return Err(StripeError::idempotency(message));
        }
        let id = format!("{platform}/{}/{key}", account.unwrap_or_default());
        let fingerprint = hex::encode(Sha256::digest(format!("{path}\n{request}")));
        Ok(Self { key: key.to_owned(), id, fingerprint, path: path.to_owned() })
    }

    /// What identifies the key among all that are in flight.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The answer that was given before, or a refusal if it was for another request.
    pub(crate) fn earlier(&self, tx: &Tx<'_>) -> Result<Option<StoredAnswer>, StripeError> {
        let Some(stored) = tx.get::<StoredAnswer>(&self.id).filter(|stored| stored.until_ms > tx.now_ms)
        else {
            return Ok(None);
        };
        if stored.path != self.path {
            return Err(StripeError::idempotency(format!(
                "Keys for idempotent requests can only be used for the same endpoint they were first used for ('{}' vs \
                 '{}'). Try using a key other than '{}' if you meant to execute a different request.",
                self.path, stored.path, self.key
            )));
        }
        if stored.fingerprint != self.fingerprint {
            return Err(StripeError::idempotency(format!(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. Try \
                 using a key other than '{}' if you meant to execute a different request.",
                self.key
            )));
        }
        Ok(Some(stored.clone()))
    }

    pub(crate) fn store(&self, tx: &mut Tx<'_>, status: u16, body: &str, request_id: &str) {
        let until_ms = tx.now_ms + KEPT_MS;
        tx.put(StoredAnswer {
            id: self.id.clone(),
            fingerprint: self.fingerprint.clone(),
            path: self.path.clone(),
            status,
            body: body.to_owned(),
            request_id: request_id.to_owned(),
            until_ms,
        });
    }

    /// 409 while another request holds the key.
    pub(crate) fn in_flight(&self) -> StripeError {
        StripeError::conflict(
            "idempotency_key_in_use",
            format!(
                "There is currently another in-progress request using this Idempotent Key (that probably means you \
                 submitted twice, and the other request is still going through): {}. Please try again later.",
                self.key
            ),
        )
    }
}
