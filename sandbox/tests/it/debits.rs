//! Methods whose bank answers later, or elsewhere.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Caller, DAY, World, text};

const MANDATE: (&str, &str) = ("mandate_data[customer_acceptance][type]", "offline");

async fn debit(shop: &Caller, currency: &str, method: &str) -> Value {
    let form = [
        ("amount", "5000"),
        ("currency", currency),
        ("confirm", "true"),
        ("payment_method", method),
        MANDATE,
        ("expand[]", "latest_charge"),
    ];
    shop.post("payment_intents", &form).await.ok()
}

#[tokio::test]
async fn a_debit_is_processing_until_its_bank_answers_days_later() {
    let world = World::start().await;
    let shop = world.shop();
    let intent = debit(&shop, "usd", "pm_usBankAccount_success").await;
    assert_eq!(intent["status"], "processing");
    let charge = &intent["latest_charge"];
    assert!(text(&charge["id"]).starts_with("py_"));
    assert_eq!((&charge["status"], &charge["paid"]), (&json!("pending"), &json!(false)));
    assert_eq!(charge["payment_method_details"]["us_bank_account"]["last4"], "6789");
    assert_eq!(shop.balance().await, (0, 0));
    let path = format!("payment_intents/{}", text(&intent["id"]));
    let error = shop.post(&format!("{path}/cancel"), &[]).await.refused(400);
    assert_eq!(error["code"], "payment_intent_unexpected_state");

    world.advance(3 * DAY).await;
    let paid = shop.get(&format!("{path}?expand[]=latest_charge.balance_transaction")).await.ok();
    assert_eq!((&paid["status"], &paid["amount_received"]), (&json!("succeeded"), &json!(5000)));
    assert_eq!(paid["latest_charge"]["status"], "succeeded");
    assert_eq!(paid["latest_charge"]["balance_transaction"]["type"], "payment");
    assert_eq!(shop.balance().await, (0, 5000 - 175));
    assert_eq!(
        shop.event_types().await,
        [
            "payment_intent.created",
            "charge.pending",
            "payment_intent.processing",
            "charge.succeeded",
            "payment_intent.succeeded"
        ]
    );
}

#[tokio::test]
async fn a_debit_fails_as_its_test_account_says() {
    let world = World::start().await;
    let shop = world.shop();
    for (currency, method, code) in [
        ("usd", "pm_usBankAccount_accountClosed", "account_closed"),
        ("usd", "pm_usBankAccount_noAccount", "no_account"),
        ("usd", "pm_usBankAccount_insufficientFunds", "insufficient_funds"),
        ("usd", "pm_usBankAccount_debitNotAuthorized", "debit_not_authorized"),
        ("eur", "pm_failed_de", "payment_intent_payment_attempt_failed"),
    ] {
        let intent = debit(&shop, currency, method).await;
        world.advance(3 * DAY).await;
        let path = format!("payment_intents/{}?expand[]=latest_charge", text(&intent["id"]));
        let failed = shop.get(&path).await.ok();
        assert_eq!(failed["status"], "requires_payment_method", "{method}");
        assert_eq!(failed["last_payment_error"]["code"], code, "{method}");
        assert_eq!(failed["latest_charge"]["failure_code"], code);
        assert_eq!(shop.balance().await, (0, 0));
    }
    assert_eq!(shop.list("events?type=charge.failed").await.len(), 5);
    let stuck = debit(&shop, "usd", "pm_usBankAccount_processing").await;
    world.advance(30 * DAY).await;
    let path = format!("payment_intents/{}", text(&stuck["id"]));
    assert_eq!(shop.get(&path).await.ok()["status"], "processing");
}

