//! Events through the whole of the inbox, on SQLite: delivered signed, applied by handlers that do as told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use sea_orm::{
    ConnectionTrait, EntityTrait,
    sea_query::{Expr, Query},
};
use serde_json::{Value, json};

use souk_entity::stripe_event::State;

use super::*;
use crate::webhooks::{
    Endpoint, Filter, Replayed, list, replay,
    settle::{LONGEST_WAIT, MOST_ATTEMPTS},
    testing::{CONNECT_SECRET, Turnstile, World},
};

/// Writes each fact to the table `effects`, then does what the test says for the event.
#[derive(Default)]
struct Scripted {
    /// What comes of an event; `Done` where nothing is said.
    script: Mutex<BTreeMap<&'static str, Result<Applied, EventError>>>,
    panics: Option<&'static str>,
    seen_before: Mutex<Vec<String>>,
    takes: std::time::Duration,
    turnstiles: Mutex<BTreeMap<String, std::sync::Arc<Turnstile>>>,
}

impl Scripted {
    fn saying(script: impl IntoIterator<Item = (&'static str, Result<Applied, EventError>)>) -> Self {
        Self { script: Mutex::new(script.into_iter().collect()), ..Self::default() }
    }

    fn now_says(&self, event: &'static str, what: Result<Applied, EventError>) {
        self.script.lock().unwrap().insert(event, what);
    }
}

#[async_trait]
impl Handlers for Scripted {
    fn retrieve_path(&self, fact: &Fact) -> Option<String> {
        (fact.event_type != "ids.only").then(|| format!("/v1/charges/{}", fact.object_id))
    }

    async fn before_apply(&self, _: &Context, fact: &Fact) -> Result<(), EventError> {
        self.seen_before.lock().unwrap().push(fact.event_id.clone());
        let turnstile = self.turnstiles.lock().unwrap().entry(fact.object_id.clone()).or_default().clone();
        turnstile.enter();
        tokio::time::sleep(self.takes).await;
        turnstile.leave();
        Ok(())
    }

