//! A whole world for one test: a database, a sandbox, the service with its worker on a port of its own, and
//! people to call it.

use std::time::Duration;

use chrono::TimeDelta;
use reqwest::{Client, Method, RequestBuilder, header::HeaderMap};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use souk::{
    api::{Role, TokenIssuer},
    app,
    clock::Clock,
    config::{CheckoutSettings, OversightSettings, Settings, StripeCallSettings},
    context::Context,
    events, invariants, worker,
};
use souk_sandbox::Sandbox;
use tokio_util::sync::CancellationToken;

use crate::{
    engines::{Engine, TestDatabase},
    site::Site,
};

pub(crate) const JWT_SECRET: &str = "a secret of tests, of more than 32 bytes";
pub(crate) const SECRET_KEY: &str = "sk_test_souk";
const PUBLISHABLE_KEY: &str = "pk_test_souk";
/// How long to wait for what webhooks bring.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longer than charges take to settle, and payouts to arrive.
const LONG_ENOUGH_S: u64 = 8 * 86_400;

/// Everything that one test needs, and nothing that another sees.
pub(crate) struct World {
    pub(crate) url: String,
    pub(crate) sandbox: Sandbox,
    pub(crate) ctx: Context,
    pub(crate) http: Client,
    issuer: TokenIssuer,
    stop: CancellationToken,
    // Last: it goes when nothing is connected any more.
    #[expect(dead_code, reason = "kept for its end")]
    database: TestDatabase,
}

impl World {
    /// The service with its worker, ready.
    pub(crate) async fn start(engine: Engine) -> Self {
        // Fault tests break many calls in a row, each for its own reason: the circuit would answer in their place.
        let calls = StripeCallSettings { stripe_circuit_open_s: 0, ..Default::default() };
        Self::start_with(engine, calls).await
    }

    /// The service without its worker: nothing is done in the background.
    pub(crate) async fn start_without_worker(engine: Engine) -> Self {
        let calls = StripeCallSettings { stripe_circuit_open_s: 0, ..Default::default() };
        Self::listen(engine, calls, OversightSettings::OFF, CheckoutSettings::default()).await
    }

    /// The service with its worker, and these settings of the checkout.
    pub(crate) async fn start_selling(engine: Engine, checkout: CheckoutSettings) -> Self {
        let calls = StripeCallSettings { stripe_circuit_open_s: 0, ..Default::default() };
        Self::listen(engine, calls, OversightSettings::OFF, checkout).await.working()
    }

    /// The same, with these settings for calls of Stripe.
    pub(crate) async fn start_with(engine: Engine, stripe_calls: StripeCallSettings) -> Self {
        // What runs by the clock would come between a test's own looks.
        Self::start_overseen(engine, stripe_calls, OversightSettings::OFF).await
    }

    /// The same, with what runs by the clock.
    pub(crate) async fn start_overseen(
        engine: Engine,
        stripe_calls: StripeCallSettings,
        oversight: OversightSettings,
    ) -> Self {
        Self::listen(engine, stripe_calls, oversight, CheckoutSettings::default()).await.working()
    }

    fn working(self) -> Self {
        // It ends with the test's runtime, at the latest.
        drop(app::work(self.ctx.clone(), self.stop.clone()));
        self
    }

