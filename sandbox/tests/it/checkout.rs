//! Checkout Sessions and their payment page.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Caller, DAY, World, text};

const CART: &[(&str, &str)] = &[
    ("mode", "payment"),
    ("line_items[0][price_data][currency]", "usd"),
    ("line_items[0][price_data][unit_amount]", "1500"),
    ("line_items[0][price_data][product_data][name]", "Mug <b>blue</b>"),
    ("line_items[0][quantity]", "2"),
    ("success_url", "http://127.0.0.1:9/thanks?session={CHECKOUT_SESSION_ID}"),
    ("cancel_url", "http://127.0.0.1:9/cart"),
];

const CARD: &str = "email=b@example.test&name=B&kind=card&exp=12/34&cvc=123&number=";

async fn open(shop: &Caller, more: &[(&str, &str)]) -> Value {
    let mut form = CART.to_vec();
    form.extend_from_slice(more);
    shop.post("checkout/sessions", &form).await.ok()
}

/// Sends the form of a page: status, where it leads to, and what it shows.
async fn submit(world: &World, url: &str, form: &str) -> (u16, String, String) {
    let sent = world.client().request(Method::POST, url).body(form.to_owned()).send().await.unwrap();
    let leads_to = sent.headers().get("location").map_or("", |to| to.to_str().unwrap()).to_owned();
    (sent.status().as_u16(), leads_to, sent.text().await.unwrap())
}

#[tokio::test]
async fn a_buyer_pays_on_the_page_and_goes_on_to_the_shop() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let more = [
        ("payment_intent_data[application_fee_amount]", "300"),
        ("payment_intent_data[transfer_data][destination]", seller.as_str()),
        ("payment_intent_data[metadata][order]", "7"),
        ("client_reference_id", "cart-1"),
        ("metadata[a]", "1"),
    ];
    let session = open(&shop, &more).await;
    assert_eq!((&session["status"], &session["payment_status"]), (&json!("open"), &json!("unpaid")));
    assert_eq!((&session["amount_total"], &session["payment_intent"]), (&json!(3000), &json!(null)));
    let (id, url) = (text(&session["id"]), text(&session["url"]));
    assert!(id.starts_with("cs_test_"));
    let page = world.client().get(&url).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Pay 30.00 USD") && page.contains("Mug &lt;b&gt;blue&lt;/b&gt;"));
    assert!(page.contains("href=\"http://127.0.0.1:9/cart\""));

    let (status, leads_to, _) = submit(&world, &url, &format!("{CARD}4242 4242 4242 4242")).await;
    assert_eq!((status, leads_to), (303, format!("http://127.0.0.1:9/thanks?session={id}")));
    let path = format!("checkout/sessions/{id}?expand[]=payment_intent&expand[]=line_items");
    let done = shop.get(&path).await.ok();
    assert_eq!((&done["status"], &done["payment_status"]), (&json!("complete"), &json!("paid")));
    assert_eq!(done["url"], json!(null));
    assert_eq!(done["customer_details"]["email"], "b@example.test");
    assert_eq!(done["payment_intent"]["metadata"], json!({ "order": "7" }));
    assert_eq!(done["payment_intent"]["application_fee_amount"], 300);
    assert_eq!(done["line_items"]["data"][0]["amount_total"], 3000);
    assert_eq!(shop.balance().await, (0, 3000 - 117 - 3000 + 300));
    assert_eq!(shop.on(&seller).balance().await, (0, 2700));
    let event = &shop.list("events?type=checkout.session.completed").await[0];
    assert_eq!(event["data"]["object"]["id"], json!(id));

    // What is paid is paid once.
    assert_eq!(submit(&world, &url, &format!("{CARD}4242424242424242")).await.0, 303);
    assert_eq!(shop.list("charges").await.len(), 1);
    assert_eq!(shop.list("checkout/sessions?status=complete").await.len(), 1);
    assert_eq!(shop.list("checkout/sessions?customer_details[email]=c@example.test").await.len(), 0);
    shop.post(&format!("checkout/sessions/{id}/expire"), &[]).await.refused(400);
}

