//! Deliveries, as Stripe makes them: signed, distinct, 1.5 KB; one thread a connection.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{Failure, connection::Connection, latency::Latencies};

/// How long an event is, bytes.
const LENGTH: usize = 1_536;

/// Numbers all events of this process.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// What came of a round.
pub(crate) struct Round {
    count: u64,
    took: Duration,
    pub(crate) latencies: Latencies,
}

impl Round {
    pub(crate) fn a_second(&self) -> u64 {
        let rate = u128::from(self.count) * 1_000_000 / self.took.as_micros().max(1);
        u64::try_from(rate).unwrap_or(u64::MAX)
    }
}

/// Delivers new events of objects that nobody knows, for a while.
pub(crate) fn run(
    address: &str,
    secret: &str,
    connections: usize,
    duration: Duration,
) -> Result<Round, Failure> {
    let start = Instant::now();
    let next = || (start.elapsed() < duration).then(stranger);
    deliver(address, secret, connections, &next)
}

/// Delivers these events, each once.
pub(crate) fn tell(
    address: &str,
    secret: &str,
    connections: usize,
    events: &[String],
) -> Result<Round, Failure> {
    let taken = AtomicUsize::new(0);
    let next = || events.get(taken.fetch_add(1, Ordering::Relaxed)).cloned();
    deliver(address, secret, connections, &next)
}

fn deliver(
    address: &str,
    secret: &str,
    connections: usize,
    next: &(impl Fn() -> Option<String> + Sync),
) -> Result<Round, Failure> {
    let start = Instant::now();
    let one = || -> Result<Vec<u64>, Failure> {
        let mut connection = Connection::open(address)?;
        let mut latencies = Vec::new();
        while let Some(event) = next() {
            let headers = format!("{}Content-Type: application/json\r\n", signature(&event, secret)?);
            let sent = Instant::now();
            connection.send("POST", "/webhooks/stripe/platform", &headers, &event)?.ok()?;
            latencies.push(u64::try_from(sent.elapsed().as_micros())?);
        }
        Ok(latencies)
    };
    let latencies: Result<Vec<Vec<u64>>, Failure> = thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(one)).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Result<Vec<u64>, Failure>>| {
            thread.join().unwrap_or_else(|_| Err("a thread of the loader died".into()))
        };
        threads.into_iter().map(join).collect()
    });
    let (latencies, took) = (latencies?.concat(), start.elapsed());
    Ok(Round { count: latencies.len() as u64, took, latencies: Latencies::of(latencies) })
}

fn now_s() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "this stands for Stripe, which has a clock of its own")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn signature(body: &str, secret: &str) -> Result<String, Failure> {
    let now = now_s();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?;
    mac.update(format!("{now}.").as_bytes());
    mac.update(body.as_bytes());
    Ok(format!("Stripe-Signature: t={now},v1={}\r\n", hex::encode(mac.finalize().into_bytes())))
}

fn stranger() -> String {
    let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
    succeeded(&format!("pi_3PgafyB7WZ01zgkWSj{number:06}"), "ch_3PgafyB7WZ01zgkW")
}

/// `payment_intent.succeeded`, as long as an event usually is.
pub(crate) fn succeeded(intent: &str, charge: &str) -> String {
    let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
    let event = |padding: &str| {
        format!(
            r#"{{"id":"evt_3PgafyB7WZ01zgkWSj{number:08}","object":"event","api_version":"2026-09-30.endive",
            "created":{},"livemode":false,"pending_webhooks":1,"request":{{"id":null,"idempotency_key":null}},
            "type":"payment_intent.succeeded","data":{{"object":{{"id":"{intent}","object":"payment_intent",
            "amount":5000,"amount_received":5000,"currency":"usd","latest_charge":"{charge}","metadata":{{}},
            "status":"succeeded","description":"{padding}"}}}}}}"#,
            now_s()
        )
    };
    let bare = event("").len();
    event(&"x".repeat(LENGTH.saturating_sub(bare)))
}
