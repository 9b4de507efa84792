//! What buyers keep to pay with: saved by a setup intent, listed, made the default, taken away.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    engines::on_both_databases,
    refusals::{keeps_idempotency_keys, malformed, refuses, refuses_reads},
    shape::shape,
    world::{Answer, Person, SECRET_KEY, World, eventually, text},
};

/// More often than any budget allows to try.
const ALWAYS: u32 = 1_000;

fn setup_intents(buyer: &str) -> String {
    format!("/v1/buyers/{buyer}/setup-intents")
}

fn methods(buyer: &str) -> String {
    format!("/v1/buyers/{buyer}/payment-methods")
}

fn method(buyer: &str, card: &str) -> String {
    format!("/v1/buyers/{buyer}/payment-methods/{card}")
}

async fn new_buyer(world: &World) -> String {
    text(&world.new_buyer().await["id"])
}

async fn set_default(person: &Person<'_>, buyer: &str, card: &str) -> Answer {
    let path = format!("/v1/buyers/{buyer}/default-payment-method");
    let body = json!({"payment_method_id": card}).to_string();
    person.call(Method::PUT, &path, Some(body), None).await
}

async fn detach(person: &Person<'_>, buyer: &str, card: &str) -> Answer {
    person.call(Method::DELETE, &method(buyer, card), None, None).await
}

/// The ids of the cards that a buyer sees, and which is the default.
async fn cards(person: &Person<'_>, buyer: &str) -> (Vec<String>, Vec<String>) {
    let list = person.get(&methods(buyer)).await.is(200);
    let list = list["data"].as_array().unwrap().clone();
    let ids = |cards: Vec<&Value>| cards.into_iter().map(|card| text(&card["id"])).collect();
    let default = list.iter().filter(|card| card["is_default"] == true).collect();
    (ids(list.iter().collect()), ids(default))
}

on_both_databases!(
    async fn a_card_is_saved_by_a_setup_intent_and_listed(world: World) {
        let bob = new_buyer(&world).await;
        let (buyer, site) = (world.buyer(&bob), world.site());
        // 1. The first one makes the buyer a customer, with what is known of them.
        let intent = buyer.post(&setup_intents(&bob), &json!({})).await.is(201);
        assert_eq!(
            shape(&intent),
            json!({
                "id": "<setup>",
                "buyer_id": "<buyer>",
                "status": "requires_payment_method",
                "stripe_setup_intent_id": intent["stripe_setup_intent_id"],
                "client_secret": intent["client_secret"],
                "publishable_key": "pk_test_souk",
                "created_at": "<time>",
            })
        );
        let customer = text(&buyer.get(&format!("/v1/buyers/{bob}")).await.is(200)["stripe_customer_id"]);
        let at_stripe = world.stripe(None, &format!("/v1/customers/{customer}")).await;
        assert_eq!(
            (&at_stripe["email"], &at_stripe["metadata"]["souk_buyer"]),
            (&json!("bob@example.com"), &json!(bob))
        );
        let stripes = world
            .stripe(None, &format!("/v1/setup_intents/{}", text(&intent["stripe_setup_intent_id"])))
            .await;
        assert_eq!((&stripes["customer"], &stripes["usage"]), (&json!(customer), &json!("off_session")));
        // 2. The app confirms; the secret is of no use any more.
        assert_eq!(site.confirm_setup(&intent, "pm_card_visa").await.status(), 200);
        let path = format!("/v1/setup-intents/{}", text(&intent["id"]));
        let saved = world.until(&path, "it is saved", |intent| intent["status"] == "succeeded").await;
        assert_eq!(saved.get("client_secret"), None);
        let first = text(&saved["payment_method_id"]);
        site.until(&method(&bob, &first), "it is known", |card| card["state"] == "attached").await;
        assert_eq!(
            shape(&buyer.get(&method(&bob, &first)).await.is(200)),
            json!({
                "id": first,
                "buyer_id": "<buyer>",
                "type": "card",
                "brand": "visa",
                "last4": "4242",
                "exp_month": 12,
                "exp_year": 2034,
                "is_default": false,
                "state": "attached",
                "created_at": "<time>",
            })
        );
        // 3. A second one, newest first; no second customer.
        let second = site.save_card(&bob, "pm_card_mastercard").await;
        assert_eq!(cards(&buyer, &bob).await, (vec![second.clone(), first.clone()], vec![]));
        assert_eq!(world.stripe(None, "/v1/customers").await["data"].as_array().map(Vec::len), Some(1));
        let page = buyer.get(&format!("{}?limit=1", methods(&bob))).await.is(200);
        let next = format!("{}?limit=1&cursor={}", methods(&bob), text(&page["next_cursor"]));
        assert_eq!(buyer.get(&next).await.is(200)["data"][0]["id"], first.as_str());
    }
);

