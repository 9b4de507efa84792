//! Payouts: what is refused, and what is shown.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    engines::on_both_databases,
    refusals::{Rows, keeps_idempotency_keys, malformed, refuses, refuses_ill_formed_bodies, refuses_reads},
    shape::shape,
    world::{World, text},
};

on_both_databases!(
    async fn a_payout_that_cannot_be_is_refused_and_leaves_nothing(world: World) {
        let seller = world.active_seller().await;
        let ada = world.seller(&text(&seller["id"]));
        let path = path_of(&seller);
        let beyond: Value = serde_json::from_str("9223372036854775808").unwrap();
        let of = |amount: Value| json!({"amount": {"amount": amount, "currency": "usd"}});
        let in_currency = |code: &str| json!({"amount": {"amount": 1, "currency": code}});
        let method = json!({"amount": {"amount": 1, "currency": "usd"}, "method": "pigeon"});
        let nested = json!({"amount": {"amount": 1, "currency": "usd", "cents": 0}});
        let cases = [
            ("nothing", of(json!(0)), 422, "invalid_amount", "amount"),
            ("less than nothing", of(json!(-1)), 422, "invalid_amount", "amount"),
            ("the least of all", of(json!(i64::MIN)), 422, "invalid_amount", "amount"),
            malformed("beyond numbers", of(beyond), "amount.amount"),
            malformed("a fraction", of(json!(0.1)), "amount.amount"),
            malformed("a word", of(json!("all")), "amount.amount"),
            malformed("no amount", json!({}), "amount"),
            malformed("a bare amount", json!({"amount": 1}), "amount"),
            malformed("no currency", json!({"amount": {"amount": 1}}), "amount.currency"),
            malformed("no such currency", in_currency("xxz"), "amount.currency"),
            malformed("a currency with NUL", in_currency("us\0"), "amount.currency"),
            malformed("no such method", method, "method"),
            malformed("an unknown field", json!({"amount": of(json!(1))["amount"], "to": "me"}), "to"),
            malformed("an unknown field within", nested, "amount.cents"),
        ];
        refuses(&world, &ada, Method::POST, &path, &cases).await;
        refuses_ill_formed_bodies(&world, &ada, &path, &of(json!(1)), "method").await;
        // A payout moves money: it has a key.
        let before = Rows::of(&world).await;
        let unkeyed = ada.call(Method::POST, &path, Some(of(json!(1)).to_string()), None).await;
        unkeyed.is_problem(400, "idempotency_key_required");
        assert_eq!(Rows::of(&world).await, before);
        // Nobody pays another out, and nobody is not paid out.
        let nobody = "seller_01h455vb4pex5vsknk084sn02q";
        let stranger = [("a stranger's", of(json!(1)), 404, "not_found", "")];
        refuses(&world, &world.seller(nobody), Method::POST, &path, &stranger).await;
        let nobodys = format!("/v1/sellers/{nobody}/payouts");
        refuses(&world, &world.service(), Method::POST, &nobodys, &stranger).await;
        // A seller whom Stripe does not pay out.
        let newcomer = json!({"email": "new@example.com", "country": "US"});
        let newcomer = world.service().post("/v1/sellers", &newcomer).await.is(201);
        let disabled = [("a newcomer's", of(json!(1)), 409, "payouts_disabled", "")];
        refuses(&world, &world.operator(), Method::POST, &path_of(&newcomer), &disabled).await;
    }
);

