//! Checkouts paid with what a buyer keeps, while they are there or away, and checkouts that keep what they are paid with.

use serde_json::{Value, json};

use super::PATH;
use crate::{
    engines::on_both_databases,
    refusals::refuses,
    world::{World, text},
};

/// A cart of one piece, of this buyer's.
fn cart(listing: &Value, buyer: &str) -> Value {
    json!({"lines": [{"listing_id": listing["id"], "quantity": 1}], "buyer_id": buyer})
}

/// The same with a field of the checkout set.
fn and(mut body: Value, field: &str, value: impl Into<Value>) -> Value {
    body[field] = value.into();
    body
}

async fn new_buyer(world: &World) -> String {
    text(&world.new_buyer().await["id"])
}

async fn customer(world: &World, buyer: &str) -> Value {
    world.operator().get(&format!("/v1/buyers/{buyer}")).await.is(200)["stripe_customer_id"].clone()
}

async fn is_reconciled(world: &World) {
    let report = world.operator().post("/v1/reconciliation", &json!({})).await.is(200);
    assert_eq!((&report["differences"], &report["state"]), (&json!([]), &json!("clean")));
}

on_both_databases!(
    /// The buyer is there once and away once. A direct charge pays with a copy on the seller's account, each with its own.
    async fn a_saved_card_pays_under_each_charge_model(world: World) {
        let seller = world.active_seller().await;
        let account = text(&seller["stripe_account_id"]);
        let bowl = world.listing(&seller, 10_000, "usd").await;
        let bob = new_buyer(&world).await;
        let card = world.site().save_card(&bob, "pm_card_authenticationRequiredOnSetup").await;
        for (model, state) in
            [("destination", "transferred"), ("separate", "releasable"), ("direct", "transferred")]
        {
            let mut used = Vec::new();
            for off_session in [true, true] {
                let checkout = and(cart(&bowl, &bob), "payment_method_id", card.as_str());
                let checkout = and(and(checkout, "charge_model", model), "off_session", off_session);
                let order = world.service().post(PATH, &checkout).await.is(201);
                assert_eq!(order["status"], "paid", "{model}");
                let path = format!("/v1/orders/{}", text(&order["id"]));
                let shared = |order: &Value| order["shares"][0]["state"] == state;
                world.until(&path, model, shared).await;
                let intent =
                    format!("/v1/payment_intents/{}", text(&order["payment"]["stripe_payment_intent_id"]));
                let of = (model == "direct").then_some(account.as_str());
                let intent = world.stripe(of, &intent).await;
                used.push(text(&intent["payment_method"]));
                let payer = if of.is_some() { Value::Null } else { customer(&world, &bob).await };
                assert_eq!(intent["customer"], payer, "{model}");
            }
            if model == "direct" {
                assert!(used[0] != used[1] && !used.contains(&card), "each payment has a copy: {used:?}");
            } else {
                assert_eq!(used, [card.clone(), card.clone()]);
            }
        }
        let copies = "SELECT COUNT(*) AS count FROM stripe_requests WHERE kind = 'payment_method.copy'";
        assert_eq!(world.count(copies).await, 2);
        is_reconciled(&world).await;
    }
);

on_both_databases!(
    async fn a_bank_that_wants_to_see_a_buyer_who_is_away_is_shown_them_later(world: World) {
        let seller = world.active_seller().await;
        let bowl = world.listing(&seller, 500, "usd").await;
        let bob = new_buyer(&world).await;
        let card = world.site().save_card(&bob, "pm_card_authenticationRequired").await;
        let checkout = and(cart(&bowl, &bob), "payment_method_id", card.as_str());
        for model in ["destination", "direct"] {
            // 1. Nobody is there: the order waits, on the same payment.
            let away = and(and(checkout.clone(), "off_session", true), "charge_model", model);
            let answer = world.service().post_with_key(PATH, &away, model).await;
            let problem = answer.is_problem(402, "authentication_required");
            assert_eq!(problem["decline_code"], "authentication_required", "{problem}");
            let again = world.service().post_with_key(PATH, &away, model).await;
            assert!(again.is_replayed() && again.bytes == answer.bytes);
            let path = format!("/v1/orders/{}", text(&problem["order_id"]));
            let order = world.buyer(&bob).get(&path).await.is(200);
            assert_eq!(order["status"], "pending_payment");
            assert_eq!(order["payment"]["last_failure"]["code"], "authentication_required");
            // 2. The buyer is back, and their app finishes it: with the card they keep, or with another on the seller's
            // account, where the copy is of no further use.
            let with = if model == "direct" { "pm_card_authenticationRequired" } else { card.as_str() };
            let asked: Value = world.confirm(&order, with).await.json().await.unwrap();
            assert_eq!(asked["status"], "requires_action", "{asked}");
            let action = &asked["next_action"];
            let by_sdk = action["use_stripe_sdk"]["stripe_js"].as_str();
            let page = by_sdk.or(action["redirect_to_url"]["url"].as_str()).expect("the bank's page");
            let answered = world.http.post(page).form(&[("outcome", "complete")]).send().await.unwrap();
            assert!(answered.status().is_success(), "{answered:?}");
            let paid =
                |order: &Value| order["status"] == "paid" && order["shares"][0]["state"] == "transferred";
            let paid = world.until(&path, "it is paid", paid).await;
            assert_eq!(
                paid["payment"]["stripe_payment_intent_id"],
                order["payment"]["stripe_payment_intent_id"]
            );
        }
        is_reconciled(&world).await;
    }
);

