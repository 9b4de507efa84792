//! What every attempt passes on its way to Stripe: the circuit must be closed, and there must be a token.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::{
    Priority,
    breaker::{Breaker, Pass, Sign},
    bucket::{Bucket, Turn},
};
use crate::config::StripeCalls;

/// Why an attempt was not made. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Closed {
    /// Stripe is dead as far as we know.
    #[error("circuit open")]
    Circuit,
    /// So many calls are before it that its turn would come too late.
    #[error("rate limit: no turn before the deadline")]
    Rate,
}

/// The gate to one address; shared by all who call there.
#[derive(Debug)]
pub(super) struct Gate {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    breaker: Breaker,
    bucket: Option<Bucket>,
    /// Urgent calls that sleep, for a token or before another attempt.
    urgent_waiting: usize,
}

/// What a call is told when it asks.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Go(Pass),
    Sleep(Instant),
    No(Closed),
}

impl Gate {
    /// A gate that is open now; its bucket is full.
    pub(super) fn new(calls: StripeCalls, now: Instant) -> Self {
        let bucket = calls.per_second.map(|rate| Bucket::new(rate, now));
        let breaker = Breaker::new(calls.circuit_open_for);
        Self { state: Mutex::new(State { breaker, bucket, urgent_waiting: 0 }) }
    }

    /// Waits for the turn of an attempt, no longer than `deadline`.
    ///
    /// On a dead Stripe an urgent call fails at once, so that its caller can say so. A background call waits for
    /// the next probe if that comes before its deadline: nobody waits for it, and a failure would only make its
    /// job rest longer than Stripe does. Either way nothing was sent, and the failure says so: a request row does
    /// not count it as an attempt.
    pub(super) async fn pass(&self, priority: Priority, deadline: Instant) -> Result<Permit<'_>, Closed> {
        let mut has_token = false;
        loop {
            match self.ask(priority, &mut has_token, Instant::now(), deadline) {
                Asked::Go(pass) => return Ok(Permit { gate: self, pass, noted: false }),
                Asked::Sleep(until) => self.sleep_until(priority, until).await,
                Asked::No(closed) => return Err(closed),
            }
        }
    }

    /// Sleeps before another attempt.
    pub(super) async fn sleep_until(&self, priority: Priority, until: Instant) {
        let _waiting = Waiting::of(self, priority);
        tokio::time::sleep_until(until).await;
    }

    /// Whether it makes sense for a call to try again at `then`.
    pub(super) fn may_try_at(&self, priority: Priority, then: Instant) -> bool {
        priority == Priority::Background || !self.state().breaker.is_open_at(then)
    }

    /// Stripe said that there are too many calls.
    pub(super) fn slow_down(&self) {
        if let Some(bucket) = &mut self.state().bucket {
            bucket.slow_down(Instant::now());
        }
    }

    fn ask(&self, priority: Priority, has_token: &mut bool, now: Instant, deadline: Instant) -> Asked {
        let state = &mut *self.state();
        // 1. The circuit, without taking anything yet: on a dead Stripe nobody queues for tokens.
        if state.breaker.is_open_at(now) && priority == Priority::Urgent {
            return Asked::No(Closed::Circuit);
        }
        // 2. A token.
        if let Some(bucket) = &mut state.bucket
            && !*has_token
        {
            match bucket.take(priority, now, deadline) {
                Turn::At(at) => {
                    *has_token = true;
                    if at > now {
                        return Asked::Sleep(at);
                    }
                }
                Turn::AskAgain(at) => return Asked::Sleep(at),
                Turn::TooLate => return Asked::No(Closed::Rate),
            }
        }
        // 3. The circuit again, now for good: it may have opened while the call waited for its token.
        let may_probe = priority == Priority::Urgent || state.urgent_waiting == 0;
        match state.breaker.ask(now, may_probe) {
            Ok(pass) => Asked::Go(pass),
            Err(open) if priority == Priority::Background && open.again_at < deadline => {
                Asked::Sleep(open.again_at)
            }
            Err(_) => Asked::No(Closed::Circuit),
        }
    }

    /// True if it opened the circuit or closed it.
    fn note(&self, pass: Pass, sign: Sign, now: Instant) -> bool {
        self.state().breaker.note(pass, sign, now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt that may be made. Dropped without a sign, it says nothing of Stripe: a caller hung up, and if it was
/// the probe, another takes its place.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    gate: &'a Gate,
    pass: Pass,
    noted: bool,
}

impl Permit<'_> {
    /// Tells what came of the attempt.
    pub(super) fn note(mut self, sign: Sign) {
        self.noted = true;
        let turned = self.gate.note(self.pass, sign, Instant::now());
        match (turned, sign) {
            (true, Sign::Alive) => tracing::info!("Stripe answers again: the circuit is closed"),
            (true, _) if self.pass.is_probe => tracing::warn!("Stripe is still away: the circuit stays open"),
            (true, _) => tracing::error!("Stripe is away: the circuit is open, callers get a 503 at once"),
            (false, _) => {}
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.noted {
            self.gate.note(self.pass, Sign::None, Instant::now());
        }
    }
}

/// An urgent call that waits, as long as this lives.
struct Waiting<'a>(Option<&'a Gate>);

