//! Settings: from the environment or the command line, checked as a whole before anything starts. What is
//! missing or contradictory stops the start with one clear line.

use std::net::SocketAddr;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::seal::{Seal, SealError};

mod checkout;
mod oversight;
mod stripe_calls;

pub use checkout::{CheckoutSettings, NotPayable};
pub use oversight::OversightSettings;
pub use stripe_calls::{RateLimit, StripeCallSettings, StripeCalls};

/// The settings as they are given; `souk serve --help` shows them.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// `sqlite://path` or `postgres://user@host/database`.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: SecretString,
    /// Connections to the database that this process may hold.
    #[arg(long, env = "SOUK_DATABASE_CONNECTIONS", default_value_t = 16)]
    pub database_connections: u32,
    /// Stripe's secret key, or a restricted one.
    #[arg(long, env = "STRIPE_SECRET_KEY", hide_env_values = true)]
    pub stripe_secret_key: SecretString,
    /// Stripe's publishable key, handed to buyers' apps.
    #[arg(long, env = "STRIPE_PUBLISHABLE_KEY")]
    pub stripe_publishable_key: String,
    /// Where Stripe is; the sandbox's address for development.
    #[arg(long, env = "STRIPE_API_BASE", default_value = "https://api.stripe.com")]
    pub stripe_api_base: Url,
    /// How long a caller waits for Stripe, seconds; what has no answer by then is completed in the background.
    #[arg(long, env = "STRIPE_BUDGET_SECONDS", default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(1..=45))]
    pub stripe_budget_s: u64,
    /// How much Stripe is asked, and how long an answer may take.
    #[command(flatten)]
    pub stripe_calls: StripeCallSettings,
    /// What runs by the clock.
    #[command(flatten)]
    pub oversight: OversightSettings,
    /// Signing secrets of the platform's webhook endpoint, comma-separated; several during a rotation.
    #[arg(long, env = "STRIPE_WEBHOOK_SECRETS", value_delimiter = ',', hide_env_values = true)]
    pub stripe_webhook_secrets: Vec<SecretString>,
    /// Signing secrets of the Connect webhook endpoint, comma-separated.
    #[arg(long, env = "STRIPE_CONNECT_WEBHOOK_SECRETS", value_delimiter = ',', hide_env_values = true)]
    pub stripe_connect_webhook_secrets: Vec<SecretString>,
    /// Where sellers' browsers reach this service.
    #[arg(long, env = "SOUK_PUBLIC_URL")]
    pub public_url: Url,
    /// Origins that a caller may send browsers back to, comma-separated (`https://app.example.com`).
    #[arg(long, env = "SOUK_ALLOWED_REDIRECT_ORIGINS", value_delimiter = ',')]
    pub allowed_redirect_origins: Vec<Url>,
    /// Where the API listens.
    #[arg(long, env = "SOUK_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Shared secret of HS256 tokens, 32 bytes or more.
    #[arg(long, env = "SOUK_JWT_SECRET", hide_env_values = true)]
    pub jwt_secret: Option<SecretString>,
    /// Public key of RS256, ES256 or EdDSA tokens, as PEM.
    #[arg(long, env = "SOUK_JWT_PUBLIC_KEY")]
    pub jwt_public_key: Option<String>,
    /// The `iss` that tokens must carry.
    #[arg(long, env = "SOUK_JWT_ISSUER", default_value = "souk")]
    pub jwt_issuer: String,
    /// The `aud` that tokens must carry.
    #[arg(long, env = "SOUK_JWT_AUDIENCE", default_value = "souk")]
    pub jwt_audience: String,
    /// 32 bytes as 64 hexadecimal digits: encrypts stored replies, raw events and client secrets.
    #[arg(long, env = "SOUK_DATA_KEY", hide_env_values = true)]
    pub data_key: SecretString,
    /// Days for which events that are done with are kept; Stripe itself keeps them for 30.
    #[arg(long, env = "SOUK_EVENT_RETENTION_DAYS", default_value_t = 90,
        value_parser = clap::value_parser!(u32).range(30..=3_650))]
    pub event_retention_days: u32,
    /// The marketplace's commission in basis points of each line.
    #[arg(long, env = "SOUK_COMMISSION_BPS", default_value_t = 1_000)]
    pub commission_bps: u32,
    /// How carts become orders.
    #[command(flatten)]
    pub checkout: CheckoutSettings,
}

