//! What the tests of this kit stand on: a database in a temporary directory, a Stripe that answers reads, an
//! inbox with secrets, and handlers that do what the test says.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use chrono::{DateTime, Duration, Utc};
use poem::{
    EndpointExt, Request, Response, Server, handler,
    http::StatusCode,
    listener::{Acceptor, Listener, TcpListener},
    web::Data,
};
use sea_orm::{
    ConnectionTrait, EntityTrait, QueryOrder, QueryResult,
    sea_query::{Expr, Query},
};
use serde_json::{Value, json};
use souk_entity::{inbox_object, stripe_event};
use tokio::sync::{Mutex, Notify};

use super::{Endpoint, Inbox, Received, Refused, store, verify::sign};
use crate::{
    clock::Clock,
    config::{Config, StripeCalls, TokenKey},
    context::Context,
    db,
    seal::Seal,
    stripe::{API_VERSION, Gateway},
};

pub(super) const PLATFORM_SECRET: &str = "whsec_platform";
pub(super) const CONNECT_SECRET: &str = "whsec_connect";

/// A Stripe that answers every read with one object, and remembers who asked for what.
#[derive(Debug, Default)]
pub(super) struct FakeStripe {
    pub(super) answer: Mutex<(u16, Value)>,
    pub(super) reads: Mutex<Vec<String>>,
}

#[handler]
async fn read(request: &Request, stripe: Data<&Arc<FakeStripe>>) -> Response {
    let account = request.headers().get("stripe-account").map_or("platform", |value| value.to_str().unwrap());
    stripe.reads.lock().await.push(format!("{account} {}", request.uri()));
    let (status, object) = stripe.answer.lock().await.clone();
    let no_retry = Response::builder().header("stripe-should-retry", "false");
    no_retry.status(StatusCode::from_u16(status).unwrap()).body(object.to_string())
}

pub(super) struct World {
    pub(super) ctx: Context,
    pub(super) inbox: Inbox,
    pub(super) stripe: Arc<FakeStripe>,
    // Dropped last: the database lies in it.
    _directory: tempfile::TempDir,
}

