//! Many objects, many workers, and what a crash leaves.

use super::*;

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
