//! `souk webhooks`: tells Stripe where to deliver its events.

use std::process::ExitCode;

use clap::Subcommand;
use souk::{
    clock::Clock,
    config::Settings,
    events,
    stripe::{
        Failure, Gateway, List,
        webhook_endpoints::{self, WebhookEndpoint},
    },
};
use souk_entity::Scope;
use url::Url;

use super::Outcome;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Create both endpoints at Stripe, for exactly the events that this version handles, and print their
    /// secrets: they are shown only once.
    Register(Register),
}

#[derive(clap::Args)]
pub(crate) struct Register {
    #[command(flatten)]
    settings: Settings,
    /// Where Stripe reaches this service; SOUK_PUBLIC_URL if not given.
    #[arg(long)]
    url: Option<Url>,
    /// Delete endpoints with the same address first: their secrets end at once.
    #[arg(long)]
    replace: bool,
}

pub(crate) async fn run(command: Command) -> Outcome {
    let Command::Register(args) = command;
    let (config, _) = args.settings.check()?;
    let base = args.url.map_or_else(|| config.public_url.clone(), |url| url.to_string());
    let gateway = Gateway::new(&config, Clock::default())?;
    for (side, setting) in
        [(Side::Platform, "STRIPE_WEBHOOK_SECRETS"), (Side::Connect, "STRIPE_CONNECT_WEBHOOK_SECRETS")]
    {
        let url = side.url(base.trim_end_matches('/'));
        let same = existing(&gateway, &url).await?;
        if !same.is_empty() && !args.replace {
            return Err(format!("{url} is registered already; --replace makes a new secret").into());
        }
        for endpoint in same {
            delete(&gateway, &endpoint).await?;
        }
        let endpoint = create(&gateway, side, &url).await?;
        println!("{setting}={}", endpoint.secret.unwrap_or_default());
    }
    Ok(ExitCode::SUCCESS)
}

/// One of the two endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The platform's own events.
    Platform,
    /// Events of connected accounts.
    Connect,
}

impl Side {
    /// Its address on a service that is reached at `base`.
    pub(crate) fn url(self, base: &str) -> String {
        match self {
            Self::Platform => format!("{base}/webhooks/stripe/platform"),
            Self::Connect => format!("{base}/webhooks/stripe/connect"),
        }
    }
}

/// The endpoints that Stripe has for an address.
pub(crate) async fn existing(gateway: &Gateway, url: &str) -> Result<Vec<WebhookEndpoint>, Failure> {
    let list: List<WebhookEndpoint> = gateway.get(&Scope::Platform, &webhook_endpoints::list_path()).await?;
    Ok(list.data.into_iter().filter(|endpoint| endpoint.url == url).collect())
}

/// Deletes an endpoint at Stripe.
pub(crate) async fn delete(gateway: &Gateway, endpoint: &WebhookEndpoint) -> Result<(), Failure> {
    let frozen = webhook_endpoints::delete(&endpoint.id);
    gateway.mint::<serde_json::Value>(&Scope::Platform, &frozen).await.map(drop)
}

/// Creates an endpoint at Stripe, for the events that this version handles there.
pub(crate) async fn create(gateway: &Gateway, side: Side, url: &str) -> Result<WebhookEndpoint, Failure> {
    let connect = side == Side::Connect;
    let frozen = webhook_endpoints::create(url, &events::types_heard(connect), connect);
    gateway.mint(&Scope::Platform, &frozen).await
}
