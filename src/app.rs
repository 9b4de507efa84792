//! The wiring: from settings to a running service, and back to rest.

use std::{sync::Arc, time::Duration};

use poem::{
    Endpoint, Route, Server,
    listener::{Acceptor, Listener, TcpListener},
    web::LocalAddr,
};
use sea_orm::DbErr;
use secrecy::ExposeSecret;
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    api::auth::TokenKeyError,
    clock::Clock,
    config::Config,
    context::Context,
    db,
    seal::Seal,
    server,
    stripe::{Gateway, GatewayError},
    webhooks::Inbox,
    worker,
};

/// How long requests that are under way may take once a stop was asked for. Longer than the longest budget.
const DRAIN: Duration = Duration::from_secs(50);

/// How long the sandbox is given to tell the time.
const ASK_BUDGET: Duration = Duration::from_secs(10);
/// How long to wait before the sandbox is asked for the time again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Why the service could not start or run.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The database can't be reached.
    #[error("the database can't be reached: {0}")]
    Database(#[from] DbErr),
    /// The schema is older than this binary.
    #[error("the database is not migrated: run `souk migrate` first")]
    NotMigrated,
    /// The client for Stripe can't be built.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The key that tokens are checked with is no key.
    #[error(transparent)]
    TokenKey(#[from] TokenKeyError),
    /// The address is taken or not ours.
    #[error("can't listen on {address}: {error}")]
    Listen {
        /// What was asked for.
        address: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// The server broke.
    #[error("the server stopped: {0}")]
    Server(std::io::Error),
}

/// Connects to everything that the settings name.
pub async fn context(config: Config, seal: Seal) -> Result<Context, AppError> {
    let clock = Clock::default();
    let db = db::connect(config.database_url.expose_secret(), config.database_connections).await?;
    let stripe = Gateway::new(&config, clock.clone())?;
    Ok(Context { db, clock, seal, stripe, config: Arc::new(config), wake: Arc::new(Notify::new()) })
}

/// The API, listening.
pub struct Listening {
    /// Where it listens, as an address for browsers.
    pub url: String,
    serving: JoinHandle<std::io::Result<()>>,
    inbox: Inbox,
}

/// Serves the API until `stop`, then drains.
pub async fn listen(ctx: Context, stop: CancellationToken) -> Result<Listening, AppError> {
    let inbox = inbox(&ctx).await?;
    let routes = server::routes(ctx.clone(), inbox.clone())?;
    serve(&ctx, routes, inbox, stop).await
}

/// The same with pages of the caller's own beside the API, at paths that it has not.
pub async fn listen_with(ctx: Context, pages: Route, stop: CancellationToken) -> Result<Listening, AppError> {
    let inbox = inbox(&ctx).await?;
    let routes = pages.nest("/", server::routes(ctx.clone(), inbox.clone())?);
    serve(&ctx, routes, inbox, stop).await
}

async fn inbox(ctx: &Context) -> Result<Inbox, AppError> {
    if db::is_migrated(&ctx.db).await { Ok(Inbox::start(ctx.clone())) } else { Err(AppError::NotMigrated) }
}

async fn serve(
    ctx: &Context,
    routes: impl Endpoint + 'static,
    inbox: Inbox,
    stop: CancellationToken,
) -> Result<Listening, AppError> {
    let address = ctx.config.listen;
    let acceptor = TcpListener::bind(address)
        .into_acceptor()
        .await
        .map_err(|error| AppError::Listen { address: address.to_string(), error })?;
    let url = acceptor.local_addr().first().map_or_else(|| address.to_string(), url_of);
    let server = Server::new_with_acceptor(acceptor);
    let serving =
        tokio::spawn(server.run_with_graceful_shutdown(routes, stop.cancelled_owned(), Some(DRAIN)));
    Ok(Listening { url, serving, inbox })
}

fn url_of(address: &LocalAddr) -> String {
    address.as_socket_addr().map_or_else(|| address.to_string(), |socket| format!("http://{socket}"))
}

impl Listening {
    /// Returns when the last request is answered and the last event committed.
    pub async fn drained(self) -> Result<(), AppError> {
        let served = self.serving.await;
        self.inbox.close().await;
        match served {
            Ok(result) => result.map_err(AppError::Server),
            Err(error) => Err(AppError::Server(std::io::Error::other(error))),
        }
    }
}

/// Starts the background work; the handle ends after `stop`, when what was begun is done.
#[must_use]
pub fn work(ctx: Context, stop: CancellationToken) -> JoinHandle<()> {
    // Nobody waits for what the worker does: its calls leave the way free for those of callers.
    let ctx = Context { stripe: ctx.stripe.background(), ..ctx };
    tokio::spawn(async move {
        learn_the_time(&ctx, &stop).await;
        worker::work(ctx, stop).await;
    })
}

/// The sandbox's clock may run ahead, and what was written by the one clock must not be judged by the other: a
/// key that the sandbox has forgotten would be trusted again after a restart.
async fn learn_the_time(ctx: &Context, stop: &CancellationToken) {
    while let Err(failure) = ctx.stripe.ask_the_time(ASK_BUDGET).await {
        tracing::warn!(%failure, "the sandbox did not tell the time; no work before it does");
        tokio::select! {
            () = tokio::time::sleep(ASK_AGAIN) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Ends when the process is asked to stop: SIGTERM or Ctrl-C.
pub async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminated) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}
