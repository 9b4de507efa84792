//! Money in a currency that an account does not hold is exchanged on its way.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Caller, World, text};

/// Pending money of an account, by currency.
async fn pending(who: &Caller) -> Value {
    let balance = who.get("balance").await.ok();
    let amounts = balance["pending"].as_array().unwrap().clone();
    amounts.iter().map(|held| (text(&held["currency"]), held["amount"].clone())).collect()
}

async fn every_currency_sums_to_zero(world: &World) {
    let ledger = world.control(Method::GET, "ledger", json!({})).await;
    let mut sums = BTreeMap::new();
    for position in ledger["positions"].as_array().unwrap() {
        let held = position["available"].as_i64().unwrap() + position["pending"].as_i64().unwrap();
        *sums.entry(text(&position["currency"])).or_insert(0) += held;
    }
    assert!(sums.values().all(|sum| *sum == 0), "{sums:?}");
    for movement in ledger["movements"].as_array().unwrap() {
        let legs = movement["legs"].as_array().unwrap();
        assert_eq!(legs.iter().map(|leg| leg["amount"].as_i64().unwrap()).sum::<i64>(), 0, "{movement}");
    }
}

async fn german_seller(world: &World) -> String {
    let form = [("type", "express"), ("country", "DE")];
    let id = text(&world.shop().post("accounts", &form).await.ok()["id"]);
    world.control(Method::POST, &format!("accounts/{id}/complete-onboarding"), json!({})).await;
    id
}

async fn pay_in_euros(who: &Caller, more: &[(&str, &str)]) -> Value {
    let form = [
        ("amount", "10000"),
        ("currency", "eur"),
        ("confirm", "true"),
        ("payment_method", "pm_card_visa"),
        ("capture_method", "automatic"),
        ("expand[]", "latest_charge.balance_transaction"),
    ];
    who.post("payment_intents", &[&form, more].concat()).await.ok()["latest_charge"].clone()
}

#[tokio::test]
async fn a_charge_is_held_in_the_currency_in_which_its_account_settles() {
    let world = World::start().await;
    let shop = world.shop();
    let charge = pay_in_euros(&shop, &[]).await;
    assert_eq!((&charge["currency"], &charge["amount"]), (&json!("eur"), &json!(10000)));
    let transaction = &charge["balance_transaction"];
    assert_eq!((&transaction["currency"], &transaction["amount"]), (&json!("usd"), &json!(11000)));
    // 2.9 % and 30 cents, in euros, are 320: 352 at 1.1.
    assert_eq!((&transaction["fee"], &transaction["net"]), (&json!(352), &json!(10648)));
    assert_eq!(transaction["exchange_rate"].to_string(), "1.1");
    assert_eq!(transaction["fee_details"][0]["currency"], "usd");
    assert_eq!(pending(&shop).await, json!({ "usd": 10648 }));

    let form = [("charge", charge["id"].as_str().unwrap()), ("expand[]", "balance_transaction")];
    let refund = shop.post("refunds", &form).await.ok();
    assert_eq!((&refund["currency"], &refund["amount"]), (&json!("eur"), &json!(10000)));
    assert_eq!(refund["balance_transaction"]["amount"], -11000);
    assert_eq!(refund["balance_transaction"]["exchange_rate"].to_string(), "1.1");
    assert_eq!(pending(&shop).await, json!({ "usd": -352 }));
    every_currency_sums_to_zero(&world).await;
}

#[tokio::test]
async fn currencies_without_and_with_three_decimals_are_exchanged_too() {
    let world = World::start().await;
    for (currency, amount, settled, rate) in [("jpy", "5000", 3350, "0.67"), ("kwd", "10000", 3250, "0.325")]
    {
        let form = [
            ("amount", amount),
            ("currency", currency),
            ("confirm", "true"),
            ("payment_method", "pm_card_visa"),
            ("capture_method", "automatic"),
            ("expand[]", "latest_charge.balance_transaction"),
        ];
        let paid = world.shop().post("payment_intents", &form).await.ok();
        let transaction = &paid["latest_charge"]["balance_transaction"];
        assert_eq!((&transaction["amount"], &transaction["currency"]), (&json!(settled), &json!("usd")));
        assert_eq!(transaction["exchange_rate"].to_string(), rate);
    }
    every_currency_sums_to_zero(&world).await;
}

