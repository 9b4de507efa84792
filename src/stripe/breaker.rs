//! The circuit breaker: a dead Stripe is found out once, not by each caller again.
//!
//! Closed: calls go. After so many failures in a row, open: none goes. When it has been open for a while, one call
//! goes as a probe; its answer closes the circuit or opens it again. What fails is a transport or a 5xx. A refusal,
//! a conflict and a 429 are answers, and so is a 5xx that Stripe had stored: whoever replays it is alive.
//!
//! Our own few lines: the breakers of crates wrap a future and know no priorities, and here a call of low priority
//! must not be the probe while one of high priority waits. Pure: time is passed in.

use std::time::Duration;

use tokio::time::Instant;

/// So many failures in a row open the circuit: one caller's retries on a dead Stripe, or a second's callers.
pub(super) const MOST_FAILURES: u32 = 5;
/// Failures further apart than this are no row.
const WINDOW: Duration = Duration::from_secs(30);
/// When to ask again while somebody else's probe is under way.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// The state of the circuit to one address.
#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    /// How long an open circuit stays open before the next probe; if zero, it never opens.
    open_for: Duration,
    /// Counts the states, so that an answer to a call of an earlier state changes nothing.
    epoch: u64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed { failures: u32, first_at: Option<Instant> },
    Open { until: Instant },
    Probing,
}

/// A call that may go; its outcome is told with this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pass {
    epoch: u64,
    /// Whether the circuit depends on it.
    pub(super) is_probe: bool,
}

/// A call may not go; it may ask again at `again_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) again_at: Instant,
}

/// What a call tells about the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// It answered, whatever it said.
    Alive,
    /// It could not be reached, broke off, or failed.
    Dead,
    /// Nothing: we gave up too early to know.
    None,
}

impl Breaker {
    /// A closed circuit.
    pub(super) fn new(open_for: Duration) -> Self {
        Self { state: State::Closed { failures: 0, first_at: None }, open_for, epoch: 0 }
    }

    /// Asks whether a call may go now. `may_probe` is false if somebody more important waits.
    pub(super) fn ask(&mut self, now: Instant, may_probe: bool) -> Result<Pass, Open> {
        match self.state {
            State::Closed { .. } => Ok(Pass { epoch: self.epoch, is_probe: false }),
            State::Open { until } if now < until => Err(Open { again_at: until }),
            State::Open { .. } if may_probe => {
                self.turn(State::Probing);
                Ok(Pass { epoch: self.epoch, is_probe: true })
            }
            State::Open { .. } | State::Probing => Err(Open { again_at: now + ASK_AGAIN }),
        }
    }

    /// Whether a call could go at `then`, as far as can be known now.
    pub(super) fn is_open_at(&self, then: Instant) -> bool {
        match self.state {
            State::Closed { .. } => false,
            State::Open { until } => then < until,
            State::Probing => true,
        }
    }

    /// Takes note of what came of a call. True if that opened the circuit or closed it.
    pub(super) fn note(&mut self, pass: Pass, sign: Sign, now: Instant) -> bool {
        if pass.epoch != self.epoch {
            return false;
        }
        match (self.state, sign) {
            (State::Closed { failures, first_at }, Sign::Dead) => self.count(failures, first_at, now),
            (State::Closed { .. }, Sign::Alive) => {
                self.state = State::Closed { failures: 0, first_at: None };
                false
            }
            (State::Closed { .. }, Sign::None) | (State::Open { .. }, _) => false,
            (State::Probing, Sign::Alive) => {
                self.turn(State::Closed { failures: 0, first_at: None });
                true
            }
            (State::Probing, Sign::Dead) => {
                self.turn(State::Open { until: now + self.open_for });
                true
            }
            // The probe was given up; the next call may be another.
            (State::Probing, Sign::None) => {
                self.turn(State::Open { until: now });
                false
            }
        }
    }

    /// One more failure; true if it opened the circuit.
    fn count(&mut self, failures: u32, first_at: Option<Instant>, now: Instant) -> bool {
        let (failures, first_at) = match first_at {
            Some(first_at) if now.saturating_duration_since(first_at) <= WINDOW => {
                (failures.saturating_add(1), first_at)
            }
            _ => (1, now),
        };
        if failures < MOST_FAILURES || self.open_for.is_zero() {
            self.state = State::Closed { failures, first_at: Some(first_at) };
            return false;
        }
        self.turn(State::Open { until: now + self.open_for });
        true
    }

