//! What the money protocol adds to a checkout: `POST /v1/checkouts` at the service, next to the bare call that it
//! makes at Stripe, next to the least that two commits cost on the same PostgreSQL in the same minutes.
//!
//! `scripts/bench protocol` runs it. The model is open: arrivals follow a fixed schedule whatever the answers do, and
//! latency counts from the scheduled time. The three take turns in short rounds, so that whatever else the machine does
//! meets all of them; the verdict is the median of the rounds.

#[path = "../../sandbox/benches/load/connection.rs"]
mod connection;
mod latency;
mod market;
mod pgbench;
mod postgres;
#[path = "../../sandbox/benches/load/process.rs"]
mod process;
mod schedule;

use std::{error::Error, fs, time::Duration};

use self::{
    latency::{Latencies, Tenths, median},
    market::Market,
    postgres::Postgres,
};

/// What the protocol may add, in two-commit transactions of `pgbench`, at the median and at the 99th percentile.
const AIMS: [(usize, u64); 2] = [(50, 4), (99, 12)];

/// Arrivals a second.
const RATE: u64 = 100;
const ROUND: Duration = Duration::from_secs(5);
const WARM_UP: Duration = Duration::from_secs(5);

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let seconds = match std::env::var("BENCH_SECONDS") {
        Ok(text) => text.parse().map_err(|_| format!("BENCH_SECONDS is not a number: {text}"))?,
        Err(_) => 30,
    };
    let rounds = (seconds / ROUND.as_secs()).max(1);
    let postgres = Postgres::start()?;
    let market = Market::open(&postgres)?;
    pgbench::prepare(&postgres)?;
    println!(
        "{RATE} arrivals/s, {rounds} rounds of {} s each, load average {}",
        ROUND.as_secs(),
        load_average()
    );

    // 1. Pools, plans and caches fill.
    let (checkouts, bare) = (market.checkouts()?, market.bare_calls()?);
    for schedule in [&checkouts, &bare] {
        schedule.run(RATE, WARM_UP)?;
    }
    // 2. Turn by turn.
    let mut measured = Vec::new();
    for _ in 0..rounds {
        measured.push(Round {
            bare: bare.run(RATE, ROUND)?,
            checkout: checkouts.run(RATE, ROUND)?,
            pair: pgbench::run(&postgres, RATE, ROUND)?,
        });
    }
    // 3. The verdict.
    println!(
        "load average {} at the end, the service has {} KiB\n",
        load_average(),
        market.service.resident_kib()?
    );
    report(&measured)
}

/// The three, in the same seconds.
struct Round {
    bare: Latencies,
    checkout: Latencies,
    pair: Latencies,
}

fn report(rounds: &[Round]) -> Result<(), Failure> {
    println!("{:<34} {:>8} {:>8}", "ms, median of the rounds", "p50", "p99");
    let row = |name: &str, of: &dyn Fn(&Round, usize) -> u64| {
        let [p50, p99] =
            AIMS.map(|(percent, _)| Tenths::ms(median(rounds.iter().map(|round| of(round, percent)))));
        println!("{name:<34} {p50:>8} {p99:>8}");
    };
    row("bare Stripe call", &|round, percent| round.bare.percentile(percent));
    row("checkout", &|round, percent| round.checkout.percentile(percent));
    row("two commits of pgbench", &|round, percent| round.pair.percentile(percent));
    row("the protocol adds", &Round::added);

    let mut missed = false;
    for (percent, aim) in AIMS {
        let ratios =
            rounds.iter().map(|round| round.added(percent) * 10 / round.pair.percentile(percent).max(1));
        let ratio = median(ratios);
        missed |= ratio > aim * 10;
        println!("p{percent}: the protocol adds {}x two commits (aim: {aim}x or less)", Tenths(ratio));
    }
    if missed { Err("slower than aimed at".into()) } else { Ok(()) }
}

impl Round {
    /// What a checkout takes longer than the call that it makes, microseconds.
    fn added(&self, percent: usize) -> u64 {
        self.checkout.percentile(percent).saturating_sub(self.bare.percentile(percent))
    }
}

/// How busy the machine was in the last minute; a busy one makes all figures worse.
fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().filter(|load| !load.is_empty()).unwrap_or("unknown").to_owned()
}
