use reqwest::Method;
use serde_json::json;

use crate::world::{DAY, World, text};

#[tokio::test]
async fn every_answer_names_its_request_and_echoes_its_headers() {
    let world = World::start().await;
    let headers = [("idempotency-key", "k"), ("stripe-version", "2026-09-30.endive")];
    let answer = world.shop().send(Method::POST, "customers", &[("name", "A")], &headers).await;
    assert!(answer.header("request-id").starts_with("req_"));
    assert_eq!(answer.header("stripe-version"), "2026-09-30.endive");
    assert_eq!(answer.header("idempotency-key"), "k");
    assert_eq!(answer.header("original-request"), answer.header("request-id"));
    assert_eq!(answer.header("content-type"), "application/json");
    let refused = world.shop().get("customers/cus_x").await;
    assert!(refused.header("request-id").starts_with("req_"));
    let error = refused.refused(404);
    assert_eq!((&error["code"], &error["param"]), (&json!("resource_missing"), &json!("id")));
    assert!(text(&error["doc_url"]).ends_with("resource-missing"));
    assert!(text(&error["request_log_url"]).contains("req_"));
}

#[tokio::test]
async fn the_date_header_is_the_sandboxs_time() {
    let world = World::start().await;
    world.advance(400 * DAY).await;
    let clock = world.control(Method::GET, "clock", json!({})).await;
    assert_eq!(clock["offset_seconds"], 400 * DAY);
    let answer = world.shop().get("balance").await;
    let date = chrono::DateTime::parse_from_rfc2822(answer.header("date")).unwrap();
    assert!((date.timestamp() - clock["now"].as_i64().unwrap()).abs() <= 2);
}

#[tokio::test]
async fn keys_decide_who_is_who() {
    let world = World::start().await;
    world.shop().post("customers", &[("name", "A")]).await.ok();
    assert_eq!(world.caller("rk_test_shop").list("customers").await.len(), 1);
    assert_eq!(world.caller("sk_test_other").list("customers").await.len(), 0);
    world.caller("sk_live_shop").get("balance").await.refused(401);
    world.caller("nonsense").get("balance").await.refused(401);
    let url = format!("{}/v1/balance", world.sandbox.url());
    assert_eq!(world.client().get(&url).send().await.unwrap().status(), 401);
    let basic = world.client().get(&url).basic_auth("sk_test_shop", Some("")).send().await.unwrap();
    assert_eq!(basic.status(), 200);
}

#[tokio::test]
async fn one_scope_never_sees_anothers_objects() {
    let world = World::start().await;
    let (one, two) = (world.seller().await, world.seller().await);
    let intent = text(&world.shop().on(&one).pay(2000, &[]).await["id"]);
    let path = format!("payment_intents/{intent}");
    world.shop().on(&one).get(&path).await.ok();
    assert_eq!(world.shop().on(&two).get(&path).await.refused(404)["code"], "resource_missing");
    world.shop().get(&path).await.refused(404);
    assert_eq!(
        world.caller("sk_test_other").on(&one).get("balance").await.refused(403)["code"],
        "account_invalid"
    );
    assert_eq!(
        world.caller("sk_test_other").get(&format!("accounts/{one}")).await.refused(403)["code"],
        "account_invalid"
    );
}

#[tokio::test]
async fn unknown_and_missing_parameters_are_named() {
    let world = World::start().await;
    let shop = world.shop();
    let unknown = shop.post("customers", &[("address[planet]", "earth")]).await.refused(400);
    assert_eq!(
        (&unknown["code"], &unknown["param"]),
        (&json!("parameter_unknown"), &json!("address[planet]"))
    );
    let missing = shop.post("payment_intents", &[("amount", "2000")]).await.refused(400);
    assert_eq!((&missing["code"], &missing["param"]), (&json!("parameter_missing"), &json!("currency")));
    let number = shop.post("payment_intents", &[("amount", "20.00"), ("currency", "usd")]).await.refused(400);
    assert_eq!(number["code"], "parameter_invalid_integer");
    assert_eq!(shop.get("customers?colour=red").await.refused(400)["param"], "colour");
    shop.get("nothing/here").await.refused(404);
}

