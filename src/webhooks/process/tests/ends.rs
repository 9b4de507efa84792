//! How an event ends: done later, foreign, ignored, dead, or tried for as long as it takes.

use super::*;

#[tokio::test]
async fn stripe_being_away_postpones_events_and_kills_none() {
    let (world, handlers) = (world().await, Scripted::default());
    world.stripe_has(503, json!({})).await;
    world.receive([World::with(charge(&world, "evt_1", 5, "x"), json!({"api_version": "2020-08-27"}))]).await;
    for _ in 0..MOST_ATTEMPTS + 5 {
        world.let_delays_pass().await;
        assert_eq!(sweep(&world, &handlers).await, 1);
    }
    assert_eq!(world.state("evt_1").await.0, State::Pending);
    world.stripe_has(200, json!({"id": "ch_1", "state": "now"})).await;
    handlers.now_says("evt_1", Err(EventError::Retry("a first failure of its own".to_owned())));
    world.let_delays_pass().await;
    sweep(&world, &handlers).await;
    assert_eq!(world.state("evt_1").await.0, State::Pending, "Stripe's failures are not the event's");
    handlers.now_says("evt_1", Ok(Applied::Done));
    world.let_delays_pass().await;
    sweep(&world, &handlers).await;
    assert_eq!(world.state("evt_1").await, (State::Done, None));
}

#[tokio::test]
async fn what_a_handler_postpones_is_never_dead_of_it() {
    let world = world().await;
    let handlers = Scripted::saying([("evt_1", Err(EventError::Postpone("stripe is away".to_owned())))]);
    world.receive([charge(&world, "evt_1", 5, "x")]).await;
    for _ in 0..MOST_ATTEMPTS + 5 {
        world.let_delays_pass().await;
        assert_eq!(sweep(&world, &handlers).await, 1);
    }
    assert_eq!(world.state("evt_1").await, (State::Pending, Some("stripe is away".to_owned())));
    assert_eq!(applied_ids(&world).await, Vec::<String>::new(), "nothing is kept of it");
    handlers.now_says("evt_1", Ok(Applied::Done));
    world.let_delays_pass().await;
    sweep(&world, &handlers).await;
    assert_eq!(world.state("evt_1").await, (State::Done, None));
}

#[tokio::test]
async fn an_event_of_an_unknown_object_waits_keeps_nothing_and_is_done_later() {
    let world = world().await;
    let unknown = Ok(Applied::Waiting { reason: "no such order yet".to_owned() });
    let handlers = Scripted::saying([("evt_1", unknown)]);
    world.receive([charge(&world, "evt_1", 5, "x")]).await;
    assert_eq!(sweep(&world, &handlers).await, 1);
    assert_eq!(world.state("evt_1").await, (State::Waiting, Some("no such order yet".to_owned())));
    assert!(world.effects().await.is_empty());
    assert_eq!(world.objects().await[0].applied_as_of, None);
    assert_eq!(sweep(&world, &handlers).await, 0, "not before its delay has passed");

    handlers.now_says("evt_1", Ok(Applied::Done));
    world.let_delays_pass().await;
    assert_eq!(sweep(&world, &handlers).await, 1);
    assert_eq!(world.state("evt_1").await, (State::Done, None));
    assert_eq!(applied_ids(&world).await, ["evt_1"]);
}

#[tokio::test]
async fn what_waits_for_an_hour_is_foreign() {
    let world = world().await;
    let handlers = Scripted::saying([("evt_1", Ok(Applied::Waiting { reason: "not ours".to_owned() }))]);
    world.receive([charge(&world, "evt_1", 5, "x")]).await;
    world.received_at(world.ctx.clock.wall() - LONGEST_WAIT).await;
    sweep(&world, &handlers).await;
    assert_eq!(world.state("evt_1").await, (State::Foreign, Some("not ours".to_owned())));
    assert_eq!(world.objects().await[0].next_at, None);
}

