//! The transport: one pool of connections, the headers that Stripe's protocol asks for, retries inside a budget.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use reqwest::{Method, header::CONTENT_TYPE, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde::de::{DeserializeOwned, IgnoredAny};
use souk_entity::Scope;
use tokio::time::Instant;
use tracing::{Span, field::Empty};
use uuid::Uuid;

use super::{
    API_VERSION,
    answer::{Answer, Failure, Hints, classify},
    frozen::Frozen,
    retry,
};
use crate::{clock::Clock, config::Config};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one attempt may take, if the budget doesn't end before. Stripe answers a payment within seconds,
/// some banks within twenty.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an idle connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// The budget of reads and of links, for which somebody is waiting.
const READ_BUDGET: Duration = Duration::from_secs(10);
/// Two clocks whose whole seconds differ by no more than this are the same clock.
const SAME_CLOCK_S: i64 = 2;

/// Why there is no gateway.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client can't be built: {0}")]
pub struct GatewayError(#[from] reqwest::Error);

/// Sends requests to Stripe; clones share one pool of connections.
#[derive(Clone, Debug)]
pub struct Gateway {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    http: reqwest::Client,
    base: String,
    key: SecretString,
    sandbox: bool,
    clock: Clock,
}

/// One call, however many attempts it takes.
struct Call<'a> {
    method: Method,
    path: &'a str,
    scope: &'a Scope,
    version: &'a str,
    key: Option<String>,
    body: Option<&'a [u8]>,
    budget: Duration,
}

/// What came of one attempt, and what Stripe said about the next.
struct Attempt {
    outcome: Result<Answer, Failure>,
    again: bool,
    retry_after: Option<Duration>,
}