/// How tokens are checked.
#[derive(Clone, Debug)]
pub enum TokenKey {
    /// HS256 with a shared secret.
    Secret(SecretString),
    /// RS256, ES256 or EdDSA with a PEM public key.
    PublicKey(String),
}

/// The settings, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// See [`Settings::database_url`].
    pub database_url: SecretString,
    /// See [`Settings::database_connections`].
    pub database_connections: u32,
    /// See [`Settings::stripe_secret_key`].
    pub stripe_secret_key: SecretString,
    /// See [`Settings::stripe_publishable_key`].
    pub stripe_publishable_key: String,
    /// See [`Settings::stripe_api_base`]; no trailing slash.
    pub stripe_api_base: String,
    /// See [`Settings::stripe_budget_s`].
    pub stripe_budget_s: u64,
    /// See [`Settings::stripe_calls`].
    pub stripe_calls: StripeCalls,
    /// See [`Settings::oversight`].
    pub oversight: OversightSettings,
    /// Whether Stripe is a sandbox on this machine or a private network, whose clock can run ahead.
    pub sandbox: bool,
    /// Whether the key moves real money.
    pub livemode: bool,
    /// See [`Settings::stripe_webhook_secrets`].
    pub platform_webhook_secrets: Vec<SecretString>,
    /// See [`Settings::stripe_connect_webhook_secrets`].
    pub connect_webhook_secrets: Vec<SecretString>,
    /// See [`Settings::public_url`]; no trailing slash.
    pub public_url: String,
    /// See [`Settings::allowed_redirect_origins`].
    pub allowed_redirect_origins: Vec<url::Origin>,
    /// See [`Settings::listen`].
    pub listen: SocketAddr,
    /// How tokens are checked.
    pub token_key: TokenKey,
    /// See [`Settings::jwt_issuer`].
    pub jwt_issuer: String,
    /// See [`Settings::jwt_audience`].
    pub jwt_audience: String,
    /// See [`Settings::event_retention_days`].
    pub event_retention_days: u32,
    /// See [`Settings::commission_bps`].
    pub commission_bps: u32,
    /// See [`Settings::checkout`].
    pub checkout: CheckoutSettings,
}

impl Config {
    /// Whether a browser may be sent to `text`: an absolute `https` address (or plain `http` to this machine, with
    /// test keys) of an allowed origin, without user information.
    pub fn allows_redirect(&self, text: &str) -> Result<(), RedirectError> {
        // The parser passes over line ends and the like; a `Location` header can't hold them.
        if text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(RedirectError::NotAnAddress);
        }
        let url = Url::parse(text).map_err(|_| RedirectError::NotAnAddress)?;
        let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if url.scheme() != "https" && !(url.scheme() == "http" && local && !self.livemode) {
            return Err(RedirectError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(RedirectError::UserInformation);
        }
        if !self.allowed_redirect_origins.contains(&url.origin()) {
            return Err(RedirectError::Origin);
        }
        Ok(())
    }
}

/// Why a browser may not be sent to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectError {
    /// It can't be read as an absolute address.
    #[error("not an absolute address")]
    NotAnAddress,
    /// Neither `https`, nor `http` to this machine with test keys.
    #[error("must be https")]
    Scheme,
    /// `https://user@host`.
    #[error("must not carry user information")]
    UserInformation,
    /// Not in `SOUK_ALLOWED_REDIRECT_ORIGINS`.
    #[error("its origin is not one of SOUK_ALLOWED_REDIRECT_ORIGINS")]
    Origin,
}

/// A setting that is missing or contradicts another; the text names it and says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

