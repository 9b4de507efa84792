//! The transport and its gate: when Stripe is dead, too slow, or asked too much.

use std::num::NonZeroU32;

use super::{
    super::breaker::MOST_FAILURES,
    tests::{BUDGET, Stripe, answers, config, connected, payout},
    *,
};
use crate::config::StripeCalls;

async fn send(gateway: &Gateway, budget: Duration) -> Result<Answer, Failure> {
    gateway.send(&connected(), Uuid::now_v7(), &payout(), budget).await
}

async fn read(gateway: &Gateway) -> Result<serde_json::Value, Failure> {
    gateway.get(&Scope::Platform, "/v1/balance").await
}

fn most_failures() -> usize {
    usize::try_from(MOST_FAILURES).unwrap()
}

#[tokio::test]
async fn a_dead_stripe_is_found_out_once_and_for_all_clones() {
    let (stripe, gateway, _) = Stripe::answering([answers(503)]).await;
    let began = Instant::now();
    let failure = send(&gateway, BUDGET).await.unwrap_err();
    assert!(began.elapsed() < BUDGET / 2, "it did not go on until the budget's end");
    assert!(failure.to_string().contains("HTTP 503"), "what Stripe said last: {failure}");
    assert_eq!(stripe.seen().len(), most_failures());

    let began = Instant::now();
    let failure = send(&gateway.clone(), BUDGET).await.unwrap_err();
    let expected = Failure::NotSent { reason: "circuit open".to_owned() };
    assert_eq!(failure, expected);
    assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
    assert_eq!(stripe.seen().len(), most_failures(), "nothing was sent");
}

#[tokio::test]
async fn a_broken_connection_counts_as_well() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let gateway = Gateway::new(&config(base), Clock::default()).unwrap();
    send(&gateway, BUDGET).await.unwrap_err();
    assert!(send(&gateway, BUDGET).await.unwrap_err().to_string().contains("circuit open"));
}

#[tokio::test]
async fn what_stripe_says_itself_opens_no_circuit() {
    let lock = || answers(409).with("stripe-should-retry", "false");
    let limit = || answers(429).with("stripe-should-retry", "false");
    let stored = || answers(500).with("idempotent-replayed", "true");
    let (stripe, gateway, _) = Stripe::answering([answers(200)]).await;
    for answer in [answers(400), answers(401), answers(402), answers(404), lock(), limit(), stored()] {
        stripe.now_answers([answer]);
        for _ in 0..=most_failures() {
            let failure = send(&gateway, BUDGET).await.unwrap_err();
            assert!(!failure.to_string().contains("circuit open"), "{failure}");
        }
    }
}

#[tokio::test]
async fn an_attempt_that_had_no_time_says_nothing_of_stripe() {
    let (_, gateway, _) = Stripe::answering([answers(200).after(Duration::from_secs(5))]).await;
    for _ in 0..=most_failures() {
        let failure = send(&gateway, Duration::from_millis(20)).await.unwrap_err();
        assert!(!failure.to_string().contains("circuit open"), "{failure}");
    }
}

#[tokio::test]
async fn work_in_the_background_closes_the_circuit_when_stripe_is_back() {
    let (stripe, gateway, _) = Stripe::answering([answers(500)]).await;
    send(&gateway, BUDGET).await.unwrap_err();
    stripe.now_answers([answers(200)]);
    assert!(read(&gateway).await.is_err());
    send(&gateway.background(), BUDGET).await.unwrap();
    read(&gateway).await.unwrap();
}

#[tokio::test]
async fn an_attempt_has_a_time_of_its_own_and_another_follows_within_the_budget() {
    let (stripe, gateway, _) =
        Stripe::answering([answers(200).after(Duration::from_secs(5)), answers(200)]).await;
    let attempt_timeout = Duration::from_millis(200);
    let gateway = Stripe::gateway(&gateway, StripeCalls { attempt_timeout, ..StripeCalls::default() });
    let began = Instant::now();
    send(&gateway, BUDGET).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(3));
    assert_eq!(stripe.seen().len(), 2);
}

#[tokio::test]
async fn calls_wait_for_their_turn_and_checkout_goes_before_reconciliation() {
    let (stripe, gateway, _) = Stripe::answering([answers(200)]).await;
    // Four at once, of which one is reserved, and one more each 250 ms.
    let per_second = NonZeroU32::new(4);
    let gateway = Stripe::gateway(&gateway, StripeCalls { per_second, ..StripeCalls::default() });
    let background = gateway.background();
    let began = Instant::now();
    let reconciling = async {
        for _ in 0..4 {
            read(&background).await.unwrap();
        }
        began.elapsed()
    };
    let checkout = async {
        tokio::time::sleep(Duration::from_millis(60)).await;
        let asked = Instant::now();
        send(&gateway, BUDGET).await.unwrap();
        asked.elapsed()
    };
    let (reconciled, waited) = tokio::join!(reconciling, checkout);
    // The checkout took the reserved one; the last page had to wait for that to come back, and for its own.
    assert!(waited < Duration::from_millis(150), "{waited:?}");
    assert!(reconciled >= Duration::from_millis(500), "{reconciled:?}");
    assert_eq!(stripe.seen().len(), 5);
}

#[tokio::test]
async fn a_429_that_names_a_limit_slows_all_calls_down() {
    let limited = answers(429).with("stripe-rate-limited-reason", "global-rate");
    let (_, gateway, _) = Stripe::answering([limited, answers(200)]).await;
    let per_second = NonZeroU32::new(20);
    let gateway = Stripe::gateway(&gateway, StripeCalls { per_second, ..StripeCalls::default() });
    let began = Instant::now();
    // The retry waits for a token of the slower rate, 100 ms, and so does each call after it.
    send(&gateway, BUDGET).await.unwrap();
    let reads = Instant::now();
    read(&gateway).await.unwrap();
    read(&gateway).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(200), "{:?}", began.elapsed());
    assert!(reads.elapsed() < Duration::from_secs(1));
}
