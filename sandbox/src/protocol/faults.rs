//! Faults on order: the next requests to a path are delayed, refused or cut off.

use std::time::Duration;

use poem::http::StatusCode;
use serde::Deserialize;

use super::error::StripeError;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultKind {
    /// The answer comes late.
    Delay,
    /// The connection is dropped, and nothing happened.
    CutBefore,
    /// It happened, and the connection is dropped without an answer.
    CutAfter,
    /// 409, nothing happened.
    #[serde(rename = "lock_409")]
    Lock409,
    /// 429, nothing happened.
    #[serde(rename = "rate_429")]
    Rate429,
    /// 500, nothing happened.
    #[serde(rename = "error_500")]
    Error500,
    /// 503, nothing happened.
    #[serde(rename = "error_503")]
    Error503,
    /// It happened, and the answer is no JSON.
    Malformed,
}

/// One order.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// Any method if left out.
    method: Option<String>,
    /// Exactly this path; `*` stands for one part of it, or for the rest if it stands last.
    path: String,
    #[serde(default = "once")]
    count: u32,
    pub(crate) kind: FaultKind,
    /// How long a delay is.
    #[serde(default = "default_delay_ms")]
    delay_ms: u64,
    /// A 500 that belongs to the idempotency key: a retry gets it again.
    #[serde(default)]
    pub(crate) stored: bool,
}

fn once() -> u32 {
    1
}

fn default_delay_ms() -> u64 {
    1000
}

impl Fault {
    fn matches(&self, method: &str, path: &str) -> bool {
        if self.method.as_deref().is_some_and(|wanted| !wanted.eq_ignore_ascii_case(method)) {
            return false;
        }
        let (mut pattern, mut actual) = (self.path.split('/').peekable(), path.split('/'));
        loop {
            match (pattern.next(), actual.next()) {
                (None, None) => return true,
                (Some("*"), Some(_)) if pattern.peek().is_none() => return true,
                (Some(wanted), Some(given)) if wanted == "*" || wanted == given => {}
                _ => return false,
            }
        }
    }

    pub(crate) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    /// The refusal that comes instead of an answer.
    pub(crate) fn refusal(&self) -> Option<StripeError> {
        let (status, kind, code, message) = match self.kind {
            FaultKind::Lock409 => (
                StatusCode::CONFLICT,
                "invalid_request_error",
                Some("lock_timeout"),
                "This object cannot be accessed right now because another API request or Stripe process is currently \
                 accessing it.",
            ),
            FaultKind::Rate429 => (
                StatusCode::TOO_MANY_REQUESTS,
                "invalid_request_error",
                Some("rate_limit"),
                "Request rate limit exceeded.",
            ),
            FaultKind::Error500 => {
                (StatusCode::INTERNAL_SERVER_ERROR, "api_error", None, "An unknown error occurred.")
            }
            FaultKind::Error503 => {
                (StatusCode::SERVICE_UNAVAILABLE, "api_error", None, "Stripe is temporarily unavailable.")
            }
            FaultKind::Delay | FaultKind::CutBefore | FaultKind::CutAfter | FaultKind::Malformed => {
                return None;
            }
        };
        Some(StripeError::with_status(status, kind, code, message))
    }
}

/// The orders that still stand.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn order(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault that this request meets, used up by one.
    pub(crate) fn meet(&mut self, method: &str, path: &str) -> Option<Fault> {
        let at = self.0.iter().position(|fault| fault.count > 0 && fault.matches(method, path))?;
        self.0[at].count -= 1;
        let met = self.0[at].clone();
        self.0.retain(|fault| fault.count > 0);
        Some(met)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_met_as_often_as_ordered_and_only_on_its_path() {
        let mut faults = Faults::default();
        faults.order(
            serde_json::from_str(
                r#"{"method":"POST","path":"/v1/payment_intents/*/confirm","kind":"rate_429","count":2}"#,
            )
            .unwrap(),
        );
        assert!(faults.meet("GET", "/v1/payment_intents/pi_1/confirm").is_none());
        assert!(faults.meet("POST", "/v1/payment_intents/pi_1").is_none());
        assert!(faults.meet("POST", "/v1/payment_intents/pi_1/confirm").is_some());
        assert!(faults.meet("POST", "/v1/payment_intents/pi_2/confirm").is_some());
        assert!(faults.meet("POST", "/v1/payment_intents/pi_3/confirm").is_none());
    }
}