#[tokio::test]
async fn a_poison_event_dies_and_everything_else_goes_on() {
    let world = world().await;
    let handlers = Scripted::saying([("evt_poison", Err(EventError::Retry("always".to_owned())))]);
    world.receive([charge(&world, "evt_poison", 1, "x"), charge(&world, "evt_later", 2, "x")]).await;
    world.receive([world.event("evt_other", "charge.updated", 3, json!({"id": "ch_2"}))]).await;

    sweep(&world, &handlers).await;
    assert_eq!(applied_ids(&world).await, ["evt_other"], "another object is not held back");
    for _ in 1..5 {
        world.let_delays_pass().await;
        sweep(&world, &handlers).await;
    }
    assert_eq!(
        applied_ids(&world).await,
        ["evt_other", "evt_later"],
        "later events overtake it after a while"
    );
    assert_eq!(world.state("evt_poison").await, (State::Pending, Some("always".to_owned())));
}

#[tokio::test]
async fn an_event_that_fails_too_often_or_for_good_is_dead() {
    let world = world().await;
    let handlers = Scripted::saying([
        ("evt_again", Err(EventError::Retry("always".to_owned()))),
        ("evt_final", Err(EventError::Fail("never".to_owned()))),
    ]);
    let other = world.event("evt_final", "charge.updated", 1, json!({"id": "ch_2"}));
    world.receive([charge(&world, "evt_again", 1, "x"), other]).await;
    for _ in 0..MOST_ATTEMPTS {
        world.let_delays_pass().await;
        sweep(&world, &handlers).await;
    }
    assert_eq!(world.state("evt_again").await, (State::Dead, Some("always".to_owned())));
    assert_eq!(world.stored("evt_again").await.unwrap().attempts, MOST_ATTEMPTS);
    assert_eq!(world.state("evt_final").await, (State::Dead, Some("never".to_owned())));
    assert_eq!(world.stored("evt_final").await.unwrap().attempts, 1);
    assert!(world.effects().await.is_empty());
}

#[tokio::test]
async fn a_handler_that_panics_is_a_failure_of_its_event_only() {
    let world = world().await;
    let handlers = Scripted { panics: Some("evt_1"), ..Scripted::default() };
    world.receive([charge(&world, "evt_1", 1, "x")]).await;
    world.receive([world.event("evt_2", "charge.updated", 3, json!({"id": "ch_2"}))]).await;
    assert_eq!(sweep(&world, &handlers).await, 2);
    assert_eq!(world.state("evt_1").await, (State::Pending, Some("the handler panicked".to_owned())));
    assert_eq!(applied_ids(&world).await, ["evt_2"]);
}

#[tokio::test]
async fn an_event_that_nobody_handles_is_ignored_and_can_be_replayed_however_old_it_is_by_then() {
    let world = world().await;
    let handlers = Scripted::saying([("evt_1", Ok(Applied::Ignored { reason: "no_room".to_owned() }))]);
    world.receive([charge(&world, "evt_1", 5, "old"), charge(&world, "evt_2", 9, "new")]).await;
    sweep(&world, &handlers).await;
    assert_eq!(world.state("evt_1").await, (State::Ignored, Some("no_room".to_owned())));
    let ignored = list(&world.ctx.db, &Filter { state: Some(State::Ignored), event_type: None }, None, 10)
        .await
        .unwrap();
    assert_eq!(ignored.len(), 1);

    handlers.now_says("evt_1", Ok(Applied::Done));
    world.stripe_has(200, json!({"id": "ch_1", "state": "now"})).await;
    assert_eq!(replay(&world.ctx, "evt_1").await, Ok(Replayed::Queued));
    assert_eq!(sweep(&world, &handlers).await, 1);
    assert_eq!(world.state("evt_1").await, (State::Done, None));
    assert_eq!(world.effects().await.pop().unwrap().1["state"], "now");
    assert_eq!(replay(&world.ctx, "evt_1").await, Ok(Replayed::NotReplayable(State::Done)));
    assert_eq!(replay(&world.ctx, "evt_0").await, Ok(Replayed::Unknown));
    let newest = world.objects().await[0].applied_as_of.unwrap();
    assert!(newest.timestamp() > 1_795_241_409, "what was read is as of now");
}

#[tokio::test]
async fn a_payload_that_cannot_be_opened_is_dead_at_once() {
    let (world, handlers) = (world().await, Scripted::default());
    world.receive([charge(&world, "evt_1", 5, "x")]).await;
    let damage = stripe_event::Entity::update_many()
        .col_expr(stripe_event::Column::PayloadSealed, Expr::value(vec![0_u8]));
    damage.exec(&world.ctx.db).await.unwrap();
    assert_eq!(sweep(&world, &handlers).await, 1);
    assert_eq!(world.state("evt_1").await.0, State::Dead);
}
