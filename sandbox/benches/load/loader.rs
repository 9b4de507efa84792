//! A loader that costs little: one thread a connection.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{Failure, connection::Connection};

#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) connections: u64,
    pub(crate) duration: Duration,
}

/// How much was done, and how long it took.
pub(crate) struct Done {
    pub(crate) count: u64,
    took: Duration,
}

impl Done {
    pub(crate) fn a_second(&self) -> u64 {
        let rate = u128::from(self.count) * 1_000_000 / self.took.as_micros().max(1);
        u64::try_from(rate).unwrap_or(u64::MAX)
    }
}

/// Numbers every piece of work of this process, so that no idempotency key comes twice.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

impl Load {
    /// `BENCH_CONNECTIONS` and `BENCH_SECONDS`, or what is usual.
    pub(crate) fn from_environment() -> Result<Self, Failure> {
        let number = |name: &str, usual: u64| match std::env::var(name) {
            Ok(text) => text.parse().map_err(|_| format!("{name} is not a number: {text}")),
            Err(_) => Ok(usual),
        };
        let duration = Duration::from_secs(number("BENCH_SECONDS", 10)?);
        Ok(Self { connections: number("BENCH_CONNECTIONS", 16)?, duration })
    }

    pub(crate) fn for_long(self, duration: Duration) -> Self {
        Self { duration, ..self }
    }

    /// Does `work` again and again on every connection until the time is over. The first failure ends it.
    pub(crate) fn run(
        self,
        address: &str,
        work: fn(&mut Connection, u64) -> Result<(), Failure>,
    ) -> Result<Done, Failure> {
        let start = Instant::now();
        let counts: Vec<Result<u64, Failure>> = thread::scope(|scope| {
            let one = || {
                let mut connection = Connection::open(address)?;
                let mut count = 0;
                while start.elapsed() < self.duration {
                    work(&mut connection, NUMBERS.fetch_add(1, Ordering::Relaxed))?;
                    count += 1;
                }
                Ok(count)
            };
            let threads: Vec<_> = (0..self.connections).map(|_| scope.spawn(one)).collect();
            let join = |thread: thread::ScopedJoinHandle<'_, Result<u64, Failure>>| {
                thread.join().unwrap_or_else(|_| Err("a thread of the loader died".into()))
            };
            threads.into_iter().map(join).collect()
        });
        let took = start.elapsed();
        let count = counts.into_iter().sum::<Result<u64, Failure>>()?;
        Ok(Done { count, took })
    }
}