    async fn listen(
        engine: Engine,
        stripe_calls: StripeCallSettings,
        oversight: OversightSettings,
        checkout: CheckoutSettings,
    ) -> Self {
        let database = TestDatabase::start(engine).await;
        // 1. A Stripe, in memory.
        let config = souk_sandbox::Config { listen: ([127, 0, 0, 1], 0).into(), ..Default::default() };
        let sandbox = Sandbox::start(config).await.expect("the sandbox starts");
        // Every client of the process needs it, and the first to be built is this one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::new();
        // 2. Webhooks, to an address that is settled now.
        let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = format!("http://{listen}");
        let (mut platform, mut connect) = (Vec::new(), Vec::new());
        for (secrets, side, is_connect) in
            [(&mut platform, "platform", false), (&mut connect, "connect", true)]
        {
            let address = format!("{url}/webhooks/stripe/{side}");
            secrets.push(endpoint(&http, &sandbox.url(), &address, is_connect).await.into());
        }
        // 3. The service.
        let settings = Settings {
            database_url: database.url().to_owned().into(),
            database_connections: 10,
            stripe_secret_key: SECRET_KEY.into(),
            stripe_publishable_key: PUBLISHABLE_KEY.to_owned(),
            stripe_api_base: sandbox.url().parse().unwrap(),
            stripe_budget_s: 2,
            stripe_calls,
            oversight,
            stripe_webhook_secrets: platform,
            stripe_connect_webhook_secrets: connect,
            public_url: url.parse().unwrap(),
            allowed_redirect_origins: vec!["https://app.example.com".parse().unwrap()],
            listen,
            jwt_secret: Some(JWT_SECRET.into()),
            jwt_public_key: None,
            jwt_issuer: "souk".to_owned(),
            jwt_audience: "souk".to_owned(),
            data_key: "5e".repeat(32).into(),
            event_retention_days: 90,
            commission_bps: 1_000,
            checkout,
        };
        let (config, seal) = settings.check().expect("good settings");
        let issuer = TokenIssuer::new(&config, Clock::default()).unwrap();
        let ctx = app::context(config, seal).await.expect("a context");
        let stop = CancellationToken::new();
        // It ends with the test's runtime, at the latest.
        drop(app::listen(ctx.clone(), stop.clone()).await.expect("the API listens"));
        Self { url, sandbox, ctx, http, issuer, stop, database }
    }

    /// The world as two addresses, for the drills.
    pub(crate) fn site(&self) -> Site {
        let (souk, stripe) = (self.url.clone(), self.sandbox.url());
        Site { http: self.http.clone(), souk, stripe, issuer: self.issuer.clone() }
    }