on_both_databases!(
    async fn a_payout_above_the_balance_is_refused_once_and_for_all_under_its_key(world: World) {
        let seller = world.active_seller().await;
        let id = text(&seller["id"]);
        let ada = world.seller(&id);
        let order = world.order(&world.listing(&seller, 10_000, "usd").await).await;
        world.pay(&order).await;
        let path = path_of(&seller);
        let body = |amount: i64, currency: &str| json!({"amount": {"amount": amount, "currency": currency}});
        // Nothing has settled yet; then nine thousand have; none of it in euros.
        let pending = ada.post_with_key(&path, &body(9_000, "usd"), "early").await;
        pending.is_problem(422, "insufficient_balance");
        world.days_pass().await;
        for (amount, currency, code) in [
            (9_001, "usd", "insufficient_balance"),
            (i64::MAX, "usd", "insufficient_balance"),
            // Stripe looks for a bank account in the currency first, and says so.
            (1, "eur", "refused_by_stripe"),
        ] {
            ada.post(&path, &body(amount, currency)).await.is_problem(422, code);
        }
        // The refusal was Stripe's answer to this key, and stays it: the same bytes, no new request.
        let before = Rows::of(&world).await;
        let again = ada.post_with_key(&path, &body(9_000, "usd"), "early").await;
        assert_eq!((again.status, &again.bytes), (pending.status, &pending.bytes));
        assert!(again.is_replayed() && !pending.is_replayed());
        let reused = ada.post_with_key(&path, &body(8_000, "usd"), "early").await;
        reused.is_problem(422, "idempotency_key_reused");
        assert_eq!(Rows::of(&world).await, before);
        // What was refused is told, and took nothing.
        let payouts = ada.get(&path).await.is(200);
        let payouts = payouts["data"].as_array().unwrap();
        assert_eq!(payouts.len(), 4);
        assert!(payouts.iter().all(|payout| payout["status"] == "refused"), "{payouts:?}");
        let balance = ada.get(&format!("/v1/sellers/{id}/balance")).await.is(200);
        assert_eq!(balance["available"], json!([{"amount": 9_000, "currency": "usd"}]));
        ada.post(&path, &body(9_000, "usd")).await.is(201);
    }
);

on_both_databases!(
    async fn a_payout_is_made_once_under_a_key_and_shown_to_its_seller(world: World) {
        let (seller, other) = (world.active_seller().await, world.active_seller().await);
        let ada = world.seller(&text(&seller["id"]));
        let order = world.order(&world.listing(&seller, 10_000, "usd").await).await;
        world.pay(&order).await;
        world.days_pass().await;
        let path = path_of(&seller);
        let body = |amount: i64| json!({"amount": {"amount": amount, "currency": "usd"}});
        keeps_idempotency_keys(&world, &path, [&ada, &world.service()], [&body(1_000), &body(2_000)]).await;

        let page = ada.get(&path).await.is(200);
        let (newest, oldest) = (&page["data"][0], &page["data"][1]);
        assert_eq!(
            shape(newest),
            json!({
                "id": "<payout>",
                "seller_id": "<seller>",
                "amount": {"amount": 2_000, "currency": "usd"},
                "method": "standard",
                "status": "pending",
                "stripe_payout_id": "<po>",
                "arrival_at": "<time>",
                "created_at": "<time>",
                "updated_at": "<time>",
            })
        );
        let one = format!("/v1/payouts/{}", text(&oldest["id"]));
        assert_eq!(ada.get(&one).await.is(200), *oldest);
        assert_eq!(ada.get("/v1/payouts").await.is(200), page);
        assert_eq!(world.operator().get("/v1/payouts").await.is(200), page);
        let other = world.seller(&text(&other["id"]));
        other.get(&one).await.is_problem(404, "not_found");
        other.get(&path).await.is_problem(404, "not_found");
        assert_eq!(other.get("/v1/payouts").await.is(200), json!({"data": []}));
        let buyer = text(&order["buyer_id"]);
        world.buyer(&buyer).get("/v1/payouts").await.is_problem(403, "forbidden");
        refuses_reads(
            &ada,
            &[
                ("/v1/payouts/payout_01h455vb4pex5vsknk084sn02q", 404, "not_found"),
                ("/v1/payouts/order_01h455vb4pex5vsknk084sn02q", 404, "not_found"),
                ("/v1/payouts/po_1", 404, "not_found"),
                ("/v1/payouts?limit=0", 400, "invalid_parameter"),
                ("/v1/payouts?cursor=po_1", 400, "invalid_cursor"),
            ],
        )
        .await;
    }
);

fn path_of(seller: &Value) -> String {
    format!("/v1/sellers/{}/payouts", text(&seller["id"]))
}
