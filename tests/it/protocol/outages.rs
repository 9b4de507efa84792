//! Troubles that outlast a caller's patience: callers are told soon, and what they asked for is done once.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use souk::config::StripeCallSettings;
use souk_entity::stripe_request::State;

use super::{ALWAYS, DEEDS, Deed, Stage, new_key};
use crate::{
    engines::{Engine, on_both_databases},
    world::{World, eventually},
};

const TEN_MINUTES_S: u64 = 600;
/// Callers of one wave.
const CALLERS: usize = 20;
/// An answer sooner than this did not wait for Stripe: its budget is 2 s here, and the machine may be busy.
const AT_ONCE: Duration = Duration::from_secs(1);

/// A stage whose circuit opens, as it does in production.
struct Production(Stage);

impl Production {
    async fn start(engine: Engine) -> Self {
        Self(Stage::on(World::start_with(engine, StripeCallSettings::default()).await).await)
    }
}

impl Stage {
    async fn unsettled(&self) -> i64 {
        self.world.count("SELECT COUNT(*) AS count FROM stripe_requests WHERE state <> 'succeeded'").await
    }

    async fn all_due(&self) {
        for deed in DEEDS {
            for request in self.requests(deed).await.iter().filter(|request| request.state == State::Pending)
            {
                self.make_due(request).await;
            }
        }
    }

    /// Each who asks again gets what was made for them.
    async fn are_answered(&self, asked: &[(Deed, String)]) {
        for (deed, key) in asked {
            let answer = self.ask(*deed, key).await;
            answer.is(201);
            assert!(answer.is_replayed(), "{deed:?} {key}");
        }
    }
}

on_both_databases!(
    async fn ten_minutes_without_stripe_turn_callers_away_at_once_and_lose_none(production: Production) {
        let stage = &production.0;
        let dead = json!({"path": "/v1/*", "kind": "cut_before", "count": 1_000_000});
        stage.world.control("/_sandbox/faults", &dead).await;
        // 1. Those who find out wait for their budget; those who come later do not.
        let wave = async |deeds: &[Deed]| {
            let asked: Vec<_> = (0..CALLERS).map(|n| (deeds[n % deeds.len()], new_key())).collect();
            let took = join_all(asked.iter().map(async |(deed, key)| {
                let began = Instant::now();
                stage.ask(*deed, key).await.is_problem(503, "stripe_unavailable");
                began.elapsed()
            }));
            let took = took.await;
            (asked, took)
        };
        let (mut asked, _) = wave(&DEEDS).await;
        let (later, took) = wave(&DEEDS).await;
        // One of them may be the probe that asks whether Stripe is back.
        let at_once = took.iter().filter(|took| **took < AT_ONCE).count();
        assert!(at_once >= CALLERS - 1, "{took:?}");
        asked.extend(later);
        // 2. Ten minutes pass, and somebody asks again under the same key.
        stage.world.control("/_sandbox/clock/advance", &json!({"seconds": TEN_MINUTES_S})).await;
        for (deed, key) in &asked[..3] {
            assert!(matches!(stage.ask(*deed, key).await.status, 409 | 503));
        }
        assert_eq!(stage.unsettled().await, i64::try_from(asked.len()).unwrap());
        // 3. Stripe is back: each is done, once.
        stage.end_faults().await;
        eventually("all is settled", async || {
            stage.all_due().await;
            stage.unsettled().await == 0
        })
        .await;
        stage.are_answered(&asked).await;
        stage.agrees_with_stripe().await;
    }
);

on_both_databases!(
    async fn a_storm_of_429_delays_callers_and_loses_none(stage: Stage) {
        for deed in DEEDS {
            stage.fault(deed, "rate_429", 30).await;
        }
        let asked: Vec<_> = (0..CALLERS).map(|n| (DEEDS[n % DEEDS.len()], new_key())).collect();
        for answer in join_all(asked.iter().map(|(deed, key)| stage.ask(*deed, key))).await {
            assert!(matches!(answer.status, 201 | 503), "{answer:?}");
        }
        stage.all_due().await;
        eventually("all is settled", async || stage.unsettled().await == 0).await;
        stage.are_answered(&asked).await;
        stage.agrees_with_stripe().await;
    }
);

on_both_databases!(
    async fn a_trouble_that_outlasts_its_caller_ends_in_one_object(stage: Stage) {
        for kind in ["lock_409", "rate_429", "error_503", "malformed"] {
            let asked = DEEDS.map(|deed| (deed, new_key()));
            join_all(asked.iter().map(async |(deed, key)| {
                stage.fault(*deed, kind, ALWAYS).await;
                stage.ask(*deed, key).await.is_problem(503, "stripe_unavailable");
            }))
            .await;
            stage.end_faults().await;
            stage.all_due().await;
            eventually(kind, async || stage.unsettled().await == 0).await;
            stage.are_answered(&asked).await;
        }
        stage.agrees_with_stripe().await;
    }
);
