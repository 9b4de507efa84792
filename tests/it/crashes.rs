//! Crash tests: the real process is killed by SIGKILL at every point on the way of every money action, and in what
//! follows it; started again, it must bring everything to its end within a minute, with one effect and nothing lost.
//!
//! Points are derived, not listed: they are what a healthy run of an action's drill comes to. A new action is tried as
//! soon as it has a drill.

mod campaign;
mod victim;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io::Write,
    panic::AssertUnwindSafe,
    sync::Mutex,
    time::Duration,
};

use futures_util::{FutureExt, future::join_all};
use rand::{SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::Value;

use self::victim::{Point, Victim};
use crate::{
    drills::{DRILLS, Drill, Oracle, REST_WITHIN, Stage, drill},
    engines::{Engine, on_both_databases},
};

/// Worlds side by side: most of their time they wait for the leases of the dead.
const WORLDS: usize = 12;
/// How many points the short run draws, besides those of the action itself.
const SAMPLE: usize = 6;
/// How often a point is tried that was not come to: whether an event is read again, say, depends on the second in
/// which it happened.
const TRIES: u32 = 3;

/// How soon a caller asks again.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// The points of each drill, by its title.
type Derived = BTreeMap<&'static str, Points>;

/// What a healthy run of a drill comes to.
#[derive(Debug, Default)]
struct Points {
    /// Each point, and how often.
    counts: BTreeMap<String, u64>,
    /// Those that it comes to only when days have passed.
    late: BTreeSet<String>,
}

/// The engine that a test runs on.
struct On(Engine);

impl On {
    async fn start(engine: Engine) -> Self {
        Self(engine)
    }
}

on_both_databases!(
    /// A part of what [`every_action_survives_a_kill_at_every_point`] does: the points of the action itself, and a
    /// sample of those of what follows it.
    async fn every_action_survives_a_kill_at_its_own_points(on: On) {
        kill_everywhere(on.0, Some(SAMPLE)).await;
    }
);

on_both_databases!(
    #[ignore = "takes minutes: scripts/crash-campaign --points"]
    async fn every_action_survives_a_kill_at_every_point(on: On) {
        kill_everywhere(on.0, None).await;
    }
);

/// Kills at each point of each action, or at a sample of them; worlds share the work.
async fn kill_everywhere(engine: Engine, sample: Option<usize>) {
    let seed = seed();
    let mut worlds = join_all((0..WORLDS).map(|_| Victim::start(engine))).await;
    let derived = derive(&mut worlds[0]).await;
    let plan = plan(&derived, sample, &mut StdRng::seed_from_u64(seed));
    let planned: BTreeSet<_> = plan.iter().map(|(kind, point)| (*kind, point.name.clone())).collect();
    let queue = Mutex::new(plan);
    let next = || queue.lock().unwrap().pop_front();
    let done = join_all(worlds.iter_mut().map(async |victim| {
        let mut toll = (BTreeSet::new(), Vec::new());
        while let Some((kind, point)) = next() {
            match AssertUnwindSafe(killed_at(victim, drill(kind), &point)).catch_unwind().await {
                Ok(true) => drop(toll.0.insert((kind, point.name))),
                Ok(false) => {}
                // The panic has told; this world is of no use any more.
                Err(_) => {
                    toll.1.push((kind, point.name));
                    break;
                }
            }
        }
        toll
    }))
    .await;
    let (hit, failed): (Vec<_>, Vec<_>) = done.into_iter().unzip();
    let (hit, failed): (BTreeSet<_>, Vec<_>) =
        (hit.into_iter().flatten().collect(), failed.into_iter().flatten().collect());
    let points: usize = derived.values().map(|points| points.counts.len()).sum();
    say(&format!(
        "crash points on {engine:?}: {} hit of {} tried, {points} derived ({} actions), seed {seed}; not come to: {:?}",
        hit.len(),
        planned.len(),
        derived.len(),
        planned.difference(&hit).collect::<Vec<_>>(),
    ));
    assert!(failed.is_empty(), "killed here, it did not come to a good end: {failed:#?}");
    let missed = derived.iter().flat_map(|(kind, points)| {
        points.counts.keys().filter(|name| is_own(drill(kind), name)).map(|name| (*kind, name.clone()))
    });
    let missed: Vec<_> = missed.filter(|point| !hit.contains(point)).collect();
    assert!(missed.is_empty(), "these were not hit: {missed:?}");
}

/// Whether it is a point that every run of the action comes to: at its two transactions, its lease, its call.
fn is_own(drill: &dyn Drill, name: &str) -> bool {
    let called = drill.traces().stripe_path.replace('*', ":id");
    let (kind, call) = (drill.kind(), format!("POST {called}/call"));
    let own = [format!("{kind}/tx1"), format!("{kind}/lease"), call, format!("{kind}/tx2")];
    own.iter().any(|own| name.strip_prefix(own.as_str()).is_some_and(|side| side.starts_with('/')))
}

/// What to kill at: the points of the actions themselves, and all others or a sample of them.
fn plan(derived: &Derived, sample: Option<usize>, rng: &mut StdRng) -> VecDeque<(&'static str, Point)> {
    let all = derived.iter().flat_map(|(kind, points)| {
        points.counts.keys().map(|name| (*kind, Point { name: name.clone(), nth: 1 }))
    });
    let (own, others): (Vec<_>, Vec<_>) = all.partition(|(kind, point)| is_own(drill(kind), &point.name));
    let others: Vec<_> = match sample {
        Some(sample) => others.choose_multiple(rng, sample).cloned().collect(),
        None => others,
    };
    own.into_iter().chain(others).collect()
}

/// What healthy runs of all drills come to.
async fn derive(victim: &mut Victim) -> Derived {
    let mut derived = Derived::new();
    for drill in DRILLS {
        victim.life.begin(None).await;
        victim.stage.until_rest(&victim.db).await;
        let before = victim.life.log.reached().len();
        let (late_from, end) = run(victim, *drill).await;
        let mut points = Points::default();
        for (index, name) in victim.life.log.reached().into_iter().enumerate().take(end).skip(before) {
            if index >= late_from && !points.counts.contains_key(&name) {
                points.late.insert(name.clone());
            }
            *points.counts.entry(name).or_default() += 1;
        }
        derived.insert(drill.title(), points);
    }
    derived
}

/// Runs a drill with a service that dies at a point; tells whether it came to it, in some tries.
async fn killed_at(victim: &mut Victim, drill: &dyn Drill, point: &Point) -> bool {
    let before = victim.life.deaths.len();
    for _ in 0..TRIES {
        victim.life.begin(Some(point)).await;
        run(victim, drill).await;
        if victim.life.deaths.len() > before {
            return true;
        }
    }
    false
}

/// Runs a drill from its request to its rest, through a death of the service, and asks the oracle. Tells how many
/// points the last life had come to when the days began to pass, and at the end.
async fn run(victim: &mut Victim, drill: &dyn Drill) -> (usize, usize) {
    let Victim { stage, db, life, .. } = victim;
    let log = life.log.clone();
    let story = async {
        // 1. The caller asks until there is an answer.
        let request = drill.request(stage).await;
        let asking = tokio::time::timeout(REST_WITHIN, answer(stage, drill, &request)).await;
        let made = asking.unwrap_or_else(|_| panic!("{}: no answer in a minute", drill.kind()));
        // 2. What follows at Stripe.
        drill.follow_up(stage, &made).await;
        stage.until_done(drill, &made).await;
        stage.until_rest(db).await;
        // 3. What follows when days have passed.
        let late_from = log.reached().len();
        stage.days_pass().await;
        stage.until_rest(db).await;
        (made, late_from)
    };
    let (made, late_from) = tokio::select! {
        told = story => told,
        () = life.nurse() => unreachable!("nobody nurses for ever but a nurse"),
    };
    let end = log.reached().len();
    // 4. The oracle, whose own questions nobody must die of.
    life.disarm().await;
    let asked = BTreeMap::from([(drill.title(), vec![drill.name(&made)])]);
    let found = Oracle::judge(stage, db, &asked, REST_WITHIN).await;
    assert!(found.is_content(), "{found}");
    (late_from, end)
}

/// Asks under a key of its own until there is an answer, as a caller does who can't know what became of the last try.
async fn answer(stage: &Stage, drill: &dyn Drill, request: &(String, Value)) -> Value {
    let key = uuid::Uuid::now_v7().to_string();
    loop {
        match stage.ask(drill, request, &key).await {
            // Nobody answers, another try holds the key, or Stripe's answer is still to come.
            Ok(answer) if matches!(answer.status, 409 | 503) => {}
            Ok(answer) => return answer.is(drill.success()),
            Err(_) => {}
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

/// `SOUK_CRASH_SEED`, or one of this moment.
fn seed() -> u64 {
    let given = std::env::var("SOUK_CRASH_SEED").ok();
    given.map_or_else(rand::random, |seed| seed.parse().expect("SOUK_CRASH_SEED is a number"))
}

/// Prints a line that is also seen of a test that passes: the figure of the run.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{line}").unwrap();
}
