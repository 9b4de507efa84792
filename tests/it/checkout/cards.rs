//! Cards that are charged as the order is made: what buyers are told of a decline, and that the order stays payable.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PATH, with};
use crate::{
    engines::on_both_databases,
    refusals::{malformed, refuses},
    shape::shape,
    world::{World, text},
};

/// A card, Stripe's decline code, the one that a buyer is told, and a word of what they read.
const DECLINES: [(&str, &str, &str, &str); 8] = [
    ("pm_card_visa_chargeDeclined", "generic_decline", "generic_decline", "was declined"),
    ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds", "insufficient_funds", "insufficient"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card", "expired"),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc", "security code"),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error", "in a moment"),
    ("pm_card_chargeDeclinedLostCard", "lost_card", "generic_decline", "was declined"),
    ("pm_card_chargeDeclinedStolenCard", "stolen_card", "generic_decline", "was declined"),
    ("pm_card_chargeDeclinedFraudulent", "fraudulent", "generic_decline", "was declined"),
];

/// A cart of one piece that is paid at once.
fn cart(listing: &Value, card: &str) -> Value {
    json!({"lines": [{"listing_id": listing["id"], "quantity": 1}], "payment_method_id": card})
}

on_both_databases!(
    async fn a_declined_card_is_a_402_that_keeps_secrets_and_another_card_pays_the_order_once(world: World) {
        // As at Stripe: who may be sent away must be able to come back.
        world.control("/_sandbox/settings", &json!({"require_return_url": true})).await;
        let bowl = world.listing(&world.active_seller().await, 500, "usd").await;
        let bob = text(&world.new_buyer().await["id"]);
        let buyer = world.buyer(&bob);
        let mut orders = Vec::new();
        for (card, decline_code, told, words) in DECLINES {
            // 1. The buyer is told what they may know.
            let first = buyer.post_with_key(PATH, &cart(&bowl, card), card).await;
            let problem = first.is_problem(402, "card_declined");
            assert_eq!(problem["decline_code"], told, "{card}");
            assert!(text(&problem["detail"]).contains(words), "{problem}");
            if told != decline_code {
                let tells = String::from_utf8_lossy(&first.bytes).replace("ost that issued", "");
                assert!(!["lost", "stolen", "fraud"].iter().any(|word| tells.contains(word)), "{tells}");
            }
            // 2. The same again is the same again.
            let again = buyer.post_with_key(PATH, &cart(&bowl, card), card).await;
            assert!(again.is_replayed() && again.bytes == first.bytes, "{card}");
            // 3. The order is there, and can be paid: what is wrong is told to each as they may know it.
            let path = format!("/v1/orders/{}", text(&problem["order_id"]));
            let order = buyer.get(&path).await.is(200);
            assert_eq!(order["status"], "pending_payment", "{card}");
            assert!(order["payment"]["client_secret"].is_string(), "{order}");
            assert_eq!(order["payment"]["last_failure"]["decline_code"], told);
            assert_eq!(order["payment"]["last_failure"]["message"], problem["detail"]);
            let known = world.operator().get(&path).await.is(200);
            assert_eq!(known["payment"]["last_failure"]["decline_code"], decline_code);
            orders.push((path, order));
        }
        assert_eq!(
            world.count("SELECT COUNT(*) AS count FROM stripe_requests WHERE state = 'refused'").await,
            8
        );

        // 4. Another card pays each on the same intent, once.
        for (path, order) in &orders {
            let paid = world.pay(order).await;
            assert_eq!(
                paid["payment"]["stripe_payment_intent_id"],
                order["payment"]["stripe_payment_intent_id"]
            );
            assert_eq!(paid["captured"], json!({"amount": 500, "currency": "usd"}), "{path}");
            assert_eq!(paid["payment"].get("last_failure"), None, "{path}");
        }
        let intents = world.stripe(None, "/v1/payment_intents?limit=100").await;
        assert_eq!(intents["data"].as_array().map(Vec::len), Some(DECLINES.len()));
        let told = "SELECT COUNT(*) AS count FROM events WHERE event_type = 'order.paid'";
        assert_eq!(world.count(told).await, 8);
        let report = world.operator().post("/v1/reconciliation", &json!({})).await.is(200);
        assert_eq!(report["differences"], json!([]));
    }
);

on_both_databases!(
    async fn a_decline_looks_like_this(world: World) {
        let bowl = world.listing(&world.active_seller().await, 500, "usd").await;
        let answer =
            world.service().post(PATH, &cart(&bowl, "pm_card_chargeDeclinedInsufficientFunds")).await;
        let mut problem = answer.is_problem(402, "card_declined");
        problem["request_id"] = json!("<request>");
        assert_eq!(
            shape(&problem),
            json!({
                "type": "urn:souk:problem:card_declined",
                "title": "Payment Required",
                "status": 402,
                "code": "card_declined",
                "detail": "The card has insufficient funds. Use another card.",
                "decline_code": "insufficient_funds",
                "order_id": "<order>",
                "request_id": "<request>",
                "errors": [],
            })
        );
    }
);

