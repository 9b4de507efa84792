//! The service as in production, a sandbox in Stripe's place, one seller and one listing: three processes.

use std::{
    net::TcpListener,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use crate::{
    Failure,
    connection::Connection,
    postgres::{Postgres, succeed},
    process::Server,
    schedule::Schedule,
};

const SOUK: &str = env!("CARGO_BIN_EXE_souk");
const JWT_SECRET: &str = "a secret of benchmarks, of more than 32 bytes";
/// The Stripe account that the service uses.
const PLATFORM: &str = "souk";
/// Another one, for the bare calls: nobody listens to its events.
const BARE_PLATFORM: &str = "bare";
const PATIENCE: u32 = 200;
const PAUSE: Duration = Duration::from_millis(50);

/// What is measured.
pub(crate) struct Market {
    pub(crate) service: Server,
    sandbox: Server,
    token: String,
    listing: String,
}

impl Market {
    pub(crate) fn open(postgres: &Postgres) -> Result<Self, Failure> {
        // 1. Stripe, and where its events go.
        let mut sandbox = Command::new(SOUK);
        sandbox.args(["sandbox", "--listen", "127.0.0.1:0", "--seed", "7"]).stderr(Stdio::null());
        let sandbox = Server::start(&mut sandbox)?;
        let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let settings = [
            ("DATABASE_URL", postgres.url()?),
            ("STRIPE_SECRET_KEY", format!("sk_test_{PLATFORM}")),
            ("STRIPE_PUBLISHABLE_KEY", format!("pk_test_{PLATFORM}")),
            ("STRIPE_API_BASE", format!("http://{}", sandbox.address)),
            ("SOUK_PUBLIC_URL", format!("http://{listen}")),
            ("SOUK_LISTEN", listen),
            ("SOUK_JWT_SECRET", JWT_SECRET.to_owned()),
            ("SOUK_DATA_KEY", "5e".repeat(32)),
            // What is logged in production is logged, to nowhere.
            ("SOUK_LOG", "info,sqlx=warn".to_owned()),
        ];
        let souk = || {
            let mut command = Command::new(SOUK);
            command.envs(settings.clone());
            command
        };
        succeed(souk().arg("migrate"))?;
        let secrets = succeed(souk().args(["webhooks", "register"]))?;
        let secrets = secrets.lines().filter_map(|line| line.split_once('='));
        // 2. The service.
        let token = succeed(souk().args(["token", "--role", "service"]))?.trim().to_owned();
        let mut serve = souk();
        serve.args(["serve", "--with-worker"]).envs(secrets).stderr(Stdio::null());
        let service = Server::start(&mut serve)?;
        // 3. Somebody who sells something.
        let (account, seller) = seller(&service, &token)?;
        onboard(&sandbox, PLATFORM, &account)?;
        let listing = listing(&service, &token, &seller)?;
        let market = Self { service, sandbox, token, listing };
        market.until_payable()?;
        Ok(market)
    }

    /// `POST /v1/checkouts`.
    pub(crate) fn checkouts(&self) -> Result<Schedule, Failure> {
        let (token, listing) = (self.token.clone(), self.listing.clone());
        let work = move |connection: &mut Connection, number| {
            check_out(connection, &token, &listing, &format!("checkout-{number}"))
        };
        Schedule::new(&self.service.address, Box::new(work))
    }

    /// The call that a checkout makes, with parameters like those of a checkout.
    pub(crate) fn bare_calls(&self) -> Result<Schedule, Failure> {
        let mut connection = Connection::open(&self.sandbox.address)?;
        let form = "type=express&country=US&email=a%40example.com&capabilities[transfers][requested]=true\
                    &capabilities[card_payments][requested]=true";
        let headers = form_headers("account");
        let account = connection.send("POST", "/v1/accounts", &headers, form)?.ok()?;
        let account = account.field("id").ok_or("an account without an id")?.to_owned();
        onboard(&self.sandbox, BARE_PLATFORM, &account)?;
        let work = move |connection: &mut Connection, number| {
            let form = format!(
                "amount=5000&application_fee_amount=500&automatic_payment_methods[enabled]=true&currency=usd\
                 &metadata[souk_order]=order_01h455vb4pex5vsknk084sn02q\
                 &metadata[souk_request]=01890a5d-ac96-774b-bcce-b302099a8057&transfer_data[destination]={account}"
            );
            let headers = form_headers(&format!("bare-{number}"));
            connection.send("POST", "/v1/payment_intents", &headers, &form)?.ok().map(drop)
        };
        Schedule::new(&self.sandbox.address, Box::new(work))
    }

    /// Stripe's event makes the seller payable.
    fn until_payable(&self) -> Result<(), Failure> {
        let mut connection = Connection::open(&self.service.address)?;
        let mut outcome = Ok(());
        for attempt in 0..PATIENCE {
            outcome = check_out(&mut connection, &self.token, &self.listing, &format!("payable-{attempt}"));
            if outcome.is_ok() {
                break;
            }
            thread::sleep(PAUSE);
        }
        outcome
    }
}

fn seller(service: &Server, token: &str) -> Result<(String, String), Failure> {
    let mut connection = Connection::open(&service.address)?;
    let body = r#"{"email":"ada@example.com","country":"US"}"#;
    let answer = connection.send("POST", "/v1/sellers", &json_headers(token, "seller"), body)?.ok()?;
    let account = answer.field("stripe_account_id").ok_or("a seller without an account")?;
    Ok((account.to_owned(), answer.field("id").ok_or("a seller without an id")?.to_owned()))
}

fn listing(service: &Server, token: &str, seller: &str) -> Result<String, Failure> {
    let mut connection = Connection::open(&service.address)?;
    let body = r#"{"title":"Blue bowl","price":{"amount":5000,"currency":"usd"}}"#;
    let path = format!("/v1/sellers/{seller}/listings");
    let answer = connection.send("POST", &path, &json_headers(token, "listing"), body)?.ok()?;
    Ok(answer.field("id").ok_or("a listing without an id")?.to_owned())
}

fn onboard(sandbox: &Server, platform: &str, account: &str) -> Result<(), Failure> {
    let mut connection = Connection::open(&sandbox.address)?;
    let path = format!("/_sandbox/accounts/{account}/complete-onboarding?platform={platform}");
    connection.send("POST", &path, "Content-Type: application/json\r\n", "{}")?.ok().map(drop)
}

fn check_out(connection: &mut Connection, token: &str, listing: &str, key: &str) -> Result<(), Failure> {
    let body = format!(r#"{{"lines":[{{"listing_id":"{listing}","quantity":1}}]}}"#);
    connection.send("POST", "/v1/checkouts", &json_headers(token, key), &body)?.ok().map(drop)
}

fn json_headers(token: &str, key: &str) -> String {
    format!("Authorization: Bearer {token}\r\nIdempotency-Key: {key}\r\nContent-Type: application/json\r\n")
}

fn form_headers(key: &str) -> String {
    format!(
        "Authorization: Bearer sk_test_{BARE_PLATFORM}\r\nIdempotency-Key: {key}\r\nContent-Type: \
         application/x-www-form-urlencoded\r\n"
    )
}