const SHORTEST_JWT_SECRET_BYTES: usize = 32;
const WHOLE_IN_BASIS_POINTS: u32 = 10_000;

impl Settings {
    /// Checks the settings as a whole.
    pub fn check(self) -> Result<(Config, Seal), ConfigError> {
        let refuse = |text: &str| Err(ConfigError(text.to_owned()));
        let secret = self.stripe_secret_key.expose_secret();
        let livemode = secret.starts_with("sk_live_") || secret.starts_with("rk_live_");
        if !livemode && !secret.starts_with("sk_test_") && !secret.starts_with("rk_test_") {
            return refuse("STRIPE_SECRET_KEY must begin with sk_test_, rk_test_, sk_live_ or rk_live_");
        }
        let publishable = if livemode { "pk_live_" } else { "pk_test_" };
        if !self.stripe_publishable_key.starts_with(publishable) {
            return refuse(
                "STRIPE_PUBLISHABLE_KEY and STRIPE_SECRET_KEY must both be live or both be test keys",
            );
        }
        let sandbox = self.stripe_api_base.host_str() != Some("api.stripe.com");
        if sandbox && livemode {
            return refuse(
                "STRIPE_SECRET_KEY is a live key, but STRIPE_API_BASE is not Stripe: refusing to send it",
            );
        }
        if self.commission_bps > WHOLE_IN_BASIS_POINTS {
            return refuse("SOUK_COMMISSION_BPS can't be above 10000 (100 %)");
        }
        let origins: Vec<url::Origin> = self.allowed_redirect_origins.iter().map(Url::origin).collect();
        if !origins.iter().all(url::Origin::is_tuple) {
            return refuse("SOUK_ALLOWED_REDIRECT_ORIGINS must be origins such as https://app.example.com");
        }
        let token_key = match (self.jwt_secret, self.jwt_public_key) {
            (Some(secret), None) if secret.expose_secret().len() >= SHORTEST_JWT_SECRET_BYTES => {
                TokenKey::Secret(secret)
            }
            (Some(_), None) => return refuse("SOUK_JWT_SECRET must have 32 bytes or more"),
            (None, Some(pem)) => TokenKey::PublicKey(pem),
            _ => return refuse("set one of SOUK_JWT_SECRET and SOUK_JWT_PUBLIC_KEY"),
        };
        let seal = Seal::from_hex(self.data_key.expose_secret())
            .map_err(|error: SealError| ConfigError(error.to_string()))?;
        let config = Config {
            database_url: self.database_url,
            database_connections: self.database_connections,
            stripe_secret_key: self.stripe_secret_key,
            stripe_publishable_key: self.stripe_publishable_key,
            stripe_api_base: self.stripe_api_base.as_str().trim_end_matches('/').to_owned(),
            stripe_budget_s: self.stripe_budget_s,
            stripe_calls: self.stripe_calls.check(sandbox, livemode)?,
            oversight: self.oversight,
            sandbox,
            livemode,
            platform_webhook_secrets: without_empty(self.stripe_webhook_secrets),
            connect_webhook_secrets: without_empty(self.stripe_connect_webhook_secrets),
            public_url: self.public_url.as_str().trim_end_matches('/').to_owned(),
            allowed_redirect_origins: origins,
            listen: self.listen,
            token_key,
            jwt_issuer: self.jwt_issuer,
            jwt_audience: self.jwt_audience,
            event_retention_days: self.event_retention_days,
            commission_bps: self.commission_bps,
            checkout: self.checkout,
        };
        Ok((config, seal))
    }
}

