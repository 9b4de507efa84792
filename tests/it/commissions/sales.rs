//! What becomes of rules at sale: each line freezes what was kept of it, and by which rule.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use super::{PATH, PREVIEW, rule, usd};
use crate::{
    engines::on_both_databases,
    refusals::refuses,
    world::{World, text},
};

const CHECKOUTS: &str = "/v1/checkouts";

/// An order of these lines, as the back office sees it.
async fn order(world: &World, lines: Value) -> Value {
    let order = world.service().post(CHECKOUTS, &json!({"lines": lines})).await.is(201);
    world.operator().get(&format!("/v1/orders/{}", text(&order["id"]))).await.is(200)
}

/// Of each line: its commission, and the path of the rule that set it.
fn frozen(order: &Value) -> Vec<(i64, Option<String>)> {
    let lines = order["lines"].as_array().unwrap().iter();
    let rule = |line: &Value| line["commission_rule_id"].as_str().map(|id| format!("{PATH}/{id}"));
    lines.map(|line| (line["commission"]["amount"].as_i64().unwrap(), rule(line))).collect()
}

on_both_databases!(
    async fn a_sale_keeps_its_commission_whatever_becomes_of_its_rule(world: World) {
        let ada = world.active_seller().await;
        let bowl = world.listing(&ada, 10_000, "usd").await;
        let adas = rule(&world, json!({"basis_points": 2_000, "seller_id": ada["id"]})).await;
        let sold = world.order(&bowl).await;
        let path = format!("/v1/orders/{}", text(&sold["id"]));
        let unpaid = world.operator().get(&path).await.is(200);
        assert_eq!(frozen(&unpaid), [(2_000, Some(adas.clone()))]);

        // The rule changes, more than once, and is deleted: that is for later sales.
        world.operator().patch(&adas, &json!({"basis_points": 100})).await.is(200);
        let lines = json!([{"listing_id": bowl["id"], "quantity": 1}]);
        assert_eq!(frozen(&order(&world, lines.clone()).await), [(100, Some(adas.clone()))]);
        world.operator().call(Method::DELETE, &adas, None, None).await.is(200);
        assert_eq!(frozen(&order(&world, lines).await), [(1_000, None)]);
        assert_eq!(world.operator().get(&path).await.is(200), unpaid);

        // What was frozen is what the seller gets, at Stripe too.
        let paid = world.pay(&sold).await;
        assert_eq!(paid["shares"][0]["net"], usd(8_000));
        assert_eq!(paid["shares"][0]["transferred"], usd(8_000));
        let intent = format!("/v1/payment_intents/{}", text(&sold["payment"]["stripe_payment_intent_id"]));
        assert_eq!(world.stripe(None, &intent).await["application_fee_amount"], 2_000);

        // The seller sees what was kept and why, the buyer nothing of it.
        let seen = world.seller(&text(&ada["id"])).get(&path).await.is(200);
        assert_eq!(frozen(&seen), [(2_000, Some(adas))]);
        let seen = world.buyer(&text(&sold["buyer_id"])).get(&path).await.is(200);
        assert!(!seen.to_string().contains("commission"), "{seen}");
    }
);

on_both_databases!(
    async fn a_rule_decides_the_sales_of_its_time_by_stripes_clock(world: World) {
        let ada = world.active_seller().await;
        let bowl = world.listing(&ada, 1_000, "usd").await;
        let now = world.ctx.clock.business();
        let in_days = |days: i64| (now + TimeDelta::days(days)).to_rfc3339();
        let body = json!({"basis_points": 500, "effective_from": in_days(2), "effective_until": in_days(4)});
        let summer = rule(&world, body).await;
        let lines = json!([{"listing_id": bowl["id"], "quantity": 1}]);
        assert_eq!(frozen(&order(&world, lines.clone()).await), [(100, None)]);
        for (days, kept) in [(3, (50, Some(summer))), (2, (100, None))] {
            world.control("/_sandbox/clock/advance", &json!({"seconds": days * 86_400})).await;
            world.ask_the_time().await;
            assert_eq!(frozen(&order(&world, lines.clone()).await), [kept], "{days} days later");
        }
    }
);

