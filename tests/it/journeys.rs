//! Whole stories, from the first page to the last cent.

use serde_json::{Value, json};

use crate::{
    engines::on_both_databases,
    world::{Person, World, text},
};

on_both_databases!(
    /// The main job: a seller onboards on the real form, a buyer pays, the seller is paid out, the books agree.
    async fn a_seller_onboards_a_buyer_pays_and_the_seller_is_paid_out(world: World) {
        let seller = a_seller_onboards(&world).await;
        let order = a_buyer_checks_out(&world, &seller).await;
        let order = the_first_card_is_declined(&world, &order).await;
        the_second_card_pays(&world, &order).await;
        the_money_settles(&world, &seller).await;
        the_seller_is_paid_out(&world, &seller).await;
        our_books_agree_with_stripes(&world, &seller).await;
        the_marketplaces_backend_was_told(&world).await;
    }
);

/// A seller's Stripe account starts with nothing. They fill in Stripe's form, and its webhook makes them active.
async fn a_seller_onboards(world: &World) -> Value {
    let body = json!({"email": "ada@example.com", "country": "US", "display_name": "Ada's Ceramics"});
    let seller = world.service().post("/v1/sellers", &body).await.is(201);
    assert_eq!(seller["status"], "onboarding");
    assert_eq!(seller["payable"], json!({"destination": false, "separate": false, "direct": false}));

    let path = path(&seller);
    let link = ada(world, &seller).post(&format!("{path}/onboarding-links"), &json!({})).await.is(201);
    let returned_to = fill_in_the_form(world, &text(&link["url"])).await;
    assert!(returned_to.contains("You are ready to sell"), "{returned_to}");
    let seller = world.until(&path, "the seller is active", |seller| seller["status"] == "active").await;
    assert_eq!(seller["payable"], json!({"destination": true, "separate": true, "direct": true}));
    assert_eq!(seller["requirements"]["currently_due"], json!([]));
    seller
}

/// Two bowls, at the server's price.
async fn a_buyer_checks_out(world: &World, seller: &Value) -> Value {
    let body = json!({"title": "Blue bowl", "price": {"amount": 5_000, "currency": "usd"}});
    let listing = ada(world, seller).post(&format!("{}/listings", path(seller)), &body).await.is(201);
    let buyer = world.new_buyer().await;
    let body = json!({"lines": [{"listing_id": listing["id"], "quantity": 2}]});
    let order = world.buyer(&text(&buyer["id"])).post("/v1/checkouts", &body).await.is(201);
    assert_eq!(order["status"], "pending_payment");
    assert_eq!(order["amount"], json!({"amount": 10_000, "currency": "usd"}));
    order
}

/// The order stays payable, and says why.
async fn the_first_card_is_declined(world: &World, order: &Value) -> Value {
    assert_eq!(world.confirm(order, "pm_card_chargeDeclinedInsufficientFunds").await.status(), 402);
    let declined = |order: &Value| order["payment"]["last_failure"].is_object();
    let path = format!("/v1/orders/{}", text(&order["id"]));
    let order = world.until(&path, "the decline is known", declined).await;
    assert_eq!(order["status"], "pending_payment");
    assert_eq!(order["payment"]["last_failure"]["decline_code"], "insufficient_funds");
    order
}

/// Ninety of a hundred dollars are the seller's.
async fn the_second_card_pays(world: &World, order: &Value) {
    let order = world.pay(order).await;
    assert_eq!(order["captured"], json!({"amount": 10_000, "currency": "usd"}));
    let share = &order["shares"][0];
    assert_eq!(share["gross"]["amount"], 10_000);
    assert_eq!(share["commission"]["amount"], 1_000);
    assert_eq!(share["net"]["amount"], 9_000);
    assert_eq!(share["transferred"], share["net"]);
    assert_eq!(order["payment"].get("client_secret"), None, "nothing is left to pay");
}

/// It takes some days.
async fn the_money_settles(world: &World, seller: &Value) {
    assert_eq!(balance(world, seller).await, (0, 9_000));
    world.days_pass().await;
    assert_eq!(balance(world, seller).await, (9_000, 0));
}

/// On their own account; the bank has it days later.
async fn the_seller_is_paid_out(world: &World, seller: &Value) {
    let body = json!({"amount": {"amount": 9_000, "currency": "usd"}});
    let payout = ada(world, seller).post(&format!("{}/payouts", path(seller)), &body).await.is(201);
    assert_eq!(payout["status"], "pending");
    world.days_pass().await;
    let path = format!("/v1/payouts/{}", text(&payout["id"]));
    world.until(&path, "the payout is paid", |payout| payout["status"] == "paid").await;
    assert_eq!(balance(world, seller).await, (0, 0));
}