/// `STRIPE_WEBHOOK_SECRETS=` is no secret, not an empty one: an empty key would sign anything.
fn without_empty(secrets: Vec<SecretString>) -> Vec<SecretString> {
    secrets.into_iter().filter(|secret| !secret.expose_secret().trim().is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
    }

    fn settings(changes: &[(&str, &str)]) -> Result<(Config, Seal), ConfigError> {
        let key = "0".repeat(64);
        let mut given: Vec<(&str, &str)> = vec![
            ("--database-url", "sqlite::memory:"),
            ("--stripe-secret-key", "sk_test_souk"),
            ("--stripe-publishable-key", "pk_test_souk"),
            ("--stripe-api-base", "http://127.0.0.1:12111"),
            ("--public-url", "http://127.0.0.1:8080/"),
            ("--jwt-secret", "a secret of at least thirty-two bytes"),
            ("--data-key", &key),
            ("--allowed-redirect-origins", "https://app.example.com,http://localhost:3000"),
        ];
        for (name, value) in changes {
            given.retain(|(known, _)| known != name);
            if !value.is_empty() {
                given.push((name, value));
            }
        }
        let words = given.iter().flat_map(|(name, value)| [*name, *value]);
        Line::try_parse_from(std::iter::once("souk").chain(words)).unwrap().settings.check()
    }

    #[test]
    fn what_contradicts_itself_stops_the_start_with_one_line_that_names_the_setting() {
        for (changes, named) in [
            (&[("--stripe-secret-key", "pk_test_souk")][..], "STRIPE_SECRET_KEY"),
            (&[("--stripe-publishable-key", "pk_live_souk")], "STRIPE_PUBLISHABLE_KEY"),
            (
                &[("--stripe-secret-key", "sk_live_x"), ("--stripe-publishable-key", "pk_live_x")],
                "STRIPE_API_BASE",
            ),
            (&[("--commission-bps", "10001")], "SOUK_COMMISSION_BPS"),
            (&[("--jwt-secret", "short")], "SOUK_JWT_SECRET"),
            (&[("--jwt-secret", "")], "SOUK_JWT_PUBLIC_KEY"),
            (&[("--jwt-public-key", "pem")], "SOUK_JWT_SECRET"),
            (&[("--data-key", "00")], "SOUK_DATA_KEY"),
            (&[("--stripe-rate-limit", "3"), ("--replicas", "4")], "SOUK_REPLICAS"),
            (&[("--allowed-redirect-origins", "mailto:x@example.com")], "SOUK_ALLOWED_REDIRECT_ORIGINS"),
        ] {
            let error = settings(changes).err().unwrap().to_string();
            assert!(error.contains(named) && !error.contains('\n'), "{changes:?}: {error}");
        }
    }

    #[test]
    fn an_empty_list_of_webhook_secrets_holds_no_empty_secret() {
        let (config, _) = settings(&[("--stripe-webhook-secrets", " ,whsec_1")]).unwrap();
        assert_eq!(config.platform_webhook_secrets.len(), 1);
        assert!(config.connect_webhook_secrets.is_empty());
    }

    #[test]
    fn browsers_are_sent_to_allowed_origins_only() {
        let (config, _) = settings(&[]).unwrap();
        for allowed in
            ["https://app.example.com/done?x=1", "http://localhost:3000/", "https://app.example.com:443"]
        {
            assert_eq!(config.allows_redirect(allowed), Ok(()), "{allowed}");
        }
        for (refused, reason) in [
            ("//evil.example", RedirectError::NotAnAddress),
            ("/done", RedirectError::NotAnAddress),
            ("https://app.example.com/\nSet-Cookie: a=b", RedirectError::NotAnAddress),
            ("java\tscript:alert(1)", RedirectError::NotAnAddress),
            ("javascript:alert(1)", RedirectError::Scheme),
            ("http://app.example.com/", RedirectError::Scheme),
            ("https://app.example.com@evil.example/", RedirectError::UserInformation),
            ("https://evil.example\\@app.example.com/", RedirectError::Origin),
            ("https://app.example.com.evil.example/", RedirectError::Origin),
            ("https://аpp.example.com/", RedirectError::Origin),
            ("https://app.example.com:8443/", RedirectError::Origin),
            ("http://localhost:4000/", RedirectError::Origin),
        ] {
            assert_eq!(config.allows_redirect(refused), Err(reason), "{refused}");
        }
    }
}
