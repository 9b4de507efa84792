//! The service as in production, a sandbox in Stripe's place, one seller and one listing.

use std::{
    net::TcpListener,
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Failure,
    connection::Connection,
    load,
    postgres::{Postgres, succeed},
    process::Server,
};

const SOUK: &str = env!("CARGO_BIN_EXE_souk");
const JWT_SECRET: &str = "a secret of benchmarks, of more than 32 bytes";
const PATIENCE: Duration = Duration::from_secs(180);
const PAUSE: Duration = Duration::from_millis(200);
/// Who pays side by side before the measurement.
const BUYERS: usize = 8;

pub(crate) struct Shop {
    sandbox: Server,
    settings: Vec<(String, String)>,
    /// Signs the platform's events.
    pub(crate) secret: String,
    token: String,
    listing: String,
}

impl Shop {
    pub(crate) fn open(postgres: &Postgres) -> Result<Self, Failure> {
        // 1. Stripe, and where its events go.
        let sandbox =
            Server::start(Command::new(SOUK).args(["sandbox", "--listen", "127.0.0.1:0", "--seed", "7"]))?;
        let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let mut settings: Vec<(String, String)> = [
            ("DATABASE_URL", postgres.url()?),
            ("STRIPE_SECRET_KEY", "sk_test_souk".to_owned()),
            ("STRIPE_PUBLISHABLE_KEY", "pk_test_souk".to_owned()),
            ("STRIPE_API_BASE", format!("http://{}", sandbox.address)),
            ("SOUK_PUBLIC_URL", format!("http://{listen}")),
            ("SOUK_LISTEN", listen),
            ("SOUK_JWT_SECRET", JWT_SECRET.to_owned()),
            ("SOUK_DATA_KEY", "5e".repeat(32)),
            // What is logged in production is logged, to nowhere.
            ("SOUK_LOG", "info,sqlx=warn".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let souk = |settings: &[(String, String)]| {
            let mut command = Command::new(SOUK);
            command.envs(settings.iter().cloned());
            command
        };
        succeed(souk(&settings).arg("migrate"))?;
        let secrets = succeed(souk(&settings).args(["webhooks", "register"]))?;
        let secrets = secrets.lines().filter_map(|line| line.split_once('='));
        settings.extend(secrets.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let secret = settings.iter().find(|(name, _)| name == "STRIPE_WEBHOOK_SECRETS");
        let secret = secret.map(|(_, value)| value.clone()).ok_or("no secret was registered")?;
        let token = succeed(souk(&settings).args(["token", "--role", "service"]))?.trim().to_owned();
        let mut shop = Self { sandbox, settings, secret, token, listing: String::new() };
        // 2. Somebody who sells something.
        let service = shop.start(&["serve", "--with-worker"])?;
        shop.listing = shop.sell(&service)?;
        shop.until_payable(&service)?;
        drop(service);
        // From here on the loader tells what happened.
        shop.control("/_sandbox/webhooks", r#"{"mode":"drop","count":10000000}"#)?;
        Ok(shop)
    }

    fn start(&self, arguments: &[&str]) -> Result<Server, Failure> {
        let mut command = Command::new(SOUK);
        command.args(arguments).envs(self.settings.iter().cloned()).stderr(Stdio::null());
        Server::start(&mut command)
    }

    pub(crate) fn serve(&self) -> Result<Server, Failure> {
        self.start(&["serve"])
    }

    /// A second replica, with a worker.
    pub(crate) fn work(&self) -> Result<Server, Failure> {
        let mut command = Command::new(SOUK);
        command.args(["serve", "--with-worker"]).envs(self.settings.iter().cloned());
        Server::start(command.env("SOUK_LISTEN", "127.0.0.1:0").stderr(Stdio::null()))
    }

    fn sell(&self, service: &Server) -> Result<String, Failure> {
        let mut connection = Connection::open(&service.address)?;
        let body = r#"{"email":"ada@example.com","country":"US"}"#;
        let seller = connection.send("POST", "/v1/sellers", &self.headers("seller"), body)?.ok()?;
        let account = seller.field("stripe_account_id").ok_or("a seller without an account")?;
        self.control(&format!("/_sandbox/accounts/{account}/complete-onboarding"), "{}")?;
        let path = format!("/v1/sellers/{}/listings", seller.field("id").ok_or("a seller without an id")?);
        let body = r#"{"title":"Blue bowl","price":{"amount":5000,"currency":"usd"}}"#;
        let listing = connection.send("POST", &path, &self.headers("listing"), body)?.ok()?;
        Ok(listing.field("id").ok_or("a listing without an id")?.to_owned())
    }

    /// Stripe's event makes the seller payable.
    fn until_payable(&self, service: &Server) -> Result<(), Failure> {
        let (mut connection, deadline) = (Connection::open(&service.address)?, Instant::now() + PATIENCE);
        let mut attempt = 0;
        loop {
            match self.check_out(&mut connection, &format!("payable-{attempt}")) {
                Ok(_) => return Ok(()),
                Err(failure) if Instant::now() > deadline => return Err(failure),
                Err(_) => thread::sleep(PAUSE),
            }
            attempt += 1;
        }
    }

    /// A payment intent and its client secret.
    fn check_out(&self, connection: &mut Connection, key: &str) -> Result<(String, String), Failure> {
        let body = format!(r#"{{"lines":[{{"listing_id":"{}","quantity":1}}]}}"#, self.listing);
        let order = connection.send("POST", "/v1/checkouts", &self.headers(key), &body)?.ok()?;
        let field = |name| order.field(name).map(str::to_owned).ok_or(format!("an order without {name}"));
        Ok((field("stripe_payment_intent_id")?, field("client_secret")?))
    }

    /// Orders that are paid at the sandbox and unpaid here; the events that will tell.
    pub(crate) fn pay(&self, service: &Server, orders: usize) -> Result<Vec<String>, Failure> {
        let taken = AtomicUsize::new(0);
        let one = || -> Result<Vec<String>, Failure> {
            let mut service = Connection::open(&service.address)?;
            let mut stripe = Connection::open(&self.sandbox.address)?;
            let mut events = Vec::new();
            loop {
                let number = taken.fetch_add(1, Ordering::Relaxed);
                if number >= orders {
                    return Ok(events);
                }
                let (intent, secret) = self.check_out(&mut service, &format!("order-{number}"))?;
                let form = format!("client_secret={secret}&payment_method=pm_card_visa");
                let headers = "Authorization: Bearer pk_test_souk\r\nContent-Type: application/x-www-form-urlencoded\r\n";
                let path = format!("/v1/payment_intents/{intent}/confirm");
                stripe.send("POST", &path, headers, &form)?.ok()?;
                // With the publishable key the charge is not shown.
                let headers = "Authorization: Bearer sk_test_souk\r\n";
                let read = stripe.send("GET", &format!("/v1/payment_intents/{intent}"), headers, "")?.ok()?;
                let charge = read.field("latest_charge").ok_or("a paid intent without a charge")?;
                events.push(load::succeeded(&intent, charge));
            }
        };
        let events: Result<Vec<Vec<String>>, Failure> = thread::scope(|scope| {
            let threads: Vec<_> = (0..BUYERS).map(|_| scope.spawn(one)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| Err("a buyer's thread died".into())))
                .collect()
        });
        let events = events?.concat();
        // Captured, moved, and with their balance transactions.
        self.control("/_sandbox/clock/advance", r#"{"seconds":60}"#)?;
        Ok(events)
    }

    /// Waits until every order is paid and posted to the platform's book; since when that took so long.
    pub(crate) fn until_applied(
        &self,
        postgres: &Postgres,
        orders: usize,
        since: Instant,
    ) -> Result<Duration, Failure> {
        let sql = "SELECT count(*) FROM orders JOIN order_shares ON order_shares.order_id = orders.id \
                   WHERE orders.status = 'paid' AND order_shares.state = 'transferred'";
        loop {
            let applied = succeed(postgres.client("psql").args(["-qAtc", sql, "souk"]))?;
            let took = since.elapsed();
            if applied.trim().parse::<usize>()? >= orders {
                return Ok(took);
            }
            if took > PATIENCE {
                return Err(format!("only {} of {orders} orders are applied", applied.trim()).into());
            }
            thread::sleep(PAUSE);
        }
    }

    fn control(&self, path: &str, body: &str) -> Result<(), Failure> {
        let mut connection = Connection::open(&self.sandbox.address)?;
        let separator = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{separator}platform=souk");
        connection.send("POST", &path, "Content-Type: application/json\r\n", body)?.ok().map(drop)
    }

    fn headers(&self, key: &str) -> String {
        format!(
            "Authorization: Bearer {}\r\nIdempotency-Key: {key}\r\nContent-Type: application/json\r\n",
            self.token
        )
    }
}
