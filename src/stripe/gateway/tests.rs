//! The transport against a scripted server on loopback: real HTTP, and the requests as they arrived.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use poem::{
    EndpointExt, Request, Response, Server, handler,
    http::{HeaderMap, StatusCode},
    listener::{Acceptor, Listener, TcpListener},
    web::Data,
};

use super::*;

pub(super) const BUDGET: Duration = Duration::from_secs(20);

/// Scripted answers, first to last; the last one stays. And the requests that came.
pub(super) struct Stripe {
    script: Mutex<VecDeque<Scripted>>,
    seen: Mutex<Vec<Seen>>,
}

#[derive(Clone)]
pub(super) struct Scripted {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: &'static str,
    delay: Duration,
}

pub(super) struct Seen {
    line: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

pub(super) fn answers(status: u16) -> Scripted {
    Scripted { status, headers: Vec::new(), body: "{}", delay: Duration::ZERO }
}

impl Scripted {
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn saying(self, body: &'static str) -> Self {
        Self { body, ..self }
    }

    pub(super) fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

impl Stripe {
    pub(super) async fn answering(script: impl IntoIterator<Item = Scripted>) -> (Arc<Self>, Gateway, Clock) {
        let script = Mutex::new(script.into_iter().collect());
        let stripe = Arc::new(Self { script, seen: Mutex::default() });
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
        let address = *acceptor.local_addr()[0].as_socket_addr().unwrap();
        tokio::spawn(Server::new_with_acceptor(acceptor).run(scripted_answer.data(stripe.clone())));
        let clock = Clock::default();
        let gateway = Gateway::new(&config(format!("http://{address}")), clock.clone()).unwrap();
        (stripe, gateway, clock)
    }

    /// A gateway of its own to the same server, with other limits.
    pub(super) fn gateway(base: &Gateway, calls: crate::config::StripeCalls) -> Gateway {
        let config = Config { stripe_calls: calls, ..config(base.inner.base.clone()) };
        Gateway::new(&config, Clock::default()).unwrap()
    }

    /// From now on it has another script.
    pub(super) fn now_answers(&self, script: impl IntoIterator<Item = Scripted>) {
        *self.script.lock().unwrap() = script.into_iter().collect();
    }

