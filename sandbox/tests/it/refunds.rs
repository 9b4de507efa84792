use serde_json::json;

use crate::world::{DAY, World, text};

#[tokio::test]
async fn a_refund_with_its_flags_unwinds_a_destination_charge_in_proportion() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let form = [("transfer_data[destination]", seller.as_str()), ("application_fee_amount", "999")];
    let intent = shop.pay(10_000, &form).await;
    let id = text(&intent["id"]);
    let refund = |amount: Option<&'static str>| {
        let (shop, id) = (shop.clone(), id.clone());
        async move {
            let mut form = vec![
                ("payment_intent", id.as_str()),
                ("reverse_transfer", "true"),
                ("refund_application_fee", "true"),
            ];
            form.extend(amount.map(|amount| ("amount", amount)));
            shop.post("refunds", &form).await
        }
    };
    let first = refund(Some("3333")).await.ok();
    assert_eq!(first["status"], "succeeded");
    assert!(text(&first["transfer_reversal"]).starts_with("trr_"));
    refund(Some("6668")).await.refused(400);
    refund(None).await.ok();
    assert_eq!(refund(None).await.refused(400)["code"], "charge_already_refunded");

    assert_eq!(shop.on(&seller).balance().await, (0, 0), "the last part takes what rounding left");
    assert_eq!(shop.balance().await, (0, -320), "Stripe keeps its fee");
    let charge = shop.get(&format!("charges/{}?expand[]=refunds", text(&intent["latest_charge"]))).await.ok();
    assert_eq!((&charge["refunded"], &charge["refunds"]["total_count"]), (&json!(true), &json!(2)));
    let fee = &shop.list("application_fees").await[0];
    assert_eq!((&fee["amount_refunded"], &fee["refunded"]), (&json!(999), &json!(true)));
    let types: Vec<String> = shop
        .on(&seller)
        .list("balance_transactions")
        .await
        .iter()
        .map(|t| text(&t["reporting_category"]))
        .collect();
    assert_eq!(types, ["fee", "refund", "fee", "refund", "charge"]);
}

#[tokio::test]
async fn a_refund_without_flags_is_the_platforms_alone() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let intent = shop.pay(10_000, &[("transfer_data[destination]", &seller)]).await;
    shop.post("refunds", &[("payment_intent", &text(&intent["id"])), ("amount", "4000")]).await.ok();
    assert_eq!(shop.on(&seller).balance().await, (0, 10_000));
    assert_eq!(shop.balance().await, (0, -4320));
    let types = shop.event_types().await;
    assert_eq!(types[types.len() - 2..], ["refund.created", "charge.refunded"]);
}

#[tokio::test]
async fn a_fee_refund_goes_to_the_seller() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    shop.pay(10_000, &[("transfer_data[destination]", &seller), ("application_fee_amount", "1000")]).await;
    let fee = text(&shop.list("application_fees").await[0]["id"]);
    let path = format!("application_fees/{fee}/refunds");
    let refund = shop.post(&path, &[("amount", "400"), ("metadata[why]", "kindness")]).await.ok();
    assert_eq!((&refund["object"], &refund["metadata"]["why"]), (&json!("fee_refund"), &json!("kindness")));
    shop.post(&path, &[("amount", "601")]).await.refused(400);
    assert_eq!(shop.on(&seller).balance().await, (0, 9400));
    assert_eq!(shop.get(&path).await.ok()["data"][0]["id"], refund["id"]);
    let one = format!("{path}/{}", text(&refund["id"]));
    assert_eq!(shop.post(&one, &[("metadata[why]", "")]).await.ok()["metadata"], json!({}));
}

#[tokio::test]
async fn a_seller_without_money_refunds_when_there_is_some() {
    let world = World::start().await;
    let seller = world.seller().await;
    let on_seller = world.shop().on(&seller);
    let intent = on_seller.pay(10_000, &[("payment_method", "pm_card_bypassPending")]).await;
    on_seller.post("payouts", &[("amount", "9000"), ("currency", "usd")]).await.ok();
    let refund = on_seller.post("refunds", &[("payment_intent", &text(&intent["id"]))]).await.ok();
    assert_eq!(
        (&refund["status"], &refund["pending_reason"]),
        (&json!("pending"), &json!("insufficient_funds"))
    );
    assert_eq!(on_seller.balance().await, (680, 0));
    on_seller.pay(20_000, &[]).await;
    world.advance(DAY).await;
    let paid = on_seller.get(&format!("refunds/{}", text(&refund["id"]))).await.ok();
    assert_eq!(paid["status"], "succeeded");
    assert!(text(&paid["balance_transaction"]).starts_with("txn_"));
}

#[tokio::test]
async fn refunds_are_found_by_what_they_refund() {
    let world = World::start().await;
    let shop = world.shop();
    let (one, two) = (shop.pay(2000, &[]).await, shop.pay(3000, &[]).await);
    for intent in [&one, &two] {
        shop.post("refunds", &[("charge", &text(&intent["latest_charge"])), ("amount", "500")]).await.ok();
    }
    assert_eq!(shop.list("refunds").await.len(), 2);
    assert_eq!(shop.list(&format!("refunds?payment_intent={}", text(&one["id"]))).await.len(), 1);
    assert_eq!(shop.list(&format!("refunds?charge={}", text(&two["latest_charge"]))).await.len(), 1);
    assert_eq!(shop.post("refunds", &[]).await.refused(400)["code"], "parameter_missing");
    assert_eq!(
        shop.post("refunds", &[("charge", "ch_nothing")]).await.refused(400)["code"],
        "resource_missing"
    );
}

