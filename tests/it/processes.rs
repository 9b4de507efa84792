//! The real program: started, killed, started again.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

use reqwest::Client;
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use souk_entity::order;

use crate::{
    engines::{TestDatabase, on_both_databases},
    scratch,
    world::{JWT_SECRET, endpoint, eventually, text},
};

pub(crate) const SOUK: &str = env!("CARGO_BIN_EXE_souk");

on_both_databases!(
    /// Sandbox and service as two processes. The service dies between the charge and its webhook; Stripe goes on
    /// delivering, and the service that is started next makes the order paid, once.
    async fn a_service_killed_between_charge_and_webhook_makes_the_order_paid_once(database: TestDatabase) {
        let (sandbox_address, address) = (free_address(), free_address());
        let (stripe, souk) = (format!("http://{sandbox_address}"), format!("http://{address}"));
        let _sandbox =
            Process::start(Command::new(SOUK).args(["sandbox", "--listen", &sandbox_address.to_string()]));
        let people = People::new(&souk, &stripe, JWT_SECRET);
        people.until_up(&format!("{stripe}/_sandbox/clock")).await;
        let service = Service::configure(&people.http, &stripe, &database, address).await;

        // A service, a seller, an order.
        let running = service.start();
        people.until_up(&format!("{souk}/health/ready")).await;
        let order = people.order().await;

        // The charge happens; the webhooks are still on their way when the service dies.
        people.control("/_sandbox/webhooks", &json!({"mode": "delay", "delay_ms": 700})).await;
        people.confirm(&order).await;
        running.kill_9();
        let path = format!("/v1/orders/{}", text(&order["id"]));
        assert!(people.try_get("service", &path).await.is_none(), "it is dead");
        let db = souk::db::connect(database.url(), 1).await.unwrap();
        let left = order::Entity::find().one(&db).await.unwrap().unwrap();
        assert_eq!(left.status, order::Status::PendingPayment, "it died before it knew");
        db.close().await.unwrap();
        people.control("/_sandbox/webhooks", &json!({"mode": "normal"})).await;

        // The next one goes on.
        let _running = service.start();
        people.until_up(&format!("{souk}/health/ready")).await;
        people.until_paid(&path).await;
        people.paid_once().await;
    }
);

/// `souk dev` keeps its state: stopped, or killed, it goes on where it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn souk_dev_goes_on_where_it_was() {
    let dir = scratch::directory().expect("a directory").join("dev");
    let (listen, sandbox_listen) = (free_address(), free_address());
    let (souk, stripe) = (format!("http://{listen}"), format!("http://{sandbox_listen}"));
    let (listen, sandbox_listen, data_dir) =
        (listen.to_string(), sandbox_listen.to_string(), dir.display().to_string());
    let start = || {
        let args = ["dev", "--listen", &listen, "--sandbox-listen", &sandbox_listen, "--data-dir", &data_dir];
        Process::start(Command::new(SOUK).args(args))
    };

    // An order that waits for its payment.
    let running = start();
    let dev = dev_file(&dir).await;
    assert_eq!((text(&dev["api"]), text(&dev["sandbox"])), (souk.clone(), stripe.clone()));
    let people = People::of_dev(&dev, &dir);
    let order = people.order().await;

    // Stopped in peace, and started: the same seller and buyer, and the order can be paid.
    running.stop_in_peace();
    let running = start();
    people.until_up(&format!("{souk}/health/ready")).await;
    let again = dev_file(&dir).await;
    assert_eq!((&again["seller_id"], &again["buyer_id"]), (&dev["seller_id"], &dev["buyer_id"]));
    assert_eq!(again["webhook_secrets"], dev["webhook_secrets"]);
    people.confirm(&order).await;

    // Killed while its own webhooks are under way, and started.
    running.kill_9();
    let _running = start();
    people.until_up(&format!("{souk}/health/ready")).await;
    people.until_paid(&format!("/v1/orders/{}", text(&order["id"]))).await;
    people.paid_once().await;
}

/// The demo is a test that people can read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_ends_with_books_that_agree() {
    let output =
        tokio::task::spawn_blocking(|| Command::new(SOUK).arg("demo").output().unwrap()).await.unwrap();
    let (story, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{story}\n{errors}");
    assert!(story.contains("The seller's bank account is credited\n      90.00 USD arrived"), "{story}");
    assert!(
        story.ends_with(
            "Every clearing key is zero, every mirrored balance equals Stripe's, the books balance.\n"
        ),
        "{story}"
    );
}