impl Gateway {
    /// A gateway for the key and the address in the settings.
    pub fn new(config: &Config, clock: Clock) -> Result<Self, GatewayError> {
        // An error means that a provider is installed already: it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            // A redirect would turn a POST into a GET, or carry the key elsewhere.
            .redirect(Policy::none())
            // Retries are decided here, where the keys are known, and nowhere below.
            .retry(reqwest::retry::never())
            .user_agent(concat!("souk/", env!("CARGO_PKG_VERSION")));
        if config.sandbox {
            // The sandbox is on this machine or next to it; a proxy for the internet doesn't know it.
            client = client.no_proxy();
        }
        let inner = Inner {
            http: client.build()?,
            base: config.stripe_api_base.clone(),
            key: config.stripe_secret_key.clone(),
            sandbox: config.sandbox,
            clock,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Sends a frozen write under its key, retrying inside `budget` with the same bytes and key.
    pub async fn send(
        &self,
        scope: &Scope,
        key: Uuid,
        frozen: &Frozen,
        budget: Duration,
    ) -> Result<Answer, Failure> {
        self.call(write(scope, frozen, Some(key.hyphenated().to_string()), budget)?).await
    }

    /// Reads `path` (with its query) in a scope, retrying for a few seconds.
    pub async fn get<T: DeserializeOwned>(&self, scope: &Scope, path: &str) -> Result<T, Failure> {
        let call = Call {
            method: Method::GET,
            path,
            scope,
            version: API_VERSION,
            key: None,
            body: None,
            budget: READ_BUDGET,
        };
        self.call(call).await?.read()
    }

    /// Asks the sandbox for the time, if it is the sandbox: its clock may have been advanced since its last answer,
    /// and it prunes keys by it. Real Stripe's clock is the wall's.
    pub async fn ask_the_time(&self) -> Result<(), Failure> {
        if !self.inner.sandbox {
            return Ok(());
        }
        self.get::<IgnoredAny>(&Scope::Platform, "/v1/balance").await.map(|IgnoredAny| ())
    }

    /// Writes what has no id and expires (account links, login links): outside the outbox, minted anew each time.
    /// Without a key: a second link after a lost answer does no harm.
    pub async fn mint<T: DeserializeOwned>(&self, scope: &Scope, frozen: &Frozen) -> Result<T, Failure> {
        self.call(write(scope, frozen, None, READ_BUDGET)?).await?.read()
    }

    /// Attempts until there is a definite answer or the budget is spent.
    #[tracing::instrument(name = "stripe", skip_all, fields(
        method = %call.method,
        path = call.path.split('?').next(),
        scope = %call.scope,
        idempotency_key = call.key,
        status = Empty,
        stripe_request_id = Empty,
        attempts = Empty,
    ))]
    async fn call(&self, call: Call<'_>) -> Result<Answer, Failure> {
        let deadline = Instant::now() + call.budget;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let left = deadline.saturating_duration_since(Instant::now());
            let Attempt { mut outcome, again, retry_after } = self.attempt(&call, left).await;
            if attempts > 1 {
                outcome = outcome.map_err(Failure::after_an_earlier_attempt);
            }
            Span::current().record("attempts", attempts);
            let left = deadline.saturating_duration_since(Instant::now());
            let wait = retry::delay(attempts, retry_after, left, retry::full_jitter).filter(|_| again);
            match (outcome, wait) {
                (Err(failure), Some(wait)) => {
                    tracing::info!(%failure, wait_ms = wait.as_millis(), "sending again");
                    tokio::time::sleep(wait).await;
                }
                (outcome, _) => {
                    if let Err(failure) = &outcome {
                        tracing::warn!(%failure, "no success");
                    }
                    return outcome;
                }
            }
        }
    }

    /// Sends the bytes once and sorts the answer.
    async fn attempt(&self, call: &Call<'_>, left: Duration) -> Attempt {
        let sent = self.request(call).timeout(ATTEMPT_TIMEOUT.min(left)).send().await;
        let response = match sent {
            Ok(response) => response,
            Err(error) => return network_failure(error, None),
        };
        let status = response.status().as_u16();
        let hints = Hints::of(response.headers());
        self.learn_the_time(hints.date);
        let span = Span::current();
        span.record("status", status);
        span.record("stripe_request_id", hints.request_id.as_deref());
        // An answer that breaks off is no answer, whatever its status: the key will bring it again.
        let body = match response.bytes().await {
            Ok(body) => body,
            Err(error) => return network_failure(error, hints.request_id),
        };
        let outcome = classify(status, &hints, body);
        let again = match &outcome {
            Ok(_) | Err(Failure::KeySpent { .. }) => false,
            // Damaged on the way.
            Err(_) if matches!(status, 200..=299) => true,
            Err(_) => retry::is_worth_retrying(status, &hints),
        };
        Attempt { outcome, again, retry_after: hints.retry_after }
    }

    fn request(&self, call: &Call<'_>) -> reqwest::RequestBuilder {
        let Inner { http, base, key, .. } = &*self.inner;
        let mut request = http
            .request(call.method.clone(), format!("{base}{}", call.path))
            .bearer_auth(key.expose_secret())
            .header("stripe-version", call.version);
        if let Some(account) = call.scope.account() {
            request = request.header("stripe-account", account.as_str());
        }
        if let Some(key) = &call.key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = call.body {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.to_vec());
        }
        request
    }

    /// The sandbox's clock can be advanced; business time follows it. Real Stripe lives in wall time.
    fn learn_the_time(&self, stripe: Option<DateTime<Utc>>) {
        let (true, Some(stripe)) = (self.inner.sandbox, stripe) else { return };
        let clock = &self.inner.clock;
        // Headers carry whole seconds: a second more or less is rounding, not news.
        if (stripe - clock.business()).num_seconds().abs() <= SAME_CLOCK_S {
            return;
        }
        let ahead = (stripe - clock.wall()).num_seconds();
        clock.set_ahead(if ahead.abs() <= SAME_CLOCK_S { 0 } else { ahead });
    }
}

fn write<'a>(
    scope: &'a Scope,
    frozen: &'a Frozen,
    key: Option<String>,
    budget: Duration,
) -> Result<Call<'a>, Failure> {
    let Frozen { method, path, body, version } = frozen;
    // A row that was tampered with must not reach the wire, nor be taken for something that Stripe refused.
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| Failure::KeySpent {
        reason: "the frozen request has no HTTP method; nothing was sent".to_owned(),
        request_id: None,
    })?;
    Ok(Call { method, path, scope, version, key, body: Some(body), budget })
}

/// No answer: it may have happened or not, and the same bytes and key will tell.
fn network_failure(error: reqwest::Error, request_id: Option<String>) -> Attempt {
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        reason.push_str(": ");
        reason.push_str(&error.to_string());
        cause = error.source();
    }
    // A request that could not even be built will not be built better the second time.
    let again = !error.is_builder();
    Attempt { outcome: Err(Failure::Unavailable { reason, request_id }), again, retry_after: None }
}

#[cfg(test)]
mod tests;