/// To the cent.
async fn our_books_agree_with_stripes(world: &World, seller: &Value) {
    let account = text(&seller["stripe_account_id"]);
    let report = world.operator().post("/v1/reconciliation", &json!({})).await.is(200);
    assert_eq!(report["differences"], json!([]));
    assert_eq!(report["state"], "clean");
    let scopes = report["scopes"].as_array().unwrap();
    let ours = |scope: &str| scopes.iter().find(|one| one["scope"] == scope).map(|one| one["ours"].clone());
    // The platform: 1,000 commission less Stripe's fee of 320.
    assert_eq!((ours("platform"), ours(&account)), (Some(json!(680)), Some(json!(0))));
    assert_eq!(trial_balance(world, "platform").await, LITERAL_PLATFORM);
    assert_eq!(trial_balance(world, &account).await, LITERAL_SELLER);
}

/// In order, and of each thing once.
async fn the_marketplaces_backend_was_told(world: &World) {
    let events = world.service().get("/v1/events?limit=100").await.is(200);
    let told = events["data"].as_array().unwrap().iter().rev();
    let told: Vec<&str> = told.map(|event| event["type"].as_str().unwrap()).collect();
    let mut rest = told.iter();
    for chapter in [
        "seller.created",
        "seller.updated",
        "listing.created",
        "buyer.created",
        "order.created",
        "order.payment_failed",
        "order.paid",
        "payout.created",
        "payout.paid",
    ] {
        assert!(rest.any(|told| *told == chapter), "{chapter} is missing, or out of order, in {told:?}");
    }
    assert_eq!(told.iter().filter(|told| **told == "order.paid").count(), 1);
}

fn ada<'a>(world: &'a World, seller: &Value) -> Person<'a> {
    world.seller(&text(&seller["id"]))
}

fn path(seller: &Value) -> String {
    format!("/v1/sellers/{}", text(&seller["id"]))
}

/// What the seller can be paid out, and what is still pending.
async fn balance(world: &World, seller: &Value) -> (i64, i64) {
    let balance = ada(world, seller).get(&format!("{}/balance", path(seller))).await.is(200);
    let amount = |list: &Value| list[0]["amount"].as_i64().unwrap();
    (amount(&balance["available"]), amount(&balance["pending"]))
}

/// Account, debit, credit: written by hand from docs/MONEY.md.
const LITERAL_PLATFORM: &[(&str, i64, i64)] = &[
    ("clearing_application_fee", 1_000, 1_000),
    ("clearing_charge", 10_000, 10_000),
    ("clearing_transfer", 10_000, 10_000),
    ("commission", 0, 1_000),
    ("fees", 320, 0),
    ("stripe", 10_680, 10_000),
];
const LITERAL_SELLER: &[(&str, i64, i64)] = &[
    ("clearing_payment", 9_000, 9_000),
    ("commission_paid", 1_000, 0),
    ("in_transit", 9_000, 9_000),
    ("paid_out", 9_000, 0),
    ("sales", 0, 10_000),
    ("stripe", 9_000, 9_000),
];

async fn trial_balance(world: &World, scope: &str) -> Vec<(&'static str, i64, i64)> {
    let balance = world.operator().get("/v1/ledger/trial-balance").await.is(200);
    assert_eq!(balance["balanced"], true);
    let books = balance["books"].as_array().unwrap();
    let book = books.iter().find(|book| book["scope"] == scope).expect("the book");
    let accounts = book["currencies"][0]["accounts"].as_array().unwrap();
    let known = LITERAL_PLATFORM.iter().chain(LITERAL_SELLER).map(|(code, ..)| *code);
    accounts
        .iter()
        .map(|account| {
            let code = account["code"].as_str().unwrap();
            let code =
                known.clone().find(|known| *known == code).unwrap_or("an account that nobody expected");
            (code, account["debit"].as_i64().unwrap(), account["credit"].as_i64().unwrap())
        })
        .collect()
}

/// What a seller types into Stripe's form.
const ANSWERS: &[(&str, &str)] = &[
    ("action", "submit"),
    ("first_name", "Ada"),
    ("last_name", "Lovelace"),
    ("dob_day", "10"),
    ("dob_month", "12"),
    ("dob_year", "1985"),
    ("line1", "510 Townsend Street"),
    ("city", "San Francisco"),
    ("state", "CA"),
    ("postal_code", "94103"),
    ("routing_number", "110000000"),
    ("account_number", "000123456789"),
    ("tos", "yes"),
];

/// What a browser does with an onboarding link: opens it, fills in the form, and is led back. The page that it
/// ends on.
async fn fill_in_the_form(world: &World, link: &str) -> String {
    let form = world.http.get(link).send().await.unwrap();
    let address = form.url().clone();
    assert!(form.text().await.unwrap().contains("name=\"account_number\""), "a real form");
    let back = world.http.post(address).form(ANSWERS).send().await.unwrap();
    assert!(
        back.url().as_str().starts_with(&format!("{}/onboarding/return?state=", world.url)),
        "{}",
        back.url()
    );
    back.text().await.unwrap()
}
