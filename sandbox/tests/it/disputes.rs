//! Disputes, early fraud warnings, reviews: money that banks take back, and those who watch.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Caller, DAY, World, text};

async fn paid(who: &Caller, method: &str) -> String {
    text(&who.pay(10_000, &[("payment_method", method)]).await["latest_charge"])
}

async fn opened(world: &World, charge: &str, more: Value) -> String {
    let mut body = more;
    body["charge"] = json!(charge);
    text(&world.control(Method::POST, "disputes", body).await["id"])
}

/// All positions of all accounts sum to zero.
async fn nothing_is_lost(world: &World) {
    let ledger = world.control(Method::GET, "ledger", json!({})).await;
    let sum: i64 = ledger["positions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["available"].as_i64().unwrap() + p["pending"].as_i64().unwrap())
        .sum();
    assert_eq!(sum, 0);
}

fn last(types: &[String], count: usize) -> &[String] {
    &types[types.len() - count..]
}

#[tokio::test]
async fn a_card_that_disputes_takes_the_amount_and_a_fee_from_the_platform() {
    let world = World::start().await;
    let shop = world.shop();
    let charge = paid(&shop, "pm_card_createDispute").await;
    assert_eq!(shop.list("disputes").await.len(), 0);
    world.advance(2).await;

    let dispute = &shop.list(&format!("disputes?charge={charge}")).await[0];
    assert_eq!(
        (&dispute["status"], &dispute["reason"], &dispute["amount"], &dispute["is_charge_refundable"]),
        (&json!("needs_response"), &json!("fraudulent"), &json!(10_000), &json!(false))
    );
    let withdrawal = &dispute["balance_transactions"][0];
    assert_eq!(
        (&withdrawal["type"], &withdrawal["amount"], &withdrawal["fee"], &withdrawal["net"]),
        (&json!("adjustment"), &json!(-10_000), &json!(1500), &json!(-11_500))
    );
    assert_eq!(withdrawal["fee_details"][0]["description"], "Dispute fee");
    assert_eq!(shop.balance().await, (-11_500, 9680));
    assert_eq!(shop.get(&format!("charges/{charge}")).await.ok()["disputed"], true);
    let refused = shop.post("refunds", &[("charge", &charge)]).await.refused(400);
    assert_eq!(refused["code"], "charge_disputed");
    let types = shop.event_types().await;
    assert_eq!(last(&types, 2), ["charge.dispute.created", "charge.dispute.funds_withdrawn"]);
    nothing_is_lost(&world).await;
}

#[tokio::test]
async fn winning_evidence_brings_the_amount_back_and_the_fee_for_countering() {
    let world = World::start().await;
    let shop = world.shop();
    let charge = paid(&shop, "pm_card_createDisputeProductNotReceived").await;
    world.advance(2).await;
    let id = text(&shop.list("disputes").await[0]["id"]);
    let path = format!("disputes/{id}");

    // A draft moves nothing.
    let draft = [("evidence[customer_name]", "Jenny"), ("submit", "false"), ("metadata[case]", "7")];
    let draft = shop.post(&path, &draft).await.ok();
    assert_eq!((&draft["status"], &draft["metadata"]["case"]), (&json!("needs_response"), &json!("7")));
    assert_eq!(
        (&draft["evidence_details"]["has_evidence"], &draft["evidence_details"]["submission_count"]),
        (&json!(true), &json!(0))
    );

    // What is not a draft is submitted, with what was drafted.
    let sent = shop.post(&path, &[("evidence[uncategorized_text]", "winning_evidence")]).await.ok();
    assert_eq!(
        (&sent["status"], &sent["evidence"]["customer_name"]),
        (&json!("under_review"), &json!("Jenny"))
    );
    assert_eq!(sent["evidence_details"]["submission_count"], 1);
    assert_eq!(shop.balance().await, (-13_000, 9680), "answering costs a fee");
    shop.post(&path, &[("evidence[customer_name]", "John")]).await.refused(400);
    shop.post(&format!("{path}/close"), &[]).await.refused(400);
    shop.post(&path, &[("metadata[case]", "8")]).await.ok();

    world.advance(2).await;
    let won = shop.get(&path).await.ok();
    assert_eq!(won["status"], "won");
    let back = &won["balance_transactions"][1];
    assert_eq!(
        (&back["amount"], &back["fee"], &back["reporting_category"]),
        (&json!(10_000), &json!(0), &json!("dispute_reversal"))
    );
    assert_eq!(shop.balance().await, (-1500, 9680), "the fee for receiving it stays");
    let types = shop.event_types().await;
    assert_eq!(last(&types, 2), ["charge.dispute.closed", "charge.dispute.funds_reinstated"]);
    assert_eq!(shop.get(&format!("charges/{charge}")).await.ok()["disputed"], true);
    nothing_is_lost(&world).await;
}

#[tokio::test]
async fn losing_evidence_accepting_and_silence_all_lose() {
    let world = World::start().await;
    let shop = world.shop();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let charge = paid(&shop, "pm_card_visa").await;
        ids.push(opened(&world, &charge, json!({ "reason": "duplicate" })).await);
    }
    let evidence = [("evidence[uncategorized_text]", "losing_evidence")];
    shop.post(&format!("disputes/{}", ids[0]), &evidence).await.ok();
    let accepted = shop.post(&format!("disputes/{}/close", ids[1]), &[]).await.ok();
    assert_eq!(accepted["status"], "lost");
    world.advance(10 * DAY).await;
    for id in &ids {
        assert_eq!(shop.get(&format!("disputes/{id}")).await.ok()["status"], "lost");
    }
    let silent = shop.get(&format!("disputes/{}", ids[2])).await.ok();
    assert_eq!(silent["evidence_details"]["past_due"], true);
    // 3 * (10000 - 320) came in; 3 * 11500 and one answer went out.
    assert_eq!(shop.balance().await, (-6960, 0));
    let late = shop.post(&format!("disputes/{}", ids[2]), &[("evidence[receipt]", "")]).await;
    assert_eq!(late.refused(400)["message"], "This dispute is already closed.");
    nothing_is_lost(&world).await;
}

