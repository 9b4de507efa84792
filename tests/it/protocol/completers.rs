//! Who brings a request to its end when the one who began it can't: a worker, or Stripe's event. And who doesn't.

use futures_util::future::join_all;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use souk_entity::{
    stripe_event,
    stripe_request::{Column, State},
};

use super::{ALWAYS, DEEDS, Deed, Stage, new_key};
use crate::{engines::on_both_databases, world::eventually};

async fn states_of_events(stage: &Stage, event_type: &str) -> Vec<stripe_event::State> {
    let events = stripe_event::Entity::find().filter(stripe_event::Column::EventType.eq(event_type));
    let events = events.all(&stage.world.ctx.db).await.unwrap();
    events.into_iter().map(|event| event.state).collect()
}

on_both_databases!(
    async fn stripes_event_completes_a_request_whose_answer_never_came(stage: Stage) {
        // As long as this lasts, no attempt gets an answer: only the event can tell.
        stage.fault(Deed::PayOut, "cut_after", ALWAYS).await;
        let key = new_key();
        stage.ask(Deed::PayOut, &key).await.is_problem(503, "stripe_unavailable");
        stage.set(&stage.newest(Deed::PayOut).await, Column::NextAt, stage.much_later()).await;
        stage.until_it_is(Deed::PayOut, State::Succeeded).await;
        let answer = stage.ask(Deed::PayOut, &key).await;
        assert_eq!(answer.is(201)["status"], "pending");
        assert!(answer.is_replayed());
        stage.agrees_with_stripe().await;
    }
);

on_both_databases!(
    async fn an_event_that_overtakes_our_own_commit_waits_and_is_applied(stage: Stage) {
        stage.fault(Deed::PayOut, "cut_after", ALWAYS).await;
        let key = new_key();
        let asked = stage.ask(Deed::PayOut, &key);
        let overtaken = async {
            eventually("the event waits", async || {
                states_of_events(&stage, "payout.created").await == [stripe_event::State::Waiting]
            })
            .await;
            stage.end_faults().await;
        };
        let (answer, ()) = tokio::join!(asked, overtaken);
        answer.is(201);
        eventually("the event is applied", async || {
            states_of_events(&stage, "payout.created").await == [stripe_event::State::Done]
        })
        .await;
        stage.agrees_with_stripe().await;
    }
);

on_both_databases!(
    async fn an_event_proves_what_was_held_as_unknown(stage: Stage) {
        stage.fault(Deed::PayOut, "cut_after", ALWAYS).await;
        stage.world.control("/_sandbox/webhooks", &json!({"mode": "drop", "count": 1})).await;
        let key = new_key();
        stage.ask(Deed::PayOut, &key).await.is_problem(503, "stripe_unavailable");
        let request = stage.newest(Deed::PayOut).await;
        stage.hold(&request).await;
        stage.ask(Deed::PayOut, &key).await.is_problem(409, "outcome_unknown");

        // The payout is on its way; its later events carry no key, the event list does.
        let events = stage.world.stripe(Some(&stage.account), "/v1/events?type=payout.created").await;
        let event = &events["data"][0];
        assert_eq!(event["request"]["idempotency_key"], request.id.uuid().to_string());
        let fact = (event["data"]["object"]["id"].as_str().unwrap(), &request.scope);
        let actions = souk::worker::actions();
        souk::outbox::complete_from_event(&stage.world.ctx, &actions, request.id, fact.1, fact.0)
            .await
            .unwrap();
        stage.ask(Deed::PayOut, &key).await.is(201);
        stage.agrees_with_stripe().await;
    }
);

on_both_databases!(
    async fn an_object_that_names_another_request_completes_nothing(stage: Stage) {
        let theirs = stage.ask(Deed::CheckOut, &new_key()).await.is(201);
        stage.fault(Deed::CheckOut, "cut_before", ALWAYS).await;
        stage.ask(Deed::CheckOut, &new_key()).await.is_problem(503, "stripe_unavailable");
        let request = stage.newest(Deed::CheckOut).await;
        let theirs = theirs["payment"]["stripe_payment_intent_id"].as_str().unwrap();
        let actions = souk::worker::actions();
        souk::outbox::complete_from_event(&stage.world.ctx, &actions, request.id, &request.scope, theirs)
            .await
            .unwrap();
        assert_eq!(stage.newest(Deed::CheckOut).await.state, State::Pending);
        stage.agrees_with_stripe().await;
    }
);

on_both_databases!(
    async fn a_lease_that_a_crash_left_behind_is_taken_over_when_it_ends_and_not_before(stage: Stage) {
        join_all(DEEDS.map(async |deed| {
            stage.fault(deed, "cut_before", ALWAYS).await;
            stage.ask(deed, deed.kind()).await.is_problem(503, "stripe_unavailable");
            let request = stage.newest(deed).await;
            stage.set(&request, Column::LeaseUntil, stage.much_later()).await;
            stage.make_due(&request).await;
        }))
        .await;
        stage.end_faults().await;
        stage.a_worker_had_time().await;
        for deed in DEEDS {
            let request = stage.newest(deed).await;
            assert_eq!(request.state, State::Pending);
            stage.ask(deed, deed.kind()).await.is_problem(409, "idempotency_key_in_use");
            stage.set(&request, Column::LeaseUntil, stage.long_ago()).await;
            stage.until_it_is(deed, State::Succeeded).await;
            stage.ask(deed, deed.kind()).await.is(201);
        }
        stage.agrees_with_stripe().await;
    }
);

on_both_databases!(
    async fn a_holder_that_comes_back_late_applies_nothing(stage: Stage) {
        stage.fault_with(Deed::CheckOut, json!({"kind": "delay", "delay_ms": 900})).await;
        let key = new_key();
        let late = stage.ask(Deed::CheckOut, &key);
        let before = stage.requests(Deed::CheckOut).await.len();
        let overtaken = async {
            eventually("it is sent", async || {
                let requests = stage.requests(Deed::CheckOut).await;
                requests.len() > before && requests[before].fence == 1
            })
            .await;
            let request = stage.newest(Deed::CheckOut).await;
            stage.set(&request, Column::LeaseUntil, stage.long_ago()).await;
            stage.make_due(&request).await;
            eventually("a worker has it", async || stage.newest(Deed::CheckOut).await.fence == 2).await;
        };
        let (late, ()) = tokio::join!(late, overtaken);
        assert!(matches!(late.status, 201 | 409), "{}", late.status);
        stage.until_it_is(Deed::CheckOut, State::Succeeded).await;
        let order = stage.ask(Deed::CheckOut, &key).await.is(201);
        let told = format!(
            "SELECT COUNT(*) AS count FROM events WHERE event_type = 'order.created' AND object_id = '{}'",
            order["id"].as_str().unwrap()
        );
        assert_eq!(stage.world.count(&told).await, 1);
        stage.agrees_with_stripe().await;
    }
);
