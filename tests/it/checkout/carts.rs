//! Carts: what can't be bought leaves nothing, here and at Stripe.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PATH, with};
use crate::{
    engines::on_both_databases,
    refusals::{Rows, keeps_idempotency_keys, malformed, refuses, refuses_ill_formed_bodies},
    world::{World, text},
};

on_both_databases!(
    async fn a_cart_that_says_nothing_sensible_is_refused_and_leaves_nothing(world: World) {
        let ada = world.active_seller().await;
        let bowl = world.listing(&ada, 500, "usd").await;
        let buyer = text(&world.new_buyer().await["id"]);
        let beyond: Value = serde_json::from_str("9223372036854775808").unwrap();
        let good = json!({"listing_id": bowl["id"], "quantity": 1});
        let line = |line: Value| json!({"lines": [line]});
        let many = |quantity: Value| line(with(&good, "quantity", quantity));
        let cart = |field: &str, value: Value| with(&line(good.clone()), field, value);
        let second = json!({"lines": [good, with(&good, "note", json!("x"))]});
        let too_many = json!({"lines": vec![good.clone(); 101]});
        let another = cart("buyer_id", json!("buyer_01h455vb4pex5vsknk084sn02q"));
        let reserved = cart("metadata", json!({"souk_x": "y"}));
        let long = cart("metadata", json!({"k": "v".repeat(501)}));
        let quantity = "lines[0].quantity";
        let days = |days: Value| json!({"type": "after_payment", "days": days});
        let cases = [
            ("no lines", json!({"lines": []}), 422, "invalid_line_count", "lines"),
            ("too many lines", too_many, 422, "invalid_line_count", "lines"),
            malformed("lines left out", json!({}), "lines"),
            malformed("lines that are none", json!({"lines": {}}), "lines"),
            malformed("a line that is none", line(json!("bowl")), "lines[0]"),
            malformed("a line without anything", line(json!({})), quantity),
            ("a line of nothing", line(json!({"quantity": 1})), 422, "invalid_line", "lines[0]"),
            ("none of it", many(json!(0)), 422, "invalid_quantity", quantity),
            ("less than none", many(json!(-1)), 422, "invalid_quantity", quantity),
            ("the least of all", many(json!(i64::MIN)), 422, "invalid_quantity", quantity),
            ("very many", many(json!(100_001)), 422, "invalid_quantity", quantity),
            ("the most of all", many(json!(i64::MAX)), 422, "invalid_quantity", quantity),
            malformed("beyond that", many(beyond), quantity),
            malformed("half of it", many(json!(0.5)), quantity),
            malformed("a word for it", many(json!("1")), quantity),
            malformed("an unknown field", cart("discount", json!(1)), "discount"),
            malformed("an unknown field within", second, "lines[1].note"),
            malformed("a charge of no kind", cart("charge_model", json!("gift")), "charge_model"),
            malformed("a name for yes", cart("on_behalf_of", json!("acct_1")), "on_behalf_of"),
            malformed("a word for a rule", cart("release", json!("immediate")), "release"),
            malformed("a rule of no kind", cart("release", json!({"type": "never"})), "release.type"),
            malformed("a rule for half a day", cart("release", days(json!(0.5))), "release.days"),
            ("a listing as a tax", line(with(&good, "kind", json!("tax"))), 422, "invalid_line", "lines[0]"),
            (
                "a listing without commission",
                line(with(&good, "commissionable", json!(false))),
                422,
                "invalid_line",
                "lines[0]",
            ),
            malformed("a page of no kind", cart("ui", json!("phone")), "ui"),
            malformed("a seller for a buyer", cart("buyer_id", ada["id"].clone()), "buyer_id"),
            ("another buyer", another, 422, "buyer_not_found", "buyer_id"),
            malformed("a value with NUL", cart("metadata", json!({"k": "\0"})), "metadata.k"),
            malformed("a key with NUL", cart("metadata", json!({"\0": "v"})), "metadata.\0"),
            ("a reserved key", reserved, 422, "invalid_metadata", "metadata"),
            ("a long value", long, 422, "invalid_metadata", "metadata"),
        ];
        for person in [world.service(), world.buyer(&buyer)] {
            refuses(&world, &person, Method::POST, PATH, &cases).await;
        }
        refuses_ill_formed_bodies(&world, &world.buyer(&buyer), PATH, &line(good.clone()), "buyer_id").await;
        let case = [("a seller who buys", line(good), 403, "forbidden", "")];
        refuses(&world, &world.seller(&text(&ada["id"])), Method::POST, PATH, &case).await;
    }
);