on_both_databases!(
    async fn a_good_card_pays_the_order_as_it_is_made(world: World) {
        let bowl = world.listing(&world.active_seller().await, 500, "usd").await;
        let buyer = text(&world.new_buyer().await["id"]);
        let buyer = world.buyer(&buyer);
        let first = buyer.post_with_key(PATH, &cart(&bowl, "pm_card_visa"), "paid").await;
        let order = first.is(201);
        assert_eq!(order["payment"]["status"], "succeeded");
        let again = buyer.post_with_key(PATH, &cart(&bowl, "pm_card_visa"), "paid").await;
        assert!(again.is_replayed() && again.bytes == first.bytes);

        let path = format!("/v1/orders/{}", text(&order["id"]));
        let shared = |order: &Value| order["shares"][0]["state"] == "transferred";
        let paid = world.until(&path, "the seller has their share", shared).await;
        assert_eq!((&paid["status"], &paid["captured"]["amount"]), (&json!("paid"), &json!(500)));
        let charges = world.stripe(None, "/v1/charges").await;
        assert_eq!(charges["data"].as_array().map(Vec::len), Some(1));
    }
);

on_both_databases!(
    async fn a_bank_that_asks_the_buyer_leaves_the_secret_to_go_on_with(world: World) {
        world.control("/_sandbox/settings", &json!({"require_return_url": true})).await;
        let bowl = world.listing(&world.active_seller().await, 500, "usd").await;
        let asks = cart(&bowl, "pm_card_authenticationRequired");
        let back = "https://app.example.com/done";
        for (body, page) in [
            (asks.clone(), "/next_action/use_stripe_sdk/stripe_js"),
            (with(&asks, "return_url", json!(back)), "/next_action/redirect_to_url/url"),
        ] {
            let order = world.service().post(PATH, &body).await.is(201);
            let payment = &order["payment"];
            assert_eq!(
                (&order["status"], &payment["status"]),
                (&json!("pending_payment"), &json!("requires_action"))
            );
            assert!(payment["client_secret"].is_string());
            let path = format!("/v1/payment_intents/{}", text(&payment["stripe_payment_intent_id"]));
            let intent = world.stripe(None, &path).await;
            let page = intent.pointer(page).unwrap_or_else(|| panic!("{intent}"));
            let form = [("outcome", "complete")];
            let request = world.http.post(text(page)).form(&form);
            // The shop that the browser is sent back to is not there.
            let _ = request.send().await;
            let path = format!("/v1/orders/{}", text(&order["id"]));
            world.until(&path, "the order is paid", |order| order["status"] == "paid").await;
        }
    }
);

on_both_databases!(
    async fn a_payment_that_can_not_be_made_is_refused(world: World) {
        let bowl = world.listing(&world.active_seller().await, 500, "usd").await;
        let good = cart(&bowl, "pm_card_visa");
        let mut unpaid = good.clone();
        unpaid.as_object_mut().unwrap().remove("payment_method_id");
        let back = |url: &str| with(&good, "return_url", json!(url));
        let method = "payment_method_id";
        let cases = [
            malformed("a card's number", cart(&bowl, "4242424242424242"), method),
            malformed("a token", cart(&bowl, "tok_visa"), method),
            malformed("a path", cart(&bowl, "pm_1/../x"), method),
            malformed("an id without an end", cart(&bowl, &format!("pm_{}", "x".repeat(251))), method),
            malformed("a number", with(&good, method, json!(1)), method),
            malformed(
                "no end of an address",
                back(&format!("https://app.example.com/{}", "x".repeat(2_000))),
                "return_url",
            ),
            (
                "nothing to return from",
                with(&unpaid, "return_url", json!("https://app.example.com/done")),
                422,
                "payment_method_required",
                "return_url",
            ),
            ("another's address", back("https://evil.example/"), 422, "redirect_not_allowed", "return_url"),
            ("no address", back("/done"), 422, "redirect_not_allowed", "return_url"),
        ];
        let buyer = text(&world.new_buyer().await["id"]);
        for person in [world.service(), world.buyer(&buyer)] {
            refuses(&world, &person, Method::POST, PATH, &cases).await;
        }
        // Only Stripe knows whether there is such a method: the order was written before it was asked.
        let unknown = world.service().post(PATH, &cart(&bowl, "pm_unknown")).await;
        let problem = unknown.is_problem(422, "refused_by_stripe");
        assert_eq!(problem["errors"][0]["field"], method, "{problem}");
        let orders = world.operator().get("/v1/orders").await.is(200);
        assert_eq!(orders["data"][0]["status"], "canceled");
    }
);
