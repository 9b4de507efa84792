//! Whether and when the same bytes are sent again under the same key.
//!
//! Our own few lines and not `backon`: that crate adds jitter to a delay, where full jitter draws the whole delay;
//! and it limits the sum of the delays, where the budget here is the caller's deadline, time on the wire included.

use std::time::Duration;

use super::answer::Hints;

/// The ceiling of the first delay; it doubles with each attempt.
const FIRST_CEILING: Duration = Duration::from_millis(250);
/// No delay of our own choosing is longer.
const HIGHEST_CEILING: Duration = Duration::from_secs(8);
/// The doubling that reaches [`HIGHEST_CEILING`].
const MOST_DOUBLINGS: u32 = 5;

/// Whether an answer without a definite outcome is worth another attempt now. Stripe's own word goes first.
/// Source: <https://docs.stripe.com/error-low-level#should-retry-header>.
pub(super) fn is_worth_retrying(status: u16, hints: &Hints) -> bool {
    hints.should_retry.unwrap_or(matches!(status, 409 | 429 | 500..=599))
}

/// Whether a 429 is about how many calls we make. One without a reason is a lock on an object, and one that is
/// `resource-specific` is about that object alone. Source: <https://docs.stripe.com/rate-limits>.
pub(super) fn is_rate_limit(hints: &Hints) -> bool {
    hints.limit.as_deref().is_some_and(|limit| limit != "resource-specific")
}

/// How long to wait after the attempt numbered `attempt` (from 1): full jitter below an exponential ceiling
/// (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>), and never sooner than Stripe
/// asked for. `None` when that is not before the budget ends.
pub(super) fn delay(
    attempt: u32,
    retry_after: Option<Duration>,
    left: Duration,
    draw: impl FnOnce(Duration) -> Duration,
) -> Option<Duration> {
    let doublings = attempt.saturating_sub(1).min(MOST_DOUBLINGS);
    let ceiling = FIRST_CEILING.saturating_mul(1 << doublings).min(HIGHEST_CEILING);
    let wait = draw(ceiling).max(retry_after.unwrap_or_default());
    (wait < left).then_some(wait)
}

/// A random duration from nothing to `ceiling`.
pub(super) fn full_jitter(ceiling: Duration) -> Duration {
    let ceiling_us = u64::try_from(ceiling.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(rand::Rng::random_range(&mut rand::rng(), 0..=ceiling_us))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLENTY: Duration = Duration::from_secs(3_600);

    #[test]
    fn the_ceiling_doubles_up_to_its_limit() {
        let ceilings: Vec<u128> =
            (1..=8).map(|n| delay(n, None, PLENTY, |ceiling| ceiling).unwrap().as_millis()).collect();
        assert_eq!(ceilings, [250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
    }

    #[test]
    fn jitter_draws_the_whole_delay() {
        let ceiling = Duration::from_secs(1);
        let drawn: Vec<Duration> = (0..1_000).map(|_| full_jitter(ceiling)).collect();
        assert!(drawn.iter().all(|delay| *delay <= ceiling));
        assert!(drawn.iter().any(|delay| *delay < ceiling / 4));
        assert!(drawn.iter().any(|delay| *delay > ceiling * 3 / 4));
    }

    #[test]
    fn stripe_is_never_asked_sooner_than_it_said() {
        let asked = Some(Duration::from_secs(3));
        assert_eq!(delay(1, asked, PLENTY, |_| Duration::ZERO), asked);
    }

    #[test]
    fn a_delay_that_outlasts_the_budget_is_not_begun() {
        let left = Duration::from_secs(2);
        assert_eq!(delay(1, Some(left), left, |_| Duration::ZERO), None);
        assert_eq!(delay(9, None, left, |ceiling| ceiling), None);
    }

    #[test]
    fn conflicts_limits_and_server_errors_are_tried_again_unless_stripe_says_otherwise() {
        let says = |should_retry| Hints { should_retry, ..Hints::default() };
        for status in [409, 429, 500, 502, 503] {
            assert!(is_worth_retrying(status, &says(None)), "{status}");
            assert!(!is_worth_retrying(status, &says(Some(false))), "{status}");
        }
        for status in [400, 401, 402, 403, 404] {
            assert!(!is_worth_retrying(status, &says(None)), "{status}");
        }
        assert!(is_worth_retrying(400, &says(Some(true))));
    }

    #[test]
    fn a_lock_on_one_object_is_no_reason_to_slow_down_the_others() {
        let says = |limit: Option<&str>| Hints { limit: limit.map(str::to_owned), ..Hints::default() };
        for limit in ["global-rate", "global-concurrency", "endpoint-rate", "endpoint-concurrency"] {
            assert!(is_rate_limit(&says(Some(limit))), "{limit}");
        }
        assert!(!is_rate_limit(&says(Some("resource-specific"))));
        assert!(!is_rate_limit(&says(None)));
    }
}