#[tokio::test]
async fn a_key_gives_the_same_answer_again_and_happens_once() {
    let world = World::start().await;
    let shop = world.shop();
    let form = [("name", "A"), ("metadata[x]", "1")];
    let first = shop.post_keyed("customers", &form, "k1").await;
    let second = shop.post_keyed("customers", &form, "k1").await;
    assert_eq!(first.text, second.text);
    assert_eq!(second.header("idempotent-replayed"), "true");
    assert_eq!(second.header("original-request"), first.header("request-id"));
    assert_ne!(second.header("request-id"), first.header("request-id"));
    assert_eq!(first.header("idempotent-replayed"), "");
    assert_eq!(shop.list("customers").await.len(), 1);

    assert_eq!(
        shop.post_keyed("customers", &[("name", "B")], "k1").await.refused(400)["type"],
        "idempotency_error"
    );
    assert_eq!(
        shop.post_keyed("payment_methods", &form, "k1").await.refused(400)["type"],
        "idempotency_error"
    );
    let seller = world.seller().await;
    shop.on(&seller).post_keyed("customers", &[("name", "C")], "k1").await.ok();
    world.advance(DAY + 1).await;
    shop.post_keyed("customers", &[("name", "B")], "k1").await.ok();
}

#[tokio::test]
async fn a_decline_is_stored_under_its_key_and_a_mistake_is_not() {
    let world = World::start().await;
    let shop = world.shop();
    let form = [
        ("amount", "2000"),
        ("currency", "usd"),
        ("confirm", "true"),
        ("payment_method", "pm_card_chargeDeclined"),
    ];
    let first = shop.post_keyed("payment_intents", &form, "k").await;
    let second = shop.post_keyed("payment_intents", &form, "k").await;
    assert_eq!((second.status.as_u16(), &first.text), (402, &second.text));
    assert_eq!(shop.list("charges").await.len(), 1);
    shop.post_keyed("payment_intents", &[("amount", "x")], "typo").await.refused(400);
    shop.post_keyed("payment_intents", &[("amount", "2000"), ("currency", "usd")], "typo").await.ok();
}

#[tokio::test]
async fn a_key_in_use_is_a_conflict() {
    let world = World::start().await;
    let fault = json!({ "method": "POST", "path": "/v1/customers", "kind": "delay", "delay_ms": 500 });
    world.control(Method::POST, "faults", fault).await;
    let (shop, slow) = (world.shop(), world.shop());
    let first = tokio::spawn(async move { slow.post_keyed("customers", &[], "k").await });
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    assert_eq!(shop.post_keyed("customers", &[], "k").await.refused(409)["code"], "idempotency_key_in_use");
    let first = first.await.unwrap();
    assert_eq!(shop.post_keyed("customers", &[], "k").await.text, first.text);
}

#[tokio::test]
async fn lists_are_paged_in_both_directions() {
    let world = World::start().await;
    let shop = world.shop();
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.insert(0, text(&shop.post("customers", &[]).await.ok()["id"]));
    }
    let page = |query: String| {
        let shop = shop.clone();
        async move {
            let page = shop.get(&format!("customers?{query}")).await.ok();
            let ids: Vec<String> =
                page["data"].as_array().unwrap().iter().map(|one| text(&one["id"])).collect();
            (ids, page["has_more"].as_bool().unwrap())
        }
    };
    assert_eq!(page("limit=2".into()).await, (ids[..2].to_vec(), true));
    assert_eq!(page(format!("limit=2&starting_after={}", ids[1])).await, (ids[2..4].to_vec(), true));
    assert_eq!(page(format!("limit=2&starting_after={}", ids[3])).await, (ids[4..].to_vec(), false));
    assert_eq!(page(format!("limit=2&ending_before={}", ids[4])).await, (ids[2..4].to_vec(), true));
    assert_eq!(page(format!("limit=2&ending_before={}", ids[2])).await, (ids[..2].to_vec(), false));
    shop.get("customers?limit=101").await.refused(400);
    shop.get("customers?starting_after=cus_nobody").await.refused(400);
}

#[tokio::test]
async fn expansion_follows_dots_and_lists_and_refuses_the_rest() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    shop.pay(2000, &[("transfer_data[destination]", &seller)]).await;
    let list = shop
        .get("charges?expand[]=data.transfer.destination_payment&expand[]=data.payment_intent")
        .await
        .ok();
    assert_eq!(list["data"][0]["transfer"]["destination_payment"]["account"], json!(null));
    assert_eq!(list["data"][0]["transfer"]["destination_payment"]["amount"], 2000);
    assert_eq!(list["data"][0]["payment_intent"]["object"], "payment_intent");
    assert_eq!(shop.get("charges?expand[]=data.amount").await.refused(400)["param"], "expand");
    shop.get("charges?expand[]=data.nothing").await.refused(400);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_ids() {
    let (one, two) = (World::start().await, World::start().await);
    for world in [&one, &two] {
        world.shop().pay(2000, &[]).await;
    }
    let id = |world: &World| {
        let shop = world.shop();
        async move { shop.list("charges").await[0]["id"].clone() }
    };
    assert_eq!(id(&one).await, id(&two).await);
}

