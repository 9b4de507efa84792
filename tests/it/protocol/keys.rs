//! The caller's own idempotency key.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::json;
use souk::{app, config::Config};
use souk_entity::stripe_request::State;
use tokio_util::sync::CancellationToken;

use super::{DEEDS, Deed, Stage, new_key, workers::another_process};
use crate::{engines::on_both_databases, world::eventually};

on_both_databases!(
    async fn the_same_key_fifty_times_at_once_makes_one_object(stage: Stage) {
        for deed in DEEDS {
            let (key, before) = (new_key(), stage.made(deed).await.len());
            let answers = join_all((0..50).map(|_| stage.ask(deed, &key))).await;
            let made = answers.iter().filter(|answer| answer.status == 201);
            let bytes: Vec<&[u8]> = made.map(|answer| &*answer.bytes).collect();
            assert!(!bytes.is_empty() && bytes.iter().all(|other| *other == bytes[0]));
            for other in answers.iter().filter(|answer| answer.status != 201) {
                other.is_problem(409, "idempotency_key_in_use");
            }
            assert_eq!(stage.made(deed).await.len(), before + 1);
        }
        stage.agrees_with_stripe().await;
    }
);

on_both_databases!(
    async fn the_same_key_at_two_replicas_at_once_makes_one_object(stage: Stage) {
        let mut other = another_process(&stage).await;
        other.config = Arc::new(Config { listen: ([127, 0, 0, 1], 0).into(), ..(*other.config).clone() });
        other.stripe = stage.new_gateway();
        let stop = CancellationToken::new();
        let other = app::listen(other, stop.clone()).await.unwrap();
        for deed in DEEDS {
            let (key, before) = (new_key(), stage.made(deed).await.len());
            let (path, body) = stage.request(deed);
            let ask = async |n: usize| {
                let url = if n.is_multiple_of(2) { &stage.world.url } else { &other.url };
                stage.world.service().at(url).post_with_key(&path, &body, &key).await
            };
            let answers = join_all((0..50).map(ask)).await;
            for answer in answers.iter().filter(|answer| answer.status != 201) {
                answer.is_problem(409, "idempotency_key_in_use");
            }
            // Now that it is done, both say the same.
            let (here, there) = (ask(0).await, ask(1).await);
            here.is(201);
            assert!(here.is_replayed() && there.is_replayed() && here.bytes == there.bytes);
            let made = answers.iter().filter(|answer| answer.status == 201);
            assert!(made.clone().count() > 0 && made.clone().all(|answer| answer.bytes == here.bytes));
            assert_eq!(stage.made(deed).await.len(), before + 1);
        }
        stop.cancel();
        stage.agrees_with_stripe().await;
    }
);

on_both_databases!(
    async fn a_key_is_good_for_one_request_of_one_caller(stage: Stage) {
        let key = new_key();
        for deed in DEEDS {
            // Another operation under the same key is another request.
            let expected = if deed == DEEDS[0] { 201 } else { 422 };
            assert_eq!(stage.ask(deed, &key).await.status, expected, "{deed:?}");
        }
        let (path, mut body) = stage.request(Deed::PayOut);
        let key = new_key();
        let first = stage.ask(Deed::PayOut, &key).await;
        first.is(201);
        body["amount"]["amount"] = json!(101);
        let other = stage.world.service().post_with_key(&path, &body, &key).await;
        other.is_problem(422, "idempotency_key_reused");

        // The seller's own request under the backend's key is the seller's own.
        let theirs = stage.world.seller(&stage.seller).post_with_key(&path, &body, &key).await;
        theirs.is(201);
        assert!(!theirs.is_replayed());
        assert_eq!(stage.made(Deed::PayOut).await.len(), 2);
        stage.agrees_with_stripe().await;
    }
);

on_both_databases!(
    async fn a_caller_who_hangs_up_does_not_cut_the_protocol_short(stage: Stage) {
        join_all(DEEDS.map(async |deed| {
            stage.fault_with(deed, json!({"kind": "delay", "delay_ms": 1_000})).await;
            let (key, before) = (new_key(), stage.requests(deed).await.len());
            let sent = eventually("it is sent", async || {
                let requests = stage.requests(deed).await;
                requests.len() > before && requests[before].attempts == 1
            });
            tokio::select! {
                () = sent => {}
                answer = stage.ask(deed, &key) => panic!("answered before the caller hung up: {answer:?}"),
            }
            stage.until_it_is(deed, State::Succeeded).await;
            let answer = stage.ask(deed, &key).await;
            answer.is(201);
            assert!(answer.is_replayed());
        }))
        .await;
        stage.agrees_with_stripe().await;
    }
);
