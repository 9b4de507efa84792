//! An open loader: work begins when it is due, whether or not what began before has ended.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{Failure, connection::Connection, latency::Latencies};

/// More than are ever under way at once, unless the other side stands still: then arrivals queue, and wait in the
/// figures too.
const CONNECTIONS: usize = 32;

/// Does one piece of work; the number is its own.
type Work = Box<dyn Fn(&mut Connection, u64) -> Result<(), Failure> + Sync>;

/// Work on connections that stay open from round to round.
pub(crate) struct Schedule {
    connections: Vec<Mutex<Connection>>,
    work: Work,
    /// Numbers every piece of work, so that no idempotency key comes twice.
    numbers: AtomicU64,
}

impl Schedule {
    pub(crate) fn new(address: &str, work: Work) -> Result<Self, Failure> {
        let open = |_| Connection::open(address).map(Mutex::new);
        let connections = (0..CONNECTIONS).map(open).collect::<Result<_, Failure>>()?;
        Ok(Self { connections, work, numbers: AtomicU64::new(0) })
    }

    /// Does the work `rate` times a second; each latency counts from when the work was due. The first failure ends it.
    pub(crate) fn run(&self, rate: u64, duration: Duration) -> Result<Latencies, Failure> {
        let arrivals = rate * duration.as_secs();
        let (start, next) = (Instant::now(), AtomicU64::new(0));
        let all: Vec<Result<Vec<u64>, Failure>> = thread::scope(|scope| {
            let one = |connection: &Mutex<Connection>| {
                let mut connection = connection.lock().map_err(|_| "a thread of the loader died before")?;
                let mut latencies = Vec::new();
                loop {
                    let arrival = next.fetch_add(1, Ordering::Relaxed);
                    if arrival >= arrivals {
                        return Ok(latencies);
                    }
                    let due = start + Duration::from_micros(arrival * 1_000_000 / rate);
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    (self.work)(&mut connection, self.numbers.fetch_add(1, Ordering::Relaxed))?;
                    latencies.push(u64::try_from(due.elapsed().as_micros())?);
                }
            };
            let threads: Vec<_> =
                self.connections.iter().map(|connection| scope.spawn(move || one(connection))).collect();
            let join = |thread: thread::ScopedJoinHandle<'_, Result<Vec<u64>, Failure>>| {
                thread.join().unwrap_or_else(|_| Err("a thread of the loader died".into()))
            };
            threads.into_iter().map(join).collect()
        });
        let all: Vec<Vec<u64>> = all.into_iter().collect::<Result<_, _>>()?;
        Ok(Latencies::of(all.concat()))
    }
}