impl World {
    pub(super) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let db = db::connect(&format!("sqlite://{}", directory.path().join("souk.db").display()), 8)
            .await
            .unwrap();
        db::migrate(&db).await.unwrap();
        let stripe = Arc::new(FakeStripe::default());
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
        let address = *acceptor.local_addr()[0].as_socket_addr().unwrap();
        tokio::spawn(Server::new_with_acceptor(acceptor).run(read.data(stripe.clone())));
        let (config, clock) = (config(format!("http://{address}")), Clock::default());
        let ctx = Context {
            db,
            stripe: Gateway::new(&config, clock.clone()).unwrap(),
            clock,
            seal: Seal::from_hex(&Seal::generate_key().unwrap()).unwrap(),
            config: Arc::new(config),
            wake: Arc::new(Notify::new()),
        };
        Self { inbox: Inbox::start(ctx.clone()), ctx, stripe, _directory: directory }
    }

    pub(super) fn reconfigure(&mut self, change: impl FnOnce(&mut Config)) {
        let mut config = (*self.ctx.config).clone();
        change(&mut config);
        self.ctx.config = Arc::new(config);
        self.inbox = Inbox::start(self.ctx.clone());
    }

    /// An event of the platform's, `second` seconds after some moment.
    pub(super) fn event(&self, id: &str, event_type: &str, second: i64, object: Value) -> Value {
        json!({
            "id": id, "object": "event", "type": event_type, "created": 1_795_241_400 + second,
            "api_version": API_VERSION, "livemode": false, "data": {"object": object},
        })
    }

    /// The same event with other fields.
    pub(super) fn with(mut event: Value, fields: Value) -> Value {
        for (name, value) in fields.as_object().unwrap() {
            event[name] = value.clone();
        }
        event
    }

    pub(super) async fn deliver(
        &self,
        endpoint: Endpoint,
        event: &Value,
        secret: &str,
    ) -> Result<Received, Refused> {
        let raw = event.to_string();
        let signature = sign(raw.as_bytes(), secret, self.ctx.clock.wall());
        self.inbox.receive(endpoint, raw.as_bytes(), Some(&signature)).await
    }

    /// Delivers events of the platform's, properly signed.
    pub(super) async fn receive(&self, events: impl IntoIterator<Item = Value>) {
        for event in events {
            assert_eq!(self.deliver(Endpoint::Platform, &event, PLATFORM_SECRET).await, Ok(Received::Stored));
        }
    }

    pub(super) async fn stored(&self, id: &str) -> Option<stripe_event::Model> {
        store::event(&self.ctx.db, id).await.unwrap()
    }

    pub(super) async fn state(&self, id: &str) -> (stripe_event::State, Option<String>) {
        let row = self.stored(id).await.unwrap();
        (row.state, row.reason)
    }

    pub(super) async fn objects(&self) -> Vec<inbox_object::Model> {
        inbox_object::Entity::find()
            .order_by_asc(inbox_object::Column::ObjectId)
            .all(&self.ctx.db)
            .await
            .unwrap()
    }

    /// What Stripe answers to reads from now on.
    pub(super) async fn stripe_has(&self, status: u16, object: Value) {
        *self.stripe.answer.lock().await = (status, object);
    }

    /// Lets delays pass: everything that is open becomes due.
    pub(super) async fn let_delays_pass(&self) {
        let past = self.ctx.clock.wall() - Duration::seconds(1);
        self.move_times(stripe_event::Column::NextAt, past).await;
        let objects = inbox_object::Entity::update_many()
            .col_expr(inbox_object::Column::NextAt, Expr::value(Some(past)));
        objects.exec(&self.ctx.db).await.unwrap();
    }

    /// As if everything had been received at `time`.
    pub(super) async fn received_at(&self, time: DateTime<Utc>) {
        self.move_times(stripe_event::Column::ReceivedAt, time).await;
    }

    async fn move_times(&self, column: stripe_event::Column, time: DateTime<Utc>) {
        let update = stripe_event::Entity::update_many().col_expr(column, Expr::value(time));
        update.exec(&self.ctx.db).await.unwrap();
    }

    /// As if whoever has leases had crashed and a minute had gone by.
    pub(super) async fn let_leases_run_out(&self) {
        let past = self.ctx.clock.wall() - Duration::seconds(1);
        let update = inbox_object::Entity::update_many()
            .col_expr(inbox_object::Column::LeaseUntil, Expr::value(Some(past)));
        update.exec(&self.ctx.db).await.unwrap();
    }

    /// A table that the handlers of a test write to, inside the transaction that they are given.
    pub(super) async fn with_effects(&self) {
        self.ctx.db.execute_unprepared("CREATE TABLE effects (event_id TEXT, object TEXT)").await.unwrap();
    }

    pub(super) async fn effects(&self) -> Vec<(String, Value)> {
        let select = Query::select().columns(["event_id", "object"]).from("effects").to_owned();
        let rows = self.ctx.db.query_all(&select).await.unwrap();
        let text = |row: &QueryResult, index| row.try_get_by_index::<String>(index).unwrap();
        rows.iter().map(|row| (text(row, 0), serde_json::from_str(&text(row, 1)).unwrap())).collect()
    }
}

/// Counts how many are inside at once, and the most that ever were.
#[derive(Debug, Default)]
pub(super) struct Turnstile {
    inside: AtomicUsize,
    most: AtomicUsize,
}

impl Turnstile {
    pub(super) fn enter(&self) {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
    }

    pub(super) fn leave(&self) {
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }

    pub(super) fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

fn config(stripe_api_base: String) -> Config {
    Config {
        database_url: "sqlite::memory:".into(),
        database_connections: 8,
        stripe_secret_key: "sk_test_1".into(),
        stripe_publishable_key: "pk_test_1".to_owned(),
        stripe_api_base,
        stripe_budget_s: 10,
        // Its stories let delays pass by moving rows; a circuit would stay open on the wall.
        oversight: crate::config::OversightSettings::OFF,
        stripe_calls: StripeCalls { circuit_open_for: std::time::Duration::ZERO, ..StripeCalls::default() },
        sandbox: true,
        livemode: false,
        platform_webhook_secrets: vec![PLATFORM_SECRET.into()],
        connect_webhook_secrets: vec![CONNECT_SECRET.into()],
        public_url: "http://127.0.0.1".to_owned(),
        allowed_redirect_origins: Vec::new(),
        listen: ([127, 0, 0, 1], 0).into(),
        token_key: TokenKey::Secret("0".repeat(32).into()),
        jwt_issuer: "souk".to_owned(),
        jwt_audience: "souk".to_owned(),
        event_retention_days: 90,
        commission_bps: 0,
        checkout: crate::config::CheckoutSettings::default(),
    }
}