on_both_databases!(
    async fn one_card_is_the_default_until_it_is_taken_away(world: World) {
        let bob = new_buyer(&world).await;
        let (buyer, site) = (world.buyer(&bob), world.site());
        let first = site.save_card(&bob, "pm_card_visa").await;
        let second = site.save_card(&bob, "pm_card_mastercard").await;
        let customer = text(&buyer.get(&format!("/v1/buyers/{bob}")).await.is(200)["stripe_customer_id"]);
        // 1. One at a time, here and at Stripe; what is so already needs no call.
        for card in [&first, &second, &second] {
            assert_eq!(set_default(&buyer, &bob, card).await.is(200)["is_default"], true);
            assert_eq!(cards(&buyer, &bob).await.1, std::slice::from_ref(card));
            let settings =
                &world.stripe(None, &format!("/v1/customers/{customer}")).await["invoice_settings"];
            assert_eq!(settings["default_payment_method"], card.as_str());
        }
        let updates = "SELECT COUNT(*) AS count FROM stripe_requests WHERE kind = 'customer.update'";
        assert_eq!(world.count(updates).await, 2);
        // 2. Taken away it is gone, with what it was; once is enough.
        let gone = detach(&buyer, &bob, &second).await.is(200);
        assert_eq!((&gone["state"], &gone["is_default"]), (&json!("detached"), &json!(false)));
        assert_eq!(detach(&buyer, &bob, &second).await.is(200), gone);
        assert_eq!(cards(&buyer, &bob).await, (vec![first.clone()], vec![]));
        assert_eq!(buyer.get(&method(&bob, &second)).await.is(200)["state"], "detached");
        set_default(&buyer, &bob, &second).await.is_problem(404, "payment_method_not_found");
        assert_eq!(
            world.stripe(None, &format!("/v1/payment_methods/{second}")).await["customer"],
            Value::Null
        );
        // 3. The marketplace's backend was told.
        for (event, count) in [("payment_method.attached", 2), ("payment_method.detached", 1)] {
            let told = format!("SELECT COUNT(*) AS count FROM events WHERE event_type = '{event}'");
            eventually(event, async || world.count(&told).await == count).await;
        }
    }
);

on_both_databases!(
    /// Each has a key of its own; all wait for the one customer, and none is told to come again.
    async fn fifty_setup_intents_at_once_make_one_customer(world: World) {
        let bob = new_buyer(&world).await;
        let (buyer, service) = (world.buyer(&bob), world.service());
        let (path, body) = (setup_intents(&bob), json!({}));
        let asked = (0..50).map(|n| if n % 2 == 0 { &buyer } else { &service }.post(&path, &body));
        let mut made = BTreeSet::new();
        for answer in join_all(asked).await {
            // What takes longer than its caller may wait is finished without them.
            if answer.status != 503 {
                made.insert(text(&answer.is(201)["stripe_setup_intent_id"]));
            }
        }
        assert!(!made.is_empty());
        let customers = world.stripe(None, "/v1/customers?limit=100").await;
        assert_eq!(customers["data"].as_array().map(Vec::len), Some(1), "{customers}");
        let customer = text(&customers["data"][0]["id"]);
        let all = format!("/v1/setup_intents?customer={customer}&limit=100");
        eventually("all are made", async || {
            world.stripe(None, &all).await["data"].as_array().map(Vec::len) == Some(50)
        })
        .await;
        let open = "SELECT COUNT(*) AS count FROM stripe_requests WHERE state = 'pending'";
        eventually("nothing is left open", async || world.count(open).await == 0).await;
        let requests = "SELECT COUNT(*) AS count FROM stripe_requests WHERE kind = 'customer.create'";
        assert_eq!(world.count(requests).await, 1);
    }
);

