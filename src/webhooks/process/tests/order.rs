//! Which of an object's events count: in Stripe's order, against what was applied, and as Stripe has it where that is in doubt.

use super::*;

#[tokio::test]
async fn events_of_an_object_are_applied_in_stripes_order_whatever_order_they_came_in() {
    let world = world().await;
    world.receive([3, 1, 2].map(|n| charge(&world, &format!("evt_{n}"), n, "x"))).await;
    assert_eq!(sweep(&world, &Scripted::default()).await, 3);
    assert_eq!(applied_ids(&world).await, ["evt_1", "evt_2", "evt_3"]);
    assert!(world.stripe.reads.lock().await.is_empty());

    let object = &world.objects().await[0];
    assert_eq!((object.next_at, object.lease_until), (None, None));
    assert_eq!(object.applied_as_of.unwrap().timestamp(), 1_795_241_403);
    assert_eq!(sweep(&world, &Scripted::default()).await, 0);
}

#[tokio::test]
async fn an_event_that_is_older_than_what_was_applied_is_skipped_but_still_proves_its_request() {
    let (world, handlers) = (world().await, Scripted::default());
    world.receive([charge(&world, "evt_new", 9, "new")]).await;
    sweep(&world, &handlers).await;
    world.receive([charge(&world, "evt_old", 5, "old")]).await;
    assert_eq!(sweep(&world, &handlers).await, 1);
    assert_eq!(world.state("evt_old").await, (State::Done, Some("stale".to_owned())));
    assert_eq!(applied_ids(&world).await, ["evt_new"]);
    assert_eq!(*handlers.seen_before.lock().unwrap(), ["evt_new", "evt_old"]);
}

#[tokio::test]
async fn a_tie_is_decided_by_reading_the_object_and_the_object_does_not_go_back_after_it() {
    let world = world().await;
    world.stripe_has(200, json!({"id": "ch_1", "state": "now"})).await;
    world.receive([charge(&world, "evt_1", 5, "one"), charge(&world, "evt_2", 5, "two")]).await;
    world.receive([charge(&world, "evt_3", 6, "three")]).await;
    sweep(&world, &Scripted::default()).await;
    let states: Vec<_> =
        world.effects().await.into_iter().map(|(_, object)| object["state"].clone()).collect();
    assert_eq!(states, ["one", "now"], "what was read is newer than the third");
    assert_eq!(*world.stripe.reads.lock().await, ["platform /v1/charges/ch_1"]);
}

#[tokio::test]
async fn what_was_read_is_not_undone_by_an_older_event_that_comes_late() {
    let world = world().await;
    world.stripe_has(200, json!({"id": "ch_1", "state": "now"})).await;
    world.receive([charge(&world, "evt_1", 5, "one"), charge(&world, "evt_2", 5, "two")]).await;
    sweep(&world, &Scripted::default()).await;
    // Newer than both, older than the read, which saw what it tells.
    world.receive([charge(&world, "evt_3", 8, "three")]).await;
    sweep(&world, &Scripted::default()).await;
    assert_eq!(world.state("evt_3").await, (State::Done, Some("stale".to_owned())));
    assert_eq!(world.effects().await.last().unwrap().1["state"], "now");
    // What happens from the second of the read on may not be in it: read again, not skipped.
    let read_at = world.objects().await[0].applied_until.unwrap().timestamp() - 1_795_241_400;
    world.receive([charge(&world, "evt_4", read_at, "four")]).await;
    sweep(&world, &Scripted::default()).await;
    assert_eq!(world.effects().await.last().unwrap().1["state"], "now");
    assert_eq!(world.stripe.reads.lock().await.len(), 2);
}

#[tokio::test]
async fn an_event_of_another_version_is_read_anew_in_its_own_scope() {
    let world = world().await;
    world.stripe_has(200, json!({"id": "ch_1", "state": "now"})).await;
    let event = World::with(
        charge(&world, "evt_1", 5, "foreign shape"),
        json!({"api_version": "2020-08-27", "account": "acct_1"}),
    );
    world.deliver(Endpoint::Connect, &event, CONNECT_SECRET).await.unwrap();
    sweep(&world, &Scripted::default()).await;
    assert_eq!(world.effects().await[0].1["state"], "now");
    assert_eq!(*world.stripe.reads.lock().await, ["acct_1 /v1/charges/ch_1"]);
}

#[tokio::test]
async fn an_object_that_can_no_longer_be_read_leaves_the_payload_of_our_version() {
    let world = world().await;
    world
        .stripe_has(404, json!({"error": {"type": "invalid_request_error", "code": "resource_missing"}}))
        .await;
    world.receive([charge(&world, "evt_1", 5, "one"), charge(&world, "evt_2", 5, "two")]).await;
    world
        .receive([World::with(charge(&world, "evt_3", 6, "three"), json!({"api_version": "2020-08-27"}))])
        .await;
    sweep(&world, &Scripted::default()).await;
    assert_eq!(applied_ids(&world).await, ["evt_1", "evt_2"]);
    let (state, reason) = world.state("evt_3").await;
    assert_eq!(state, State::Dead);
    assert!(reason.unwrap().contains("resource_missing"));
}
