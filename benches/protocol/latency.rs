//! Latencies and their percentiles, in microseconds.

use std::fmt;

/// The latencies of one round.
pub(crate) struct Latencies(Vec<u64>);

impl Latencies {
    /// Microseconds, in any order.
    pub(crate) fn of(mut us: Vec<u64>) -> Self {
        us.sort_unstable();
        Self(us)
    }

    /// The latency that so many percent stay within; 0 of nothing.
    pub(crate) fn percentile(&self, percent: usize) -> u64 {
        let rank = (self.0.len() * percent).div_ceil(100);
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }
}

/// The middle one; the lower of two.
pub(crate) fn median(values: impl Iterator<Item = u64>) -> u64 {
    Latencies::of(values.collect()).percentile(50)
}

/// A number of tenths, shown with its point.
pub(crate) struct Tenths(pub(crate) u64);

impl Tenths {
    /// Microseconds as tenths of a millisecond.
    pub(crate) const fn ms(us: u64) -> Self {
        Self(us / 100)
    }
}

impl fmt::Display for Tenths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{}", self.0 / 10, self.0 % 10))
    }
}