on_both_databases!(
    /// Between the customer and the setup intent Stripe goes away; the same key goes on from there.
    async fn what_was_made_first_is_not_made_again(world: World) {
        let bob = new_buyer(&world).await;
        let (buyer, path) = (world.buyer(&bob), setup_intents(&bob));
        let fault =
            json!({"method": "POST", "path": "/v1/setup_intents", "kind": "cut_before", "count": ALWAYS});
        world.control("/_sandbox/faults", &fault).await;
        buyer.post_with_key(&path, &json!({}), "one key").await.is_problem(503, "stripe_unavailable");
        let customer = text(&buyer.get(&format!("/v1/buyers/{bob}")).await.is(200)["stripe_customer_id"]);
        let url = format!("{}/_sandbox/faults", world.sandbox.url());
        world.http.delete(url).send().await.unwrap().error_for_status().unwrap();
        let mut intent = Value::Null;
        eventually("it goes on", async || {
            let answer = buyer.post_with_key(&path, &json!({}), "one key").await;
            let answered = answer.status == 201;
            if answered {
                intent = answer.body();
            }
            answered
        })
        .await;
        let stripes = format!("/v1/setup_intents/{}", text(&intent["stripe_setup_intent_id"]));
        assert_eq!(world.stripe(None, &stripes).await["customer"], customer.as_str());
        assert_eq!(world.stripe(None, "/v1/customers").await["data"].as_array().map(Vec::len), Some(1));
        assert_eq!(world.stripe(None, "/v1/setup_intents").await["data"].as_array().map(Vec::len), Some(1));
    }
);

on_both_databases!(
    async fn what_another_buyer_keeps_does_not_exist(world: World) {
        let (bob, eve) = (new_buyer(&world).await, new_buyer(&world).await);
        let card = world.site().save_card(&bob, "pm_card_visa").await;
        world.site().save_card(&eve, "pm_card_visa").await;
        let (theirs, service) = (world.buyer(&eve), world.service());
        // In one's own name, and as the back office for the wrong buyer.
        for who in [&theirs, &service] {
            who.get(&method(&eve, &card)).await.is_problem(404, "payment_method_not_found");
            detach(who, &eve, &card).await.is_problem(404, "payment_method_not_found");
            set_default(who, &eve, &card).await.is_problem(404, "payment_method_not_found");
        }
        // In the other's.
        refuses_reads(
            &theirs,
            &[(&methods(&bob), 404, "not_found"), (&method(&bob, &card), 404, "not_found")],
        )
        .await;
        detach(&theirs, &bob, &card).await.is_problem(404, "not_found");
        set_default(&theirs, &bob, &card).await.is_problem(404, "not_found");
        theirs.post(&setup_intents(&bob), &json!({})).await.is_problem(404, "not_found");
        assert_eq!(cards(&world.buyer(&bob), &bob).await.0, [card]);
    }
);

on_both_databases!(
    async fn what_cannot_be_is_refused_and_leaves_nothing(world: World) {
        let bob = new_buyer(&world).await;
        let (buyer, service) = (world.buyer(&bob), world.service());
        let cases = [
            malformed("no usage", json!({"usage": "sometimes"}), "usage"),
            malformed("an unknown field", json!({"card": "4242424242424242"}), "card"),
        ];
        refuses(&world, &buyer, Method::POST, &setup_intents(&bob), &cases).await;
        let default = format!("/v1/buyers/{bob}/default-payment-method");
        let named = |id: &str| json!({"payment_method_id": id});
        let cases = [
            malformed("nothing", json!({}), "payment_method_id"),
            malformed("a number", json!({"payment_method_id": 1}), "payment_method_id"),
            malformed("no id of a payment method", named("card_1"), "payment_method_id"),
            malformed("an id with a slash", named("pm_1/detach"), "payment_method_id"),
            ("one that nobody keeps", named("pm_none"), 404, "payment_method_not_found", ""),
        ];
        refuses(&world, &buyer, Method::PUT, &default, &cases).await;
        let nobody = "buyer_01h455vb4pex5vsknk084sn02q";
        service.post(&setup_intents(nobody), &json!({})).await.is_problem(404, "not_found");
        set_default(&service, nobody, "pm_none").await.is_problem(404, "not_found");
        for id in ["pm_none", "pm_", "card_1", "pm_%00", "pm_..%2F"] {
            detach(&service, &bob, id).await.is_problem(404, "payment_method_not_found");
        }
        refuses_reads(
            &service,
            &[
                (&methods(nobody), 404, "not_found"),
                (&method(&bob, "pm_%00"), 404, "payment_method_not_found"),
                (&format!("{}?cursor=pm_1", methods(&bob)), 400, "invalid_cursor"),
                ("/v1/setup-intents/setup_01h455vb4pex5vsknk084sn02q", 404, "not_found"),
                ("/v1/setup-intents/seti_1", 404, "not_found"),
            ],
        )
        .await;
        assert_eq!(world.rows("stripe_requests").await, 0);
    }
);