#[tokio::test]
async fn a_reset_forgets_everything() {
    let world = World::start().await;
    world.shop().pay(2000, &[]).await;
    world.advance(DAY).await;
    world.control(Method::POST, "reset", json!({})).await;
    assert_eq!(world.shop().list("charges").await.len(), 0);
    assert_eq!(world.shop().balance().await, (0, 0));
    assert_eq!(world.control(Method::GET, "clock", json!({})).await["offset_seconds"], 0);
}

#[tokio::test]
async fn events_are_listed_by_type_and_time_in_their_scope() {
    let world = World::start().await;
    let shop = world.shop();
    let answer = shop.post_keyed("customers", &[("name", "A")], "why").await;
    let request = answer.header("request-id").to_owned();
    shop.pay(2000, &[]).await;
    let event = &shop.list("events?type=customer.created").await[0];
    assert_eq!(event["request"], json!({ "id": request, "idempotency_key": "why" }));
    assert_eq!(event["data"]["object"]["name"], "A");
    assert_eq!(event["api_version"], "2026-09-30.endive");
    assert!(event.get("account").is_none());
    assert_eq!(shop.list("events?types[]=customer.created&types[]=charge.succeeded").await.len(), 2);
    assert_eq!(shop.list("events?created[gt]=9999999999").await.len(), 0);
    let one = shop.get(&format!("events/{}", text(&event["id"]))).await.ok();
    assert_eq!(&one, event);
}

#[tokio::test]
async fn an_app_in_a_browser_may_call() {
    let world = World::start().await;
    let url = format!("{}/v1/payment_intents/pi_1/confirm", world.sandbox.url());
    let asked = world.client().request(Method::OPTIONS, url).send().await.unwrap();
    assert_eq!(asked.status(), 200);
    assert!(asked.headers()["access-control-allow-headers"].to_str().unwrap().contains("authorization"));
    assert_eq!(world.shop().get("balance").await.header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let world = World::start().await;
    let name = "x".repeat(2 << 20);
    world.shop().post("customers", &[("name", &name)]).await.refused(413);
}

#[tokio::test]
async fn who_calls_too_often_is_told_to_wait() {
    let world = World::start().await;
    world.control(Method::POST, "settings", json!({ "requests_per_second": 5 })).await;
    let shop = world.shop();
    let mut refused = None;
    // Some second sees more than five of these.
    for _ in 0..60 {
        let answer = shop.get("balance").await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.unwrap();
    assert_eq!(refused.header("stripe-rate-limited-reason"), "global-rate");
    assert_eq!(refused.header("stripe-should-retry"), "true");
    assert_eq!(refused.refused(429)["code"], "rate_limit");
}

#[tokio::test]
async fn a_publishable_key_sees_nothing_beyond_its_intent() {
    let world = World::start().await;
    let shop = world.shop();
    let customer = text(&shop.post("customers", &[("email", "b@example.test")]).await.ok()["id"]);
    let form = [("amount", "2000"), ("currency", "usd"), ("customer", customer.as_str())];
    let intent = shop.post("payment_intents", &form).await.ok();
    let (path, secret) = (format!("payment_intents/{}", text(&intent["id"])), text(&intent["client_secret"]));
    let app = world.caller("pk_test_shop");
    app.get(&format!("{path}?client_secret={secret}&expand[]=payment_method")).await.ok();
    let spied = app.get(&format!("{path}?client_secret={secret}&expand[]=customer")).await.refused(400);
    assert_eq!(spied["param"], "expand");
    for forbidden in ["customers", "charges", "payment_intents", "checkout/sessions", "setup_intents"] {
        assert_eq!(app.get(forbidden).await.refused(403)["code"], "secret_key_required", "{forbidden}");
    }
    let restricted = world.caller("rk_test_shop");
    assert_eq!(restricted.list("customers").await.len(), 1);
}