    async fn apply(&self, tx: &DatabaseTransaction, fact: &Fact) -> Result<Applied, EventError> {
        let insert = Query::insert()
            .into_table("effects")
            .columns(["event_id", "object"])
            .values_panic([fact.event_id.clone().into(), fact.object.get().into()])
            .to_owned();
        tx.execute(&insert).await?;
        assert_ne!(self.panics, Some(fact.event_id.as_str()), "as the test wants it");
        self.script.lock().unwrap().get(fact.event_id.as_str()).cloned().unwrap_or(Ok(Applied::Done))
    }
}

async fn world() -> World {
    let world = World::new().await;
    world.with_effects().await;
    world
}

fn charge(world: &World, id: &str, second: i64, state: &str) -> Value {
    world.event(id, "charge.updated", second, json!({"id": "ch_1", "state": state}))
}

async fn sweep(world: &World, handlers: &Scripted) -> usize {
    process_due(&world.ctx, handlers, 100).await.unwrap()
}

async fn applied_ids(world: &World) -> Vec<String> {
    world.effects().await.into_iter().map(|(id, _)| id).collect()
}

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
async fn an_event_that_spoils_a_batch_takes_no_other_with_it_and_nothing_is_applied_twice() {
    let world = world().await;
    let mut handlers = Scripted::saying([
        ("evt_2", Ok(Applied::Waiting { reason: "no such order yet".to_owned() })),
        ("evt_4", Err(EventError::Retry("not now".to_owned()))),
        ("evt_5", Err(EventError::Fail("never".to_owned()))),
        ("evt_7", Ok(Applied::Ignored { reason: "no_room".to_owned() })),
    ]);
    handlers.panics = Some("evt_6");
    let event =
        |n: i64| world.event(&format!("evt_{n}"), "charge.updated", n, json!({"id": format!("ch_{n}")}));
    world.receive((0..9).map(event)).await;
    assert_eq!(sweep(&world, &handlers).await, 9);
    let mut applied = applied_ids(&world).await;
    applied.sort();
    assert_eq!(applied, ["evt_0", "evt_1", "evt_3", "evt_7", "evt_8"]);
    let mut states = Vec::new();
    for n in 0..9 {
        states.push(world.state(&format!("evt_{n}")).await.0);
    }
    use State::{Dead, Done, Ignored, Pending, Waiting};
    assert_eq!(states, [Done, Done, Waiting, Done, Pending, Dead, Pending, Ignored, Done]);
    let objects = world.objects().await;
    assert!(objects.iter().all(|object| object.lease_until.is_none()));
    let open: Vec<&str> =
        objects.iter().filter(|one| one.next_at.is_some()).map(|one| one.object_id.as_str()).collect();
    assert_eq!(open, ["ch_2", "ch_4", "ch_6"]);
    let stamped = objects.iter().filter(|object| object.applied_as_of.is_some()).count();
    assert_eq!(stamped, 4, "only what was applied is stamped");
}

#[tokio::test]
async fn a_batch_commits_nothing_of_an_object_that_has_passed_to_another_worker() {
    let (world, handlers) = (world().await, Scripted::default());
    let event =
        |n: i64| world.event(&format!("evt_{n}"), "charge.updated", n, json!({"id": format!("ch_{n}")}));
    world.receive((0..3).map(event)).await;
    let works = |claims: Vec<Claim>| -> Vec<_> {
        let work = |claim| Work { ctx: &world.ctx, handlers: &handlers, claim, reread: None };
        claims.into_iter().map(work).collect()
    };
    let slow = store::claim(&world.ctx, 3).await.unwrap();
    world.let_leases_run_out().await;
    let other = store::claim(&world.ctx, 1).await.unwrap();
    let batch::Rest { works: alone, .. } = batch::all_at_once(works(slow)).await.unwrap();
    assert!(alone.is_empty());
    assert_eq!(applied_ids(&world).await.len(), 2);
    assert_eq!(works(other).pop().unwrap().all_due().await, Ok(1));
    assert_eq!(applied_ids(&world).await.iter().collect::<BTreeSet<_>>().len(), 3);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn workers_at_once_never_run_one_object_side_by_side_and_apply_each_event_once() {
    let world = world().await;
    let handlers = Scripted { takes: std::time::Duration::from_millis(3), ..Scripted::default() };
    let event = |n: i64| {
        world.event(&format!("evt_{n:02}"), "charge.updated", n, json!({"id": format!("ch_{}", n % 4)}))
    };
    world.receive((0..40).map(event)).await;
    let handled = tokio::join!(
        process_due(&world.ctx, &handlers, 50),
        process_due(&world.ctx, &handlers, 50),
        process_due(&world.ctx, &handlers, 50),
        process_due(&world.ctx, &handlers, 50),
    );
    let handled = handled.0.unwrap() + handled.1.unwrap() + handled.2.unwrap() + handled.3.unwrap();
    assert_eq!(handled, 40);
    let applied = applied_ids(&world).await;
    assert_eq!((applied.len(), applied.iter().collect::<BTreeSet<_>>().len()), (40, 40));
    let turnstiles = handlers.turnstiles.lock().unwrap();
    assert!(turnstiles.len() == 4 && turnstiles.values().all(|turnstile| turnstile.most() == 1));
}

#[tokio::test]
async fn what_a_crashed_worker_leaves_is_picked_up_after_its_lease_and_its_late_answer_commits_nothing() {
    let (world, handlers) = (world().await, Scripted::default());
    world.receive([charge(&world, "evt_1", 5, "x")]).await;
    let crashed = store::claim(&world.ctx, 1).await.unwrap().pop().unwrap();
    assert_eq!(sweep(&world, &handlers).await, 0, "the lease is respected");
    world.let_leases_run_out().await;
    assert_eq!(sweep(&world, &handlers).await, 1);

    let mut work = Work { ctx: &world.ctx, handlers: &handlers, claim: crashed, reread: None };
    let row = world.stored("evt_1").await.unwrap();
    assert_eq!(work.one(&row).await, Ok(None));
    assert_eq!(applied_ids(&world).await, ["evt_1"]);
}

#[tokio::test]
async fn a_failure_that_is_reported_after_the_commit_does_not_undo_it() {
    let (world, handlers) = (world().await, Scripted::default());
    world.receive([charge(&world, "evt_1", 5, "x")]).await;
    let row = world.stored("evt_1").await.unwrap();
    let claim = store::claim(&world.ctx, 1).await.unwrap().pop().unwrap();
    let mut work = Work { ctx: &world.ctx, handlers: &handlers, claim, reread: None };
    work.one(&row).await.unwrap();
    let lost = Outcome::Failed(EventError::Retry("the answer to the commit was lost".to_owned()));
    work.record(&row, lost).await.unwrap();
    assert_eq!(world.state("evt_1").await, (State::Done, None));
}

#[tokio::test]
async fn a_replay_that_comes_while_its_event_is_tried_stands() {
    let world = world().await;
    let unknown = Applied::Waiting { reason: "no such order yet".to_owned() };
    let handlers = Scripted::saying([("evt_1", Ok(unknown.clone()))]);
    world.receive([charge(&world, "evt_1", 5, "x")]).await;
    sweep(&world, &handlers).await;

    world.let_delays_pass().await;
    let tried = world.stored("evt_1").await.unwrap();
    let claim = store::claim(&world.ctx, 1).await.unwrap().pop().unwrap();
    let work = Work { ctx: &world.ctx, handlers: &handlers, claim, reread: None };
    assert_eq!(replay(&world.ctx, "evt_1").await, Ok(Replayed::Queued));
    work.record(&tried, Outcome::Applied(unknown)).await.unwrap();
    let row = world.stored("evt_1").await.unwrap();
    assert_eq!((row.state, row.attempts, row.reason.as_deref()), (State::Pending, 0, Some("replay")));
}

#[tokio::test]
async fn an_event_that_comes_while_its_object_is_leased_is_not_forgotten() {
    let (world, handlers) = (world().await, Scripted::default());
    world.receive([charge(&world, "evt_1", 5, "x")]).await;
    let claim = store::claim(&world.ctx, 1).await.unwrap().pop().unwrap();
    world.receive([charge(&world, "evt_2", 6, "x")]).await;
    let work = Work { ctx: &world.ctx, handlers: &handlers, claim, reread: None };
    work.release().await.unwrap();
    assert_eq!(sweep(&world, &handlers).await, 2);
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
