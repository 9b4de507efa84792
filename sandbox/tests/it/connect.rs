use serde_json::{Value, json};

use crate::world::{World, text};

fn figures(transactions: &[Value]) -> Vec<(String, i64, i64, i64)> {
    let figure = |t: &Value, name: &str| t[name].as_i64().unwrap();
    transactions
        .iter()
        .rev()
        .map(|t| (text(&t["type"]), figure(t, "amount"), figure(t, "fee"), figure(t, "net")))
        .collect()
}

fn figure(kind: &str, amount: i64, fee: i64) -> (String, i64, i64, i64) {
    (kind.to_owned(), amount, fee, amount - fee)
}

#[tokio::test]
async fn a_destination_charge_writes_both_books() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let form = [
        ("transfer_data[destination]", seller.as_str()),
        ("application_fee_amount", "1000"),
        ("expand[]", "latest_charge"),
    ];
    let intent = shop.pay(10_000, &form).await;
    let charge = &intent["latest_charge"];
    assert_eq!(charge["transfer_group"], json!(format!("group_{}", text(&intent["id"]))));
    assert_eq!(charge["transfer_data"], json!({ "amount": null, "destination": seller }));

    let platform = shop.list("balance_transactions").await;
    assert_eq!(
        figures(&platform),
        [figure("charge", 10_000, 320), figure("transfer", -10_000, 0), figure("application_fee", 1000, 0)]
    );
    let on_seller = shop.on(&seller).list("balance_transactions").await;
    assert_eq!(figures(&on_seller), [figure("payment", 10_000, 1000)]);
    assert_eq!(on_seller[0]["fee_details"][0]["type"], "application_fee");
    assert_eq!(shop.on(&seller).balance().await, (0, 9000));

    let transfer = shop.get(&format!("transfers/{}", text(&charge["transfer"]))).await.ok();
    assert_eq!(transfer["source_transaction"], charge["id"]);
    assert_eq!(transfer["reversals"]["total_count"], 0);
    let payment =
        shop.on(&seller).get(&format!("charges/{}", text(&transfer["destination_payment"]))).await.ok();
    assert_eq!(payment["source_transfer"], transfer["id"]);
    assert_eq!(payment["payment_method_details"]["type"], "stripe_account");
    let fee = shop.get(&format!("application_fees/{}", text(&charge["application_fee"]))).await.ok();
    assert_eq!((&fee["account"], &fee["charge"]), (&json!(seller), &payment["id"]));
    assert_eq!(fee["originating_transaction"], charge["id"]);
    assert_eq!(
        shop.event_types().await,
        [
            "payment_intent.created",
            "transfer.created",
            "application_fee.created",
            "charge.succeeded",
            "payment_intent.succeeded"
        ]
    );
}

#[tokio::test]
async fn a_direct_charge_is_the_sellers_and_pays_the_platform() {
    let world = World::start().await;
    let seller = world.seller().await;
    let (shop, on_seller) = (world.shop(), world.shop().on(&seller));
    let intent = on_seller.pay(10_000, &[("application_fee_amount", "1000")]).await;
    assert!(text(&intent["application"]).starts_with("ca_"));
    let transactions = on_seller.list("balance_transactions").await;
    assert_eq!(figures(&transactions), [figure("charge", 10_000, 1320)]);
    assert_eq!(figures(&shop.list("balance_transactions").await), [figure("application_fee", 1000, 0)]);
    let fee = &shop.list("application_fees").await[0];
    assert_eq!((&fee["charge"], &fee["originating_transaction"]), (&intent["latest_charge"], &json!(null)));
    shop.get(&format!("payment_intents/{}", text(&intent["id"]))).await.refused(404);
}

#[tokio::test]
async fn a_platform_that_pays_the_fees_bears_those_of_direct_charges() {
    let world = World::start().await;
    let form = [
        ("controller[fees][payer]", "application"),
        ("controller[losses][payments]", "application"),
        ("controller[stripe_dashboard][type]", "express"),
    ];
    let seller = text(&world.shop().post("accounts", &form).await.ok()["id"]);
    world.control(reqwest::Method::POST, &format!("accounts/{seller}/complete-onboarding"), json!({})).await;
    world.shop().on(&seller).pay(10_000, &[]).await;
    assert_eq!(world.shop().on(&seller).balance().await, (0, 10_000));
    assert_eq!(world.shop().balance().await, (0, -320));
}