#[tokio::test]
async fn a_direct_charge_is_disputed_at_the_seller_and_a_destination_charge_at_the_platform() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let on_seller = shop.on(&seller);
    let direct = text(&on_seller.pay(10_000, &[("application_fee_amount", "1000")]).await["latest_charge"]);
    let form = [("transfer_data[destination]", seller.as_str()), ("application_fee_amount", "1000")];
    let destination = text(&shop.pay(10_000, &form).await["latest_charge"]);
    assert_eq!((shop.balance().await, on_seller.balance().await), ((0, 1680), (0, 17_680)));

    let of_seller = opened(&world, &direct, json!({})).await;
    let of_platform = opened(&world, &destination, json!({ "amount": 4000 })).await;
    assert_eq!(on_seller.balance().await, (-11_500, 17_680));
    assert_eq!(shop.balance().await, (-5500, 1680));
    on_seller.get(&format!("disputes/{of_seller}")).await.ok();
    shop.get(&format!("disputes/{of_seller}")).await.refused(404);
    shop.get(&format!("disputes/{of_platform}")).await.ok();
    assert!(on_seller.event_types().await.contains(&"charge.dispute.created".to_owned()));
    nothing_is_lost(&world).await;
}

#[tokio::test]
async fn a_platform_that_pays_all_fees_pays_those_of_its_sellers_disputes() {
    let world = World::start().await;
    let shop = world.shop();
    let form = [
        ("controller[fees][payer]", "application"),
        ("controller[losses][payments]", "application"),
        ("controller[stripe_dashboard][type]", "express"),
        ("country", "US"),
        ("capabilities[card_payments][requested]", "true"),
        ("capabilities[transfers][requested]", "true"),
    ];
    let seller = text(&shop.post("accounts", &form).await.ok()["id"]);
    world.control(Method::POST, &format!("accounts/{seller}/complete-onboarding"), json!({})).await;
    let on_seller = shop.on(&seller);
    let charge = text(&on_seller.pay(10_000, &[]).await["latest_charge"]);
    let dispute = opened(&world, &charge, json!({})).await;
    let seen = on_seller.get(&format!("disputes/{dispute}")).await.ok();
    assert_eq!(seen["balance_transactions"][0]["fee"], 0);
    assert_eq!(on_seller.balance().await, (-10_000, 10_000));
    assert_eq!(shop.balance().await.0, -1500);
    nothing_is_lost(&world).await;
}

#[tokio::test]
async fn an_inquiry_moves_no_money_and_can_be_refunded() {
    let world = World::start().await;
    let shop = world.shop();
    let charge = paid(&shop, "pm_card_createDisputeInquiry").await;
    world.advance(2).await;
    let inquiry = &shop.list("disputes").await[0];
    assert_eq!(
        (&inquiry["status"], &inquiry["is_charge_refundable"], &inquiry["balance_transactions"]),
        (&json!("warning_needs_response"), &json!(true), &json!([]))
    );
    assert_eq!(inquiry["payment_method_details"]["card"]["case_type"], "inquiry");
    assert_eq!(shop.balance().await, (0, 9680));
    shop.post("refunds", &[("charge", &charge)]).await.ok();
    let path = format!("disputes/{}", text(&inquiry["id"]));
    let answered = shop.post(&path, &[("evidence[refund_policy_disclosure]", "shown")]).await.ok();
    assert_eq!(answered["status"], "warning_under_review");
    world.advance(121 * DAY).await;
    assert_eq!(shop.get(&path).await.ok()["status"], "warning_closed");
}