#[tokio::test]
async fn a_refund_that_fails_later_comes_back_to_the_balance() {
    let world = World::start().await;
    let shop = world.shop();
    let charge = text(&shop.pay(10_000, &[("payment_method", "pm_card_refundFail")]).await["latest_charge"]);
    let refund = shop.post("refunds", &[("charge", &charge), ("amount", "4000")]).await.ok();
    assert_eq!(refund["status"], "succeeded");
    assert_eq!(shop.balance().await, (0, 5680));
    world.advance(2).await;
    let path = format!("refunds/{}?expand[]=failure_balance_transaction", text(&refund["id"]));
    let failed = shop.get(&path).await.ok();
    assert_eq!(
        (&failed["status"], &failed["failure_reason"], &failed["failure_balance_transaction"]["type"]),
        (&json!("failed"), &json!("expired_or_canceled_card"), &json!("refund_failure"))
    );
    assert_eq!(shop.balance().await, (4000, 5680));
    assert_eq!(shop.get(&format!("charges/{charge}")).await.ok()["amount_refunded"], 0);
    let types = shop.event_types().await;
    assert_eq!(types[types.len() - 3..], ["refund.updated", "charge.refund.updated", "refund.failed"]);
}

#[tokio::test]
async fn a_refund_that_takes_a_while_arrives_and_gets_its_reference() {
    let world = World::start().await;
    let shop = world.shop();
    let charge =
        text(&shop.pay(10_000, &[("payment_method", "pm_card_pendingRefund")]).await["latest_charge"]);
    let refund = shop.post("refunds", &[("charge", &charge)]).await.ok();
    assert_eq!((&refund["status"], &refund["pending_reason"]), (&json!("pending"), &json!("processing")));
    let path = format!("refunds/{}", text(&refund["id"]));
    world.advance(2).await;
    let arrived = shop.get(&path).await.ok();
    assert_eq!(arrived["status"], "succeeded");
    assert_eq!(arrived["destination_details"]["card"]["reference_status"], "pending");
    world.advance(4 * DAY).await;
    let card = shop.get(&path).await.ok()["destination_details"]["card"].clone();
    assert_eq!(card["reference_status"], "available");
    assert_eq!(text(&card["reference"]).len(), 23);
}

#[tokio::test]
async fn only_a_refund_that_waits_for_the_buyer_is_cancelled() {
    let world = World::start().await;
    let shop = world.shop();
    let charge = text(&shop.pay(10_000, &[]).await["latest_charge"]);
    let form = [("charge", charge.as_str()), ("instructions_email", "jenny@example.com")];
    let id = text(&shop.post("refunds", &form).await.ok()["id"]);
    let cancel = format!("refunds/{id}/cancel");
    shop.post(&cancel, &[]).await.refused(400);
    let waiting =
        world.control(reqwest::Method::POST, &format!("refunds/{id}/require-action"), json!({})).await;
    assert_eq!(waiting["next_action"]["display_details"]["email_sent"]["email_sent_to"], "jenny@example.com");
    let canceled = shop.post(&cancel, &[]).await.ok();
    assert_eq!(canceled["status"], "canceled");
    assert_eq!(shop.balance().await, (10_000, -320));
    shop.post("refunds", &[("charge", &charge)]).await.ok();
}

#[tokio::test]
async fn refunds_at_the_same_time_never_exceed_the_charge() {
    let world = World::start().await;
    let shop = world.shop();
    let charge = text(&shop.pay(12_000, &[]).await["latest_charge"]);
    let attempts = (0..20).map(|_| {
        let (shop, charge) = (shop.clone(), charge.clone());
        tokio::spawn(
            async move { shop.post("refunds", &[("charge", &charge), ("amount", "1000")]).await.status },
        )
    });
    let mut granted = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        granted += i32::from(attempt.await.unwrap() == 200);
    }
    assert_eq!(granted, 12);
    assert_eq!(shop.get(&format!("charges/{charge}")).await.ok()["refunded"], true);
}

#[tokio::test]
async fn what_a_bank_paid_is_refunded_as_a_payment_and_takes_days() {
    let world = World::start().await;
    let shop = world.shop();
    let form = [
        ("amount", "5000"),
        ("currency", "usd"),
        ("confirm", "true"),
        ("payment_method", "pm_usBankAccount_success"),
        ("mandate_data[customer_acceptance][type]", "offline"),
    ];
    let intent = text(&shop.post("payment_intents", &form).await.ok()["id"]);
    world.advance(5 * DAY).await;
    let form = [("payment_intent", intent.as_str()), ("expand[]", "balance_transaction")];
    let refund = shop.post("refunds", &form).await.ok();
    assert_eq!((&refund["status"], &refund["pending_reason"]), (&json!("pending"), &json!("processing")));
    assert_eq!(refund["balance_transaction"]["type"], "payment_refund");
    world.advance(4 * DAY).await;
    let path = format!("refunds/{}", text(&refund["id"]));
    assert!(path.starts_with("refunds/pyr_"));
    assert_eq!(shop.get(&path).await.ok()["status"], "succeeded");
}