on_both_databases!(
    async fn what_is_not_for_sale_together_is_refused_and_leaves_nothing(world: World) {
        let (ada, eve) = (world.active_seller().await, world.active_seller().await);
        let bowl = world.listing(&ada, 500, "usd").await;
        let euros = world.listing(&ada, 500, "eur").await;
        let eves = world.listing(&eve, 500, "usd").await;
        let cheap = world.listing(&ada, 49, "usd").await;
        let dear = world.listing(&ada, 100_000_000, "usd").await;
        let dearest = world.listing(&ada, i64::MAX, "usd").await;
        let withdrawn = world.listing(&ada, 500, "usd").await;
        let path = format!("/v1/listings/{}", text(&withdrawn["id"]));
        world.service().patch(&path, &json!({"active": false})).await.is(200);
        let newcomer = json!({"email": "new@example.com", "country": "US"});
        let newcomer = world.service().post("/v1/sellers", &newcomer).await.is(201);
        let newcomers = world.listing(&newcomer, 500, "usd").await;
        let unknown = json!({"id": "listing_01h455vb4pex5vsknk084sn02q"});
        let of = |listing: &Value, quantity: i64| json!({"listing_id": listing["id"], "quantity": quantity});
        let one = |listing: &Value| json!({"lines": [of(listing, 1)]});
        let two = |one: &Value, two: &Value| json!({"lines": [of(one, 1), of(two, 1)]});
        let (first, second) = ("lines[0].listing_id", "lines[1].listing_id");
        let both = |model: &str| with(&two(&bowl, &eves), "charge_model", json!(model));
        let model = |listing: &Value, model: &str| with(&one(listing), "charge_model", json!(model));
        let cases = [
            malformed("a listing of another type", one(&ada), first),
            ("an unknown listing", one(&unknown), 422, "listing_not_found", first),
            ("the second is unknown", two(&bowl, &unknown), 422, "listing_not_found", second),
            ("a withdrawn listing", one(&withdrawn), 422, "listing_inactive", first),
            ("a seller who can't be paid", one(&newcomers), 409, "seller_not_payable", ""),
            ("two currencies", two(&bowl, &euros), 422, "mixed_currencies", "lines"),
            ("two sellers of a destination", both("destination"), 422, "several_sellers", "lines"),
            ("two sellers of a direct charge", both("direct"), 422, "several_sellers", "lines"),
            ("a newcomer's direct charge", model(&newcomers, "direct"), 409, "seller_not_payable", ""),
            ("below Stripe's minimum", one(&cheap), 422, "amount_too_small", ""),
            ("above Stripe's maximum", one(&dear), 422, "amount_too_large", ""),
            ("beyond numbers", json!({"lines": [of(&dearest, 2)]}), 422, "amount_too_large", ""),
            ("a sum beyond numbers", two(&dearest, &dearest), 422, "amount_too_large", ""),
        ];
        let buyer = text(&world.new_buyer().await["id"]);
        for person in [world.service(), world.buyer(&buyer)] {
            refuses(&world, &person, Method::POST, PATH, &cases).await;
        }
        let intents = world.stripe(None, "/v1/payment_intents").await;
        assert_eq!(intents["data"], json!([]));
    }
);

on_both_databases!(
    async fn when_and_as_whom_sellers_are_paid_is_for_the_marketplace_to_say(world: World) {
        let (ada, eve) = (world.active_seller().await, world.active_seller().await);
        let (bowl, cup) = (world.listing(&ada, 500, "usd").await, world.listing(&eve, 500, "usd").await);
        let good = json!({"lines": [{"listing_id": bowl["id"], "quantity": 1}]});
        let cart = |field: &str, value: Value| with(&good, field, value);
        let release = |release: Value| with(&good, "release", release);
        let rule = |of: &str, days: i64| release(json!({"type": of, "days": days}));
        let buyers = [
            ("on behalf of", cart("on_behalf_of", json!(true)), 403, "field_not_allowed", "on_behalf_of"),
            ("a rule", release(json!({"type": "immediate"})), 403, "field_not_allowed", "release"),
        ];
        let buyer = text(&world.new_buyer().await["id"]);
        refuses(&world, &world.buyer(&buyer), Method::POST, PATH, &buyers).await;

        let waits =
            |model: &str| with(&release(json!({"type": "on_fulfillment"})), "charge_model", json!(model));
        let two =
            json!([{"listing_id": bowl["id"], "quantity": 1}, {"listing_id": cup["id"], "quantity": 1}]);
        let for_two = with(&cart("on_behalf_of", json!(true)), "lines", two);
        let direct = with(&cart("on_behalf_of", json!(true)), "charge_model", json!("direct"));
        let days = "release.days";
        let cases = [
            ("no days", release(json!({"type": "after_payment"})), 422, "invalid_release", days),
            ("none of them", rule("after_payment", 0), 422, "invalid_release", days),
            ("fewer than none", rule("after_payment", -1), 422, "invalid_release", days),
            ("too many", rule("after_fulfillment", 366), 422, "invalid_release", days),
            ("days at once", rule("immediate", 1), 422, "invalid_release", days),
            ("days without after", rule("on_fulfillment", 1), 422, "invalid_release", days),
            ("a destination that waits", waits("destination"), 422, "release_needs_separate", "release"),
            ("a direct charge that waits", waits("direct"), 422, "release_needs_separate", "release"),
            ("on behalf of two", for_two, 422, "several_sellers", "on_behalf_of"),
            ("on behalf of oneself", direct, 422, "on_behalf_of_not_possible", "on_behalf_of"),
        ];
        refuses(&world, &world.service(), Method::POST, PATH, &cases).await;
    }
);

