//! How much Stripe is asked, and how long an answer may take.

use std::{num::NonZeroU32, str::FromStr, time::Duration};

use clap::Args;

use super::ConfigError;

/// What Stripe allows an account, requests a second. Source: <https://docs.stripe.com/rate-limits>.
const LIVE_LIMIT: NonZeroU32 = NonZeroU32::new(100).unwrap();
/// The same with test keys.
const TEST_LIMIT: NonZeroU32 = NonZeroU32::new(25).unwrap();
/// Time for a name, a connection and TLS, seconds.
const CONNECT_TIMEOUT_S: u64 = 5;
/// Stripe answers a payment within seconds, some banks within twenty.
const ATTEMPT_TIMEOUT_S: u64 = 30;
/// Long enough to spare callers, short enough not to be noticed after a short failure.
const CIRCUIT_OPEN_S: u64 = 5;

/// The settings as they are given.
#[derive(Args, Clone, Debug)]
pub struct StripeCallSettings {
    /// Requests a second that all replicas together send to Stripe, or `off`. If not set: 100 with a live key, 25
    /// with a test key, `off` with the sandbox.
    #[arg(long, env = "STRIPE_RATE_LIMIT")]
    pub stripe_rate_limit: Option<RateLimit>,
    /// How many processes share the rate limit: each replica of `souk serve` and of `souk work` is one.
    #[arg(long, env = "SOUK_REPLICAS", default_value_t = NonZeroU32::MIN)]
    pub replicas: NonZeroU32,
    /// How long a connection to Stripe may take to come about, seconds.
    #[arg(long, env = "STRIPE_CONNECT_TIMEOUT_SECONDS", default_value_t = CONNECT_TIMEOUT_S,
        value_parser = clap::value_parser!(u64).range(1..=45))]
    pub stripe_connect_timeout_s: u64,
    /// How long one attempt at Stripe may take, connection and answer together, seconds; it ends with the budget of
    /// its call anyway.
    #[arg(long, env = "STRIPE_ATTEMPT_TIMEOUT_SECONDS", default_value_t = ATTEMPT_TIMEOUT_S,
        value_parser = clap::value_parser!(u64).range(1..=45))]
    pub stripe_attempt_timeout_s: u64,
    /// How long callers get a 503 at once after several calls in a row found Stripe dead, until the next call tries
    /// again, seconds; 0 lets each find out by itself.
    #[arg(long, env = "STRIPE_CIRCUIT_OPEN_SECONDS", default_value_t = CIRCUIT_OPEN_S,
        value_parser = clap::value_parser!(u64).range(0..=60))]
    pub stripe_circuit_open_s: u64,
}

impl Default for StripeCallSettings {
    fn default() -> Self {
        Self {
            stripe_rate_limit: None,
            replicas: NonZeroU32::MIN,
            stripe_connect_timeout_s: CONNECT_TIMEOUT_S,
            stripe_attempt_timeout_s: ATTEMPT_TIMEOUT_S,
            stripe_circuit_open_s: CIRCUIT_OPEN_S,
        }
    }
}

/// A limit of requests a second, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimit {
    /// No limit.
    Off,
    /// So many a second.
    PerSecond(NonZeroU32),
}

impl FromStr for RateLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let limit = text.parse().map_err(|_| "neither `off` nor a number of requests a second".to_owned())?;
        Ok(Self::PerSecond(limit))
    }
}

/// The settings, checked.
#[derive(Clone, Copy, Debug)]
pub struct StripeCalls {
    /// Requests a second that this process may send; none if there is no limit.
    pub per_second: Option<NonZeroU32>,
    /// See [`StripeCallSettings::stripe_connect_timeout_s`].
    pub connect_timeout: Duration,
    /// See [`StripeCallSettings::stripe_attempt_timeout_s`].
    pub attempt_timeout: Duration,
    /// See [`StripeCallSettings::stripe_circuit_open_s`].
    pub circuit_open_for: Duration,
}

impl Default for StripeCalls {
    /// No limit, and the time-outs that hold if nothing is set.
    fn default() -> Self {
        Self {
            per_second: None,
            connect_timeout: Duration::from_secs(CONNECT_TIMEOUT_S),
            attempt_timeout: Duration::from_secs(ATTEMPT_TIMEOUT_S),
            circuit_open_for: Duration::from_secs(CIRCUIT_OPEN_S),
        }
    }
}

impl StripeCallSettings {
    /// Fills in what Stripe allows, and takes this process's share of it.
    pub(super) fn check(self, sandbox: bool, livemode: bool) -> Result<StripeCalls, ConfigError> {
        let usual = match (sandbox, livemode) {
            (true, _) => RateLimit::Off,
            (false, true) => RateLimit::PerSecond(LIVE_LIMIT),
            (false, false) => RateLimit::PerSecond(TEST_LIMIT),
        };
        let per_second = match self.stripe_rate_limit.unwrap_or(usual) {
            RateLimit::Off => None,
            RateLimit::PerSecond(all) => Some(self.share_of(all)?),
        };
        Ok(StripeCalls {
            per_second,
            connect_timeout: Duration::from_secs(self.stripe_connect_timeout_s),
            attempt_timeout: Duration::from_secs(self.stripe_attempt_timeout_s),
            circuit_open_for: Duration::from_secs(self.stripe_circuit_open_s),
        })
    }

    fn share_of(&self, all: NonZeroU32) -> Result<NonZeroU32, ConfigError> {
        let share = all.get() / self.replicas.get();
        NonZeroU32::new(share).ok_or_else(|| {
            ConfigError(format!(
                "STRIPE_RATE_LIMIT of {all} a second is less than one for each of SOUK_REPLICAS, {}",
                self.replicas
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn per_second(limit: Option<&str>, replicas: u32, sandbox: bool, livemode: bool) -> Option<u32> {
        let settings = StripeCallSettings {
            stripe_rate_limit: limit.map(|limit| limit.parse().unwrap()),
            replicas: NonZeroU32::new(replicas).unwrap(),
            ..StripeCallSettings::default()
        };
        settings.check(sandbox, livemode).unwrap().per_second.map(NonZeroU32::get)
    }

    #[test]
    fn the_limit_is_stripes_own_and_the_sandbox_has_none() {
        assert_eq!(per_second(None, 1, false, true), Some(100));
        assert_eq!(per_second(None, 1, false, false), Some(25));
        assert_eq!(per_second(None, 1, true, false), None);
        assert_eq!(per_second(Some("7"), 1, true, false), Some(7));
        assert_eq!(per_second(Some("off"), 1, false, true), None);
    }

    #[test]
    fn replicas_share_the_limit_and_never_exceed_it_together() {
        assert_eq!(per_second(None, 3, false, true), Some(33));
        assert_eq!(per_second(Some("12"), 12, false, true), Some(1));
    }

    #[test]
    fn a_limit_is_off_or_a_number_above_zero() {
        for text in ["0", "-1", "OFF", "", "1.5", "25/s"] {
            assert!(text.parse::<RateLimit>().is_err(), "{text}");
        }
    }
}
