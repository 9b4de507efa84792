//! Orders: how they are paid in spite of cards and webhooks, and who sees what of them. Cards that are charged as the
//! order is made are in [`cards`], what can't be bought is in [`carts`], how the money goes is in [`models`], and what buyers
//! keep is in [`kept`].

mod cards;
mod carts;
mod kept;
mod models;
mod together;

use serde_json::{Value, json};

use crate::{
    engines::on_both_databases,
    refusals::refuses_reads,
    shape::shape,
    world::{Answer, World, text},
};

const PATH: &str = "/v1/checkouts";

on_both_databases!(
    async fn an_order_stays_payable_whatever_cards_do(world: World) {
        let bowl = world.listing(&world.active_seller().await, 500, "usd").await;
        let order = world.order(&bowl).await;
        let path = format!("/v1/orders/{}", text(&order["id"]));
        for (card, code, decline_code) in [
            ("pm_card_chargeDeclined", "card_declined", json!("generic_decline")),
            ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", json!("insufficient_funds")),
            ("pm_card_chargeDeclinedExpiredCard", "expired_card", Value::Null),
        ] {
            assert_eq!(world.confirm(&order, card).await.status(), 402, "{card}");
            let is_known = |order: &Value| {
                let failure = &order["payment"]["last_failure"];
                failure["code"] == code && (decline_code.is_null() || failure["decline_code"] == decline_code)
            };
            let declined = world.until(&path, card, is_known).await;
            assert_eq!(declined["status"], "pending_payment", "{card}");
            assert_eq!(declined["captured"]["amount"], 0, "{card}");
            assert_eq!(declined["payment"]["client_secret"], order["payment"]["client_secret"], "{card}");
        }
        // The bank asks the buyer, who says that it wasn't them; then they remember.
        for (outcome, status) in [("fail", "requires_payment_method"), ("complete", "succeeded")] {
            let asked = world.confirm(&order, "pm_card_authenticationRequired").await;
            assert_eq!(asked.status(), 200);
            let asked: Value = asked.json().await.unwrap();
            assert_eq!(asked["status"], "requires_action");
            let waits = |order: &Value| order["payment"]["status"] == "requires_action";
            assert_eq!(world.until(&path, "the bank asks", waits).await["status"], "pending_payment");
            let page = bank_page(&asked);
            assert!(world.http.get(&page).send().await.unwrap().status().is_success(), "{page}");
            let answer = world.http.post(&page).form(&[("outcome", outcome)]).send().await.unwrap();
            assert!(answer.status().is_success(), "{answer:?}");
            let heard = |order: &Value| order["payment"]["status"] == status;
            let heard = world.until(&path, outcome, heard).await;
            let wanted = if outcome == "fail" { "pending_payment" } else { "paid" };
            assert_eq!(heard["status"], wanted, "{heard}");
        }
        let shared = |order: &Value| order["shares"][0]["state"] == "transferred";
        let paid = world.until(&path, "the seller has their share", shared).await;
        assert_eq!(paid["payment"].get("last_failure"), None, "what failed before is over");
        assert_eq!(paid["captured"], json!({"amount": 500, "currency": "usd"}));
        // What is paid can't be paid again.
        assert_eq!(world.confirm(&order, "pm_card_visa").await.status(), 400);
    }
);

