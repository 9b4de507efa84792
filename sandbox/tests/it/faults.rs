use reqwest::Method;
use serde_json::json;

use crate::world::World;

async fn order(world: &World, kind: &str) {
    world
        .control(Method::POST, "faults", json!({ "method": "POST", "path": "/v1/customers", "kind": kind }))
        .await;
}

#[tokio::test]
async fn a_connection_cut_before_leaves_nothing_and_one_cut_after_leaves_the_effect() {
    let world = World::start().await;
    let shop = world.shop();
    for (kind, left) in [("cut_before", 0), ("cut_after", 1)] {
        order(&world, kind).await;
        let lost =
            shop.try_send(Method::POST, "customers", &[("name", "A")], &[("idempotency-key", kind)]).await;
        assert!(lost.is_err(), "{kind}");
        assert_eq!(shop.list("customers").await.len(), left, "{kind}");
    }
    let again = shop.post_keyed("customers", &[("name", "A")], "cut_after").await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(shop.list("customers").await.len(), 1);
}

#[tokio::test]
async fn refusals_on_order_leave_nothing_and_are_not_remembered() {
    let world = World::start().await;
    let shop = world.shop();
    for (kind, status) in [("lock_409", 409), ("rate_429", 429), ("error_500", 500), ("error_503", 503)] {
        order(&world, kind).await;
        shop.post_keyed("customers", &[("name", kind)], kind).await.refused(status);
        let answer = shop.post_keyed("customers", &[("name", kind)], kind).await;
        assert_eq!(answer.header("idempotent-replayed"), "", "{kind}");
        answer.ok();
    }
    assert_eq!(shop.list("customers").await.len(), 4);
}

#[tokio::test]
async fn a_stored_500_comes_back_under_its_key() {
    let world = World::start().await;
    let fault = json!({ "path": "/v1/customers", "kind": "error_500", "stored": true });
    world.control(Method::POST, "faults", fault).await;
    world.shop().post_keyed("customers", &[], "k").await.refused(500);
    let again = world.shop().post_keyed("customers", &[], "k").await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    again.refused(500);
}

#[tokio::test]
async fn a_malformed_answer_is_no_json_but_it_happened() {
    let world = World::start().await;
    order(&world, "malformed").await;
    let answer = world.shop().post("customers", &[]).await;
    assert!(serde_json::from_str::<serde_json::Value>(&answer.text).is_err());
    assert_eq!(world.shop().list("customers").await.len(), 1);
}
