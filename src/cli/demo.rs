//! `souk demo`: the whole story against a running instance or a fresh one, each step with what moved.
//!
//! It plays all the people: the marketplace's backend, the seller, the buyer's app with Stripe's publishable key,
//! and time itself, by the sandbox's clock.

use std::{path::PathBuf, process::ExitCode};

use reqwest::Method;
use serde_json::{Value, json};
use souk_entity::Money;

use super::{
    Outcome,
    client::{Client, text},
    dev::{self, Dev},
    dev_state::DevFile,
    dev_stripe::StripeArgs,
};

type Failed = Box<dyn std::error::Error + Send + Sync>;

const DAY_S: i64 = 86_400;
/// Longer than charges take to settle, and payouts to arrive.
const LONG_ENOUGH_S: i64 = 8 * DAY_S;

/// `souk demo`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A running `souk dev`; a fresh one is started and stopped if not given.
    #[arg(long)]
    api: Option<String>,
    /// The data directory of the running one.
    #[arg(long, default_value = "./var")]
    data_dir: PathBuf,
}

pub(crate) async fn run(args: Args) -> Outcome {
    if let Some(api) = args.api {
        let mut file = DevFile::read(&args.data_dir)?;
        file.api = api.trim_end_matches('/').to_owned();
        return Walk::new(file)?.walk().await;
    }
    let dir = std::env::temp_dir().join(format!("souk-demo-{}", uuid::Uuid::now_v7().simple()));
    let fresh = dev::Args {
        listen: ([127, 0, 0, 1], 0).into(),
        stripe: StripeArgs::sandbox_on(([127, 0, 0, 1], 0).into()),
        data_dir: dir.clone(),
    };
    let dev = Dev::start(&fresh).await?;
    let outcome = Walk::new(dev.file.clone())?.walk().await;
    dev.stop().await?;
    std::fs::remove_dir_all(&dir)?;
    outcome
}

struct Walk {
    dev: DevFile,
    sandbox: String,
    client: Client,
    step: u32,
}

/// What the walk goes on with.
struct Seller {
    id: String,
    account: String,
    token: String,
}

impl Walk {
    fn new(dev: DevFile) -> Result<Self, Failed> {
        let sandbox = dev.sandbox.clone().ok_or("the walk needs the sandbox and its clock")?;
        Ok(Self { client: Client::of(&dev), dev, sandbox, step: 0 })
    }

    async fn walk(mut self) -> Outcome {
        let seller = self.onboard().await?;
        let order = self.check_out(&seller).await?;
        self.pay(&order).await?;
        self.settle(&seller).await?;
        self.pay_out(&seller).await?;
        self.close(&seller).await
    }

    /// A seller comes, and fills in Stripe's form.
    async fn onboard(&mut self) -> Result<Seller, Failed> {
        let service = self.dev.tokens.service.clone();
        let body = json!({"email": "ada@example.com", "country": "US", "display_name": "Ada's Ceramics"});
        let seller = self.client.call(Method::POST, &service, "/v1/sellers", Some(&body)).await?;
        let (id, account) = (text(&seller, "id")?, text(&seller, "stripe_account_id")?);
        self.say("A seller is created, with an Express account at Stripe");
        fact(&format!("{id}  {account}  status {}", text(&seller, "status")?));

        let path = format!("/v1/sellers/{id}/onboarding-links");
        let link = self.client.call(Method::POST, &service, &path, Some(&json!({}))).await?;
        self.say("Stripe's onboarding form, for the seller's browser");
        fact(&text(&link, "url")?);

        self.client.control(&format!("/_sandbox/accounts/{account}/complete-onboarding"), &json!({})).await?;
        let path = format!("/v1/sellers/{id}");
        let seller = self
            .client
            .wait(&service, &path, "the seller is active", |seller| seller["status"] == "active")
            .await?;
        self.say("The form is filled in; Stripe's webhook makes the seller active");
        fact(&format!("status active, payable by {}", payable(&seller)));
        // Only the seeded seller has a token of their own; for this one the marketplace's backend acts.
        Ok(Seller { id, account, token: service })
    }