    pub(crate) fn operator(&self) -> Person<'_> {
        self.person(Role::Operator, "finance")
    }

    pub(crate) fn service(&self) -> Person<'_> {
        self.person(Role::Service, "backend")
    }

    pub(crate) fn seller(&self, id: &str) -> Person<'_> {
        self.person(Role::Seller, id)
    }

    pub(crate) fn buyer(&self, id: &str) -> Person<'_> {
        self.person(Role::Buyer, id)
    }

    pub(crate) fn person(&self, role: Role, subject: &str) -> Person<'_> {
        let token = self.issuer.issue(role, subject, TimeDelta::hours(1)).expect("a token");
        Person { world: self, url: &self.url, token: Some(token) }
    }

    /// Somebody who calls with this token, good or not.
    pub(crate) fn bearer(&self, token: String) -> Person<'_> {
        Person { world: self, url: &self.url, token: Some(token) }
    }

    /// Somebody without a token.
    pub(crate) fn stranger(&self) -> Person<'_> {
        Person { world: self, url: &self.url, token: None }
    }

    /// A seller who has onboarded.
    pub(crate) async fn active_seller(&self) -> Value {
        let body = json!({"email": "ada@example.com", "country": "US"});
        let seller = self.service().post("/v1/sellers", &body).await.is(201);
        let account = text(&seller["stripe_account_id"]);
        self.control(&format!("/_sandbox/accounts/{account}/complete-onboarding"), &json!({})).await;
        let path = format!("/v1/sellers/{}", text(&seller["id"]));
        self.until(&path, "the seller is active", |seller| seller["status"] == "active").await
    }

    pub(crate) async fn new_buyer(&self) -> Value {
        self.service().post("/v1/buyers", &json!({"email": "bob@example.com"})).await.is(201)
    }

    pub(crate) async fn listing(&self, seller: &Value, amount: i64, currency: &str) -> Value {
        let path = format!("/v1/sellers/{}/listings", text(&seller["id"]));
        let body = json!({"title": "Blue bowl", "price": {"amount": amount, "currency": currency}});
        self.service().post(&path, &body).await.is(201)
    }

    /// An order of a new buyer's for one piece of a listing.
    pub(crate) async fn order(&self, listing: &Value) -> Value {
        let buyer = self.new_buyer().await;
        let body = json!({"lines": [{"listing_id": listing["id"], "quantity": 1}]});
        self.buyer(&text(&buyer["id"])).post("/v1/checkouts", &body).await.is(201)
    }

    /// What the buyer's app does with Stripe's SDK: confirms with the publishable key and the client secret.
    pub(crate) async fn confirm(&self, order: &Value, payment_method: &str) -> reqwest::Response {
        let payment = &order["payment"];
        let form = [
            ("client_secret", text(&payment["client_secret"])),
            ("payment_method", payment_method.to_owned()),
        ];
        let intent = text(&payment["stripe_payment_intent_id"]);
        let url = format!("{}/v1/payment_intents/{intent}/confirm", self.sandbox.url());
        let mut request = self.http.post(url).bearer_auth(text(&payment["publishable_key"])).form(&form);
        if let Some(account) = payment["stripe_account"].as_str() {
            request = request.header("Stripe-Account", account);
        }
        request.send().await.unwrap()
    }

    /// Pays an order with a good card, and waits until it is shared out.
    pub(crate) async fn pay(&self, order: &Value) -> Value {
        self.pay_until(order, "transferred").await
    }

    /// Pays an order with a good card, and waits until all its shares are in this state.
    pub(crate) async fn pay_until(&self, order: &Value, state: &str) -> Value {
        assert_eq!(self.confirm(order, "pm_card_visa").await.status(), 200);
        let path = format!("/v1/orders/{}", text(&order["id"]));
        self.until(&path, &format!("the shares are {state}"), |order| {
            let mut shares = order["shares"].as_array().into_iter().flatten();
            order["status"] == "paid" && shares.all(|share| share["state"] == state)
        })
        .await
    }

    /// Days pass at Stripe.
    pub(crate) async fn days_pass(&self) {
        self.control("/_sandbox/clock/advance", &json!({"seconds": LONG_ENOUGH_S})).await;
    }

    /// The service learns what time it is at Stripe.
    pub(crate) async fn ask_the_time(&self) {
        self.ctx.stripe.ask_the_time(PATIENCE).await.unwrap();
    }

    /// A call of the sandbox's own controls.
    pub(crate) async fn control(&self, path: &str, body: &Value) -> Value {
        let response =
            self.http.post(format!("{}{path}", self.sandbox.url())).json(body).send().await.unwrap();
        let (status, answer) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    /// A read at the sandbox as Stripe, as the platform or for a connected account.
    pub(crate) async fn stripe(&self, account: Option<&str>, path: &str) -> Value {
        let mut request = self.http.get(format!("{}{path}", self.sandbox.url())).bearer_auth(SECRET_KEY);
        if let Some(account) = account {
            request = request.header("Stripe-Account", account);
        }
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Reads as the back office until it is so.
    pub(crate) async fn until(&self, path: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        eventually(what, async || {
            last = self.operator().get(path).await.is(200);
            is_so(&last)
        })
        .await;
        last
    }

    /// What violates an invariant now.
    pub(crate) async fn violations_of(&self, name: &str) -> Vec<String> {
        let of_name: Vec<_> =
            worker::all_invariants().into_iter().filter(|invariant| invariant.name == name).collect();
        assert_eq!(of_name.len(), 1, "{name}");
        invariants::check(&self.ctx, &of_name).await.unwrap();
        let open = invariants::open(&self.ctx.db, 1_000).await.unwrap().into_iter();
        open.filter(|one| one.invariant == name).map(|one| one.object).collect()
    }

    /// What `/metrics` shows.
    pub(crate) async fn metrics(&self) -> String {
        let answer = Answer::of(self.http.get(format!("{}/metrics", self.url))).await;
        assert_eq!(answer.status, 200);
        String::from_utf8(answer.bytes).unwrap()
    }

    /// How many rows a table has.
    pub(crate) async fn rows(&self, table: &str) -> i64 {
        self.count(&format!("SELECT COUNT(*) AS count FROM {table}")).await
    }

    /// The text that a statement gives as `text`.
    pub(crate) async fn told(&self, sql: &str) -> String {
        let statement = Statement::from_string(self.ctx.db.get_database_backend(), sql);
        let row = self.ctx.db.query_one_raw(statement).await.unwrap().expect("a row");
        row.try_get("", "text").unwrap()
    }

    /// The number that a statement gives as `count`.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        let statement = Statement::from_string(self.ctx.db.get_database_backend(), sql);
        let row = self.ctx.db.query_one_raw(statement).await.unwrap().expect("a row");
        row.try_get("", "count").unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Registers a webhook endpoint at the sandbox; its secret.
pub(crate) async fn endpoint(http: &Client, sandbox: &str, address: &str, connect: bool) -> String {
    let mut form = vec![("url", address.to_owned()), ("connect", connect.to_string())];
    form.extend(
        events::types_heard(connect)
            .into_iter()
            .map(|event_type| ("enabled_events[]", event_type.to_owned())),
    );
    let request = http.post(format!("{sandbox}/v1/webhook_endpoints")).bearer_auth(SECRET_KEY).form(&form);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    text(&answer["secret"])
}

/// Asks again until it is so; panics with `what` when patience ends.
pub(crate) async fn eventually(what: &str, is_so: impl AsyncFnMut() -> bool) {
    within(PATIENCE, what, is_so).await;
}

/// The same with a limit of its own.
pub(crate) async fn within(limit: Duration, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let so = tokio::time::timeout(limit, async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    });
    assert!(so.await.is_ok(), "waited {} s in vain: {what}", limit.as_secs());
}

/// The text of a value that is one.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// Somebody who calls the API.
pub(crate) struct Person<'a> {
    world: &'a World,
    url: &'a str,
    token: Option<String>,
}

