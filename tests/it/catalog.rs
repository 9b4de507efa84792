//! Listings: what is refused, and what is shown to whom.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    engines::on_both_databases,
    refusals::{Case, keeps_idempotency_keys, malformed, refuses, refuses_ill_formed_bodies, refuses_reads},
    shape::shape,
    world::{World, text},
};

/// A seller that nobody has.
const NOBODY: &str = "seller_01h455vb4pex5vsknk084sn02q";

/// Fields of a listing that are refused, when it is created and when it is changed.
fn wrong_fields() -> Vec<(&'static str, Value, u16, &'static str, &'static str)> {
    let beyond: Value = serde_json::from_str("9223372036854775808").unwrap();
    let price = |amount: Value| json!({"price": {"amount": amount, "currency": "usd"}});
    let currency = |code: &str| json!({"price": {"amount": 500, "currency": code}});
    let nested = json!({"price": {"amount": 500, "currency": "usd", "cents": 1}});
    vec![
        ("an empty title", json!({"title": ""}), 422, "invalid_title", "title"),
        ("a blank title", json!({"title": " \n"}), 422, "invalid_title", "title"),
        ("a long title", json!({"title": "x".repeat(251)}), 422, "invalid_title", "title"),
        malformed("a title that is none", json!({"title": {}}), "title"),
        malformed("a title with NUL", json!({"title": "Blue\0bowl"}), "title"),
        ("a price of zero", price(json!(0)), 422, "invalid_price", "price"),
        ("a price below zero", price(json!(-1)), 422, "invalid_price", "price"),
        ("the least of all prices", price(json!(i64::MIN)), 422, "invalid_price", "price"),
        malformed("a price that does not fit", price(beyond), "price.amount"),
        malformed("a price with a fraction", price(json!(5.5)), "price.amount"),
        malformed("a huge price", price(json!(1e300)), "price.amount"),
        malformed("a price as text", price(json!("500")), "price.amount"),
        malformed("a price of nothing", price(json!(null)), "price.amount"),
        malformed("a bare price", json!({"price": 500}), "price"),
        malformed("no currency", json!({"price": {"amount": 500}}), "price.currency"),
        malformed("an unknown currency", currency("zzz"), "price.currency"),
        malformed("a currency in capitals", currency("USD"), "price.currency"),
        malformed("an empty currency", currency(""), "price.currency"),
        malformed("a currency with NUL", currency("us\0"), "price.currency"),
        malformed("an unknown field within", nested, "price.cents"),
        ("an empty category", json!({"category": ""}), 422, "invalid_category", "category"),
        ("a long category", json!({"category": "x".repeat(101)}), 422, "invalid_category", "category"),
        malformed("a category with NUL", json!({"category": "\0"}), "category"),
        malformed("an unknown field", json!({"stock": 3}), "stock"),
    ]
}

on_both_databases!(
    async fn a_listing_that_cannot_be_is_refused_and_leaves_nothing(world: World) {
        let seller = world.active_seller().await;
        let id = text(&seller["id"]);
        let path = format!("/v1/sellers/{id}/listings");
        let good = json!({"title": "Blue bowl", "price": {"amount": 500, "currency": "usd"}});
        let mut cases: Vec<Case> = wrong_fields();
        for (_, body, ..) in &mut cases {
            for (field, value) in good.as_object().unwrap() {
                if body.get(field).is_none() {
                    body[field] = value.clone();
                }
            }
        }
        let priceless = json!({"title": "Blue bowl"});
        cases.push(malformed("no title", json!({"price": good["price"]}), "title"));
        cases.push(malformed("no price", priceless, "price"));
        cases.push(malformed("active, which it is", with(&good, "active", json!(true)), "active"));
        refuses(&world, &world.seller(&id), Method::POST, &path, &cases).await;
        refuses_ill_formed_bodies(&world, &world.seller(&id), &path, &good, "title").await;
        // Nobody lists for another, and nobody for nobody.
        let nobodys = format!("/v1/sellers/{NOBODY}/listings");
        let case = [("a stranger's", good.clone(), 404, "not_found", "")];
        refuses(&world, &world.seller(NOBODY), Method::POST, &path, &case).await;
        refuses(&world, &world.service(), Method::POST, &nobodys, &case).await;
        let buyer = text(&world.new_buyer().await["id"]);
        let case = [("a buyer", good, 403, "forbidden", "")];
        refuses(&world, &world.buyer(&buyer), Method::POST, &path, &case).await;
    }
);

