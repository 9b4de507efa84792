//! The transport: one pool of connections, the headers that Stripe's protocol asks for, retries inside a budget.
//! Each attempt passes the gate, which keeps Stripe's rate limit and knows whether Stripe is alive.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use reqwest::{Method, header::CONTENT_TYPE, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use souk_entity::Scope;
use tokio::time::Instant;
use tracing::{Span, field::Empty};
use uuid::Uuid;

use super::{
    API_VERSION,
    answer::{Answer, Failure, Hints, classify},
    breaker::Sign,
    frozen::Frozen,
    gate::{Closed, Gate},
    retry,
};
use crate::{clock::Clock, config::Config};

/// How long an idle connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// The budget of reads and of links, for which somebody is waiting.
const READ_BUDGET: Duration = Duration::from_secs(10);
/// An attempt that had less time than this and got no answer says nothing of Stripe.
const FAIR_CHANCE: Duration = Duration::from_secs(1);
/// Two clocks whose whole seconds differ by no more than this are the same clock.
const SAME_CLOCK_S: i64 = 2;

/// Why there is no gateway.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client can't be built: {0}")]
pub struct GatewayError(#[from] reqwest::Error);

/// Whose calls go first when Stripe's rate limit leaves no room for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// A caller waits for it: checkouts, links, balances.
    Urgent,
    /// Nobody does: completers, events, imports, reconciliation.
    Background,
}

/// Sends requests to Stripe; clones share one pool of connections, one rate limit and one circuit.
#[derive(Clone, Debug)]
pub struct Gateway {
    inner: Arc<Inner>,
    priority: Priority,
}

#[derive(Debug)]
struct Inner {
    http: reqwest::Client,
    /// The gate belongs to this address: a gateway to another has another.
    gate: Gate,
    base: String,
    attempt_timeout: Duration,
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
    sign: Sign,
}

impl Gateway {
    /// A gateway for the key, the address and the limits in the settings. Its calls are urgent.
    pub fn new(config: &Config, clock: Clock) -> Result<Self, GatewayError> {
        // An error means that a provider is installed already: it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = reqwest::Client::builder()
            .connect_timeout(config.stripe_calls.connect_timeout)
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
            gate: Gate::new(config.stripe_calls, Instant::now()),
            attempt_timeout: config.stripe_calls.attempt_timeout,
            base: config.stripe_api_base.clone(),
            key: config.stripe_secret_key.clone(),
            sandbox: config.sandbox,
            clock,
        };
        Ok(Self { inner: Arc::new(inner), priority: Priority::Urgent })
    }

    /// The same gateway for work that nobody waits for. Priority is a matter of who works, not of what is called:
    /// the worker is handed a gateway of this kind once, and none of its calls can forget to say so.
    #[must_use]
    pub fn background(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), priority: Priority::Background }
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
        self.call(read(scope, path, READ_BUDGET)).await?.read()
    }

    /// Asks the sandbox for the time, if it is the sandbox: its clock may have been advanced since its last answer,
    /// and it prunes keys by it. Real Stripe's clock is the wall's. Takes no longer than `budget`.
    pub async fn ask_the_time(&self, budget: Duration) -> Result<(), Failure> {
        if !self.inner.sandbox {
            return Ok(());
        }
        self.call(read(&Scope::Platform, "/v1/balance", budget)).await.map(drop)
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
        priority = ?self.priority,
        status = Empty,
        stripe_request_id = Empty,
        attempts = 0,
        waited_ms = Empty,
    ))]
    async fn call(&self, call: Call<'_>) -> Result<Answer, Failure> {
        let deadline = Instant::now() + call.budget;
        let mut attempts = 0;
        let mut waited = Duration::ZERO;
        let mut last = None;
        loop {
            // 1. Our turn. What an earlier attempt came to says more than that there was no other.
            let asked_at = Instant::now();
            let permit = self.inner.gate.pass(self.priority, deadline).await;
            waited += asked_at.elapsed();
            Span::current().record("waited_ms", waited.as_millis());
            let permit = match permit {
                Ok(permit) => permit,
                Err(closed) => return Err(not_sent(closed, last)),
            };
            // 2. An attempt.
            attempts += 1;
            Span::current().record("attempts", attempts);
            let left = deadline.saturating_duration_since(Instant::now());
            let Attempt { outcome, again, retry_after, sign } = self.attempt(&call, left).await;
            permit.note(sign);
            let failure = match outcome {
                Ok(answer) => return Ok(answer),
                Err(failure) if attempts > 1 => failure.after_an_earlier_attempt(),
                Err(failure) => failure,
            };
            // 3. Another, if it is of use and there is time.
            let now = Instant::now();
            let left = deadline.saturating_duration_since(now);
            let wait = retry::delay(attempts, retry_after, left, retry::full_jitter)
                .filter(|wait| again && self.inner.gate.may_try_at(self.priority, now + *wait));
            let Some(wait) = wait else {
                tracing::warn!(%failure, "no success");
                return Err(failure);
            };
            tracing::info!(%failure, wait_ms = wait.as_millis(), "sending again");
            last = Some(failure);
            self.inner.gate.sleep_until(self.priority, now + wait).await;
        }
    }

    /// Sends the bytes once and sorts the answer.
    async fn attempt(&self, call: &Call<'_>, left: Duration) -> Attempt {
        let timeout = self.inner.attempt_timeout.min(left);
        let response = match self.request(call).timeout(timeout).send().await {
            Ok(response) => response,
            Err(error) => return network_failure(error, None, timeout),
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
            Err(error) => return network_failure(error, hints.request_id, timeout),
        };
        let outcome = classify(status, &hints, body);
        let again = match &outcome {
            Ok(_) | Err(Failure::KeySpent { .. }) => false,
            // Damaged on the way.
            Err(_) if matches!(status, 200..=299) => true,
            Err(_) => retry::is_worth_retrying(status, &hints),
        };
        if status == 429 && retry::is_rate_limit(&hints) {
            self.inner.gate.slow_down();
        }
        // What Stripe has stored it can tell: it is alive.
        let sign = if matches!(status, 500..=599) && !hints.replayed { Sign::Dead } else { Sign::Alive };
        Attempt { outcome, again, retry_after: hints.retry_after, sign }
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

const fn read<'a>(scope: &'a Scope, path: &'a str, budget: Duration) -> Call<'a> {
    Call { method: Method::GET, path, scope, version: API_VERSION, key: None, body: None, budget }
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

/// The gate let no further attempt through. Fast, and no attempt: nothing was sent by it.
fn not_sent(closed: Closed, last: Option<Failure>) -> Failure {
    tracing::warn!(reason = %closed, "not sent");
    last.unwrap_or_else(|| Failure::Unavailable { reason: closed.to_string(), request_id: None })
}

/// No answer within `timeout`: it may have happened or not, and the same bytes and key will tell.
fn network_failure(error: reqwest::Error, request_id: Option<String>, timeout: Duration) -> Attempt {
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
    // The last attempt of a budget may have been too short for anybody.
    let too_short = error.is_timeout() && timeout < FAIR_CHANCE;
    let sign = if error.is_builder() || too_short { Sign::None } else { Sign::Dead };
    Attempt { outcome: Err(Failure::Unavailable { reason, request_id }), again, retry_after: None, sign }
}

#[cfg(test)]
mod gate_tests;
#[cfg(test)]
mod tests;