on_both_databases!(
    /// With the checkout itself, or by the app; for a buyer of whom Stripe knew nothing, or one who keeps something.
    async fn what_pays_is_kept_if_that_was_asked_for(world: World) {
        let bowl = world.listing(&world.active_seller().await, 500, "usd").await;
        let bob = new_buyer(&world).await;
        let buyer = world.buyer(&bob);
        let kept = async || {
            let list = buyer.get(&format!("/v1/buyers/{bob}/payment-methods")).await.is(200);
            list["data"].as_array().unwrap().iter().map(|card| text(&card["brand"])).collect::<Vec<_>>()
        };
        let saving = and(cart(&bowl, &bob), "save_payment_method", true);
        let at_once = and(saving.clone(), "payment_method_id", "pm_card_visa");
        assert_eq!(buyer.post(PATH, &at_once).await.is(201)["status"], "paid");
        crate::world::eventually("the first is kept", async || kept().await == ["visa"]).await;
        let order = buyer.post(PATH, &saving).await.is(201);
        assert_eq!(world.confirm(&order, "pm_card_mastercard").await.status(), 200);
        crate::world::eventually("and the second", async || kept().await == ["mastercard", "visa"]).await;
        // Not otherwise.
        let order = buyer.post(PATH, &cart(&bowl, &bob)).await.is(201);
        world.pay(&order).await;
        assert_eq!(kept().await.len(), 2);
        let customers = world.stripe(None, "/v1/customers").await;
        assert_eq!(customers["data"].as_array().map(Vec::len), Some(1));
    }
);

on_both_databases!(
    async fn what_a_buyer_does_not_keep_pays_nothing(world: World) {
        let bowl = world.listing(&world.active_seller().await, 500, "usd").await;
        let (bob, eve) = (new_buyer(&world).await, new_buyer(&world).await);
        let site = world.site();
        let (card, other) =
            (site.save_card(&bob, "pm_card_visa").await, site.save_card(&eve, "pm_card_visa").await);
        let detached = site.save_card(&bob, "pm_card_mastercard").await;
        let path = format!("/v1/buyers/{bob}/payment-methods/{detached}");
        world.buyer(&bob).call(reqwest::Method::DELETE, &path, None, None).await.is(200);

        let with = |card: &str| and(cart(&bowl, &bob), "payment_method_id", card);
        let lines = json!({"lines": cart(&bowl, &bob)["lines"]});
        let (gone, pm) = ("payment_method_not_found", "payment_method_id");
        let saving = |body: Value| and(body, "save_payment_method", true);
        let away = |body: Value| and(body, "off_session", true);
        let direct = |body: Value| and(body, "charge_model", "direct");
        let cases = [
            ("another's card", with(&other), 404, gone, pm),
            ("one that was taken away", with(&detached), 404, gone, pm),
            ("one that is kept, for nobody", and(lines.clone(), pm, card.as_str()), 404, gone, pm),
            ("another's on the seller's account", direct(with(&other)), 404, gone, pm),
            ("away, with nothing", away(cart(&bowl, &bob)), 422, "saved_payment_method_required", pm),
            ("away, with a new card", away(with("pm_card_visa")), 422, "saved_payment_method_required", pm),
            ("to keep it twice", saving(with(&card)), 422, "save_not_possible", "save_payment_method"),
            (
                "to keep it elsewhere",
                saving(direct(cart(&bowl, &bob))),
                422,
                "save_not_possible",
                "save_payment_method",
            ),
            ("to keep it for nobody", saving(lines), 422, "buyer_required", "buyer_id"),
        ];
        refuses(&world, &world.service(), reqwest::Method::POST, PATH, &cases).await;
        // That they are away is not for buyers to say.
        let answer = world.buyer(&bob).post(PATH, &away(with(&card))).await;
        assert_eq!(answer.status, 403, "{}", answer.body());
    }
);