#[tokio::test]
async fn what_is_declined_is_told_at_the_form_and_may_be_tried_again() {
    let world = World::start().await;
    let shop = world.shop();
    let session = open(&shop, &[("customer_creation", "always")]).await;
    let url = text(&session["url"]);
    for (number, said) in [
        ("4000000000000002", "Your card was declined."),
        ("4000000000009995", "Your card has insufficient funds."),
        ("4000000000000069", "Your card has expired."),
        ("4000000000000127", "Your card&#39;s security code is incorrect."),
        ("4242424242424241", "Your card number is incorrect."),
        ("", "Enter your card number"),
    ] {
        let (status, _, page) = submit(&world, &url, &format!("{CARD}{number}")).await;
        assert_eq!(status, 422, "{number}");
        let page = page.replace('\'', "&#39;");
        assert!(page.contains(said), "{number}: {page}");
    }
    assert_eq!(shop.list("payment_intents").await.len(), 1);
    let path = format!("checkout/sessions/{}", text(&session["id"]));
    assert_eq!(shop.get(&path).await.ok()["status"], "open");
    assert_eq!(submit(&world, &url, &format!("{CARD}5555555555554444")).await.0, 303);
    let done = shop.get(&format!("{path}?expand[]=customer")).await.ok();
    assert_eq!(done["customer"]["email"], "b@example.test");
    assert_eq!(shop.list("customers").await.len(), 1);
}

#[tokio::test]
async fn a_bank_that_wants_to_see_the_buyer_is_visited_on_the_way() {
    let world = World::start().await;
    let shop = world.shop();
    let session = open(&shop, &[("payment_intent_data[capture_method]", "manual")]).await;
    let (id, url) = (text(&session["id"]), text(&session["url"]));
    for (outcome, back) in [("fail", format!("{url}/return")), ("complete", format!("{url}/return"))] {
        let (status, bank, _) = submit(&world, &url, &format!("{CARD}4000002760003184")).await;
        assert_eq!(status, 303);
        assert!(bank.contains("/hosted/authenticate/pi_"), "{bank}");
        let (_, leads_to, _) = submit(&world, &bank, &format!("outcome={outcome}")).await;
        assert!(leads_to.starts_with(&back), "{leads_to}");
        let came = world.client().get(&leads_to).send().await.unwrap();
        if outcome == "fail" {
            assert!(came.text().await.unwrap().contains("unable to authenticate"));
        } else {
            assert_eq!(
                came.headers()["location"],
                format!("http://127.0.0.1:9/thanks?session={id}").as_str()
            );
        }
    }
    // It is authorised only: paid once it is captured.
    let path = format!("checkout/sessions/{id}");
    let done = shop.get(&path).await.ok();
    assert_eq!((&done["status"], &done["payment_status"]), (&json!("complete"), &json!("unpaid")));
    shop.post(&format!("payment_intents/{}/capture", text(&done["payment_intent"])), &[]).await.ok();
    assert_eq!(shop.get(&path).await.ok()["payment_status"], "paid");
}

#[tokio::test]
async fn a_debit_completes_a_session_and_pays_it_later_or_never() {
    let world = World::start().await;
    let shop = world.shop();
    for (number, event, status) in [
        ("000123456789", "checkout.session.async_payment_succeeded", "paid"),
        ("000111111116", "checkout.session.async_payment_failed", "unpaid"),
    ] {
        let session = open(&shop, &[]).await;
        let form = format!(
            "email=b@example.test&name=B&kind=us_bank_account&routing_number=110000000&account_number={number}"
        );
        assert_eq!(submit(&world, &text(&session["url"]), &form).await.0, 303);
        let path = format!("checkout/sessions/{}", text(&session["id"]));
        let done = shop.get(&path).await.ok();
        assert_eq!((&done["status"], &done["payment_status"]), (&json!("complete"), &json!("unpaid")));
        world.advance(3 * DAY).await;
        assert_eq!(shop.get(&path).await.ok()["payment_status"], status);
        assert_eq!(shop.list(&format!("events?type={event}")).await.len(), 1);
    }
}