on_both_databases!(
    async fn an_order_is_paid_once_however_its_events_arrive(world: World) {
        let bowl = world.listing(&world.active_seller().await, 1_000, "usd").await;
        let modes = [
            json!({"mode": "duplicate"}),
            json!({"mode": "reorder"}),
            json!({"mode": "delay", "delay_ms": 200}),
            json!({"mode": "wrong_secret", "count": 2}),
        ];
        for mode in &modes {
            world.control("/_sandbox/webhooks", mode).await;
            let order = world.order(&bowl).await;
            assert_eq!(world.confirm(&order, "pm_card_chargeDeclined").await.status(), 402, "{mode}");
            let paid = world.pay(&order).await;
            assert_eq!(paid["captured"], json!({"amount": 1_000, "currency": "usd"}), "{mode}");
            assert_eq!(paid["shares"][0]["transferred"]["amount"], 900, "{mode}");
        }
        world.control("/_sandbox/webhooks", &json!({"mode": "normal"})).await;
        // Whatever is still on its way arrives.
        world.days_pass().await;
        let told = "SELECT COUNT(*) AS count FROM events WHERE event_type = 'order.paid'";
        assert_eq!(world.count(told).await, 4);
        let sales = "SELECT COUNT(*) AS count FROM ledger_transactions WHERE kind = 'destination_sale'";
        assert_eq!(world.count(sales).await, 4);
        let report = world.operator().post("/v1/reconciliation", &json!({})).await.is(200);
        assert_eq!(report["differences"], json!([]));
        let orders = world.service().get("/v1/orders?status=paid").await.is(200);
        assert_eq!(orders["data"].as_array().map(Vec::len), Some(4));
    }
);

on_both_databases!(
    async fn each_side_sees_of_an_order_what_is_theirs(world: World) {
        let ada = world.active_seller().await;
        let bowl = world.listing(&ada, 5_000, "usd").await;
        let bob = text(&world.new_buyer().await["id"]);
        let body = json!({
            "lines": [{"listing_id": bowl["id"], "quantity": 2}], "metadata": {"cart": "42"},
        });
        let order = world.buyer(&bob).post(PATH, &body).await.is(201);
        let path = format!("/v1/orders/{}", text(&order["id"]));
        let usd = |amount: i64| json!({"amount": amount, "currency": "usd"});
        let line = json!({
            "id": "<line>", "kind": "item", "listing_id": "<listing>", "seller_id": "<seller>", "title": "Blue bowl",
            "unit_amount": usd(5_000), "quantity": 2, "amount": usd(10_000),
        });
        let unpaid = json!({
            "id": "<order>",
            "buyer_id": "<buyer>",
            "status": "pending_payment",
            "charge_model": "destination",
            "amount": usd(10_000),
            "captured": usd(0),
            "refunded": usd(0),
            "lines": [line],
            "payment": {
                "status": "requires_payment_method",
                "stripe_payment_intent_id": "<pi>",
                "client_secret": "<client secret>",
                "publishable_key": "pk_test_souk",
            },
            "metadata": {"cart": "42"},
            "created_at": "<time>",
            "updated_at": "<time>",
        });
        assert_eq!(shape(&order), unpaid);
        assert_eq!(world.buyer(&bob).get(&path).await.is(200), order);
        world.pay(&order).await;

        let backoffice = world.operator().get(&path).await.is(200);
        let with_commission = with(&line, "commission", usd(1_000));
        let share = json!({
            "id": "<share>", "seller_id": "<seller>", "gross": usd(10_000), "commission": usd(1_000),
            "net": usd(9_000), "transferred": usd(9_000), "reversed": usd(0), "state": "transferred",
        });
        let mut paid = unpaid;
        paid["status"] = json!("paid");
        paid["captured"] = usd(10_000);
        paid["paid_at"] = json!("<time>");
        paid["payment"] = json!({
            "status": "succeeded", "stripe_payment_intent_id": "<pi>", "publishable_key": "pk_test_souk",
        });
        assert_eq!(shape(&world.buyer(&bob).get(&path).await.is(200)), paid);
        paid["lines"] = json!([with_commission]);
        paid["shares"] = json!([share]);
        paid["release"] = json!({"type": "immediate"});
        paid["on_behalf_of"] = json!(false);
        assert_eq!(shape(&backoffice), paid);
        assert_eq!(shape(&world.service().get(&path).await.is(200)), paid);
        for hidden in ["captured", "refunded", "payment", "metadata", "on_behalf_of"] {
            paid.as_object_mut().unwrap().remove(hidden);
        }
        assert_eq!(shape(&world.seller(&text(&ada["id"])).get(&path).await.is(200)), paid);

        // To others it doesn't exist.
        let (other_buyer, other_seller) = (world.new_buyer().await, world.active_seller().await);
        let (other_buyer, other_seller) = (text(&other_buyer["id"]), text(&other_seller["id"]));
        for other in [world.buyer(&other_buyer), world.seller(&other_seller)] {
            other.get(&path).await.is_problem(404, "not_found");
            for query in ["", &format!("?seller_id={}", text(&ada["id"])), &format!("?buyer_id={bob}")] {
                let page = other.get(&format!("/v1/orders{query}")).await.is(200);
                assert_eq!(page, json!({"data": []}), "{query}");
            }
        }
    }
);

