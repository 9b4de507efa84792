//! What is authorised, asked for, and blocked before any money moves.

use reqwest::Method;
use serde_json::json;

use crate::world::{DAY, World, text};

const HELD: &[(&str, &str)] = &[
    ("amount", "2000"),
    ("currency", "usd"),
    ("confirm", "true"),
    ("payment_method", "pm_card_visa"),
    ("capture_method", "manual"),
    ("expand[]", "latest_charge"),
];

#[tokio::test]
async fn an_authorisation_goes_back_to_the_card_after_seven_days() {
    let world = World::start().await;
    let shop = world.shop();
    let held = shop.post("payment_intents", HELD).await.ok();
    let charge = &held["latest_charge"];
    let until = charge["payment_method_details"]["card"]["capture_before"].as_i64().unwrap();
    assert_eq!(until - charge["created"].as_i64().unwrap(), 7 * DAY);
    world.advance(7 * DAY - 60).await;
    let path = format!("payment_intents/{}", text(&held["id"]));
    assert_eq!(shop.get(&path).await.ok()["status"], "requires_capture");
    world.advance(60).await;
    let expired = shop.get(&path).await.ok();
    assert_eq!(
        (&expired["status"], &expired["cancellation_reason"]),
        (&json!("canceled"), &json!("automatic"))
    );
    assert_eq!(shop.event_types().await[3..], ["charge.expired", "payment_intent.canceled"]);
    assert_eq!(shop.balance().await, (0, 0));
    let path = format!("charges/{}/capture", text(&charge["id"]));
    assert_eq!(shop.post(&path, &[]).await.refused(400)["code"], "charge_expired_for_capture");
}

#[tokio::test]
async fn a_charge_can_be_captured_by_its_own_name() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let mut form = HELD.to_vec();
    form.push(("transfer_data[destination]", &seller));
    let held = shop.post("payment_intents", &form).await.ok();
    let path = format!("charges/{}/capture", text(&held["latest_charge"]["id"]));
    shop.post(&path, &[("amount", "2001")]).await.refused(400);
    let taken = shop.post(&path, &[("amount", "1500"), ("transfer_data[amount]", "1000")]).await.ok();
    assert_eq!((&taken["captured"], &taken["amount_captured"]), (&json!(true), &json!(1500)));
    assert_eq!(shop.post(&path, &[]).await.refused(400)["code"], "charge_already_captured");
    assert_eq!(shop.balance().await, (0, 1500 - 74 - 1000));
    assert_eq!(shop.on(&seller).balance().await, (0, 1000));
}

#[tokio::test]
async fn three_d_secure_can_be_asked_for() {
    let world = World::start().await;
    let shop = world.shop();
    let option = "payment_method_options[card][request_three_d_secure]";
    let mut form = vec![
        ("amount", "2000"),
        ("currency", "usd"),
        ("confirm", "true"),
        ("payment_method", "pm_card_threeDSecureOptional"),
    ];
    assert_eq!(shop.post("payment_intents", &form).await.ok()["status"], "succeeded");
    form.push((option, "sometimes"));
    assert_eq!(shop.post("payment_intents", &form).await.refused(400)["param"], option);
    form[4] = (option, "any");
    let waiting = shop.post("payment_intents", &form).await.ok();
    assert_eq!(waiting["status"], "requires_action");
    assert_eq!(waiting["payment_method_options"]["card"]["request_three_d_secure"], "any");
    form.push(("error_on_requires_action", "true"));
    let error = shop.post("payment_intents", &form).await.refused(402);
    assert_eq!(error["code"], "authentication_required");
    assert_eq!(error["payment_intent"]["status"], "requires_payment_method");
    assert!(text(&error["payment_method"]["id"]).starts_with("pm_"));
}

#[tokio::test]
async fn a_card_may_be_declined_after_the_bank_saw_the_buyer() {
    let world = World::start().await;
    let shop = world.shop();
    let form = [
        ("amount", "2000"),
        ("currency", "usd"),
        ("confirm", "true"),
        ("payment_method", "pm_card_threeDSecureRequiredChargeDeclined"),
        ("return_url", "http://127.0.0.1:9/back"),
    ];
    let waiting = shop.post("payment_intents", &form).await.ok();
    let url = text(&waiting["next_action"]["redirect_to_url"]["url"]);
    let answer = world.client().request(Method::POST, &url).body("outcome=complete").send().await.unwrap();
    assert!(answer.headers()["location"].to_str().unwrap().ends_with("redirect_status=failed"));
    let failed = shop.get(&format!("payment_intents/{}", text(&waiting["id"]))).await.ok();
    assert_eq!(failed["last_payment_error"]["decline_code"], "generic_decline");
    assert_eq!(shop.balance().await, (0, 0));
}

#[tokio::test]
async fn a_server_confirms_once_more_if_it_wants_to() {
    let world = World::start().await;
    let shop = world.shop();
    let form = [
        ("amount", "2000"),
        ("currency", "usd"),
        ("confirm", "true"),
        ("confirmation_method", "manual"),
        ("payment_method", "pm_card_authenticationRequired"),
    ];
    let waiting = shop.post("payment_intents", &form).await.ok();
    let url = text(&waiting["next_action"]["use_stripe_sdk"]["stripe_js"]);
    world.client().request(Method::POST, &url).body("outcome=complete").send().await.unwrap();
    let path = format!("payment_intents/{}", text(&waiting["id"]));
    assert_eq!(shop.get(&path).await.ok()["status"], "requires_confirmation");
    assert_eq!(shop.post(&format!("{path}/confirm"), &[]).await.ok()["status"], "succeeded");
}

#[tokio::test]
async fn risky_cards_are_blocked_or_marked() {
    let world = World::start().await;
    let shop = world.shop();
    let form = [
        ("amount", "2000"),
        ("currency", "usd"),
        ("confirm", "true"),
        ("payment_method", "pm_card_radarBlock"),
    ];
    let error = shop.post("payment_intents", &form).await.refused(402);
    assert_eq!(error["decline_code"], "fraudulent");
    let charge = shop.get(&format!("charges/{}", text(&error["charge"]))).await.ok();
    assert_eq!(
        (&charge["outcome"]["type"], &charge["outcome"]["network_status"]),
        (&json!("blocked"), &json!("not_sent_to_network"))
    );
    let paid = shop
        .pay(2000, &[("payment_method", "pm_card_riskLevelElevated"), ("expand[]", "latest_charge")])
        .await;
    assert_eq!(paid["latest_charge"]["outcome"]["risk_level"], "elevated");
    let path = format!("charges/{}", text(&paid["latest_charge"]["id"]));
    let reported = shop.post(&path, &[("fraud_details[user_report]", "safe")]).await.ok();
    assert_eq!(reported["fraud_details"]["user_report"], "safe");
}

#[tokio::test]
async fn a_return_url_is_asked_for_as_at_stripe_if_that_is_wanted() {
    let world = World::start().await;
    world.control(Method::POST, "settings", json!({ "require_return_url": true })).await;
    let shop = world.shop();
    let mut form = vec![
        ("amount", "2000"),
        ("currency", "usd"),
        ("confirm", "true"),
        ("payment_method", "pm_card_visa"),
    ];
    assert_eq!(shop.post("payment_intents", &form).await.refused(400)["param"], "return_url");
    form.extend([
        ("automatic_payment_methods[enabled]", "true"),
        ("automatic_payment_methods[allow_redirects]", "never"),
    ]);
    assert_eq!(shop.post("payment_intents", &form).await.ok()["status"], "succeeded");
}
