//! What a buyer's app may do with a publishable key, and what it sees.

use serde_json::{Value, json};

use crate::world::{Caller, World, text};

/// Its path and its secret.
async fn payment(shop: &Caller, more: &[(&str, &str)]) -> (String, String) {
    let mut form = vec![
        ("amount", "2000"),
        ("currency", "usd"),
        ("metadata[order]", "1"),
        ("transfer_group", "group"),
        ("statement_descriptor_suffix", "ORDER 1"),
    ];
    form.extend_from_slice(more);
    let intent = shop.post("payment_intents", &form).await.ok();
    (format!("payment_intents/{}", text(&intent["id"])), text(&intent["client_secret"]))
}

fn fields(object: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

const OF_PAYMENT: [&str; 25] = [
    "amount",
    "amount_details",
    "automatic_payment_methods",
    "canceled_at",
    "cancellation_reason",
    "capture_method",
    "client_secret",
    "confirmation_method",
    "created",
    "currency",
    "description",
    "id",
    "last_payment_error",
    "livemode",
    "next_action",
    "object",
    "payment_method",
    "payment_method_configuration_details",
    "payment_method_types",
    "processing",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "source",
    "status",
];

const OF_SETUP: [&str; 15] = [
    "automatic_payment_methods",
    "cancellation_reason",
    "client_secret",
    "created",
    "description",
    "id",
    "last_setup_error",
    "livemode",
    "next_action",
    "object",
    "payment_method",
    "payment_method_configuration_details",
    "payment_method_types",
    "status",
    "usage",
];

#[tokio::test]
async fn an_app_sees_of_a_payment_what_the_buyer_needs_whatever_it_is_answered() {
    let world = World::start().await;
    let (shop, app) = (world.shop(), world.caller("pk_test_shop"));
    let (path, secret) = payment(&shop, &[]).await;
    let confirm = format!("{path}/confirm");
    let seen = app.get(&format!("{path}?client_secret={secret}")).await.ok();
    assert_eq!(fields(&seen), OF_PAYMENT);
    let secret = ("client_secret", secret.as_str());
    let error =
        app.post(&confirm, &[secret, ("payment_method", "pm_card_chargeDeclined")]).await.refused(402);
    assert_eq!(fields(&error["payment_intent"]), OF_PAYMENT);
    let paid = app.post(&confirm, &[secret, ("payment_method", "pm_card_visa")]).await.ok();
    assert_eq!(fields(&paid), OF_PAYMENT);
    let error = app.post(&confirm, &[secret, ("payment_method", "pm_card_visa")]).await.refused(400);
    assert_eq!(error["code"], "payment_intent_unexpected_state");
    assert_eq!(fields(&error["payment_intent"]), OF_PAYMENT);
    assert_eq!(shop.get(&path).await.ok()["metadata"], json!({ "order": "1" }));
}

#[tokio::test]
async fn an_app_sees_of_a_setup_what_the_buyer_needs_whatever_it_is_answered() {
    let world = World::start().await;
    let (shop, app) = (world.shop(), world.caller("pk_test_shop"));
    let intent = shop.post("setup_intents", &[("metadata[buyer]", "1")]).await.ok();
    let (path, secret) = (format!("setup_intents/{}", text(&intent["id"])), text(&intent["client_secret"]));
    let confirm = format!("{path}/confirm");
    let secret = ("client_secret", secret.as_str());
    let error =
        app.post(&confirm, &[secret, ("payment_method", "pm_card_chargeDeclined")]).await.refused(402);
    assert_eq!(fields(&error["setup_intent"]), OF_SETUP);
    let kept = app.post(&confirm, &[secret, ("payment_method", "pm_card_visa")]).await.ok();
    assert_eq!(fields(&kept), OF_SETUP);
    let error = app.post(&confirm, &[secret]).await.refused(400);
    assert_eq!(fields(&error["setup_intent"]), OF_SETUP);
}

#[tokio::test]
async fn an_app_does_not_change_the_terms_of_what_it_confirms() {
    let world = World::start().await;
    let (shop, app) = (world.shop(), world.caller("pk_test_shop"));
    let (path, secret) = payment(&shop, &[]).await;
    let confirm = format!("{path}/confirm");
    for (term, value) in [
        ("capture_method", "manual"),
        ("off_session", "true"),
        ("error_on_requires_action", "true"),
        ("allowed_payment_method_types[]", "card"),
        ("amount_to_confirm", "100"),
    ] {
        let form = [("client_secret", secret.as_str()), ("payment_method", "pm_card_visa"), (term, value)];
        let error = app.post(&confirm, &form).await.refused(400);
        let param = term.trim_end_matches("[]");
        assert_eq!((&error["code"], &error["param"]), (&json!("parameter_unknown"), &json!(param)));
    }
    // Options are taken, as SDKs send them, and change nothing.
    let form = [
        ("client_secret", secret.as_str()),
        ("payment_method", "pm_card_threeDSecureOptional"),
        ("payment_method_options[card][request_three_d_secure]", "any"),
    ];
    assert_eq!(app.post(&confirm, &form).await.ok()["status"], "succeeded");
    assert_eq!(shop.get(&path).await.ok()["capture_method"], "automatic_async");
}

#[tokio::test]
async fn what_the_server_confirms_an_app_does_not() {
    let world = World::start().await;
    let (shop, app) = (world.shop(), world.caller("pk_test_shop"));
    let (path, secret) = payment(&shop, &[("confirmation_method", "manual")]).await;
    let form = [("client_secret", secret.as_str()), ("payment_method", "pm_card_visa")];
    let error = app.post(&format!("{path}/confirm"), &form).await.refused(400);
    assert!(text(&error["message"]).contains("cannot be confirmed using your publishable key"), "{error}");
    let paid = shop.post(&format!("{path}/confirm"), &[("payment_method", "pm_card_visa")]).await.ok();
    assert_eq!(paid["status"], "succeeded");
}

#[tokio::test]
async fn an_app_finds_a_payment_only_on_the_account_where_it_is() {
    let world = World::start().await;
    let (shop, app) = (world.shop(), world.caller("pk_test_shop"));
    let seller = world.seller().await;
    let (path, secret) = payment(&shop.on(&seller), &[]).await;
    let seen = format!("{path}?client_secret={secret}");
    app.get(&seen).await.refused(404);
    world.caller("pk_test_other").on(&seller).get(&seen).await.refused(403);
    assert_eq!(app.on(&seller).get(&seen).await.ok()["amount"], 2000);
}