    fn turn(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN_FOR: Duration = Duration::from_secs(5);

    /// Calls one after the other, each with its sign.
    fn calls(breaker: &mut Breaker, signs: impl IntoIterator<Item = Sign>, now: Instant) {
        for sign in signs {
            let pass = breaker.ask(now, true).unwrap();
            breaker.note(pass, sign, now);
        }
    }

    fn failures(count: u32) -> Vec<Sign> {
        vec![Sign::Dead; usize::try_from(count).unwrap()]
    }

    fn open(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(OPEN_FOR);
        calls(&mut breaker, failures(MOST_FAILURES), now);
        assert_eq!(breaker.ask(now, true), Err(Open { again_at: now + OPEN_FOR }));
        breaker
    }

    #[test]
    fn failures_in_a_row_open_the_circuit_and_an_answer_begins_the_row_anew() {
        let now = Instant::now();
        let mut breaker = Breaker::new(OPEN_FOR);
        calls(&mut breaker, failures(MOST_FAILURES - 1), now);
        calls(&mut breaker, [Sign::None, Sign::Alive], now);
        calls(&mut breaker, failures(MOST_FAILURES - 1), now);
        assert!(breaker.ask(now, true).is_ok());
        calls(&mut breaker, failures(1), now);
        assert!(breaker.ask(now, true).is_err());
    }

    #[test]
    fn failures_far_apart_are_no_row() {
        let now = Instant::now();
        let mut breaker = Breaker::new(OPEN_FOR);
        for call in 0..MOST_FAILURES * 3 {
            calls(&mut breaker, failures(1), now + WINDOW * call / 2);
        }
        assert!(breaker.ask(now + WINDOW * 100, true).is_ok());
    }

    #[test]
    fn one_probe_decides() {
        let now = Instant::now();
        for (sign, closes) in [(Sign::Alive, true), (Sign::Dead, false)] {
            let mut breaker = open(now);
            let later = now + OPEN_FOR;
            let probe = breaker.ask(later, true).unwrap();
            assert!(probe.is_probe);
            assert!(breaker.ask(later, true).is_err(), "there is one already");
            assert!(breaker.note(probe, sign, later));
            assert_eq!(breaker.ask(later, true).is_ok(), closes);
        }
    }

    #[test]
    fn a_probe_that_was_given_up_leaves_its_place_to_the_next() {
        let now = Instant::now();
        let mut breaker = open(now);
        let later = now + OPEN_FOR;
        let probe = breaker.ask(later, true).unwrap();
        breaker.note(probe, Sign::None, later);
        assert!(breaker.ask(later, true).unwrap().is_probe);
    }

    #[test]
    fn who_must_not_probe_asks_again() {
        let now = Instant::now();
        let mut breaker = open(now);
        let later = now + OPEN_FOR;
        assert_eq!(breaker.ask(later, false), Err(Open { again_at: later + ASK_AGAIN }));
        assert!(breaker.ask(later, true).unwrap().is_probe);
    }

    #[test]
    fn what_was_under_way_before_the_circuit_opened_changes_nothing() {
        let now = Instant::now();
        let mut breaker = Breaker::new(OPEN_FOR);
        let early = breaker.ask(now, true).unwrap();
        calls(&mut breaker, failures(MOST_FAILURES), now);
        assert!(!breaker.note(early, Sign::Alive, now));
        assert!(breaker.ask(now, true).is_err());
        let later = now + OPEN_FOR;
        let probe = breaker.ask(later, true).unwrap();
        assert!(!breaker.note(early, Sign::Dead, later));
        assert!(breaker.note(probe, Sign::Alive, later));
        calls(&mut breaker, failures(MOST_FAILURES - 1), later);
        breaker.note(early, Sign::Dead, later);
        assert!(breaker.ask(later, true).is_ok());
    }

    #[test]
    fn it_is_known_beforehand_whether_a_wait_is_of_use() {
        let now = Instant::now();
        let mut breaker = open(now);
        assert!(breaker.is_open_at(now));
        assert!(!breaker.is_open_at(now + OPEN_FOR));
        breaker.ask(now + OPEN_FOR, true).unwrap();
        assert!(breaker.is_open_at(now + OPEN_FOR), "nobody knows how the probe ends");
        assert!(!Breaker::new(OPEN_FOR).is_open_at(now));
    }

    #[test]
    fn a_breaker_that_is_off_never_opens() {
        let now = Instant::now();
        let mut breaker = Breaker::new(Duration::ZERO);
        calls(&mut breaker, failures(MOST_FAILURES * 3), now);
        assert!(!breaker.ask(now, true).unwrap().is_probe);
    }
}
