//! Stripe is away: callers are told so at once, and what they asked for is done when it is back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    engines::on_both_databases,
    world::{Answer, Person, World, eventually, text},
};

/// The budget of a call in these tests, and what the database and the machine may take besides.
const BUDGET: Duration = Duration::from_secs(2);
const SLACK: Duration = Duration::from_secs(1);
/// An answer sooner than this did not wait for Stripe: it takes milliseconds, and a busy machine some more.
const AT_ONCE: Duration = Duration::from_millis(500);
/// Callers after the circuit has opened.
const LATER_CALLERS: usize = 5;

on_both_databases!(
    async fn a_dead_stripe_is_a_fast_503_and_the_orders_are_completed_when_it_is_back(world: World) {
        let seller = world.active_seller().await;
        let listing = world.listing(&seller, 5_000, "usd").await;
        let buyer = world.new_buyer().await;
        let shop = Shop { buyer: world.buyer(&text(&buyer["id"])), listing };
        eventually("nothing is under way", async || pending(&world).await == 0).await;

        // 1. Stripe goes away: each connection breaks before anything happens.
        let dead = json!({"path": "/v1/*", "kind": "cut_before", "count": 1_000_000});
        world.control("/_sandbox/faults", &dead).await;
        let mut keys = vec!["first".to_owned()];
        assert!(shop.is_turned_away("first").await < BUDGET + SLACK);

        // 2. Once that is known, nobody waits any more.
        eventually("the circuit is open", async || {
            keys.push(format!("call {}", keys.len()));
            shop.is_turned_away(&keys[keys.len() - 1]).await < AT_ONCE
        })
        .await;
        let mut later = Vec::new();
        for _ in 0..LATER_CALLERS {
            keys.push(format!("call {}", keys.len()));
            later.push(shop.is_turned_away(&keys[keys.len() - 1]).await);
        }
        assert!(later.iter().all(|took| *took < AT_ONCE), "{later:?}");
        assert_eq!(pending(&world).await, i64::try_from(keys.len()).unwrap());

        // 3. Stripe comes back, and nobody has to ask again.
        let faults = format!("{}/_sandbox/faults", world.sandbox.url());
        assert!(world.http.delete(faults).send().await.unwrap().status().is_success());
        eventually("all requests are settled", async || pending(&world).await == 0).await;

        // 4. Each caller who does ask again gets the order that was made for them.
        for key in &keys {
            let answer = shop.checkout(key).await;
            let order = answer.is(201);
            assert!(answer.is_replayed(), "{key}");
            assert!(order["payment"]["client_secret"].is_string(), "{order}");
        }
        let intents = world.stripe(None, "/v1/payment_intents?limit=100").await;
        assert_eq!(intents["data"].as_array().unwrap().len(), keys.len());
    }
);

async fn pending(world: &World) -> i64 {
    world.count("SELECT COUNT(*) AS count FROM stripe_requests WHERE state = 'pending'").await
}

/// One buyer in front of one listing.
struct Shop<'a> {
    buyer: Person<'a>,
    listing: Value,
}

impl Shop<'_> {
    async fn checkout(&self, key: &str) -> Answer {
        let body = json!({"lines": [{"listing_id": self.listing["id"], "quantity": 1}]});
        self.buyer.post_with_key("/v1/checkouts", &body, key).await
    }

    /// A checkout that ends with 503; how long that took.
    async fn is_turned_away(&self, key: &str) -> Duration {
        let began = Instant::now();
        self.checkout(key).await.is_problem(503, "stripe_unavailable");
        began.elapsed()
    }
}