on_both_databases!(
    /// The preview of a cart and its order can't differ.
    async fn each_line_of_a_cart_is_decided_by_itself(world: World) {
        let ada = world.active_seller().await;
        let path = format!("/v1/sellers/{}/listings", text(&ada["id"]));
        for (currency, scale) in [("usd", 1), ("jpy", 1), ("kwd", 10)] {
            let money = |amount: i64| json!({"amount": amount * scale, "currency": currency});
            let listing = async |category: &str| {
                let body = json!({"title": "Blue bowl", "price": money(1_000), "category": category});
                world.service().post(&path, &body).await.is(201)
            };
            let (bowl, cup) = (listing("bowls").await, listing("cups").await);
            let terms = |category: &str| {
                json!({
                    "category": category, "currency": currency, "basis_points": 500,
                    "fixed": money(30), "minimum": money(90), "maximum": money(300),
                })
            };
            let bowls = rule(&world, terms("bowls")).await;
            let gifts = rule(&world, terms("gifts")).await;
            let priced = |category: Option<&str>, amount: i64| json!({"seller_id": ada["id"], "category": category, "unit_amount": money(amount), "quantity": 1});
            let lines = [
                json!({"listing_id": bowl["id"], "quantity": 1}),
                json!({"listing_id": bowl["id"], "quantity": 3}),
                json!({"listing_id": cup["id"], "quantity": 1}),
                priced(Some("gifts"), 9_000),
                priced(Some("gifts"), 60),
                priced(None, 1_000),
            ];
            let preview = world.service().post(PREVIEW, &json!({"lines": lines})).await.is(200);
            let titled = lines.map(|mut line| {
                if line.get("unit_amount").is_some() {
                    line["title"] = json!("Gift");
                }
                line
            });
            let order = order(&world, json!(titled)).await;
            let expected = [
                (90 * scale, Some(bowls.clone())),
                (180 * scale, Some(bowls)),
                (100 * scale, None),
                (300 * scale, Some(gifts.clone())),
                (60 * scale, Some(gifts)),
                (100 * scale, None),
            ];
            assert_eq!(frozen(&order), expected, "{currency}");
            assert_eq!(frozen(&preview), expected, "{currency}");
            assert_eq!(order["shares"][0]["commission"], money(830));
            assert_eq!(order["shares"][0]["commission"], preview["commission"]);
            assert_eq!(order["amount"], preview["amount"]);
            let categories: Vec<_> =
                order["lines"].as_array().unwrap().iter().map(|line| line["category"].as_str()).collect();
            let sold = [Some("bowls"), Some("bowls"), Some("cups"), Some("gifts"), Some("gifts"), None];
            assert_eq!(categories, sold);
        }
    }
);

on_both_databases!(
    async fn no_rule_takes_of_a_line_without_commission_and_sellers_have_their_own_rules(world: World) {
        let (ada, eve) = (world.active_seller().await, world.active_seller().await);
        let least = rule(&world, json!({"basis_points": 0, "currency": "usd", "minimum": usd(200)})).await;
        let eves = rule(&world, json!({"basis_points": 5_000, "seller_id": eve["id"]})).await;
        let line = |seller: &Value, kind: &str| {
            json!({
                "seller_id": seller["id"], "title": "x", "kind": kind, "unit_amount": usd(1_000),
                "quantity": 1,
            })
        };
        let mut free = line(&eve, "shipping");
        free["commissionable"] = json!(false);
        let lines = json!([line(&ada, "item"), line(&ada, "tax"), line(&eve, "shipping"), free]);
        let order = order(&world, lines).await;
        assert_eq!(frozen(&order), [(200, Some(least)), (0, None), (500, Some(eves)), (0, None)]);
        let shares: Vec<_> = order["shares"].as_array().unwrap().iter().map(|share| &share["net"]).collect();
        assert!(shares.contains(&&usd(1_800)) && shares.contains(&&usd(1_500)), "{shares:?}");
    }
);

on_both_databases!(
    async fn a_category_is_the_listings_or_the_backends_to_give(world: World) {
        let ada = world.active_seller().await;
        let bowl = world.listing(&ada, 1_000, "usd").await;
        let cart = |line: Value| json!({"lines": [line]});
        let named = cart(json!({"listing_id": bowl["id"], "category": "cheap", "quantity": 1}));
        let alone = cart(json!({"category": "cheap", "quantity": 1}));
        let priced = |category: &str| {
            json!({
                "seller_id": ada["id"], "title": "Bowl", "category": category, "unit_amount": usd(1_000),
                "quantity": 1,
            })
        };
        let cases = [
            ("with a listing", named, 422, "invalid_line", "lines[0]"),
            ("of nothing", alone, 422, "invalid_line", "lines[0]"),
            ("empty", cart(priced("")), 400, "invalid_request", "lines[0].category"),
            ("long", cart(priced(&"x".repeat(101))), 400, "invalid_request", "lines[0].category"),
        ];
        let buyer = text(&world.new_buyer().await["id"]);
        for person in [world.service(), world.buyer(&buyer)] {
            refuses(&world, &person, Method::POST, CHECKOUTS, &cases).await;
        }
        let field = "lines[0].unit_amount";
        let case = [("a buyer's", cart(priced("cheap")), 403, "price_not_allowed", field)];
        refuses(&world, &world.buyer(&buyer), Method::POST, CHECKOUTS, &case).await;
    }
);
