//! The rate limit: so many requests of one platform in one second of wall time, if the settings say so.

use std::collections::HashMap;

use poem::http::StatusCode;

use super::error::StripeError;

/// How often each platform called in the present second.
#[derive(Debug, Default)]
pub(crate) struct RateLimit {
    second: i64,
    counts: HashMap<String, u32>,
}

impl RateLimit {
    /// Counts one request, and tells whether it is one too many. A limit of 0 is none.
    pub(crate) fn exceeds(&mut self, platform: &str, second: i64, limit: u32) -> bool {
        if limit == 0 {
            return false;
        }
        if self.second != second {
            self.second = second;
            self.counts.clear();
        }
        let count = self.counts.entry(platform.to_owned()).or_default();
        *count = count.saturating_add(1);
        *count > limit
    }
}

/// 429; the header says which limit: <https://docs.stripe.com/rate-limits>.
pub(crate) fn refusal() -> StripeError {
    let message =
        "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.";
    let status = StatusCode::TOO_MANY_REQUESTS;
    StripeError::with_status(status, "invalid_request_error", Some("rate_limit"), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_may_call_so_often_in_a_second() {
        let mut rate = RateLimit::default();
        assert!(!rate.exceeds("a", 1, 2) && !rate.exceeds("a", 1, 2));
        assert!(rate.exceeds("a", 1, 2));
        assert!(!rate.exceeds("b", 1, 2));
        assert!(!rate.exceeds("a", 2, 2));
        assert!(!rate.exceeds("a", 2, 0));
    }
}