on_both_databases!(
    async fn a_buyer_pays_the_listings_price_and_sets_none(world: World) {
        let ada = world.active_seller().await;
        let bowl = world.listing(&ada, 500, "usd").await;
        let buyer = text(&world.new_buyer().await["id"]);
        let cent = json!({"amount": 1, "currency": "usd"});
        let line = |line: Value| json!({"lines": [line]});
        let listed = json!({"listing_id": bowl["id"], "quantity": 1});
        let priced = json!({"seller_id": ada["id"], "title": "Bowl", "unit_amount": cent, "quantity": 1});
        let untitled = json!({"seller_id": ada["id"], "quantity": 1});
        let price = "lines[0].unit_amount";
        let cases = [
            ("a price", line(priced), 403, "price_not_allowed", price),
            (
                "a listing and a price",
                line(with(&listed, "unit_amount", cent)),
                403,
                "price_not_allowed",
                price,
            ),
            ("a seller", line(untitled), 422, "invalid_line", "lines[0]"),
            ("a title", line(with(&listed, "title", json!("Mine"))), 422, "invalid_line", "lines[0]"),
        ];
        refuses(&world, &world.buyer(&buyer), Method::POST, PATH, &cases).await;
    }
);

on_both_databases!(
    async fn the_marketplaces_backend_may_set_a_price(world: World) {
        let ada = world.active_seller().await;
        let bowl = world.listing(&ada, 500, "usd").await;
        let line = json!({
            "seller_id": ada["id"], "title": "Commission", "quantity": 3,
            "unit_amount": {"amount": 333, "currency": "usd"},
        });
        let changed = |field: &str, value: Value| json!({"lines": [with(&line, field, value)]});
        let without = |field: &str| {
            let mut line = line.clone();
            line.as_object_mut().unwrap().remove(field);
            json!({"lines": [line]})
        };
        let money = |amount: i64| json!({"amount": amount, "currency": "usd"});
        let nobody = json!("seller_01h455vb4pex5vsknk084sn02q");
        let cents = json!({"amount": 1, "currency": "usd", "cents": 1});
        let both = changed("listing_id", bowl["id"].clone());
        let cases = [
            (
                "a price of zero",
                changed("unit_amount", money(0)),
                422,
                "invalid_unit_amount",
                "lines[0].unit_amount",
            ),
            (
                "one below zero",
                changed("unit_amount", money(-5)),
                422,
                "invalid_unit_amount",
                "lines[0].unit_amount",
            ),
            ("one too large", changed("unit_amount", money(i64::MAX)), 422, "amount_too_large", ""),
            ("one too small", changed("unit_amount", money(1)), 422, "amount_too_small", ""),
            malformed("a field within", changed("unit_amount", cents), "lines[0].unit_amount.cents"),
            ("an unknown seller", changed("seller_id", nobody), 422, "seller_not_found", ""),
            ("a listing as well", both, 422, "invalid_line", "lines[0]"),
            ("no seller", without("seller_id"), 422, "invalid_line", "lines[0]"),
            ("no title", without("title"), 422, "invalid_line", "lines[0]"),
            ("no price", without("unit_amount"), 422, "invalid_line", "lines[0]"),
            malformed("an empty title", changed("title", json!("")), "lines[0].title"),
            malformed("a long title", changed("title", json!("x".repeat(251))), "lines[0].title"),
            malformed("a title with NUL", changed("title", json!("\0")), "lines[0].title"),
        ];
        refuses(&world, &world.service(), Method::POST, PATH, &cases).await;
        let order = world.service().post(PATH, &json!({"lines": [line]})).await.is(201);
        assert_eq!(order["amount"], json!({"amount": 999, "currency": "usd"}));
        let order = world.pay(&order).await;
        assert_eq!(order["shares"][0]["commission"], json!({"amount": 100, "currency": "usd"}));
    }
);

on_both_databases!(
    async fn an_order_is_created_once_under_a_key(world: World) {
        let bowl = world.listing(&world.active_seller().await, 500, "usd").await;
        let (bob, eve) = (world.new_buyer().await, world.new_buyer().await);
        let (bob, eve) = (world.buyer(&text(&bob["id"])), world.buyer(&text(&eve["id"])));
        let body = |quantity: i64| json!({"lines": [{"listing_id": bowl["id"], "quantity": quantity}]});
        let before = Rows::of(&world).await;
        let unkeyed = bob.call(Method::POST, PATH, Some(body(1).to_string()), None).await;
        unkeyed.is_problem(400, "idempotency_key_required");
        assert_eq!(Rows::of(&world).await, before);
        keeps_idempotency_keys(&world, PATH, [&bob, &eve], [&body(1), &body(2)]).await;
        // Nor has Stripe heard of it twice.
        let intents = world.stripe(None, "/v1/payment_intents").await;
        assert_eq!((world.rows("orders").await, intents["data"].as_array().map(Vec::len)), (2, Some(2)));
        // A key whose request was refused before anything was written is still free.
        bob.post_with_key(PATH, &body(0), "free").await.is_problem(422, "invalid_quantity");
        bob.post_with_key(PATH, &body(1), "free").await.is(201);
    }
);
