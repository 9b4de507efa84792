//! How many calls a second go to Stripe, and whose go first.
//!
//! A token bucket of our own and not `governor`: that crate knows neither a part that is kept for some callers, nor
//! a rate that falls for a while, nor a wait that is refused because it would outlast a deadline. Pure: time is
//! passed in.
//!
//! Tokens are counted in time: a bucket that was empty at `empty_at` holds a token for each `interval` since then.
//! An urgent call may take a token that is yet to come (`empty_at` moves into the future), which makes a queue in
//! the order of arrival; a background call takes only what is there, and never of the reserve.

use std::{num::NonZeroU32, time::Duration};

use tokio::time::Instant;

use super::Priority;

/// The bucket holds the tokens of this part of a second: with more, a burst and the second after it would go
/// beyond Stripe's limit together.
const PARTS_OF_A_SECOND: u32 = 2;
/// The smallest bucket, in tokens, so that each quarter is one.
const SMALLEST_BUCKET: u32 = 4;
/// The part of the bucket that background calls leave alone: a quarter.
const RESERVED_PART: u32 = 4;
/// How long the rate stays down after Stripe said that it was too high.
const SLOW_FOR: Duration = Duration::from_secs(10);
/// Within this time of each other, 429s are one storm and slow down once.
const ONE_STORM: Duration = Duration::from_secs(1);
/// The rate falls to an eighth at the lowest.
const MOST_SLOWDOWN: u32 = 8;

/// A token bucket with a reserve for urgent calls.
#[derive(Debug)]
pub(super) struct Bucket {
    /// The time that one token takes at full rate.
    interval: Duration,
    /// In tokens.
    capacity: u32,
    /// In tokens.
    reserve: u32,
    empty_at: Instant,
    slow: Option<Slow>,
}

#[derive(Clone, Copy, Debug)]
struct Slow {
    factor: u32,
    since: Instant,
    until: Instant,
}

/// Whether a call may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// At this time, now or later; the token is taken.
    At(Instant),
    /// Not before this time, and then it must ask again; nothing is taken.
    AskAgain(Instant),
    /// Not before its deadline; nothing is taken.
    TooLate,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(per_second: NonZeroU32, now: Instant) -> Self {
        let interval = Duration::from_secs(1) / per_second.get();
        let capacity = (per_second.get() / PARTS_OF_A_SECOND).max(SMALLEST_BUCKET);
        let empty_at = earlier(now, interval * capacity);
        Self { interval, capacity, reserve: capacity / RESERVED_PART, empty_at, slow: None }
    }

    /// Asks for a token for a call that must go before `deadline`.
    pub(super) fn take(&mut self, priority: Priority, now: Instant, deadline: Instant) -> Turn {
        self.fill(now);
        let reserved = match priority {
            Priority::Urgent => 0,
            Priority::Background => self.reserve,
        };
        let interval = self.current_interval();
        let at = (self.empty_at + interval * (reserved + 1)).max(now);
        if at > now && at >= deadline {
            return Turn::TooLate;
        }
        if at > now && priority == Priority::Background {
            return Turn::AskAgain(at);
        }
        self.empty_at += interval;
        Turn::At(at)
    }

    /// Stripe said that there were too many: half the rate for a while, and nothing is left over for a burst.
    pub(super) fn slow_down(&mut self, now: Instant) {
        self.fill(now);
        let until = now + SLOW_FOR;
        let (factor, since) = match self.slow {
            Some(slow) if now - slow.since < ONE_STORM => (slow.factor, slow.since),
            Some(slow) => ((slow.factor * 2).min(MOST_SLOWDOWN), now),
            None => (2, now),
        };
        self.slow = Some(Slow { factor, since, until });
        self.empty_at = self.empty_at.max(now);
    }

    /// Ends what is over: a slow time, and what the bucket can't hold.
    fn fill(&mut self, now: Instant) {
        if let Some(Slow { factor, until, .. }) = self.slow
            && until <= now
        {
            // What was gathered while a token took longer is the same number of tokens, in less time.
            let gathered = until.saturating_duration_since(self.empty_at);
            self.empty_at += gathered - gathered / factor;
            self.slow = None;
        }
        self.empty_at = self.empty_at.max(earlier(now, self.current_interval() * self.capacity));
    }

    fn current_interval(&self) -> Duration {
        self.interval * self.slow.map_or(1, |slow| slow.factor)
    }
}

