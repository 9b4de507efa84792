//! `souk webhooks`: tells Stripe where to deliver its events. What is printed can be read by a shell: settings, and
//! comments.
//!
//! The secret of an endpoint is only in the answer to its creation. So every endpoint of ours carries in its metadata
//! that it is ours, and once its secret was printed or kept, the secret's fingerprint: one without has a secret that
//! nobody knows, and is deleted.

mod register;
mod rotate;

use std::io::Write;

use clap::Subcommand;
use secrecy::SecretString;
use souk::{
    config::Config,
    events,
    stripe::{
        Failure, Gateway, List, Metadata,
        webhook_endpoints::{self, WebhookEndpoint},
    },
    webhooks::{Endpoint, fingerprint},
};
use souk_entity::Scope;
use url::Url;

use super::Outcome;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Says whose endpoint it is: `platform` or `connect`.
const OURS: &str = "souk_endpoint";
/// Tells the secret, once somebody has it.
pub(crate) const FINGERPRINT: &str = "souk_secret";
/// Names the endpoint that this one replaces.
const REPLACES: &str = "souk_replaces";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Create both endpoints at Stripe, for exactly the events that this version handles, and print their
    /// secrets, which are shown only once; or update those that are there, which keep their secrets.
    Register(register::Args),
    /// Change the signing secret of an endpoint without losing an event: create a second one, then --finish.
    Rotate(rotate::Args),
}

pub(crate) async fn run(command: Command) -> Outcome {
    match command {
        Command::Register(args) => register::run(args).await,
        Command::Rotate(args) => rotate::run(args).await,
    }
}

/// One of the two endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The platform's own events.
    Platform,
    /// Events of connected accounts.
    Connect,
}

pub(crate) const SIDES: [Side; 2] = [Side::Platform, Side::Connect];

impl Side {
    /// Its address on a service that is reached at `base`.
    pub(crate) fn url(self, base: &str) -> String {
        format!("{base}/webhooks/stripe/{}", self.name())
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Connect => "connect",
        }
    }

    /// The setting that holds its secrets.
    pub(crate) const fn setting(self) -> &'static str {
        match self {
            Self::Platform => "STRIPE_WEBHOOK_SECRETS",
            Self::Connect => "STRIPE_CONNECT_WEBHOOK_SECRETS",
        }
    }

    const fn endpoint(self) -> Endpoint {
        match self {
            Self::Platform => Endpoint::Platform,
            Self::Connect => Endpoint::Connect,
        }
    }

    /// The types that it must hear.
    pub(crate) fn types(self) -> Vec<&'static str> {
        events::types_heard(self == Self::Connect)
    }
}

/// Where Stripe reaches the service, without a slash at the end.
pub(crate) fn base(given: Option<Url>, config: &Config) -> String {
    given.map_or_else(|| config.public_url.clone(), |url| url.as_str().trim_end_matches('/').to_owned())
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

/// Creates an endpoint at Stripe, for the events that this version handles there. A lost answer may have left
/// another one behind, whose secret nobody knows: it is deleted.
pub(crate) async fn create(
    gateway: &Gateway,
    side: Side,
    url: &str,
    replaces: Option<&str>,
) -> Result<WebhookEndpoint, Failure> {
    let mut metadata = Metadata::from([(OURS.to_owned(), side.name().to_owned())]);
    if let Some(old) = replaces {
        metadata.insert(REPLACES.to_owned(), old.to_owned());
    }
    let frozen = webhook_endpoints::create(url, &side.types(), side == Side::Connect, &metadata);
    let made: WebhookEndpoint = gateway.mint(&Scope::Platform, &frozen).await?;
    for other in existing(gateway, url).await? {
        if other.id != made.id && is_lost(&other) {
            delete(gateway, &other).await?;
        }
    }
    Ok(made)
}

/// Has an endpoint hear what this version handles there, and enables it.
pub(crate) async fn update(gateway: &Gateway, side: Side, endpoint: &WebhookEndpoint) -> Result<(), Failure> {
    let frozen = webhook_endpoints::update(&endpoint.id, &side.types());
    gateway.mint::<serde_json::Value>(&Scope::Platform, &frozen).await.map(drop)
}

/// Writes into a new endpoint's metadata that somebody has its secret.
pub(crate) async fn mark_kept(gateway: &Gateway, made: &WebhookEndpoint) -> Result<(), Failure> {
    let secret = SecretString::from(made.secret.clone().unwrap_or_default());
    let metadata = Metadata::from([(FINGERPRINT.to_owned(), fingerprint(&secret))]);
    let frozen = webhook_endpoints::annotate(&made.id, &metadata);
    gateway.mint::<serde_json::Value>(&Scope::Platform, &frozen).await.map(drop)
}

/// Whether it is an endpoint of ours whose secret nobody has.
pub(crate) fn is_lost(endpoint: &WebhookEndpoint) -> bool {
    endpoint.metadata.contains_key(OURS) && !endpoint.metadata.contains_key(FINGERPRINT)
}

/// Shows a secret, and makes sure that it is shown before anything else happens.
fn print_secret(before: &str, endpoint: &WebhookEndpoint) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{before}{}", endpoint.secret.as_deref().unwrap_or_default())?;
    out.flush()
}
