//! A world whose service is a process of its own, to be killed.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process,
    sync::atomic::{AtomicU16, AtomicU32, Ordering},
    time::{Duration, Instant},
};

use reqwest::Client;
use sea_orm::DatabaseConnection;
use serde_json::json;
use souk::{api::TokenIssuer, clock::Clock};
use souk_sandbox::Sandbox;

use crate::{
    drills::Stage,
    engines::{Engine, TestDatabase},
    processes::{Process, Service},
    scratch,
    site::{PATIENCE, Site},
    world::{JWT_SECRET, within},
};

const SIGKILL: i32 = 9;
/// How many points other threads may come to while the process dies.
const OF_OTHER_THREADS: usize = 16;
/// How soon a death is noticed.
const GLANCE: Duration = Duration::from_millis(5);

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A point on the way of an action, and at which time it is reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Point {
    pub(super) name: String,
    pub(super) nth: u64,
}

/// A stage, whose service can be made to die.
pub(super) struct Victim {
    pub(super) stage: Stage,
    pub(super) db: DatabaseConnection,
    pub(super) life: Life,
    // Last: they go when nothing is connected any more.
    _sandbox: Sandbox,
    _database: TestDatabase,
}

impl Victim {
    pub(super) async fn start(engine: Engine) -> Self {
        let database = TestDatabase::start(engine).await;
        let config = souk_sandbox::Config { listen: ([127, 0, 0, 1], 0).into(), ..Default::default() };
        let sandbox = Sandbox::start(config).await.expect("the sandbox starts");
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (http, stripe, address) = (Client::new(), sandbox.url(), address());
        let service = Service::configure(&http, &stripe, &database, address).await;
        let secret = JWT_SECRET.into();
        let issuer = TokenIssuer::with_secret(&secret, "souk", "souk", Clock::default());
        let site = Site { http, souk: format!("http://{address}"), stripe, issuer };
        // A dead service misses deliveries, and should not wait for the next ones for long.
        site.control("/_sandbox/settings", &json!({"webhook_backoff_cap_ms": 500})).await;
        let db = souk::db::connect(database.url(), 2).await.unwrap();
        let log = format!("points_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let log = Log(scratch::directory().unwrap().join(log));
        let mut life =
            Life { service, site: site.clone(), log, process: None, deadly: None, deaths: Vec::new() };
        life.begin(None).await;
        let stage = Stage::set(site).await;
        stage.until_rest(&db).await;
        Self { stage, db, life, _sandbox: sandbox, _database: database }
    }
}

/// The service's process, its deaths and its next lives.
pub(super) struct Life {
    service: Service,
    site: Site,
    pub(super) log: Log,
    process: Option<Process>,
    deadly: Option<Point>,
    /// Where it died.
    pub(super) deaths: Vec<Point>,
}

impl Life {
    /// Ends what runs, and begins anew: deadly at a point, or not at all.
    pub(super) async fn begin(&mut self, deadly: Option<&Point>) {
        self.kill();
        let _ = fs::remove_file(&self.log.0);
        let mut settings = vec![
            ("SOUK_FAILPOINT_LOG", self.log.0.display().to_string()),
            ("STRIPE_BUDGET_SECONDS", "2".to_owned()),
            ("SOUK_DATABASE_CONNECTIONS", "6".to_owned()),
            // Another test is about the circuit.
            ("STRIPE_CIRCUIT_OPEN_SECONDS", "0".to_owned()),
        ];
        if let Some(Point { name, nth }) = deadly {
            settings.push(("SOUK_FAILPOINT", format!("{name}:{nth}")));
        }
        self.deadly = deadly.cloned();
        self.process = Some(self.service.start_with(&settings));
        let ready = format!("{}/health/ready", self.site.souk);
        within(PATIENCE, "the service is up, or dead", async || {
            let answer = self.site.http.get(&ready).send().await;
            answer.is_ok_and(|answer| answer.status().is_success()) || self.is_dead()
        })
        .await;
    }

    /// Goes on with a life in which nothing is deadly, if this one is not such.
    pub(super) async fn disarm(&mut self) {
        if self.deadly.is_some() {
            self.begin(None).await;
        }
    }

    /// Kills it from outside, wherever it is.
    pub(super) fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill_9();
        }
    }

    /// Whether it has died. At its deadly point is the only place where it may, and SIGKILL the only way.
    pub(super) fn is_dead(&mut self) -> bool {
        let Some(end) = self.process.as_mut().and_then(Process::end) else { return false };
        let reached = self.log.reached();
        let point = self.deadly.as_ref().expect("nothing is deadly, and it died");
        // Until the signal arrives, other threads come to points of theirs.
        let last = &reached[reached.len().saturating_sub(OF_OTHER_THREADS)..];
        assert!(
            end.signal() == Some(SIGKILL) && last.contains(&point.name),
            "it died of something else than {}: {end}, {last:?}",
            point.name
        );
        true
    }

    /// Waits until it is dead, no longer than `patience`; tells whether it is.
    pub(super) async fn dies_within(&mut self, patience: Duration) -> bool {
        let begun = Instant::now();
        while !self.is_dead() {
            if begun.elapsed() > patience {
                return false;
            }
            tokio::time::sleep(GLANCE).await;
        }
        true
    }

    /// Waits for its death at its deadly point, and gives it a next life in which nothing is deadly. Any further death
    /// is a failure; so this never ends.
    pub(super) async fn nurse(&mut self) {
        loop {
            if self.is_dead() {
                let point = self.deadly.take().expect("it died of something");
                self.deaths.push(point);
                self.begin(None).await;
            }
            tokio::time::sleep(GLANCE).await;
        }
    }
}

/// Where a life writes the points that it comes to.
#[derive(Clone)]
pub(super) struct Log(PathBuf);

impl Log {
    /// The points that this life came to, in their order.
    pub(super) fn reached(&self) -> Vec<String> {
        let log = fs::read_to_string(&self.0).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }
}

/// An address that stays free while its service is dead: below those that the system gives to whoever calls.
fn address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 12_000 + u16::try_from(process::id() % 10_000).unwrap();
    loop {
        let address = ([127, 0, 0, 1], first + NEXT.fetch_add(1, Ordering::Relaxed)).into();
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