/// A machine that has just started may have no such time; then the bucket is a little less full.
fn earlier(now: Instant, by: Duration) -> Instant {
    now.checked_sub(by).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URGENT: Priority = Priority::Urgent;
    const BACKGROUND: Priority = Priority::Background;

    /// Twenty a second: a token takes 50 ms, the bucket holds ten, two of them reserved.
    fn bucket() -> (Bucket, Instant) {
        let now = Instant::now();
        (Bucket::new(NonZeroU32::new(20).unwrap(), now), now)
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn goes_at_once(bucket: &mut Bucket, priority: Priority, now: Instant) -> bool {
        bucket.take(priority, now, now) == Turn::At(now)
    }

    /// How many go at once.
    fn burst(bucket: &mut Bucket, priority: Priority, now: Instant) -> usize {
        (0..1_000).take_while(|_| goes_at_once(bucket, priority, now)).count()
    }

    #[test]
    fn a_burst_is_as_large_as_the_bucket_and_it_fills_again() {
        let (mut bucket, now) = bucket();
        assert_eq!(burst(&mut bucket, URGENT, now), 10);
        assert_eq!(burst(&mut bucket, URGENT, now + ms(100)), 2);
        assert_eq!(burst(&mut bucket, URGENT, now + Duration::from_secs(60)), 10);
    }

    #[test]
    fn background_calls_leave_a_quarter_to_urgent_ones() {
        let (mut bucket, now) = bucket();
        assert_eq!(burst(&mut bucket, BACKGROUND, now), 8);
        assert_eq!(burst(&mut bucket, URGENT, now), 2);
    }

    #[test]
    fn a_background_call_asks_again_when_there_is_more_than_the_reserve() {
        let (mut bucket, now) = bucket();
        burst(&mut bucket, URGENT, now);
        let deadline = now + Duration::from_secs(10);
        assert_eq!(bucket.take(BACKGROUND, now, deadline), Turn::AskAgain(now + ms(150)));
        // An urgent one that comes meanwhile goes before it.
        assert_eq!(bucket.take(URGENT, now, deadline), Turn::At(now + ms(50)));
        assert_eq!(bucket.take(BACKGROUND, now + ms(150), deadline), Turn::AskAgain(now + ms(200)));
        assert_eq!(bucket.take(BACKGROUND, now + ms(200), deadline), Turn::At(now + ms(200)));
    }

    #[test]
    fn urgent_calls_queue_in_the_order_in_which_they_came_as_far_as_their_deadlines_go() {
        let (mut bucket, now) = bucket();
        burst(&mut bucket, URGENT, now);
        let deadline = now + ms(120);
        assert_eq!(bucket.take(URGENT, now, deadline), Turn::At(now + ms(50)));
        assert_eq!(bucket.take(URGENT, now, deadline), Turn::At(now + ms(100)));
        assert_eq!(bucket.take(URGENT, now, deadline), Turn::TooLate);
        // Nothing was taken by the one that came too late.
        assert_eq!(bucket.take(URGENT, now, now + ms(200)), Turn::At(now + ms(150)));
    }

    #[test]
    fn a_storm_of_429_halves_the_rate_once_and_for_a_while() {
        let (mut bucket, now) = bucket();
        (0..50).for_each(|_| bucket.slow_down(now));
        assert_eq!(burst(&mut bucket, URGENT, now), 0, "no burst is left");
        assert_eq!(burst(&mut bucket, URGENT, now + ms(400)), 4);
        let over = now + SLOW_FOR;
        burst(&mut bucket, URGENT, over);
        assert_eq!(burst(&mut bucket, URGENT, over + ms(400)), 8);
    }

    #[test]
    fn when_stripe_says_so_again_the_rate_falls_further_but_never_below_an_eighth() {
        let (mut bucket, mut now) = bucket();
        for tokens in [20, 10, 5, 5] {
            now += ONE_STORM;
            bucket.slow_down(now);
            let deadline = now + Duration::from_secs(2);
            let taken = (0..1_000).take_while(|_| bucket.take(URGENT, now, deadline) != Turn::TooLate);
            // The last token of the two seconds would go at the deadline.
            assert_eq!(taken.count(), tokens - 1);
            bucket.empty_at = now;
        }
    }

    #[test]
    fn a_slow_time_leaves_no_more_tokens_than_it_gave() {
        let (mut bucket, now) = bucket();
        bucket.slow_down(now);
        // In the last 400 ms of the slow time, four tokens were given.
        bucket.empty_at = now + SLOW_FOR - ms(400);
        assert_eq!(burst(&mut bucket, URGENT, now + SLOW_FOR), 4);
    }

    #[test]
    fn the_slowest_rate_still_lets_both_through() {
        let now = Instant::now();
        let mut bucket = Bucket::new(NonZeroU32::MIN, now);
        assert_eq!(burst(&mut bucket, BACKGROUND, now), 3);
        assert_eq!(burst(&mut bucket, URGENT, now), 1);
    }
}
