use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Caller, World, config, text};

async fn intent(shop: &Caller) -> Value {
    shop.post("payment_intents", &[("amount", "2000"), ("currency", "usd")]).await.ok()
}

#[tokio::test]
async fn a_payment_succeeds_and_its_money_is_pending_until_it_settles() {
    let world = World::start().await;
    let shop = world.shop();
    let intent = intent(&shop).await;
    assert_eq!(intent["status"], "requires_payment_method");
    let path = format!("payment_intents/{}/confirm", text(&intent["id"]));
    let form = [
        ("payment_method", "pm_card_visa"),
        ("capture_method", "automatic"),
        ("expand[]", "latest_charge.balance_transaction"),
    ];
    let paid = shop.post(&path, &form).await.ok();
    assert_eq!(paid["status"], "succeeded");
    assert_eq!(paid["amount_received"], 2000);
    let charge = &paid["latest_charge"];
    assert_eq!(charge["payment_method_details"]["card"]["last4"], "4242");
    let transaction = &charge["balance_transaction"];
    assert_eq!(
        (&transaction["amount"], &transaction["fee"], &transaction["net"]),
        (&json!(2000), &json!(88), &json!(1912))
    );
    assert_eq!(transaction["fee_details"][0]["type"], "stripe_fee");
    assert_eq!(transaction["status"], "pending");
    assert_eq!(shop.balance().await, (0, 1912));
    world.advance(2 * crate::world::DAY).await;
    assert_eq!(shop.balance().await, (1912, 0));
    assert_eq!(
        shop.event_types().await,
        ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "balance.available"]
    );
}

#[tokio::test]
async fn an_asynchronous_capture_completes_a_moment_later() {
    let mut config = config();
    config.settings.async_capture_ms = 60_000;
    let world = World::start_with(config).await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let form = [
        ("transfer_data[destination]", seller.as_str()),
        ("application_fee_amount", "200"),
        ("capture_method", "automatic_async"),
    ];
    let paid = shop.pay(2000, &form).await;
    let path = format!("charges/{}", text(&paid["latest_charge"]));
    let charge = shop.get(&path).await.ok();
    assert_eq!(charge["balance_transaction"], json!(null));
    assert_eq!(charge["application_fee"], json!(null));
    assert!(charge.get("transfer").is_none());
    world.advance(60).await;
    let charge = shop.get(&path).await.ok();
    assert!(
        text(&charge["transfer"]).starts_with("tr_") && text(&charge["application_fee"]).starts_with("fee_")
    );
    let event = &shop.list("events?type=charge.updated").await[0];
    assert_eq!(event["data"]["previous_attributes"]["balance_transaction"], json!(null));
    assert_eq!(event["request"], json!({ "id": null, "idempotency_key": null }));
}

#[tokio::test]
async fn a_decline_is_a_402_and_the_intent_stays_payable() {
    let world = World::start().await;
    let shop = world.shop();
    let intent = intent(&shop).await;
    let path = format!("payment_intents/{}", text(&intent["id"]));
    let confirm = format!("{path}/confirm");
    let error = shop
        .post(&confirm, &[("payment_method", "pm_card_chargeDeclinedInsufficientFunds")])
        .await
        .refused(402);
    assert_eq!(error["type"], "card_error");
    assert_eq!(error["code"], "card_declined");
    assert_eq!(error["decline_code"], "insufficient_funds");
    assert_eq!(error["network_decline_code"], "51");
    assert_eq!(error["payment_intent"]["id"], intent["id"]);
    assert_eq!(error["payment_intent"]["status"], "requires_payment_method");
    let charge = shop.get(&format!("charges/{}", text(&error["charge"]))).await.ok();
    assert_eq!(charge["status"], "failed");
    assert_eq!(charge["failure_code"], "card_declined");
    let kept = shop.get(&path).await.ok();
    assert_eq!(kept["last_payment_error"]["decline_code"], "insufficient_funds");
    assert_eq!(shop.balance().await, (0, 0));
    let paid = shop.post(&confirm, &[("payment_method", "pm_card_visa")]).await.ok();
    assert_eq!(paid["status"], "succeeded");
    assert_eq!(paid["last_payment_error"], json!(null));
}