#[tokio::test]
async fn a_session_ends_when_its_time_is_over_or_when_it_is_told_to() {
    let world = World::start().await;
    let shop = world.shop();
    let (first, second) = (open(&shop, &[]).await, open(&shop, &[]).await);
    assert_eq!(first["expires_at"].as_i64().unwrap() - first["created"].as_i64().unwrap(), DAY);
    submit(&world, &text(&first["url"]), &format!("{CARD}4000000000000002")).await;
    let path = format!("checkout/sessions/{}", text(&second["id"]));
    assert_eq!(shop.post(&format!("{path}/expire"), &[]).await.ok()["status"], "expired");
    shop.post(&format!("{path}/expire"), &[]).await.refused(400);
    world.advance(DAY).await;
    assert_eq!(
        shop.get(&format!("checkout/sessions/{}", text(&first["id"]))).await.ok()["status"],
        "expired"
    );
    let page = world.client().get(text(&first["url"])).send().await.unwrap();
    assert_eq!(page.status(), 410);
    assert_eq!(shop.list("events?type=checkout.session.expired").await.len(), 2);
    assert_eq!(shop.list("events?type=payment_intent.canceled").await.len(), 1);
    let form = [CART, &[("expires_at", "1")]].concat();
    assert_eq!(shop.post("checkout/sessions", &form).await.refused(400)["param"], "expires_at");
}

#[tokio::test]
async fn a_card_is_saved_on_the_page_without_a_payment() {
    let world = World::start().await;
    let shop = world.shop();
    let customer = text(&shop.post("customers", &[("email", "b@example.test")]).await.ok()["id"]);
    let form = [
        ("mode", "setup"),
        ("customer", customer.as_str()),
        ("success_url", "http://127.0.0.1:9/saved"),
        ("setup_intent_data[metadata][a]", "1"),
    ];
    let session = shop.post("checkout/sessions", &form).await.ok();
    assert_eq!(session["payment_status"], "no_payment_required");
    let intent = shop.get(&format!("setup_intents/{}", text(&session["setup_intent"]))).await.ok();
    assert_eq!(intent["metadata"], json!({ "a": "1" }));
    let (status, leads_to, _) =
        submit(&world, &text(&session["url"]), &format!("{CARD}4242424242424242")).await;
    assert_eq!((status, leads_to.as_str()), (303, "http://127.0.0.1:9/saved"));
    assert_eq!(shop.list(&format!("payment_methods?customer={customer}")).await.len(), 1);
    let path = format!("checkout/sessions/{}", text(&session["id"]));
    assert_eq!(shop.get(&path).await.ok()["status"], "complete");
    assert_eq!(shop.balance().await, (0, 0));
}

#[tokio::test]
async fn a_session_is_read_changed_and_refused_by_name() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let session = open(&shop, &[]).await;
    let path = format!("checkout/sessions/{}", text(&session["id"]));
    let items = shop.get(&format!("{path}/line_items?limit=1&expand[]=data.price.product")).await.ok();
    assert_eq!(items["data"][0]["price"]["product"]["name"], "Mug <b>blue</b>");
    let item = text(&items["data"][0]["id"]);
    let form = [("metadata[b]", "2"), ("line_items[0][id]", item.as_str()), ("line_items[0][quantity]", "3")];
    let changed = shop.post(&path, &form).await.ok();
    assert_eq!((&changed["amount_total"], &changed["metadata"]["b"]), (&json!(4500), &json!("2")));
    for (unfit, param) in [
        (("mode", "subscription"), "mode"),
        (("line_items[0][price]", "price_1"), "line_items[0][price]"),
        (("line_items[0][price_data][unit_amount]", "x"), "line_items[0][price_data][unit_amount]"),
        (("line_items[0][quantity]", "0"), "line_items[0][quantity]"),
        (("success_url", "javascript:alert(1)"), "success_url"),
        (("line_items[0][price_data][unit_amount]", "1"), "line_items"),
        (("customer", "cus_1"), "customer"),
        (("payment_intent_data[colour]", "red"), "payment_intent_data[colour]"),
        (("colour", "red"), "colour"),
    ] {
        let form = [CART, &[unfit]].concat();
        assert_eq!(shop.post("checkout/sessions", &form).await.refused(400)["param"], param, "{unfit:?}");
    }
    shop.get("checkout/sessions/cs_test_none").await.refused(404);
    shop.on(&seller).get(&path).await.refused(404);

    // In the scope of a seller it is a direct charge.
    let direct = open(&shop.on(&seller), &[("payment_intent_data[application_fee_amount]", "300")]).await;
    assert_eq!(submit(&world, &text(&direct["url"]), &format!("{CARD}4242424242424242")).await.0, 303);
    assert_eq!(shop.on(&seller).balance().await, (0, 3000 - 117 - 300));
    assert_eq!(shop.balance().await, (0, 300));
}