#[tokio::test]
async fn an_iban_makes_a_debit_with_a_mandate_only() {
    let world = World::start().await;
    let shop = world.shop();
    let method = [
        ("type", "sepa_debit"),
        ("sepa_debit[iban]", "DE89 3704 0044 0532 0130 00"),
        ("billing_details[name]", "B"),
        ("billing_details[email]", "b@example.test"),
    ];
    let wrong = [("type", "sepa_debit"), ("sepa_debit[iban]", "DE00370400440532013000")];
    let error = shop.post("payment_methods", &wrong).await.refused(400);
    assert_eq!(error["param"], "sepa_debit[iban]");
    let nameless = shop.post("payment_methods", &method[..2]).await.refused(400);
    assert_eq!(nameless["param"], "billing_details[email]");
    let method = shop.post("payment_methods", &method).await.ok();
    assert_eq!((&method["type"], &method["sepa_debit"]["last4"]), (&json!("sepa_debit"), &json!("3000")));
    let id = text(&method["id"]);
    let mut form =
        vec![("amount", "5000"), ("currency", "eur"), ("confirm", "true"), ("payment_method", id.as_str())];
    let error = shop.post("payment_intents", &form).await.refused(400);
    assert_eq!(error["code"], "payment_intent_mandate_invalid");
    form[1] = ("currency", "usd");
    let error = shop.post("payment_intents", &form).await.refused(400);
    assert_eq!(error["code"], "payment_intent_incompatible_payment_method");
    form[1] = ("currency", "eur");
    form.push(MANDATE);
    assert_eq!(shop.post("payment_intents", &form).await.ok()["status"], "processing");
}

#[tokio::test]
async fn a_redirect_pays_at_once_when_the_buyer_comes_back() {
    let world = World::start().await;
    let shop = world.shop();
    for (outcome, status) in [("complete", "succeeded"), ("fail", "requires_payment_method")] {
        let mut form = vec![
            ("amount", "5000"),
            ("currency", "eur"),
            ("confirm", "true"),
            ("payment_method_data[type]", "ideal"),
            ("payment_method_data[ideal][bank]", "ing"),
        ];
        assert_eq!(shop.post("payment_intents", &form).await.refused(400)["param"], "return_url");
        form.push(("return_url", "http://127.0.0.1:9/back"));
        let intent = shop.post("payment_intents", &form).await.ok();
        assert_eq!(intent["status"], "requires_action");
        let url = text(&intent["next_action"]["redirect_to_url"]["url"]);
        let page = world.client().get(&url).send().await.unwrap().text().await.unwrap();
        assert!(page.contains("Pay with iDEAL") && page.contains("50.00 EUR"));
        let form = format!("outcome={outcome}");
        let answer = world.client().request(Method::POST, &url).body(form).send().await.unwrap();
        assert_eq!(answer.status(), 303);
        let path = format!("payment_intents/{}", text(&intent["id"]));
        assert_eq!(shop.get(&path).await.ok()["status"], status);
    }
}

#[tokio::test]
async fn the_methods_of_an_intent_follow_its_currency_and_its_terms() {
    let world = World::start().await;
    let shop = world.shop();
    for (more, types) in [
        (vec![("currency", "eur")], json!(["card", "sepa_debit", "ideal"])),
        (vec![("currency", "usd")], json!(["card", "us_bank_account"])),
        (vec![("currency", "usd"), ("capture_method", "manual")], json!(["card"])),
        (vec![("currency", "eur"), ("allowed_payment_method_types[]", "ideal")], json!(["ideal"])),
        (
            vec![("currency", "eur"), ("excluded_payment_method_types[]", "ideal")],
            json!(["card", "sepa_debit"]),
        ),
    ] {
        let mut form = vec![("amount", "5000")];
        form.extend(more);
        assert_eq!(shop.post("payment_intents", &form).await.ok()["payment_method_types"], types);
    }
    let form = [("amount", "5000"), ("currency", "usd"), ("allowed_payment_method_types[]", "ideal")];
    assert_eq!(
        shop.post("payment_intents", &form).await.refused(400)["param"],
        "allowed_payment_method_types"
    );
    let form = [("amount", "5000"), ("currency", "usd"), ("payment_method_types[]", "card")];
    assert_eq!(shop.post("payment_intents", &form).await.refused(400)["code"], "parameter_unknown");
}