on_both_databases!(
    async fn a_setup_intent_is_created_once_under_a_key(world: World) {
        let bob = new_buyer(&world).await;
        let callers = [&world.service(), &world.operator()];
        let (good, other) = (json!({}), json!({"usage": "on_session"}));
        keeps_idempotency_keys(&world, &setup_intents(&bob), callers, [&good, &other]).await;
    }
);

on_both_databases!(
    /// Of two changes whose order at Stripe nobody knows, the second waits until the first is through.
    async fn a_change_waits_for_the_one_that_is_under_way(world: World) {
        let bob = new_buyer(&world).await;
        let (buyer, site) = (world.buyer(&bob), world.site());
        let (first, second) =
            (site.save_card(&bob, "pm_card_visa").await, site.save_card(&bob, "pm_card_mastercard").await);
        let fault =
            |path: &str| json!({"method": "POST", "path": path, "kind": "cut_before", "count": ALWAYS});
        world.control("/_sandbox/faults", &fault("/v1/customers/*")).await;
        world.control("/_sandbox/faults", &fault("/v1/payment_methods/*/detach")).await;
        set_default(&buyer, &bob, &first).await.is_problem(503, "stripe_unavailable");
        set_default(&buyer, &bob, &second).await.is_problem(409, "payment_method_busy");
        detach(&buyer, &bob, &second).await.is_problem(503, "stripe_unavailable");
        detach(&buyer, &bob, &second).await.is_problem(409, "payment_method_busy");
        let url = format!("{}/_sandbox/faults", world.sandbox.url());
        world.http.delete(url).send().await.unwrap().error_for_status().unwrap();
        eventually("both are through", async || {
            cards(&buyer, &bob).await == (vec![first.clone()], vec![first.clone()])
        })
        .await;
    }
);

on_both_databases!(
    async fn what_happens_at_stripe_is_seen_here(world: World) {
        let bob = new_buyer(&world).await;
        let card = world.site().save_card(&bob, "pm_card_visa").await;
        let at_stripe = async |path: &str, form: &[(&str, &str)]| {
            let url = format!("{}/v1/{path}", world.sandbox.url());
            let done = world.http.post(url).bearer_auth(SECRET_KEY).form(form).send().await.unwrap();
            done.error_for_status().unwrap().json::<Value>().await.unwrap()
        };
        // 1. A new card has come by mail.
        at_stripe(&format!("payment_methods/{card}"), &[("card[exp_year]", "2040")]).await;
        world.until(&method(&bob, &card), "it is renewed", |card| card["exp_year"] == 2040).await;
        // 2. Support has taken it away, and it was the default.
        set_default(&world.buyer(&bob), &bob, &card).await.is(200);
        at_stripe(&format!("payment_methods/{card}/detach"), &[]).await;
        let gone = |card: &Value| card["state"] == "detached" && card["is_default"] == false;
        world.until(&method(&bob, &card), "it is gone", gone).await;
        assert_eq!(cards(&world.buyer(&bob), &bob).await, (vec![], vec![]));
        // 3. Somebody else's customer is nobody here.
        let stranger = text(&at_stripe("customers", &[]).await["id"]);
        at_stripe("payment_methods/pm_card_visa/attach", &[("customer", &stranger)]).await;
        let foreign = "SELECT COUNT(*) AS count FROM stripe_events WHERE state = 'foreign'";
        eventually("it is nobody's", async || world.count(foreign).await == 1).await;
        assert_eq!(world.rows("payment_methods").await, 1);
    }
);