/// What contradicts itself stops the start with one line.
#[tokio::test]
async fn a_missing_setting_stops_the_start_with_one_line() {
    let settings = [
        ("DATABASE_URL", "sqlite::memory:"),
        ("STRIPE_SECRET_KEY", "sk_test_souk"),
        ("STRIPE_PUBLISHABLE_KEY", "pk_live_souk"),
        ("SOUK_PUBLIC_URL", "http://127.0.0.1:1"),
        ("SOUK_DATA_KEY", "00"),
    ];
    let output = Command::new(SOUK).arg("serve").env_clear().envs(settings).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains("STRIPE_PUBLISHABLE_KEY") && !error.contains("sk_test"), "{error}");
}

/// A program that ends with the test.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("souk starts"))
    }

    /// How it ended, if it has.
    pub(crate) fn end(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().unwrap()
    }

    pub(crate) fn kill_9(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// SIGTERM: it finishes what is under way and ends well.
    pub(crate) fn stop_in_peace(mut self) {
        let asked = Command::new("kill").arg(self.0.id().to_string()).status().unwrap();
        assert!(asked.success() && self.0.wait().unwrap().success(), "it ends well");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `souk serve --with-worker`, with all its settings.
pub(crate) struct Service(Vec<(&'static str, String)>);

impl Service {
    /// At `address`, on `database`, with a Stripe that knows where to deliver its events.
    pub(crate) async fn configure(
        http: &Client,
        stripe: &str,
        database: &TestDatabase,
        address: SocketAddr,
    ) -> Self {
        let souk = format!("http://{address}");
        let platform = endpoint(http, stripe, &format!("{souk}/webhooks/stripe/platform"), false).await;
        let connect = endpoint(http, stripe, &format!("{souk}/webhooks/stripe/connect"), true).await;
        Self(vec![
            ("DATABASE_URL", database.url().to_owned()),
            ("STRIPE_SECRET_KEY", "sk_test_souk".to_owned()),
            ("STRIPE_PUBLISHABLE_KEY", "pk_test_souk".to_owned()),
            ("STRIPE_API_BASE", stripe.to_owned()),
            ("STRIPE_WEBHOOK_SECRETS", platform),
            ("STRIPE_CONNECT_WEBHOOK_SECRETS", connect),
            ("SOUK_PUBLIC_URL", souk),
            ("SOUK_LISTEN", address.to_string()),
            ("SOUK_JWT_SECRET", JWT_SECRET.to_owned()),
            ("SOUK_DATA_KEY", "5e".repeat(32)),
        ])
    }

    pub(crate) fn start(&self) -> Process {
        self.start_with(&[])
    }

    /// The same with further settings.
    pub(crate) fn start_with(&self, settings: &[(&'static str, String)]) -> Process {
        let settings = self.0.iter().chain(settings).cloned();
        Process::start(Command::new(SOUK).args(["serve", "--with-worker"]).envs(settings))
    }

    /// One of its settings.
    pub(crate) fn setting(&self, name: &str) -> String {
        let setting = self.0.iter().find(|(known, _)| *known == name);
        setting.map(|(_, value)| value.clone()).expect("a setting")
    }
}

/// Makes a token for a role and a subject.
type Tokens = Box<dyn Fn(&str, Option<&str>) -> String + Send + Sync>;

/// Those who call a running program, with tokens from `souk token`.
pub(crate) struct People {
    pub(crate) http: Client,
    souk: String,
    stripe: String,
    token: Tokens,
}

impl People {
    pub(crate) fn new(souk: &str, stripe: &str, secret: &'static str) -> Self {
        Self::with_tokens(souk, stripe, move |args| {
            args.env("SOUK_JWT_SECRET", secret);
        })
    }

    fn of_dev(dev: &Value, dir: &Path) -> Self {
        let dir = dir.to_owned();
        Self::with_tokens(&text(&dev["api"]), &text(&dev["sandbox"]), move |args| {
            args.arg("--data-dir").arg(&dir);
        })
    }

    fn with_tokens(souk: &str, stripe: &str, signing: impl Fn(&mut Command) + Send + Sync + 'static) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let token = move |role: &str, subject: Option<&str>| {
            let mut command = Command::new(SOUK);
            command.args(["token", "--role", role]);
            if let Some(subject) = subject {
                command.args(["--subject", subject]);
            }
            signing(&mut command);
            let output = command.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        Self { http: Client::new(), souk: souk.to_owned(), stripe: stripe.to_owned(), token: Box::new(token) }
    }

    /// An order of a buyer's, of an active seller's listing.
    async fn order(&self) -> Value {
        let seller = self.post("/v1/sellers", &json!({"email": "ada@example.com", "country": "US"})).await;
        let account = text(&seller["stripe_account_id"]);
        self.control(&format!("/_sandbox/accounts/{account}/complete-onboarding"), &json!({})).await;
        let path = format!("/v1/sellers/{}", text(&seller["id"]));
        eventually("the seller is active", async || self.get(&path).await["status"] == "active").await;
        let listing = json!({"title": "Blue bowl", "price": {"amount": 10_000, "currency": "usd"}});
        let listing = self.post(&format!("{path}/listings"), &listing).await;
        self.post("/v1/checkouts", &json!({"lines": [{"listing_id": listing["id"], "quantity": 1}]})).await
    }

    /// The buyer's card is charged.
    async fn confirm(&self, order: &Value) {
        let payment = &order["payment"];
        let form = [
            ("client_secret", text(&payment["client_secret"])),
            ("payment_method", "pm_card_visa".to_owned()),
        ];
        let intent = text(&payment["stripe_payment_intent_id"]);
        let url = format!("{}/v1/payment_intents/{intent}/confirm", self.stripe);
        let request = self.http.post(url).bearer_auth(text(&payment["publishable_key"])).form(&form);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }

    async fn until_paid(&self, path: &str) {
        eventually("the order is paid and shared out", async || {
            let order = self.get(path).await;
            order["status"] == "paid" && order["shares"][0]["state"] == "transferred"
        })
        .await;
    }

    /// The backend was told once, the books say it once, and Stripe's agree.
    async fn paid_once(&self) {
        let events = self.get("/v1/events?limit=100").await;
        let paid =
            events["data"].as_array().unwrap().iter().filter(|event| event["type"] == "order.paid").count();
        assert_eq!(paid, 1, "{events}");
        let operator = (self.token)("operator", None);
        let url = format!("{}/v1/reconciliation", self.souk);
        let report: Value =
            self.http.post(url).bearer_auth(operator).send().await.unwrap().json().await.unwrap();
        assert_eq!(report["state"], "clean", "{report}");
        let platform = report["scopes"].as_array().unwrap().iter().find(|scope| scope["scope"] == "platform");
        assert_eq!(platform.unwrap()["ours"], 680, "1,000 commission less Stripe's 320, once: {report}");
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        let token = (self.token)("service", Some("backend"));
        let request = self.http.post(format!("{}{path}", self.souk)).bearer_auth(token).json(body);
        let response =
            request.header("Idempotency-Key", uuid::Uuid::now_v7().to_string()).send().await.unwrap();
        let (status, answer) = (response.status(), response.text().await.unwrap());
        assert_eq!(status, 201, "{path}: {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        self.try_get("service", path).await.expect("the service answers")
    }

    async fn try_get(&self, role: &str, path: &str) -> Option<Value> {
        let request = self.http.get(format!("{}{path}", self.souk)).bearer_auth((self.token)(role, None));
        request.send().await.ok()?.json().await.ok()
    }

    async fn control(&self, path: &str, body: &Value) {
        let response = self.http.post(format!("{}{path}", self.stripe)).json(body).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
    }

    pub(crate) async fn until_up(&self, url: &str) {
        eventually("it answers", async || {
            self.http.get(url).send().await.is_ok_and(|response| response.status().is_success())
        })
        .await;
    }
}

pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// `dev.json`, once it is there.
pub(crate) async fn dev_file(dir: &Path) -> Value {
    let mut file = Value::Null;
    eventually("dev.json is written", async || {
        let text = std::fs::read(dir.join("dev.json")).unwrap_or_default();
        file = serde_json::from_slice(&text).unwrap_or_default();
        file.is_object()
    })
    .await;
    file
}
