//! What the inbox takes: events a second that are acknowledged, and events a second that are fully applied (the order
//! paid, the domain posting made), next to `pgbench` with the same number of clients running the same three statements
//! (event, payment, job) as one transaction on the same PostgreSQL in the same minutes.
//!
//! `scripts/bench webhooks` runs it. Loader, service, sandbox and database share the machine's cores. What is compared
//! takes turns in rounds, so that whatever else the machine does meets all; the verdict is the median of the rounds.

#[path = "../../sandbox/benches/load/connection.rs"]
mod connection;
#[path = "../protocol/latency.rs"]
mod latency;
mod load;
mod pgbench;
#[path = "../protocol/postgres.rs"]
mod postgres;
#[path = "../../sandbox/benches/load/process.rs"]
mod process;
mod shop;

use std::{
    error::Error,
    time::{Duration, Instant},
};

use self::{
    latency::{Tenths, median},
    postgres::{Postgres, succeed},
    shop::Shop,
};

/// Connections, and what acknowledging must be of `pgbench`, in tenths.
const ACKNOWLEDGED: [(usize, u64); 2] = [(16, 12), (64, 20)];
/// What applying must be of `pgbench` with 64 clients, in tenths.
const APPLIED: u64 = 5;
/// The 99th percentile of an acknowledgement, microseconds.
const LONGEST_US: u64 = 10_000;
const MOST_MEMORY_KIB: u64 = 64 * 1024;
const ROUNDS: usize = 3;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let number = |name: &str, usual: usize| match std::env::var(name) {
        Ok(text) => text.parse().map_err(|_| format!("{name} is not a number: {text}")),
        Err(_) => Ok(usual),
    };
    let round = Duration::from_secs(number("BENCH_SECONDS", 5)? as u64);
    let orders = number("BENCH_ORDERS", 2_000)?;
    let postgres = Postgres::start()?;
    let shop = Shop::open(&postgres)?;
    pgbench::prepare(&postgres)?;

    let mut missed = false;
    // 1. Acknowledged: `souk serve` alone.
    let service = shop.serve()?;
    for (connections, aim) in ACKNOWLEDGED {
        load::run(&service.address, &shop.secret, connections, Duration::from_secs(1))?;
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let plain = pgbench::run(&postgres, connections, round)?;
            rounds.push((load::run(&service.address, &shop.secret, connections, round)?, plain));
        }
        let ratio = median(rounds.iter().map(|(took, plain)| took.a_second() * 10 / plain.max(&1)));
        let p99 = median(rounds.iter().map(|(took, _)| took.latencies.percentile(99)));
        let rate = median(rounds.iter().map(|(took, _)| took.a_second()));
        let baseline = median(rounds.iter().map(|(_, plain)| *plain));
        println!(
            "{connections:>3} connections: {rate:>6} acknowledged/s, p99 {} ms; pgbench {baseline}/s; {}x (aim: {}x)",
            Tenths::ms(p99),
            Tenths(ratio),
            Tenths(aim)
        );
        missed |= ratio < aim || p99 > LONGEST_US;
    }
    let memory = service.resident_kib()?;
    println!("resident memory of `souk serve`: {memory} KiB (aim: {MOST_MEMORY_KIB})");
    missed |= memory > MOST_MEMORY_KIB;

    // 2. Applied: payments that really happened at the sandbox, told at once; a second replica
    // has the worker.
    let emptied = "TRUNCATE stripe_events, inbox_objects, bench_events, bench_jobs";
    succeed(postgres.client("psql").args(["-qc", emptied, "souk"]))?;
    let paid = shop.pay(&service, orders)?;
    let before = pgbench::run(&postgres, 64, round)?;
    let worker = shop.work()?;
    let since = Instant::now();
    load::tell(&service.address, &shop.secret, 64, &paid)?;
    let applied = shop.until_applied(&postgres, orders, since)?;
    let memory = worker.resident_kib()?;
    drop(worker);
    let plain = (before + pgbench::run(&postgres, 64, round)?) / 2;
    let rate = orders as u64 * 1_000 / u64::try_from(applied.as_millis())?.max(1);
    let ratio = rate * 100 / plain.max(1);
    println!(
        "{orders} orders paid and posted: {rate}/s; pgbench {plain}/s; 0.{ratio:02}x (aim: 0.{APPLIED}x); the worker has {memory} KiB"
    );
    missed |= ratio < APPLIED * 10 || memory > MOST_MEMORY_KIB;
    if missed { Err("less than aimed at".into()) } else { Ok(()) }
}
