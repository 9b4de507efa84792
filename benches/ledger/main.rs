//! What the books cost on PostgreSQL: posting, next to a script that keeps the same balances in rows and updates
//! them; and reading a balance of a long book, next to that of a short one.
//!
//! `scripts/bench ledger` runs it. What is compared takes turns in short rounds, so that whatever else the machine
//! does meets both; the verdict is the median of the rounds.

mod book;
mod hot_rows;
#[path = "../protocol/postgres.rs"]
mod postgres;

use std::{
    error::Error,
    fs,
    time::{Duration, Instant},
};

use self::{book::Book, hot_rows::HotRows, postgres::Postgres};

/// Postings for each transaction of the script that updates a hot row a leg.
const POSTING_AIM_TENTHS: u64 = 40;
/// What reading a balance may take in the long book, of what it takes in the short one.
const READING_AIM_PERCENT: u64 = 130;

const SHORT: u64 = 10_000;
const LONG: u64 = 10_000_000;
const ROUNDS: usize = 5;
/// How many sales the worker posts in one transaction while there are more.
const TOGETHER: u64 = 32;
/// Balances read in a row in each book, turn by turn.
const READS: usize = 200;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure())
}

async fn measure() -> Result<(), Failure> {
    let clients = number("BENCH_CONNECTIONS", 16)?;
    let seconds = number("BENCH_SECONDS", 30)?;
    let long = number("BENCH_ENTRIES", LONG)?;
    let postgres = Postgres::start()?;

    // 1. Posting, next to hot rows.
    let round = Duration::from_secs((seconds / ROUNDS as u64).max(1));
    let book = Book::open(&postgres, "short", clients).await?;
    let hot_rows = HotRows::prepare(&postgres, clients)?;
    book.post_for(Duration::from_secs(2), 1).await?;
    println!("{clients} clients, {ROUNDS} rounds of {} s, load average {}", round.as_secs(), load_average());
    let (mut alone, mut together) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let hot = hot_rows.run(round)?;
        let (singly, many) = (book.post_for(round, 1).await?, book.post_for(round, TOGETHER).await?);
        println!("  {many:>7} postings/s, {singly:>6} one by one, {hot:>6} transactions/s on hot rows");
        alone.push(singly * 10 / hot.max(1));
        together.push(many * 10 / hot.max(1));
    }
    let (alone, posting) = (median(alone), median(together));
    let tenths = |ratio: u64| format!("{}.{}x", ratio / 10, ratio % 10);
    println!(
        "posting {TOGETHER} sales a transaction, as the worker does, is {} of hot rows (aim: {} or more), one by one {}\n",
        tenths(posting),
        tenths(POSTING_AIM_TENTHS),
        tenths(alone)
    );
    drop(book);

    // 2. Reading, in a short book and a long one.
    let (short, long) =
        (filled(&postgres, "book_short", SHORT).await?, filled(&postgres, "book_long", long).await?);
    println!("load average {}", load_average());
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS * 2 {
        let (in_short, in_long) = (short.read(READS).await?, long.read(READS).await?);
        println!("  {in_short:>6} us in the short book, {in_long:>6} us in the long one");
        ratios.push(in_long * 100 / in_short.max(1));
    }
    let reading = median(ratios);
    println!("reading takes {reading} % in the long book (aim: {READING_AIM_PERCENT} % or less)");

    if posting < POSTING_AIM_TENTHS || reading > READING_AIM_PERCENT {
        return Err("not what is aimed at".into());
    }
    Ok(())
}

async fn filled(postgres: &Postgres, name: &str, entries: u64) -> Result<Book, Failure> {
    let begun = Instant::now();
    let book = Book::open(postgres, name, 1).await?;
    book.fill(postgres, entries).await?;
    println!("{entries} entries in {name}, written and summed up in {} s", begun.elapsed().as_secs());
    Ok(book)
}

fn number(variable: &str, default: u64) -> Result<u64, Failure> {
    match std::env::var(variable) {
        Ok(text) => text.parse().map_err(|_| format!("{variable} is not a number: {text}").into()),
        Err(_) => Ok(default),
    }
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// How busy the machine was in the last minute; a busy one makes all figures worse.
fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().filter(|load| !load.is_empty()).unwrap_or("unknown").to_owned()
}