#[tokio::test]
async fn an_inquiry_that_is_escalated_becomes_a_dispute() {
    let world = World::start().await;
    let shop = world.shop();
    let charge = paid(&shop, "pm_card_visa").await;
    let path = format!("disputes/{}", opened(&world, &charge, json!({ "inquiry": true })).await);
    shop.post(&path, &[("evidence[uncategorized_text]", "escalate_inquiry_evidence")]).await.ok();
    world.advance(2).await;
    let dispute = shop.get(&path).await.ok();
    assert_eq!(dispute["status"], "needs_response");
    assert_eq!(shop.balance().await, (-11_500, 9680));
    world.control(Method::POST, &format!("{}/close", path), json!({ "outcome": "won" })).await;
    assert_eq!(shop.balance().await, (-1500, 9680));
    nothing_is_lost(&world).await;
}

#[tokio::test]
async fn parts_of_a_charge_are_disputed_up_to_all_of_it() {
    let world = World::start().await;
    let shop = world.shop();
    paid(&shop, "pm_card_createMultipleDisputes").await;
    world.advance(2).await;
    let amounts: Vec<Value> = shop.list("disputes").await.iter().map(|d| d["amount"].clone()).collect();
    assert_eq!(amounts, [5000, 5000]);

    let charge = paid(&shop, "pm_card_visa").await;
    opened(&world, &charge, json!({ "amount": 9999 })).await;
    opened(&world, &charge, json!({})).await;
    assert_eq!(shop.list(&format!("disputes?charge={charge}")).await[0]["amount"], 1);
    assert_eq!(world.try_control("disputes", json!({ "charge": charge })).await, 400);
}

#[tokio::test]
async fn evidence_in_the_forms_of_the_networks_is_kept() {
    let world = World::start().await;
    let shop = world.shop();
    paid(&shop, "pm_card_createCe3EligibleDispute").await;
    world.advance(2).await;
    let dispute = shop.list("disputes").await.remove(0);
    let way = |dispute: &Value| {
        dispute["evidence_details"]["enhanced_eligibility"]["visa_compelling_evidence_3"]["status"].clone()
    };
    assert_eq!(way(&dispute), "requires_action");
    let of = |name: &str| format!("evidence[enhanced_evidence][visa_compelling_evidence_3]{name}");
    let mut form = vec![
        (of("[disputed_transaction][merchandise_or_services]"), "merchandise"),
        (of("[disputed_transaction][product_description]"), "Shoes"),
        (of("[disputed_transaction][customer_purchase_ip]"), "127.0.0.1"),
        (of("[disputed_transaction][shipping_address][city]"), "Berlin"),
        ("submit".to_owned(), "false"),
    ];
    for prior in ["0", "1"] {
        let of = |name: &str| of(&format!("[prior_undisputed_transactions][{prior}][{name}]"));
        form.extend([
            (of("charge"), "ch_1"),
            (of("product_description"), "Hat"),
            (of("customer_purchase_ip"), "127.0.0.1"),
        ]);
    }
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let path = format!("disputes/{}", text(&dispute["id"]));
    assert_eq!(way(&shop.post(&path, &form).await.ok()), "qualified");
}

#[tokio::test]
async fn an_early_fraud_warning_is_actionable_until_the_charge_is_refunded_or_disputed() {
    let world = World::start().await;
    let shop = world.shop();
    let refunded = paid(&shop, "pm_card_createIssuerFraudRecord").await;
    world.advance(2).await;
    let disputed = paid(&shop, "pm_card_visa").await;
    let body = json!({ "charge": disputed, "fraud_type": "made_with_stolen_card" });
    let second = world.control(Method::POST, "early_fraud_warnings", body).await;
    assert_eq!(
        (&second["actionable"], &second["fraud_type"]),
        (&json!(true), &json!("made_with_stolen_card"))
    );

    shop.post("refunds", &[("charge", &refunded), ("amount", "1")]).await.ok();
    let path = "radar/early_fraud_warnings";
    assert_eq!(shop.list(&format!("{path}?charge={refunded}")).await[0]["actionable"], true);
    shop.post("refunds", &[("charge", &refunded)]).await.ok();
    opened(&world, &disputed, json!({})).await;
    for warning in shop.list(path).await {
        assert_eq!(warning["actionable"], false);
    }
    let found = shop.get(&format!("{path}/{}", text(&second["id"]))).await.ok();
    assert_eq!(found["charge"], json!(disputed));
    shop.get(&format!("{path}/issfr_none")).await.refused(404);
    let types = shop.event_types().await;
    let updates = types.iter().filter(|kind| *kind == "radar.early_fraud_warning.updated").count();
    assert_eq!(updates, 2);
}

