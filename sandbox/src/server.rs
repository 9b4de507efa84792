//! The running sandbox: the listener, what its parts share, and what goes on in the background.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use poem::{Endpoint, Request, Response, Server, http::Method};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::{Clock, wall_ms},
    config::Config,
    control, due, hosted, ids,
    protocol::{
        dispatch,
        faults::{Fault, Faults},
        rate_limit::RateLimit,
    },
    sever::{CuttableAcceptor, Severed},
    store::{JournalError, World},
    webhooks::{self, Deliverer},
};

/// How often is looked whether something is due by itself.
const TICK: Duration = Duration::from_millis(20);

/// How long open requests may take when the sandbox stops.
const DRAIN: Duration = Duration::from_secs(5);

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or may not be used.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// The state cannot be read or written.
    #[error("cannot open the state: {0}")]
    State(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The client for webhooks cannot be made.
    #[error("cannot deliver webhooks: {0}")]
    Webhooks(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A sandbox that runs. Dropping it stops it at once; [`Sandbox::shutdown`] stops it in order.
#[derive(Debug)]
pub struct Sandbox {
    addr: SocketAddr,
    stop: CancellationToken,
    server: Option<JoinHandle<()>>,
    background: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
}

impl Sandbox {
    /// Starts one; it listens when this returns.
    ///
    /// # Errors
    ///
    /// If the address cannot be had, or the state not be read.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        // 1. State and address.
        let clock = Clock::default();
        let world = World::open(config.data_dir.as_deref(), clock.clone(), config.settings, config.seed)
            .map_err(|error: JournalError| StartError::State(Box::new(error)))?;
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(|error| StartError::Listen(config.listen, error))?;
        let addr = listener.local_addr().map_err(|error| StartError::Listen(config.listen, error))?;
        let deliverer = Deliverer::new().map_err(|error| StartError::Webhooks(Box::new(error)))?;
        let public_url = config.public_url.unwrap_or_else(|| format!("http://{addr}"));
        let shared = Arc::new(Shared::new(world, clock, deliverer, public_url));

        // 2. The server.
        let stop = CancellationToken::new();
        let acceptor = CuttableAcceptor { listener, severed: shared.severed.clone() };
        let app = App(Arc::clone(&shared));
        let stopped = stop.clone().cancelled_owned();
        let server = tokio::spawn(async move {
            let server = Server::new_with_acceptor(acceptor);
            if let Err(error) = server.run_with_graceful_shutdown(app, stopped, Some(DRAIN)).await {
                tracing::error!(%error, "the sandbox stopped listening");
            }
        });

        // 3. What goes on by itself.
        let background = vec![
            tokio::spawn(tick(Arc::clone(&shared), stop.clone())),
            tokio::spawn(webhooks::run(Arc::clone(&shared), stop.clone())),
        ];
        Ok(Self { addr, stop, server: Some(server), background, shared })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base of its URLs, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Stops accepting, finishes open requests, and writes everything down.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Some(server) = self.server.take() {
            let _ = server.await;
        }
        for task in std::mem::take(&mut self.background) {
            let _ = task.await;
        }
        self.shared.world().close();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

async fn tick(shared: Arc<Shared>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(TICK) => {}
        }
        let happened = due::catch_up(&mut shared.world());
        if happened {
            shared.wake_deliveries();
        }
    }
}

/// What all requests share.
pub(crate) struct Shared {
    world: Mutex<World>,
    clock: Clock,
    faults: Mutex<Faults>,
    deliverer: Deliverer,
    keys_in_flight: Mutex<HashSet<String>>,
    requests: AtomicU64,
    request_ids: (u64, String),
    rate: Mutex<RateLimit>,
    public_url: String,
    severed: Severed,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}

/// An idempotency key that a request holds while it runs.
pub(crate) struct HeldKey<'a> {
    keys: &'a Mutex<HashSet<String>>,
    id: String,
}

impl Drop for HeldKey<'_> {
    fn drop(&mut self) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl Shared {
    fn new(mut world: World, clock: Clock, deliverer: Deliverer, public_url: String) -> Self {
        let request_ids = world.quietly(|tx| (tx.seed(), format!("request of start {}", tx.starts())));
        Self {
            world: Mutex::new(world),
            clock,
            faults: Mutex::default(),
            deliverer,
            keys_in_flight: Mutex::default(),
            requests: AtomicU64::new(0),
            request_ids,
            rate: Mutex::default(),
            public_url,
            severed: Severed::default(),
        }
    }

    /// Everything that the sandbox knows; nobody else sees it while it is held.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn deliverer(&self) -> &Deliverer {
        &self.deliverer
    }

    pub(crate) fn public_url(&self) -> &str {
        &self.public_url
    }

    pub(crate) fn wake_deliveries(&self) {
        self.deliverer.wake();
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn meet_fault(&self, method: &str, path: &str) -> Option<Fault> {
        self.faults().meet(method, path)
    }

    /// Counts a request of a platform, and tells whether it is one too many in this second.
    pub(crate) fn is_too_fast(&self, platform: &str, limit: u32) -> bool {
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        rate.exceeds(platform, wall_ms().div_euclid(1000), limit)
    }

    pub(crate) fn next_request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let (seed, purpose) = &self.request_ids;
        format!("req_{}", ids::derive(*seed, purpose, number, ids::length_of("req")))
    }

    /// Holds an idempotency key, unless another request does.
    pub(crate) fn hold_key(&self, id: &str) -> Option<HeldKey<'_>> {
        let mut held = self.keys_in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(id.to_owned()).then(|| HeldKey { keys: &self.keys_in_flight, id: id.to_owned() })
    }
}

/// Which part of the sandbox a request is for.
struct App(Arc<Shared>);

impl Endpoint for App {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let remote = request.remote_addr().clone();
        let path = request.uri().path();
        let oauth = matches!(path, "/oauth/token" | "/oauth/deauthorize");
        let answer = if path.starts_with("/v1/") || path == "/v1" || oauth {
            if request.method() == Method::OPTIONS {
                return Ok(dispatch::preflight());
            }
            dispatch::answer(&self.0, request).await
        } else if path.starts_with("/_sandbox/") {
            Some(control::answer(&self.0, request).await)
        } else {
            Some(hosted::answer(&self.0, request).await)
        };
        Ok(answer.unwrap_or_else(|| {
            self.0.severed.cut(&remote);
            Response::default()
        }))
    }
}
