//! Whatever Stripe's events do on their way (come late, twice, in any order, within one second, between our own calls),
//! in the end our rows say what Stripe says.
//!
//! Histories of orders, payouts and accounts are drawn at random and happen at the sandbox. Their events are read from
//! its list and delivered by hand, so that every order of arrival can be had; the inbox is swept in between. A run takes
//! 100 histories on each database; `SOUK_HISTORIES=10000` takes more.

mod history;
mod stage;

use std::{cell::Cell, env};

use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed, TestCaseError, TestRunner},
};
use tokio::runtime::Handle;

use self::{
    history::{History, histories},
    stage::Stage,
};
use crate::engines::on_both_databases;

/// How many histories happen side by side.
const SIDE_BY_SIDE: usize = 20;
const USUAL: usize = 100;

/// What happens, and what chance does to the deliveries.
#[derive(Clone, Debug)]
struct Plan {
    histories: Vec<History>,
    /// Seconds that pass after each step: within one second, across the next, or days.
    pauses: Vec<u32>,
    /// Of the deliveries: which when, in which order, how often.
    seed: u64,
}

fn plans() -> impl Strategy<Value = Plan> {
    let pause = prop_oneof![6 => Just(0_u32), 4 => 1_u32..4, 1 => Just(3 * 86_400_u32)];
    let pauses = prop::collection::vec(pause, history::LONGEST);
    (prop::collection::vec(histories(), SIDE_BY_SIDE), pauses, any::<u64>())
        .prop_map(|(histories, pauses, seed)| Plan { histories, pauses, seed })
}

on_both_databases!(
    async fn our_rows_end_as_stripe_has_it_whatever_its_events_do_on_their_way(stage: Stage) {
        let wanted = env::var("SOUK_HISTORIES").map_or(USUAL, |text| text.parse().expect("a number"));
        let (stage, handle) = (std::sync::Arc::new(stage), Handle::current());
        let told = tokio::task::spawn_blocking(move || {
            let told = Cell::new((0, 0));
            let cases = u32::try_from(wanted.div_ceil(SIDE_BY_SIDE)).unwrap();
            // The usual run is the same every time; a long one is not.
            let rng_seed = if wanted == USUAL { RngSeed::Fixed(5) } else { RngSeed::Random };
            let config = Config {
                cases,
                rng_seed,
                failure_persistence: None,
                max_shrink_iters: 40,
                ..Config::default()
            };
            let outcome = TestRunner::new(config).run(&plans(), |plan| {
                let told_now = handle.block_on(stage.play(&plan)).map_err(TestCaseError::fail)?;
                let (histories, deliveries) = told.get();
                told.set((histories + plan.histories.len(), deliveries + told_now));
                Ok(())
            });
            outcome.map(|()| told.get()).map_err(|failure| failure.to_string())
        });
        let (histories, deliveries) = told.await.unwrap().unwrap_or_else(|failure| panic!("{failure}"));
        println!("{histories} histories in {deliveries} deliveries");
        assert!(histories >= wanted);
    }
);