#[tokio::test]
async fn a_review_is_closed_by_approval_refund_or_dispute() {
    let world = World::start().await;
    let shop = world.shop();
    let mut reviews = Vec::new();
    for _ in 0..3 {
        let intent = shop.pay(10_000, &[("payment_method", "pm_card_riskLevelElevated")]).await;
        let charge = shop.get(&format!("charges/{}", text(&intent["latest_charge"]))).await.ok();
        assert_eq!(
            (&charge["outcome"]["risk_level"], &intent["review"]),
            (&json!("elevated"), &charge["review"])
        );
        reviews.push((text(&charge["review"]), text(&charge["id"])));
    }
    assert_eq!(shop.list("reviews").await.len(), 3);
    let approve = format!("reviews/{}/approve", reviews[0].0);
    let approved = shop.post(&approve, &[]).await.ok();
    assert_eq!((&approved["open"], &approved["reason"]), (&json!(false), &json!("approved")));
    shop.post(&approve, &[]).await.refused(400);
    shop.post("refunds", &[("charge", &reviews[1].1), ("reason", "fraudulent")]).await.ok();
    opened(&world, &reviews[2].1, json!({})).await;
    let mut reasons = Vec::new();
    for (review, _) in &reviews {
        reasons.push(shop.get(&format!("reviews/{review}")).await.ok()["closed_reason"].clone());
    }
    let closed = shop.get(&format!("charges/{}", reviews[0].1)).await.ok();
    assert_eq!(closed["review"], json!(reviews[0].0), "the charge still names it");
    assert_eq!(reasons, ["approved", "refunded_as_fraud", "disputed"]);
    assert_eq!(shop.list("reviews").await.len(), 0);
    let charge = paid(&shop, "pm_card_visa").await;
    let by_hand = world.control(Method::POST, "reviews", json!({ "charge": charge })).await;
    assert_eq!(by_hand["opened_reason"], "manual");
}

#[tokio::test]
async fn a_disputed_debit_is_lost_without_anybody_being_asked() {
    let world = World::start().await;
    let shop = world.shop();
    let form = [
        ("amount", "5000"),
        ("currency", "usd"),
        ("confirm", "true"),
        ("payment_method", "pm_usBankAccount_dispute"),
        ("mandate_data[customer_acceptance][type]", "offline"),
    ];
    shop.post("payment_intents", &form).await.ok();
    world.advance(5 * DAY).await;
    let dispute = &shop.list("disputes").await[0];
    assert_eq!((&dispute["status"], &dispute["reason"]), (&json!("lost"), &json!("debit_not_authorized")));
    assert_eq!(dispute["payment_method_details"], Value::Null);
    nothing_is_lost(&world).await;
}

#[tokio::test]
async fn what_stripe_takes_for_a_dispute_is_a_setting() {
    let world = World::start().await;
    let shop = world.shop();
    assert_eq!(world.try_control("disputes", json!({ "charge": "ch_none" })).await, 404);
    let settings = json!({ "dispute_received_fee": 0, "dispute_countered_fee": 700, "dispute_countered_fee_returned": false });
    world.control(Method::POST, "settings", settings).await;
    let charge = paid(&shop, "pm_card_visa").await;
    let path = format!("disputes/{}", opened(&world, &charge, json!({})).await);
    shop.post(&path, &[("evidence[uncategorized_text]", "winning_evidence")]).await.ok();
    world.advance(2).await;
    assert_eq!(shop.balance().await, (-700, 9680));

    let settings = json!({ "dispute_received_fee": 1500, "dispute_received_fee_returned": true });
    world.control(Method::POST, "settings", settings).await;
    let charge = paid(&shop, "pm_card_visa").await;
    let path = format!("disputes/{}", opened(&world, &charge, json!({})).await);
    assert_eq!(shop.balance().await, (-700 - 11_500, 2 * 9680));
    let won = world.control(Method::POST, &format!("{path}/close"), json!({ "outcome": "won" })).await;
    assert_eq!(won["balance_transactions"][1]["fee"], -1500);
    assert_eq!(shop.balance().await, (-700, 2 * 9680));
    nothing_is_lost(&world).await;
}