#[tokio::test]
async fn transfers_out_of_a_charge_never_exceed_it() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let intent = shop.pay(10_000, &[("transfer_group", "order_1")]).await;
    let charge = text(&intent["latest_charge"]);
    let send = |amount: &'static str, currency: &'static str| {
        let (shop, seller, charge) = (shop.clone(), seller.clone(), charge.clone());
        async move {
            let form = [
                ("amount", amount),
                ("currency", currency),
                ("destination", &seller),
                ("source_transaction", &charge),
            ];
            shop.post("transfers", &form).await
        }
    };
    let transfer = send("6000", "usd").await.ok();
    assert_eq!(transfer["transfer_group"], "order_1");
    let error = send("4001", "usd").await.refused(400);
    assert_eq!(error["code"], "transfer_source_balance_insufficient");
    assert_eq!(send("100", "eur").await.refused(400)["code"], "balance_transaction_currency_mismatch");
    send("4000", "usd").await.ok();
    assert_eq!(shop.on(&seller).balance().await, (0, 10_000), "pending as long as the charge");
    assert_eq!(shop.list("transfers?transfer_group=order_1").await.len(), 2);
    assert_eq!(shop.list(&format!("transfers?destination={seller}")).await.len(), 2);
    world.advance(2 * crate::world::DAY).await;
    assert_eq!(shop.on(&seller).balance().await, (10_000, 0));
}

#[tokio::test]
async fn a_transfer_from_the_balance_needs_available_money() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let form = [("amount", "5000"), ("currency", "usd"), ("destination", seller.as_str())];
    shop.pay(10_000, &[]).await;
    let error = shop.post("transfers", &form).await.refused(400);
    assert_eq!(error["code"], "balance_insufficient");
    shop.pay(10_000, &[("payment_method", "pm_card_bypassPending")]).await;
    let transfer = shop.post("transfers", &form).await.ok();
    assert_eq!(transfer["source_transaction"], json!(null));
    assert_eq!(shop.on(&seller).balance().await, (5000, 0));
}

#[tokio::test]
async fn only_accounts_that_can_take_it_are_paid() {
    let world = World::start().await;
    let shop = world.shop();
    let fresh = text(&shop.post("accounts", &[("type", "express")]).await.ok()["id"]);
    let form = [("amount", "2000"), ("currency", "usd"), ("transfer_data[destination]", fresh.as_str())];
    assert_eq!(
        shop.post("payment_intents", &form).await.refused(400)["code"],
        "insufficient_capabilities_for_transfer"
    );
    let nobody = [("amount", "2000"), ("currency", "usd"), ("transfer_data[destination]", "acct_nobody")];
    let error = shop.post("payment_intents", &nobody).await.refused(400);
    assert_eq!(
        (&error["code"], &error["param"]),
        (&json!("resource_missing"), &json!("transfer_data[destination]"))
    );
    let fee = [("amount", "2000"), ("currency", "usd"), ("application_fee_amount", "100")];
    assert_eq!(shop.post("payment_intents", &fee).await.refused(400)["param"], "application_fee_amount");
}

#[tokio::test]
async fn a_reversal_brings_money_back_until_nothing_is_left() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    shop.pay(10_000, &[("payment_method", "pm_card_bypassPending")]).await;
    let form = [("amount", "5000"), ("currency", "usd"), ("destination", seller.as_str())];
    let transfer = text(&shop.post("transfers", &form).await.ok()["id"]);
    let path = format!("transfers/{transfer}/reversals");
    let reversal = shop.post(&path, &[("amount", "2000"), ("expand[]", "balance_transaction")]).await.ok();
    assert_eq!(reversal["balance_transaction"]["type"], "transfer_refund");
    assert_eq!(reversal["balance_transaction"]["reporting_category"], "transfer_reversal");
    assert!(text(&reversal["destination_payment_refund"]).starts_with("pyr_"));
    shop.post(&path, &[("amount", "3001")]).await.refused(400);
    shop.post(&path, &[]).await.ok();
    assert_eq!(shop.post(&path, &[]).await.refused(400)["code"], "transfer_already_reversed");
    let transfer = shop.get(&format!("transfers/{transfer}")).await.ok();
    assert_eq!((&transfer["reversed"], &transfer["reversals"]["total_count"]), (&json!(true), &json!(2)));
    assert_eq!(shop.on(&seller).balance().await, (0, 0));
}

#[tokio::test]
async fn a_separate_transfer_is_not_reversed_below_zero() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    shop.pay(10_000, &[("payment_method", "pm_card_bypassPending")]).await;
    let form = [("amount", "5000"), ("currency", "usd"), ("destination", seller.as_str())];
    let transfer = text(&shop.post("transfers", &form).await.ok()["id"]);
    shop.on(&seller).post("payouts", &[("amount", "4000"), ("currency", "usd")]).await.ok();
    let error = shop.post(&format!("transfers/{transfer}/reversals"), &[]).await.refused(400);
    assert_eq!(error["code"], "balance_insufficient");
}
