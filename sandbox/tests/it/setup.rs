//! Keeping methods for later.

use reqwest::Method;
use serde_json::json;

use crate::world::{World, text};

#[tokio::test]
async fn a_card_is_set_up_for_a_customer_and_charged_off_session() {
    let world = World::start().await;
    let shop = world.shop();
    let customer = text(&shop.post("customers", &[]).await.ok()["id"]);
    let intent = shop.post("setup_intents", &[("customer", &customer)]).await.ok();
    assert_eq!(intent["status"], "requires_payment_method");
    assert_eq!(intent["usage"], "off_session");
    let (path, secret) = (format!("setup_intents/{}", text(&intent["id"])), text(&intent["client_secret"]));

    // The app of the buyer confirms.
    let app = world.caller("pk_test_shop");
    let confirm = format!("{path}/confirm");
    app.post(&confirm, &[("payment_method", "pm_card_visa")]).await.refused(400);
    app.get(&format!("{path}?client_secret=wrong")).await.refused(400);
    let form = [
        ("payment_method", "pm_card_authenticationRequiredOnSetup"),
        ("client_secret", secret.as_str()),
        ("return_url", "http://127.0.0.1:9/back"),
    ];
    let waiting = app.post(&confirm, &form).await.ok();
    assert_eq!(waiting["status"], "requires_action");
    let url = text(&waiting["next_action"]["redirect_to_url"]["url"]);
    let page = world.client().get(&url).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Confirm your card"));
    let answer = world.client().request(Method::POST, &url).body("outcome=complete").send().await.unwrap();
    let back = answer.headers()["location"].to_str().unwrap().to_owned();
    assert!(back.contains("setup_intent=seti_") && back.ends_with("redirect_status=succeeded"), "{back}");

    let done = shop.get(&path).await.ok();
    assert_eq!(done["status"], "succeeded");
    let card = text(&done["payment_method"]);
    let kept = shop.get(&format!("customers/{customer}/payment_methods/{card}")).await.ok();
    assert_eq!(kept["id"], json!(card));
    let paid =
        shop.pay(2000, &[("customer", &customer), ("payment_method", &card), ("off_session", "true")]).await;
    assert_eq!(paid["customer"], json!(customer));
    let types = shop.event_types().await;
    for wanted in ["setup_intent.created", "setup_intent.requires_action", "setup_intent.succeeded"] {
        assert!(types.iter().any(|kind| kind == wanted), "{wanted}");
    }
    let error = shop.post(&format!("{path}/cancel"), &[]).await.refused(400);
    assert_eq!(error["code"], "setup_intent_unexpected_state");
    assert_eq!(error["setup_intent"]["status"], "succeeded");
}

#[tokio::test]
async fn a_card_that_is_no_good_is_not_kept() {
    let world = World::start().await;
    let shop = world.shop();
    let form = [("confirm", "true"), ("payment_method", "pm_card_chargeDeclined")];
    let error = shop.post("setup_intents", &form).await.refused(402);
    assert_eq!(
        (&error["code"], &error["decline_code"]),
        (&json!("card_declined"), &json!("generic_decline"))
    );
    let intent = &error["setup_intent"];
    assert_eq!(intent["status"], "requires_payment_method");
    assert_eq!(intent["last_setup_error"]["code"], "card_declined");
    let path = format!("setup_intents/{}", text(&intent["id"]));
    let changed = shop.post(&path, &[("description", "again"), ("metadata[a]", "1")]).await.ok();
    assert_eq!((&changed["description"], &changed["metadata"]), (&json!("again"), &json!({ "a": "1" })));
    let canceled = shop.post(&format!("{path}/cancel"), &[("cancellation_reason", "abandoned")]).await.ok();
    assert_eq!(canceled["status"], "canceled");
    assert_eq!(
        shop.event_types().await,
        ["setup_intent.created", "setup_intent.setup_failed", "setup_intent.canceled"]
    );
    let customer = text(&shop.post("customers", &[]).await.ok()["id"]);
    let attach = [("customer", customer.as_str())];
    shop.post("payment_methods/pm_card_chargeDeclined/attach", &attach).await.refused(402);
    let kept = shop.post("payment_methods/pm_card_chargeCustomerFail/attach", &attach).await.ok();
    let form = [
        ("amount", "2000"),
        ("currency", "usd"),
        ("confirm", "true"),
        ("customer", customer.as_str()),
        ("payment_method", kept["id"].as_str().unwrap()),
    ];
    shop.post("payment_intents", &form).await.refused(402);
}

#[tokio::test]
async fn an_account_to_debit_is_kept_with_a_mandate() {
    let world = World::start().await;
    let shop = world.shop();
    let customer = text(&shop.post("customers", &[]).await.ok()["id"]);
    let mut form = vec![
        ("confirm", "true"),
        ("customer", customer.as_str()),
        ("payment_method", "pm_usBankAccount_success"),
        ("usage", "off_session"),
    ];
    assert_eq!(shop.post("setup_intents", &form).await.refused(400)["code"], "setup_intent_mandate_invalid");
    form.push(("mandate_data[customer_acceptance][type]", "offline"));
    let intent = shop.post("setup_intents", &form).await.ok();
    assert_eq!(intent["status"], "succeeded");
    let kept = shop.list(&format!("payment_methods?customer={customer}&type=us_bank_account")).await;
    assert_eq!(kept.len(), 1);
    let id = text(&kept[0]["id"]);
    let form = [("us_bank_account[account_holder_type]", "company"), ("allow_redisplay", "always")];
    let changed = shop.post(&format!("payment_methods/{id}"), &form).await.ok();
    assert_eq!(changed["us_bank_account"]["account_holder_type"], "company");
    assert_eq!(changed["allow_redisplay"], "always");
    assert_eq!(shop.list(&format!("setup_intents?payment_method={id}")).await.len(), 1);
}