on_both_databases!(
    async fn a_listing_cannot_be_changed_into_what_it_cannot_be(world: World) {
        let seller = world.active_seller().await;
        let listing = world.listing(&seller, 500, "usd").await;
        let path = format!("/v1/listings/{}", text(&listing["id"]));
        let ada = world.seller(&text(&seller["id"]));
        let mut cases: Vec<Case> = wrong_fields();
        cases.push(malformed("active as text", json!({"active": "no"}), "active"));
        let moved = json!({"seller_id": NOBODY});
        cases.push(malformed("another seller's", moved, "seller_id"));
        refuses(&world, &ada, Method::PATCH, &path, &cases).await;
        let case = [("a stranger's", json!({"title": "Mine"}), 404, "not_found", "")];
        refuses(&world, &world.seller(NOBODY), Method::PATCH, &path, &case).await;
        let nothing = "/v1/listings/listing_01h455vb4pex5vsknk084sn02q";
        refuses(&world, &world.service(), Method::PATCH, nothing, &case).await;
        assert_eq!(ada.get(&path).await.is(200), listing, "nothing has changed");

        // What can be changed is, and the rest stays.
        let changed = ada.patch(&path, &json!({"title": "Bowl \u{1f3fa}", "active": false})).await.is(200);
        assert_eq!(
            (&changed["title"], &changed["active"], &changed["price"]),
            (&json!("Bowl \u{1f3fa}"), &json!(false), &listing["price"])
        );
    }
);

on_both_databases!(
    async fn a_listing_is_created_once_under_a_key(world: World) {
        let seller = world.active_seller().await;
        let id = text(&seller["id"]);
        let path = format!("/v1/sellers/{id}/listings");
        let good = json!({"title": "Blue bowl", "price": {"amount": 500, "currency": "usd"}});
        let other = json!({"title": "Red bowl", "price": {"amount": 500, "currency": "usd"}});
        let callers = [&world.seller(&id), &world.service()];
        keeps_idempotency_keys(&world, &path, callers, [&good, &other]).await;
    }
);

on_both_databases!(
    async fn buyers_see_what_sells_and_sellers_what_is_theirs(world: World) {
        let (ada, eve) = (world.active_seller().await, world.active_seller().await);
        let (adas, eves) = (world.listing(&ada, 500, "usd").await, world.listing(&eve, 700, "jpy").await);
        assert_eq!(
            shape(&adas),
            json!({
                "id": "<listing>",
                "seller_id": "<seller>",
                "title": "Blue bowl",
                "price": {"amount": 500, "currency": "usd"},
                "active": true,
                "created_at": "<time>",
                "updated_at": "<time>",
            })
        );
        let path = format!("/v1/listings/{}", text(&adas["id"]));
        let adas = world.service().patch(&path, &json!({"active": false})).await.is(200);
        let buyer = text(&world.new_buyer().await["id"]);
        let all = |person: &str| format!("/v1/{person}listings");
        let of_ada = format!("sellers/{}/", text(&ada["id"]));
        for (who, person, path, seen) in [
            ("a buyer", world.buyer(&buyer), all(""), json!([eves])),
            ("a seller", world.seller(&text(&ada["id"])), all(""), json!([adas])),
            ("a seller", world.seller(&text(&ada["id"])), all(&of_ada), json!([adas])),
            ("the back office", world.operator(), all(""), json!([eves, adas])),
            ("the back office", world.service(), all(&of_ada), json!([adas])),
        ] {
            assert_eq!(person.get(&path).await.is(200), json!({"data": seen}), "{who}: {path}");
        }
        world.buyer(&buyer).get(&path).await.is_problem(404, "not_found");
        world.seller(&text(&eve["id"])).get(&path).await.is_problem(404, "not_found");
        world.seller(&text(&eve["id"])).get(&all(&of_ada)).await.is_problem(404, "not_found");
        refuses_reads(
            &world.buyer(&buyer),
            &[
                ("/v1/listings/listing_01h455vb4pex5vsknk084sn02q", 404, "not_found"),
                ("/v1/listings/seller_01h455vb4pex5vsknk084sn02q", 404, "not_found"),
                ("/v1/listings/%f0%9f%8f%ba", 404, "not_found"),
                ("/v1/listings?limit=0", 400, "invalid_parameter"),
                ("/v1/listings?cursor=listing_", 400, "invalid_cursor"),
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