impl<'a> Person<'a> {
    /// The same person, who calls another replica.
    pub(crate) fn at(self, url: &'a str) -> Self {
        Self { url, ..self }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None, None).await
    }

    /// A POST under a key of its own.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        let key = uuid::Uuid::now_v7().to_string();
        self.post_with_key(path, body, &key).await
    }

    pub(crate) async fn post_with_key(&self, path: &str, body: &Value, key: &str) -> Answer {
        self.call(Method::POST, path, Some(body.to_string()), Some(key)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PATCH, path, Some(body.to_string()), None).await
    }

    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        key: Option<&str>,
    ) -> Answer {
        let mut request = self.request(method, path);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body);
        }
        Answer::of(request).await
    }

    /// A request of this person's, to be completed: for what [`Self::call`] would never send.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.world.http.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}

/// What the API answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    /// What the service answers to a request.
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        Self::try_of(request).await.expect("the service answers")
    }

    /// The same; an error if it does not answer.
    pub(crate) async fn try_of(request: RequestBuilder) -> reqwest::Result<Self> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await?.to_vec();
        Ok(Self { status, headers, bytes })
    }

    pub(crate) fn body(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|_| panic!("{}: {}", self.status, String::from_utf8_lossy(&self.bytes)))
    }

    /// The body of an answer that must have this status.
    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        self.body()
    }

    /// The problem that it must be: its status, its code, its type of content, and a request id.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) -> Value {
        let problem = self.is(status);
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(problem["request_id"], self.headers["x-request-id"].to_str().unwrap(), "{problem}");
        problem
    }

    pub(crate) fn is_replayed(&self) -> bool {
        self.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
    }
}
