//! How often the books are compared with Stripe's, and the invariants checked.

use chrono::Duration;
use clap::Args;

/// Settings of what runs by the clock; 0 switches it off.
#[derive(Args, Clone, Debug)]
pub struct OversightSettings {
    /// Seconds between reconciliations of all books; each also imports what events did not. 0: only when asked.
    #[arg(long, env = "SOUK_RECONCILE_EVERY_SECONDS", default_value_t = 3_600,
        value_parser = clap::value_parser!(u32).range(0..=604_800))]
    pub reconcile_every_s: u32,
    /// Seconds between checks of all invariants. 0: never.
    #[arg(long, env = "SOUK_CHECK_EVERY_SECONDS", default_value_t = 3_600,
        value_parser = clap::value_parser!(u32).range(0..=604_800))]
    pub check_every_s: u32,
}

impl OversightSettings {
    /// Both every hour.
    pub const HOURLY: Self = Self { reconcile_every_s: 3_600, check_every_s: 3_600 };
    /// Nothing by the clock.
    pub const OFF: Self = Self { reconcile_every_s: 0, check_every_s: 0 };

    /// How often to reconcile; `None` if not at all.
    #[must_use]
    pub fn reconcile_every(&self) -> Option<Duration> {
        period(self.reconcile_every_s)
    }

    /// How often to check the invariants; `None` if not at all.
    #[must_use]
    pub fn check_every(&self) -> Option<Duration> {
        period(self.check_every_s)
    }
}

fn period(seconds: u32) -> Option<Duration> {
    (seconds > 0).then(|| Duration::seconds(seconds.into()))
}