    /// A buyer takes two of what the seller offers.
    async fn check_out(&mut self, seller: &Seller) -> Result<Value, Failed> {
        let path = format!("/v1/sellers/{}/listings", seller.id);
        let body = json!({"title": "Blue bowl", "price": {"amount": 5_000, "currency": "usd"}});
        let listing = self.client.call(Method::POST, &seller.token, &path, Some(&body)).await?;
        self.say("The seller offers something");
        fact(&format!("{}  Blue bowl  {}", text(&listing, "id")?, money(&listing["price"])));

        let body = json!({"lines": [{"listing_id": listing["id"], "quantity": 2}]});
        let buyer = self.dev.tokens.buyer.clone();
        let order = self.client.call(Method::POST, &buyer, "/v1/checkouts", Some(&body)).await?;
        self.say("A buyer checks out, at the server's price");
        fact(&format!("{}  {}  {}", text(&order, "id")?, money(&order["amount"]), text(&order, "status")?));
        Ok(order)
    }

    /// The first card is declined, the second pays.
    async fn pay(&mut self, order: &Value) -> Result<(), Failed> {
        let (buyer, path) = (self.dev.tokens.buyer.clone(), format!("/v1/orders/{}", text(order, "id")?));
        self.confirm(order, "pm_card_chargeDeclinedInsufficientFunds").await?;
        let declined = |order: &Value| order["payment"]["last_failure"].is_object();
        let order = self.client.wait(&buyer, &path, "the decline is known", declined).await?;
        self.say("The buyer's first card is declined; the order stays payable");
        let failure = &order["payment"]["last_failure"];
        fact(&format!("{} ({})", text(failure, "code")?, text(failure, "decline_code")?));

        self.confirm(&order, "pm_card_visa").await?;
        self.client.wait(&buyer, &path, "the order is paid", |order| order["status"] == "paid").await?;
        let (service, shared) = (self.dev.tokens.service.clone(), "the seller has their share");
        let transferred = |order: &Value| order["shares"][0]["state"] == "transferred";
        let order = self.client.wait(&service, &path, shared, transferred).await?;
        self.say("The second card pays; Stripe's webhook makes the order paid");
        let share = &order["shares"][0];
        fact(&format!("buyer -> platform     {}", money(&order["captured"])));
        fact(&format!("platform -> seller    {}", money(&share["gross"])));
        fact(&format!("seller -> platform    {} commission", money(&share["commission"])));
        Ok(())
    }

    /// Stripe holds the money for some days.
    async fn settle(&mut self, seller: &Seller) -> Result<(), Failed> {
        self.say("The seller's balance at Stripe, before and after the money settles");
        let path = format!("/v1/sellers/{}/balance", seller.id);
        let before = self.client.call(Method::GET, &seller.token, &path, None).await?;
        fact(&format!("pending {}, available {}", all(&before["pending"]), all(&before["available"])));
        self.client.control("/_sandbox/clock/advance", &json!({"seconds": LONG_ENOUGH_S})).await?;
        let after = self.client.call(Method::GET, &seller.token, &path, None).await?;
        fact(&format!("pending {}, available {}", all(&after["pending"]), all(&after["available"])));
        Ok(())
    }

    /// Everything goes to the seller's bank.
    async fn pay_out(&mut self, seller: &Seller) -> Result<(), Failed> {
        let balance = format!("/v1/sellers/{}/balance", seller.id);
        let available =
            self.client.call(Method::GET, &seller.token, &balance, None).await?["available"][0].clone();
        let path = format!("/v1/sellers/{}/payouts", seller.id);
        let payout =
            self.client.call(Method::POST, &seller.token, &path, Some(&json!({"amount": available}))).await?;
        self.say("The seller is paid out, on their own account");
        fact(&format!(
            "{}  {}  {}",
            text(&payout, "id")?,
            money(&payout["amount"]),
            text(&payout, "status")?
        ));

        self.client.control("/_sandbox/clock/advance", &json!({"seconds": LONG_ENOUGH_S})).await?;
        let path = format!("/v1/payouts/{}", text(&payout, "id")?);
        self.client
            .wait(&seller.token, &path, "the payout is paid", |payout| payout["status"] == "paid")
            .await?;
        self.say("The seller's bank account is credited");
        fact(&format!("{} arrived", money(&payout["amount"])));
        Ok(())
    }