on_both_databases!(
    async fn orders_are_filtered_and_paged(world: World) {
        let ada = world.active_seller().await;
        let bowl = world.listing(&ada, 5_000, "usd").await;
        let (first, second) = (world.order(&bowl).await, world.order(&bowl).await);
        let (ada, first_buyer) = (text(&ada["id"]), text(&first["buyer_id"]));
        let found = async |query: &str| {
            let page: Answer = world.service().get(&format!("/v1/orders{query}")).await;
            let page = page.is(200);
            let ids = page["data"].as_array().unwrap().iter().map(|order| text(&order["id"]));
            (ids.collect::<Vec<_>>(), page["next_cursor"].as_str().map(str::to_owned))
        };
        let (one, two) = (text(&first["id"]), text(&second["id"]));
        for (query, ids) in [
            (String::new(), vec![&two, &one]),
            (format!("?seller_id={ada}"), vec![&two, &one]),
            (format!("?buyer_id={first_buyer}"), vec![&one]),
            ("?seller_id=seller_01h455vb4pex5vsknk084sn02q".to_owned(), vec![]),
            ("?status=pending_payment".to_owned(), vec![&two, &one]),
            ("?status=paid".to_owned(), vec![]),
            (format!("?created_after={}", in_query(&first["created_at"])), vec![&two]),
            (format!("?created_before={}", in_query(&second["created_at"])), vec![&one]),
            ("?created_after=2999-01-01T00:00:00%2B01:00".to_owned(), vec![]),
            ("?created_after=0001-01-01T00:00:00Z".to_owned(), vec![&two, &one]),
        ] {
            assert_eq!(found(&query).await.0.iter().collect::<Vec<_>>(), ids, "{query}");
        }
        let (ids, next) = found("?limit=1").await;
        assert_eq!((ids, &next), (vec![two.clone()], &Some(two)));
        assert_eq!(found(&format!("?limit=1&cursor={}", next.unwrap())).await, (vec![one], None));
        refuses_reads(
            &world.operator(),
            &[
                ("/v1/orders/order_01h455vb4pex5vsknk084sn02q", 404, "not_found"),
                ("/v1/orders/listing_01h455vb4pex5vsknk084sn02q", 404, "not_found"),
                ("/v1/orders/order_01H455VB4PEX5VSKNK084SN02Q", 404, "not_found"),
                ("/v1/orders?seller_id=buyer_01h455vb4pex5vsknk084sn02q", 400, "invalid_parameter"),
                ("/v1/orders?seller_id=", 400, "invalid_parameter"),
                ("/v1/orders?buyer_id=%00", 400, "invalid_parameter"),
                ("/v1/orders?status=lost", 400, "invalid_parameter"),
                ("/v1/orders?created_after=yesterday", 400, "invalid_parameter"),
                ("/v1/orders?created_before=2026-02-30T00:00:00Z", 400, "invalid_parameter"),
                ("/v1/orders?limit=0", 400, "invalid_parameter"),
                ("/v1/orders?cursor=seller_01h455vb4pex5vsknk084sn02q", 400, "invalid_cursor"),
            ],
        )
        .await;
    }
);

fn with(good: &Value, field: &str, value: Value) -> Value {
    let mut body = good.clone();
    body[field] = value;
    body
}

/// Where a buyer's bank asks them; Stripe's SDK opens it.
fn bank_page(intent: &Value) -> String {
    text(&intent["next_action"]["use_stripe_sdk"]["stripe_js"])
}

/// A value as it stands in a query.
fn in_query(value: &Value) -> String {
    text(value).replace('+', "%2B")
}
