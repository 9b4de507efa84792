//! What Stripe's answers, and their absence, come to.

use futures_util::future::join_all;
use serde_json::json;
use souk_entity::stripe_request::State;

use super::{ALWAYS, DEEDS, Deed, Stage, new_key};
use crate::engines::on_both_databases;

on_both_databases!(
    async fn an_answer_that_is_lost_after_the_effect_makes_one_object(stage: Stage) {
        for deed in DEEDS {
            stage.fault(deed, "cut_after", 2).await;
            let (key, before) = (new_key(), stage.made(deed).await.len());
            let first = stage.ask(deed, &key).await;
            first.is(201);
            assert_eq!(stage.made(deed).await.len(), before + 1);
            let again = stage.ask(deed, &key).await;
            again.is(201);
            assert!(again.is_replayed() && again.bytes == first.bytes);
        }
        stage.agrees_with_stripe().await;
    }
);

on_both_databases!(
    async fn a_passing_trouble_is_got_over_under_the_same_key(stage: Stage) {
        for kind in ["cut_before", "lock_409", "rate_429", "error_500", "error_503", "malformed"] {
            join_all(DEEDS.map(async |deed| {
                stage.fault(deed, kind, 1).await;
                let before = stage.made(deed).await.len();
                stage.ask(deed, &new_key()).await.is(201);
                assert_eq!(stage.made(deed).await.len(), before + 1, "{kind}");
            }))
            .await;
        }
        stage.agrees_with_stripe().await;
    }
);

on_both_databases!(
    async fn what_stripe_cannot_be_asked_now_is_completed_without_the_caller(stage: Stage) {
        join_all(DEEDS.map(async |deed| {
            stage.fault(deed, "cut_before", ALWAYS).await;
            let refused = stage.ask(deed, deed.kind()).await;
            refused.is_problem(503, "stripe_unavailable");
            assert!(refused.headers.contains_key("retry-after"));
            assert_eq!(stage.newest(deed).await.state, State::Pending);
        }))
        .await;
        stage.end_faults().await;
        for deed in DEEDS {
            stage.make_due(&stage.newest(deed).await).await;
            stage.until_it_is(deed, State::Succeeded).await;
            let (first, second) = (stage.ask(deed, deed.kind()).await, stage.ask(deed, deed.kind()).await);
            first.is(201);
            assert!(first.is_replayed() && first.bytes == second.bytes);
        }
        stage.agrees_with_stripe().await;
    }
);

on_both_databases!(
    async fn a_refusal_is_definite_and_the_next_attempt_is_a_new_request(stage: Stage) {
        let path = format!("/v1/sellers/{}/payouts", stage.seller);
        let too_much = json!({"amount": {"amount": 1_000_000, "currency": "usd"}});
        let key = new_key();
        let seller = stage.world.seller(&stage.seller);
        let first = seller.post_with_key(&path, &too_much, &key).await;
        first.is_problem(422, "insufficient_balance");
        let again = seller.post_with_key(&path, &too_much, &key).await;
        assert!(again.is_replayed() && again.bytes == first.bytes);
        assert_eq!(stage.newest(Deed::PayOut).await.state, State::Refused);

        let fitting = json!({"amount": {"amount": 9_000, "currency": "usd"}});
        seller.post(&path, &fitting).await.is(201);
        stage.agrees_with_stripe().await;
    }
);