    pub(super) fn seen(&self) -> std::sync::MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[handler]
async fn scripted_answer(request: &Request, body: Vec<u8>, stripe: Data<&Arc<Stripe>>) -> Response {
    let line = format!("{} {}", request.method(), request.uri());
    stripe.seen().push(Seen { line, headers: request.headers().clone(), body });
    let scripted = {
        let mut script = stripe.script.lock().unwrap();
        if script.len() > 1 { script.pop_front().unwrap() } else { script[0].clone() }
    };
    tokio::time::sleep(scripted.delay).await;
    let mut response = Response::builder().status(StatusCode::from_u16(scripted.status).unwrap());
    for (name, value) in scripted.headers {
        response = response.header(name, value);
    }
    response.body(scripted.body)
}

pub(super) fn config(stripe_api_base: String) -> Config {
    Config {
        database_url: "sqlite::memory:".into(),
        database_connections: 1,
        stripe_secret_key: "sk_test_secret".into(),
        stripe_publishable_key: "pk_test_1".to_owned(),
        stripe_api_base,
        stripe_budget_s: 10,
        oversight: crate::config::OversightSettings::OFF,
        stripe_calls: crate::config::StripeCalls::default(),
        sandbox: true,
        livemode: false,
        platform_webhook_secrets: Vec::new(),
        connect_webhook_secrets: Vec::new(),
        public_url: "http://127.0.0.1".to_owned(),
        allowed_redirect_origins: Vec::new(),
        listen: ([127, 0, 0, 1], 0).into(),
        token_key: crate::config::TokenKey::Secret("0".repeat(32).into()),
        jwt_issuer: "souk".to_owned(),
        jwt_audience: "souk".to_owned(),
        event_retention_days: 90,
        commission_bps: 0,
        checkout: crate::config::CheckoutSettings::default(),
    }
}

pub(super) fn payout() -> Frozen {
    Frozen {
        method: "POST".to_owned(),
        path: "/v1/payouts".to_owned(),
        body: b"amount=5&currency=usd".to_vec(),
        version: "2020-01-01.frozen".to_owned(),
    }
}

pub(super) fn connected() -> Scope {
    "acct_1".parse().unwrap()
}

#[tokio::test]
async fn every_attempt_carries_the_same_bytes_under_the_same_key() {
    let (stripe, gateway, _) = Stripe::answering([answers(409), answers(500), answers(200)]).await;
    let key = Uuid::now_v7();
    gateway.send(&connected(), key, &payout(), BUDGET).await.unwrap();

    let seen = stripe.seen();
    assert_eq!(seen.len(), 3);
    for attempt in &*seen {
        assert_eq!(attempt.line, "POST /v1/payouts");
        assert_eq!(attempt.body, payout().body);
        assert_eq!(attempt.header("idempotency-key"), Some(key.hyphenated().to_string().as_str()));
        assert_eq!(attempt.header("stripe-version"), Some("2020-01-01.frozen"));
        assert_eq!(attempt.header("stripe-account"), Some("acct_1"));
        assert_eq!(attempt.header("authorization"), Some("Bearer sk_test_secret"));
        assert_eq!(attempt.header("content-type"), Some("application/x-www-form-urlencoded"));
    }
}

#[tokio::test]
async fn the_platform_acts_for_nobody_and_reads_at_our_version_without_a_key() {
    let (stripe, gateway, _) = Stripe::answering([answers(200)]).await;
    let _: serde_json::Value =
        gateway.get(&Scope::Platform, "/v1/charges/ch_1?expand[0]=transfer").await.unwrap();
    let seen = stripe.seen();
    assert_eq!(seen[0].line, "GET /v1/charges/ch_1?expand[0]=transfer");
    assert_eq!(seen[0].header("stripe-account"), None);
    assert_eq!(seen[0].header("idempotency-key"), None);
    assert_eq!(seen[0].header("stripe-version"), Some(API_VERSION));
}

#[tokio::test]
async fn a_read_is_made_in_the_scope_that_it_is_asked_for() {
    let (stripe, gateway, _) = Stripe::answering([answers(200)]).await;
    let _: serde_json::Value = gateway.get(&connected(), "/v1/balance").await.unwrap();
    assert_eq!(stripe.seen()[0].header("stripe-account"), Some("acct_1"));
}

#[tokio::test]
async fn a_refusal_is_definite_at_the_first_attempt() {
    let declined =
        r#"{"error": {"type": "card_error", "code": "card_declined", "payment_intent": {"id": "pi_1"}}}"#;
    let script = [answers(402).saying(declined).with("request-id", "req_1")];
    let (stripe, gateway, _) = Stripe::answering(script).await;
    let failure = gateway.send(&Scope::Platform, Uuid::now_v7(), &payout(), BUDGET).await.unwrap_err();
    let Failure::Refused(refusal) = failure else { panic!("{failure:?}") };
    assert_eq!(refusal.object_id.as_deref(), Some("pi_1"));
    assert_eq!(refusal.request_id.as_deref(), Some("req_1"));
    assert_eq!(stripe.seen().len(), 1);
}

#[tokio::test]
async fn a_stored_server_error_stops_the_retries() {
    let script = [answers(500), answers(500).with("idempotent-replayed", "true"), answers(200)];
    let (stripe, gateway, _) = Stripe::answering(script).await;
    let failure = gateway.send(&Scope::Platform, Uuid::now_v7(), &payout(), BUDGET).await.unwrap_err();
    assert!(matches!(failure, Failure::KeySpent { .. }), "{failure:?}");
    assert_eq!(stripe.seen().len(), 2);
}

#[tokio::test]
async fn stripe_says_whether_a_retry_makes_sense() {
    let (stripe, gateway, _) =
        Stripe::answering([answers(503).with("stripe-should-retry", "false"), answers(200)]).await;
    let failure = gateway.send(&Scope::Platform, Uuid::now_v7(), &payout(), BUDGET).await.unwrap_err();
    assert!(matches!(failure, Failure::Unavailable { .. }), "{failure:?}");
    assert_eq!(stripe.seen().len(), 1);
}

#[tokio::test]
async fn stripe_is_not_asked_again_sooner_than_it_said() {
    let (_, gateway, _) = Stripe::answering([answers(429).with("retry-after", "1"), answers(200)]).await;
    let began = Instant::now();
    gateway.send(&Scope::Platform, Uuid::now_v7(), &payout(), BUDGET).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_wait_that_outlasts_the_budget_is_not_begun() {
    let (stripe, gateway, _) =
        Stripe::answering([answers(429).with("retry-after", "60"), answers(200)]).await;
    let began = Instant::now();
    let failure = gateway.send(&Scope::Platform, Uuid::now_v7(), &payout(), BUDGET).await.unwrap_err();
    assert!(matches!(failure, Failure::Unavailable { .. }), "{failure:?}");
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(stripe.seen().len(), 1);
}

#[tokio::test]
async fn an_answer_that_does_not_come_ends_with_the_budget() {
    let (_, gateway, _) = Stripe::answering([answers(200).after(Duration::from_secs(5))]).await;
    let began = Instant::now();
    let budget = Duration::from_millis(200);
    let failure = gateway.send(&Scope::Platform, Uuid::now_v7(), &payout(), budget).await.unwrap_err();
    assert!(matches!(failure, Failure::Unavailable { request_id: None, .. }), "{failure:?}");
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent_and_the_error_names_no_secret() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let gateway = Gateway::new(&config(base), Clock::default()).unwrap();
    let budget = Duration::from_millis(300);
    let failure = gateway.send(&Scope::Platform, Uuid::now_v7(), &payout(), budget).await.unwrap_err();
    assert!(matches!(failure, Failure::NotSent { .. }), "{failure:?}");
    assert!(!format!("{failure:?} {gateway:?}").contains("sk_test_secret"));
}

#[test]
fn an_attempt_that_sent_nothing_hides_none_that_may_have_taken_effect() {
    let not_sent = || Failure::NotSent { reason: "no connection".to_owned() };
    let lost = || Failure::Unavailable { reason: "no answer".to_owned(), request_id: None };
    assert_eq!(after(None, not_sent()), not_sent());
    assert_eq!(after(Some(not_sent()), not_sent()), not_sent());
    assert_eq!(after(Some(lost()), not_sent()), lost());
    assert_eq!(after(Some(not_sent()), lost()), lost());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (stripe, gateway, _) = Stripe::answering([answers(302).with("location", "/elsewhere")]).await;
    let failure = gateway.send(&Scope::Platform, Uuid::now_v7(), &payout(), BUDGET).await.unwrap_err();
    assert!(matches!(failure, Failure::Unavailable { .. }), "{failure:?}");
    assert_eq!(stripe.seen().len(), 1);
}

#[tokio::test]
async fn a_success_that_cannot_be_read_is_still_a_success() {
    let (_, gateway, _) = Stripe::answering([answers(200).saying("[7]")]).await;
    let answer = gateway.send(&Scope::Platform, Uuid::now_v7(), &payout(), BUDGET).await.unwrap();
    assert_eq!(&answer.body[..], b"[7]");
    let minted: Result<String, _> = gateway.mint(&Scope::Platform, &payout()).await;
    assert!(matches!(minted, Err(Failure::Unreadable(_))));
}

#[tokio::test]
async fn a_success_that_was_damaged_on_the_way_is_asked_for_again() {
    let (stripe, gateway, _) = Stripe::answering([answers(200).saying("<html>"), answers(200)]).await;
    gateway.send(&Scope::Platform, Uuid::now_v7(), &payout(), BUDGET).await.unwrap();
    let seen = stripe.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].header("idempotency-key"), seen[1].header("idempotency-key"));
}

#[tokio::test]
async fn who_is_turned_away_after_a_lost_answer_was_not_refused() {
    let forbidden = answers(403).saying(r#"{"error": {"type": "invalid_request_error"}}"#);
    let (_, gateway, _) = Stripe::answering([answers(503), forbidden.clone()]).await;
    let sent = gateway.send(&Scope::Platform, Uuid::now_v7(), &payout(), BUDGET).await;
    assert!(matches!(sent, Err(Failure::Unavailable { .. })), "{sent:?}");
    let (_, gateway, _) = Stripe::answering([forbidden]).await;
    let sent = gateway.send(&Scope::Platform, Uuid::now_v7(), &payout(), BUDGET).await;
    assert!(matches!(sent, Err(Failure::Refused(_))), "{sent:?}");
}

#[tokio::test]
async fn business_time_follows_the_sandbox_and_rounding_is_no_news() {
    let http_date = |time: DateTime<Utc>| time.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let tomorrow = http_date(Clock::default().wall() + chrono::Duration::days(1));
    let now = http_date(Clock::default().wall() + chrono::Duration::seconds(1));
    let script = [answers(200).with("date", &tomorrow), answers(200).with("date", &now)];
    let (_, gateway, clock) = Stripe::answering(script).await;

    let _: serde_json::Value = gateway.get(&Scope::Platform, "/v1/balance").await.unwrap();
    let ahead = (clock.business() - clock.wall()).num_seconds();
    assert!((ahead - 86_400).abs() <= 2, "{ahead}");
    let _: serde_json::Value = gateway.get(&Scope::Platform, "/v1/balance").await.unwrap();
    assert_eq!((clock.business() - clock.wall()).num_seconds(), 0);
}
