//! Buyers: what is refused, and what is shown.

mod saved;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    engines::on_both_databases,
    refusals::{keeps_idempotency_keys, malformed, refuses, refuses_ill_formed_bodies, refuses_reads},
    shape::shape,
    world::{World, text},
};

on_both_databases!(
    async fn a_buyer_who_cannot_be_is_refused_and_leaves_nothing(world: World) {
        let with = |field: &str, value: Value| {
            let mut body = json!({"email": "bob@example.com"});
            body[field] = value;
            body
        };
        let metadata = |value: Value| with("metadata", value);
        let many: serde_json::Map<_, _> = (0..21).map(|n| (format!("k{n}"), json!("v"))).collect();
        let (long_key, long_value) = (json!({"k".repeat(41): "v"}), json!({"k": "v".repeat(501)}));
        let cases = [
            malformed("no email", json!({"name": "Bob"}), "email"),
            malformed("null for an email", with("email", json!(null)), "email"),
            malformed("an email without @", with("email", json!("bob")), "email"),
            malformed("an email with a blank", with("email", json!("b ob@example.com")), "email"),
            malformed("an email with NUL", with("email", json!("bob@example.com\0")), "email"),
            malformed("an email in a list", with("email", json!(["bob@example.com"])), "email"),
            malformed("no name", with("name", json!("")), "name"),
            malformed("a long name", with("name", json!("x".repeat(101))), "name"),
            malformed("a name with NUL", with("name", json!("B\0b")), "name"),
            malformed("an unknown field", with("phone", json!("1")), "phone"),
            malformed("nested metadata", metadata(json!({"k": {"l": "v"}})), "metadata.k"),
            malformed("a value with NUL", metadata(json!({"k": "\0"})), "metadata.k"),
            malformed("a key with NUL", metadata(json!({"\0": "v"})), "metadata.\0"),
            ("a reserved key", metadata(json!({"souk_order": "v"})), 422, "invalid_metadata", "metadata"),
            ("too many keys", metadata(many.into()), 422, "invalid_metadata", "metadata"),
            ("a long key", metadata(long_key), 422, "invalid_metadata", "metadata"),
            ("a long value", metadata(long_value), 422, "invalid_metadata", "metadata"),
        ];
        let good = with("name", json!("Bob"));
        for person in [world.service(), world.operator()] {
            refuses(&world, &person, Method::POST, "/v1/buyers", &cases).await;
        }
        refuses_ill_formed_bodies(&world, &world.service(), "/v1/buyers", &good, "email").await;
    }
);

on_both_databases!(
    async fn a_buyer_is_created_once_under_a_key(world: World) {
        let (good, other) = (json!({"email": "bob@example.com"}), json!({"email": "eve@example.com"}));
        let callers = [&world.service(), &world.operator()];
        keeps_idempotency_keys(&world, "/v1/buyers", callers, [&good, &other]).await;
    }
);

on_both_databases!(
    async fn a_buyer_is_shown_to_the_back_office_and_to_themself(world: World) {
        let most: serde_json::Map<_, _> =
            (0..20).map(|n| (format!("{n:040}"), json!("é".repeat(500)))).collect();
        let body = json!({"email": "bob@example.com", "name": "Bob \u{1f3fa}", "metadata": most});
        let buyer = world.service().post("/v1/buyers", &body).await.is(201);
        assert_eq!(
            shape(&buyer),
            json!({
                "id": "<buyer>",
                "email": "bob@example.com",
                "name": "Bob \u{1f3fa}",
                "metadata": most,
                "created_at": "<time>",
            })
        );
        let (id, other) = (text(&buyer["id"]), text(&world.new_buyer().await["id"]));
        let path = format!("/v1/buyers/{id}");
        assert_eq!(world.buyer(&id).get(&path).await.is(200), buyer);
        assert_eq!(world.operator().get(&path).await.is(200), buyer);
        world.buyer(&other).get(&path).await.is_problem(404, "not_found");
        world.buyer(&id).get("/v1/buyers").await.is_problem(403, "forbidden");
        let page = world.service().get("/v1/buyers?limit=1").await.is(200);
        assert_eq!(page["data"][0]["id"], other.as_str(), "newest first");
        refuses_reads(
            &world.operator(),
            &[
                ("/v1/buyers/buyer_01h455vb4pex5vsknk084sn02q", 404, "not_found"),
                ("/v1/buyers/seller_01h455vb4pex5vsknk084sn02q", 404, "not_found"),
                ("/v1/buyers/0", 404, "not_found"),
                ("/v1/buyers?limit=1000", 400, "invalid_parameter"),
                ("/v1/buyers?limit=1.5", 400, "invalid_parameter"),
                ("/v1/buyers?cursor=seller_01h455vb4pex5vsknk084sn02q", 400, "invalid_cursor"),
            ],
        )
        .await;
    }
);