    /// The books, and whether Stripe's own agree.
    async fn close(&mut self, seller: &Seller) -> Outcome {
        let operator = self.dev.tokens.operator.clone();
        let report = self.client.call(Method::POST, &operator, "/v1/reconciliation", None).await?;
        self.say("Reconciliation: our books and Stripe's balances");
        for scope in list(&report["scopes"]) {
            let name = text(scope, "scope")?;
            let whose = if name == seller.account { "  (this seller)" } else { "" };
            let (ours, stripe) = (amount(scope, "ours"), amount(scope, "stripe"));
            fact(&format!(
                "{name:<24} ours {ours:>12}   Stripe {stripe:>12}   open keys {}{whose}",
                scope["open_keys"]
            ));
        }
        for difference in list(&report["differences"]) {
            fact(&format!("{}: {}", text(difference, "kind")?, text(difference, "detail")?));
        }
        let balance = self.client.call(Method::GET, &operator, "/v1/ledger/trial-balance", None).await?;
        self.say("The trial balance");
        for book in list(&balance["books"]) {
            let mine = ["platform", &seller.account].contains(&text(book, "scope")?.as_str());
            for currency in list(&book["currencies"]).iter().filter(|_| mine) {
                print_book(&text(book, "scope")?, currency);
            }
        }
        let clean = report["state"] == "clean" && balance["balanced"] == true;
        println!();
        if !clean {
            println!("The books differ from Stripe's.");
            return Ok(ExitCode::FAILURE);
        }
        println!("Every clearing key is zero, every mirrored balance equals Stripe's, the books balance.");
        Ok(ExitCode::SUCCESS)
    }

    fn say(&mut self, what: &str) {
        self.step += 1;
        println!("\n{:>2}. {what}", self.step);
    }

    /// What the buyer's app does with Stripe's SDK: confirms with the publishable key and the client secret.
    async fn confirm(&self, order: &Value, payment_method: &str) -> Result<(), Failed> {
        let payment = &order["payment"];
        let intent = text(payment, "stripe_payment_intent_id")?;
        let form = [
            ("client_secret", text(payment, "client_secret")?),
            ("payment_method", payment_method.to_owned()),
        ];
        let url = format!("{}/v1/payment_intents/{intent}/confirm", self.sandbox);
        let request = self.client.http.post(url).bearer_auth(text(payment, "publishable_key")?).form(&form);
        let status = request.send().await?.status();
        // A declined card is an answer too.
        if status.is_success() || status.as_u16() == 402 {
            Ok(())
        } else {
            Err(format!("confirm: {status}").into())
        }
    }
}

fn fact(what: &str) {
    println!("      {what}");
}

fn print_book(scope: &str, currency: &Value) {
    println!(
        "      {scope}, {:<16} {:>12} {:>12}",
        currency["currency"].as_str().unwrap_or_default(),
        "debit",
        "credit"
    );
    for account in list(&currency["accounts"]) {
        let code = account["code"].as_str().unwrap_or_default();
        println!("        {code:<26} {:>12} {:>12}", amount(account, "debit"), amount(account, "credit"));
    }
    println!("        {:<26} {:>12} {:>12}", "", amount(currency, "debit"), amount(currency, "credit"));
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn amount(object: &Value, field: &str) -> i64 {
    object[field].as_i64().unwrap_or_default()
}

fn money(value: &Value) -> String {
    serde_json::from_value::<Money>(value.clone())
        .map_or_else(|_| value.to_string(), |money| money.to_string())
}

fn all(values: &Value) -> String {
    let amounts: Vec<String> = list(values).iter().map(money).collect();
    if amounts.is_empty() { "nothing".to_owned() } else { amounts.join(" + ") }
}

fn payable(seller: &Value) -> String {
    let models = ["destination", "separate", "direct"];
    models.into_iter().filter(|model| seller["payable"][model] == true).collect::<Vec<_>>().join(", ")
}
