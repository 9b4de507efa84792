//! Two clocks. *Wall time* is what signatures, tokens, leases and backoff are measured in. *Business time* is
//! what deadlines, releases and the objects of Stripe live in: with real Stripe the two are one, with the
//! sandbox business time runs ahead by as much as the sandbox's clock was advanced.
//!
//! Nothing else in the service may ask the system for the time: a lint bans it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, Duration, SubsecRound, Utc};

/// Tells the time; clones share their offset.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Seconds that business time is ahead of wall time.
    ahead_s: Arc<AtomicI64>,
}

impl Clock {
    /// Wall time, UTC, in whole microseconds: what both databases can keep.
    #[must_use]
    pub fn wall(&self) -> DateTime<Utc> {
        #[expect(clippy::disallowed_methods, reason = "the one place that asks the system for the time")]
        Utc::now().trunc_subsecs(6)
    }

    /// Business time, UTC.
    #[must_use]
    pub fn business(&self) -> DateTime<Utc> {
        self.wall() + Duration::seconds(self.ahead_s.load(Ordering::Relaxed))
    }

    /// Learns from the sandbox how far business time is ahead, in seconds.
    pub fn set_ahead(&self, seconds: i64) {
        self.ahead_s.store(seconds, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_offset_and_wall_time_does_not_move() {
        let clock = Clock::default();
        clock.clone().set_ahead(86_400);
        let ahead = clock.business() - clock.wall();
        assert!((ahead - Duration::days(1)).num_seconds().abs() <= 1);
    }
}