#[tokio::test]
async fn test_numbers_decline_as_documented() {
    let world = World::start().await;
    for (number, code, decline_code) in [
        ("4000000000000002", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000009987", "card_declined", "lost_card"),
        ("4000000000000069", "expired_card", "expired_card"),
        ("4000000000000127", "incorrect_cvc", "incorrect_cvc"),
        ("4000000000000119", "processing_error", "processing_error"),
    ] {
        let form = [
            ("amount", "2000"),
            ("currency", "usd"),
            ("confirm", "true"),
            ("payment_method_data[type]", "card"),
            ("payment_method_data[card][number]", number),
            ("payment_method_data[card][exp_month]", "12"),
            ("payment_method_data[card][exp_year]", "2034"),
            ("payment_method_data[card][cvc]", "123"),
        ];
        let error = world.shop().post("payment_intents", &form).await.refused(402);
        assert_eq!(
            (&error["code"], &error["decline_code"]),
            (&json!(code), &json!(decline_code)),
            "{number}"
        );
    }
}

#[tokio::test]
async fn a_card_that_wants_authentication_waits_for_the_buyer() {
    let world = World::start().await;
    let shop = world.shop();
    for (outcome, status, redirect) in
        [("complete", "succeeded", "succeeded"), ("fail", "requires_payment_method", "failed")]
    {
        let intent = intent(&shop).await;
        let path = format!("payment_intents/{}", text(&intent["id"]));
        let form = [
            ("payment_method", "pm_card_authenticationRequired"),
            ("return_url", "http://127.0.0.1:9/back?a=b"),
        ];
        let waiting = shop.post(&format!("{path}/confirm"), &form).await.ok();
        assert_eq!(waiting["status"], "requires_action");
        let url = text(&waiting["next_action"]["redirect_to_url"]["url"]);
        let page = world.client().get(&url).send().await.unwrap().text().await.unwrap();
        assert!(page.contains("20.00 USD"));
        let answer = world
            .client()
            .request(Method::POST, &url)
            .body(format!("outcome={outcome}"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 303);
        let back = answer.headers()["location"].to_str().unwrap().to_owned();
        assert!(back.starts_with("http://127.0.0.1:9/back?a=b&payment_intent=pi_"));
        assert!(back.ends_with(&format!("redirect_status={redirect}")));
        assert_eq!(shop.get(&path).await.ok()["status"], status);
    }
    let form = [
        ("amount", "2000"),
        ("currency", "usd"),
        ("confirm", "true"),
        ("off_session", "true"),
        ("payment_method", "pm_card_authenticationRequired"),
    ];
    assert_eq!(shop.post("payment_intents", &form).await.refused(402)["code"], "authentication_required");
}

#[tokio::test]
async fn a_publishable_key_confirms_with_the_secret_and_sees_no_terms() {
    let world = World::start().await;
    let (shop, app) = (world.shop(), world.caller("pk_test_shop"));
    let form = [("amount", "2000"), ("currency", "usd"), ("metadata[order]", "1")];
    let intent = shop.post("payment_intents", &form).await.ok();
    let path = format!("payment_intents/{}", text(&intent["id"]));
    let secret = text(&intent["client_secret"]);
    let method = app
        .post(
            "payment_methods",
            &[
                ("type", "card"),
                ("card[number]", "4242424242424242"),
                ("card[exp_month]", "1"),
                ("card[exp_year]", "2030"),
            ],
        )
        .await
        .ok();
    let confirm = format!("{path}/confirm");
    let method = text(&method["id"]);
    app.post(&confirm, &[("payment_method", &method)]).await.refused(400);
    app.post(&confirm, &[("payment_method", &method), ("client_secret", "pi_1_secret_x")]).await.refused(400);
    let paid = app.post(&confirm, &[("payment_method", &method), ("client_secret", &secret)]).await.ok();
    assert_eq!(paid["status"], "succeeded");
    assert!(paid.get("metadata").is_none(), "{paid:#}");
    assert_eq!(app.get("balance").await.refused(403)["code"], "secret_key_required");
    assert_eq!(app.get(&format!("{path}?client_secret={secret}")).await.ok()["status"], "succeeded");
}

#[tokio::test]
async fn a_manual_capture_takes_what_it_is_told_to() {
    let world = World::start().await;
    let shop = world.shop();
    let form = [
        ("amount", "2000"),
        ("currency", "usd"),
        ("confirm", "true"),
        ("payment_method", "pm_card_visa"),
        ("capture_method", "manual"),
    ];
    let held = shop.post("payment_intents", &form).await.ok();
    assert_eq!(held["status"], "requires_capture");
    assert_eq!(held["amount_capturable"], 2000);
    assert_eq!(shop.balance().await, (0, 0));
    let path = format!("payment_intents/{}", text(&held["id"]));
    shop.post(&format!("{path}/capture"), &[("amount_to_capture", "2001")]).await.refused(400);
    let taken = shop.post(&format!("{path}/capture"), &[("amount_to_capture", "1500")]).await.ok();
    assert_eq!((&taken["status"], &taken["amount_received"]), (&json!("succeeded"), &json!(1500)));
    assert_eq!(shop.balance().await, (0, 1500 - 74));
    let transactions = shop.list("balance_transactions").await;
    assert_eq!((&transactions[1]["type"], &transactions[1]["net"]), (&json!("charge"), &json!(2000 - 74)));
    assert_eq!(transactions[0]["reporting_category"], "partial_capture_reversal");
    assert_eq!(transactions[0]["source"], transactions[1]["source"]);
    let again = shop.post(&format!("{path}/capture"), &[]).await.refused(400);
    assert_eq!(again["code"], "payment_intent_unexpected_state");
}

#[tokio::test]
async fn a_canceled_intent_cannot_be_paid() {
    let world = World::start().await;
    let shop = world.shop();
    let path = format!("payment_intents/{}", text(&intent(&shop).await["id"]));
    let canceled = shop.post(&format!("{path}/cancel"), &[("cancellation_reason", "abandoned")]).await.ok();
    assert_eq!(canceled["status"], "canceled");
    let error =
        shop.post(&format!("{path}/confirm"), &[("payment_method", "pm_card_visa")]).await.refused(400);
    assert_eq!(error["code"], "payment_intent_unexpected_state");
    assert_eq!(error["payment_intent"]["status"], "canceled");
}

#[tokio::test]
async fn amounts_have_a_minimum_in_each_currency() {
    let world = World::start().await;
    for (amount, currency) in [("49", "usd"), ("29", "gbp"), ("49", "jpy")] {
        let error = world
            .shop()
            .post("payment_intents", &[("amount", amount), ("currency", currency)])
            .await
            .refused(400);
        assert_eq!(error["code"], "amount_too_small", "{currency}");
    }
    world.shop().post("payment_intents", &[("amount", "30"), ("currency", "gbp")]).await.ok();
    let error = world
        .shop()
        .post("payment_intents", &[("amount", "100000000"), ("currency", "usd")])
        .await
        .refused(400);
    assert_eq!(error["code"], "amount_too_large");
    world.shop().post("payment_intents", &[("amount", "500"), ("currency", "xxx")]).await.refused(400);
}

#[tokio::test]
async fn customers_are_kept_changed_and_deleted() {
    let world = World::start().await;
    let shop = world.shop();
    let customer = shop.post("customers", &[("email", "b@example.test"), ("name", "B")]).await.ok();
    let path = format!("customers/{}", text(&customer["id"]));
    let changed = shop.post(&path, &[("name", ""), ("metadata[a]", "1")]).await.ok();
    assert_eq!((&changed["name"], &changed["metadata"]), (&json!(null), &json!({ "a": "1" })));
    let id = text(&customer["id"]);
    let intent = shop.pay(2000, &[("customer", &id), ("expand[]", "customer")]).await;
    assert_eq!(intent["customer"]["email"], "b@example.test");
    assert_eq!(shop.list(&format!("payment_intents?customer={id}")).await.len(), 1);
    assert_eq!(shop.list("customers?email=other@example.test").await.len(), 0);
    let form = [
        ("balance", "-500"),
        ("preferred_locales[]", "de"),
        ("tax_exempt", "reverse"),
        ("business_name", "B Ltd"),
        ("source", "tok_visa"),
    ];
    let changed = shop.post(&path, &form).await.ok();
    assert_eq!((&changed["balance"], &changed["tax_exempt"]), (&json!(-500), &json!("reverse")));
    assert_eq!((&changed["preferred_locales"], &changed["business_name"]), (&json!(["de"]), &json!("B Ltd")));
    let card = text(&shop.post("payment_methods/pm_card_visa/attach", &[("customer", &id)]).await.ok()["id"]);
    assert_eq!(shop.delete(&path).await.ok()["deleted"], true);
    assert_eq!(shop.get(&format!("payment_methods/{card}")).await.ok()["customer"], json!(null));
    let form = [("amount", "2000"), ("currency", "usd"), ("customer", id.as_str())];
    assert_eq!(shop.post("payment_intents", &form).await.refused(400)["code"], "resource_missing");
}

#[tokio::test]
async fn currencies_without_and_with_three_decimals_are_kept_apart() {
    let world = World::start().await;
    world.control(Method::POST, "settings", json!({ "convert_currencies": false })).await;
    let shop = world.shop();
    for (currency, amount, fee) in [("jpy", "5000", 175), ("kwd", "12340", 388)] {
        let form = [
            ("amount", amount),
            ("currency", currency),
            ("confirm", "true"),
            ("payment_method", "pm_card_visa"),
            ("capture_method", "automatic"),
            ("expand[]", "latest_charge.balance_transaction"),
        ];
        let paid = shop.post("payment_intents", &form).await.ok();
        let transaction = &paid["latest_charge"]["balance_transaction"];
        assert_eq!((&transaction["currency"], &transaction["fee"]), (&json!(currency), &json!(fee)));
    }
    let pending = &shop.get("balance").await.ok()["pending"];
    let held = |currency: &str| {
        let amounts = pending.as_array().unwrap();
        amounts.iter().find(|amount| amount["currency"] == currency).map(|amount| amount["amount"].clone())
    };
    assert_eq!(held("jpy"), Some(json!(5000 - 175)));
    assert_eq!(held("kwd"), Some(json!(12340 - 388)));
}

#[tokio::test]
async fn a_saved_card_is_its_customers_alone() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let (one, two) = (
        text(&shop.post("customers", &[]).await.ok()["id"]),
        text(&shop.post("customers", &[]).await.ok()["id"]),
    );
    let intent = shop.pay(2000, &[("customer", &one), ("setup_future_usage", "off_session")]).await;
    let card = text(&intent["payment_method"]);
    assert_eq!(shop.list(&format!("payment_methods?customer={one}&type=card")).await[0]["id"], json!(card));
    assert_eq!(shop.list(&format!("customers/{two}/payment_methods")).await.len(), 0);
    for payer in [vec![], vec![("customer", two.as_str())]] {
        let mut form = vec![
            ("amount", "2000"),
            ("currency", "usd"),
            ("confirm", "true"),
            ("payment_method", card.as_str()),
        ];
        form.extend(payer);
        shop.post("payment_intents", &form).await.refused(400);
    }
    shop.post(&format!("payment_methods/{card}/attach"), &[("customer", &two)]).await.refused(400);
    shop.pay(3000, &[("customer", &one), ("payment_method", &card), ("off_session", "true")]).await;

    let form = [("customer", one.as_str()), ("payment_method", card.as_str())];
    let copied = text(&shop.on(&seller).post("payment_methods", &form).await.ok()["id"]);
    shop.on(&seller).pay(2000, &[("payment_method", &copied)]).await;
    assert_eq!(shop.post(&format!("payment_methods/{card}/detach"), &[]).await.ok()["customer"], json!(null));
    let types = shop.event_types().await;
    assert!(
        types.contains(&"payment_method.attached".to_owned())
            && types.contains(&"payment_method.detached".to_owned())
    );
}