#[tokio::test]
async fn a_destination_in_another_currency_gets_its_own() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), german_seller(&world).await);
    // Dollars from the buyer, euros at the seller: 9000 less a fee of 1000 dollars, at 1.1.
    let form = [("transfer_data[destination]", seller.as_str()), ("application_fee_amount", "1100")];
    shop.pay(11000, &form).await;
    let transfer = &shop.list("transfers?expand[]=data.destination_payment.balance_transaction").await[0];
    assert_eq!((&transfer["currency"], &transfer["amount"]), (&json!("usd"), &json!(11000)));
    let payment = shop.on(&seller).list("charges?expand[]=data.balance_transaction").await[0].clone();
    assert_eq!((&payment["currency"], &payment["amount"]), (&json!("usd"), &json!(11000)));
    let transaction = &payment["balance_transaction"];
    assert_eq!((&transaction["currency"], &transaction["amount"]), (&json!("eur"), &json!(10000)));
    assert_eq!((&transaction["fee"], &transaction["net"]), (&json!(1000), &json!(9000)));
    assert_eq!(transaction["exchange_rate"].to_string(), "0.909090909");
    assert_eq!(pending(&shop.on(&seller)).await, json!({ "eur": 9000 }));
    assert_eq!(pending(&shop).await, json!({ "usd": 1100 - 349 }));
    every_currency_sums_to_zero(&world).await;
}

#[tokio::test]
async fn a_destination_charge_in_a_foreign_currency_is_sent_on_in_the_platforms() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let form = [("transfer_data[destination]", seller.as_str()), ("application_fee_amount", "1000")];
    let charge = pay_in_euros(&shop, &form).await;
    assert_eq!(charge["application_fee_amount"], 1000);
    let transfer = &shop.list("transfers").await[0];
    assert_eq!((&transfer["currency"], &transfer["amount"]), (&json!("usd"), &json!(11000)));
    assert_eq!(pending(&shop.on(&seller)).await, json!({ "usd": 11000 - 1100 }));
    assert_eq!(pending(&shop).await, json!({ "usd": 1100 - 352 }));
    let refund = [
        ("charge", charge["id"].as_str().unwrap()),
        ("reverse_transfer", "true"),
        ("refund_application_fee", "true"),
    ];
    shop.post("refunds", &refund).await.ok();
    assert_eq!(pending(&shop.on(&seller)).await, json!({ "usd": 0 }));
    assert_eq!(pending(&shop).await, json!({ "usd": -352 }));
    every_currency_sums_to_zero(&world).await;
}

#[tokio::test]
async fn a_transfer_out_of_a_charge_is_in_the_currency_that_it_brought() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let charge = text(&pay_in_euros(&shop, &[]).await["id"]);
    let send = |amount: &'static str, currency: &'static str| {
        let (shop, seller, charge) = (shop.clone(), seller.clone(), charge.clone());
        async move {
            let form = [
                ("amount", amount),
                ("currency", currency),
                ("destination", seller.as_str()),
                ("source_transaction", charge.as_str()),
            ];
            shop.post("transfers", &form).await
        }
    };
    let error = send("100", "eur").await.refused(400);
    assert_eq!(error["code"], "balance_transaction_currency_mismatch");
    assert_eq!(send("11001", "usd").await.refused(400)["code"], "transfer_source_balance_insufficient");
    send("11000", "usd").await.ok();
    assert_eq!(send("1", "usd").await.refused(400)["code"], "transfer_source_balance_insufficient");
    assert_eq!(pending(&shop.on(&seller)).await, json!({ "usd": 11000 }));
    assert_eq!(pending(&shop).await, json!({ "usd": 10648 - 11000 }));
}

#[tokio::test]
async fn a_direct_charge_is_exchanged_on_both_sides() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), german_seller(&world).await);
    let on_seller = shop.on(&seller);
    pay_in_euros(&on_seller, &[("application_fee_amount", "1000")]).await;
    assert_eq!(pending(&on_seller).await, json!({ "eur": 10000 - 320 - 1000 }));
    assert_eq!(pending(&shop).await, json!({ "usd": 1100 }));
    world.control(Method::POST, "settings", json!({ "direct_fees": "platform" })).await;
    pay_in_euros(&on_seller, &[("application_fee_amount", "1000")]).await;
    assert_eq!(pending(&on_seller).await, json!({ "eur": 8680 + 9000 }));
    assert_eq!(pending(&shop).await, json!({ "usd": 1100 + 1100 - 352 }));
    every_currency_sums_to_zero(&world).await;
}

#[tokio::test]
async fn rates_are_settings_and_nothing_is_exchanged_without_one() {
    let world = World::start().await;
    let settings = json!({ "exchange_rates": { "eur": 1_250_000 } });
    world.control(Method::POST, "settings", settings).await;
    let shop = world.shop();
    let charge = pay_in_euros(&shop, &[]).await;
    assert_eq!(charge["balance_transaction"]["amount"], 12500);
    let form = [
        ("amount", "10000"),
        ("currency", "isk"),
        ("confirm", "true"),
        ("payment_method", "pm_card_visa"),
        ("capture_method", "automatic"),
    ];
    shop.post("payment_intents", &form).await.ok();
    assert_eq!(pending(&shop).await, json!({ "isk": 10000 - 320, "usd": 12500 - 400 }));
}