impl<'a> Waiting<'a> {
    fn of(gate: &'a Gate, priority: Priority) -> Self {
        if priority == Priority::Background {
            return Self(None);
        }
        gate.state().urgent_waiting += 1;
        Self(Some(gate))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(gate) = self.0 {
            gate.state().urgent_waiting -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, time::Duration};

    use super::{super::breaker::MOST_FAILURES, *};

    const URGENT: Priority = Priority::Urgent;
    const BACKGROUND: Priority = Priority::Background;
    const BUDGET: Duration = Duration::from_secs(20);
    const OPEN_FOR: Duration = Duration::from_secs(5);

    fn gate(per_second: u32, now: Instant) -> Gate {
        let per_second = NonZeroU32::new(per_second);
        Gate::new(StripeCalls { per_second, circuit_open_for: OPEN_FOR, ..StripeCalls::default() }, now)
    }

    /// One question of a call that has no token yet.
    fn ask(gate: &Gate, priority: Priority, now: Instant) -> Asked {
        gate.ask(priority, &mut false, now, now + BUDGET)
    }

    #[track_caller]
    fn goes(gate: &Gate, priority: Priority, now: Instant) -> Pass {
        match ask(gate, priority, now) {
            Asked::Go(pass) => pass,
            other => panic!("{other:?}"),
        }
    }

    fn with_a_dead_stripe(now: Instant) -> Gate {
        let gate = gate(0, now);
        for _ in 0..MOST_FAILURES {
            gate.note(goes(&gate, URGENT, now), Sign::Dead, now);
        }
        gate
    }

    #[test]
    fn on_a_dead_stripe_urgent_calls_fail_at_once_and_background_calls_wait_for_the_probe() {
        let now = Instant::now();
        let gate = with_a_dead_stripe(now);
        assert_eq!(ask(&gate, URGENT, now), Asked::No(Closed::Circuit));
        assert_eq!(ask(&gate, BACKGROUND, now), Asked::Sleep(now + OPEN_FOR));
        let too_soon = gate.ask(BACKGROUND, &mut false, now, now + OPEN_FOR / 2);
        assert_eq!(too_soon, Asked::No(Closed::Circuit));
        let later = now + OPEN_FOR;
        let probe = goes(&gate, BACKGROUND, later);
        assert_eq!(ask(&gate, URGENT, later), Asked::No(Closed::Circuit), "the probe is not back");
        gate.note(probe, Sign::Alive, later);
        goes(&gate, URGENT, later);
    }

    #[test]
    fn a_background_call_is_not_the_probe_while_an_urgent_one_waits() {
        let now = Instant::now();
        let gate = with_a_dead_stripe(now);
        let later = now + OPEN_FOR;
        let waiting = Waiting::of(&gate, URGENT);
        assert!(matches!(ask(&gate, BACKGROUND, later), Asked::Sleep(_)));
        assert!(goes(&gate, URGENT, later).is_probe);
        drop(waiting);

        let gate = with_a_dead_stripe(now);
        let _waiting = Waiting::of(&gate, BACKGROUND);
        assert!(goes(&gate, BACKGROUND, later).is_probe);
    }

    #[tokio::test]
    async fn a_permit_that_is_dropped_is_no_sign_and_leaves_the_probe_to_the_next() {
        let long_ago = Instant::now().checked_sub(OPEN_FOR).unwrap();
        let gate = with_a_dead_stripe(long_ago);
        for _ in 0..3 {
            let permit = gate.pass(URGENT, Instant::now() + BUDGET).await.unwrap();
            assert!(permit.pass.is_probe);
        }
        gate.pass(URGENT, Instant::now() + BUDGET).await.unwrap().note(Sign::Alive);
        assert!(!goes(&gate, URGENT, Instant::now()).is_probe);
    }

    #[test]
    fn a_call_that_waited_for_its_token_still_meets_an_open_circuit() {
        let now = Instant::now();
        let gate = gate(2, now);
        let passes: Vec<Pass> = (0..4).map(|_| goes(&gate, URGENT, now)).collect();
        // The fifth and the sixth get tokens that are yet to come; the circuit opens before the sixth's.
        let (mut fifth, mut sixth) = (false, false);
        let [at, later] = [500, 1_000].map(|ms| now + Duration::from_millis(ms));
        assert_eq!(gate.ask(URGENT, &mut fifth, now, now + BUDGET), Asked::Sleep(at));
        assert_eq!(gate.ask(URGENT, &mut sixth, now, now + BUDGET), Asked::Sleep(later));
        let Asked::Go(last) = gate.ask(URGENT, &mut fifth, at, now + BUDGET) else {
            panic!("its time has come")
        };
        for pass in passes.into_iter().chain([last]) {
            gate.note(pass, Sign::Dead, at);
        }
        assert_eq!(gate.ask(URGENT, &mut sixth, later, now + BUDGET), Asked::No(Closed::Circuit));
    }

    #[tokio::test]
    async fn tokens_are_waited_for_and_a_turn_that_comes_too_late_is_refused_at_once() {
        let began = Instant::now();
        let gate = gate(4, began);
        let deadline = began + BUDGET;
        // Four at once, of which one is reserved, and one more each 250 ms.
        for _ in 0..3 {
            gate.pass(BACKGROUND, deadline).await.unwrap().note(Sign::Alive);
        }
        gate.pass(URGENT, deadline).await.unwrap().note(Sign::Alive);
        let late = gate.pass(URGENT, Instant::now() + Duration::from_millis(1)).await;
        assert_eq!(late.unwrap_err(), Closed::Rate);
        assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
        gate.pass(URGENT, deadline).await.unwrap().note(Sign::Alive);
        assert!(began.elapsed() >= Duration::from_millis(250));
        gate.pass(BACKGROUND, deadline).await.unwrap().note(Sign::Alive);
        assert!(began.elapsed() >= Duration::from_millis(750));
    }
}
