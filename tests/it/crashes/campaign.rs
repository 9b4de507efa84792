//! The long run: several worlds in which callers ask for everything at once, while the service is killed again and
//! again. Regularly, and at the end, everything must come to rest within a minute of the last start, and the oracle
//! judges. Run by `scripts/crash-campaign`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::{Duration, Instant},
};

use futures_util::future::{join, join_all};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IteratorRandom};
use tokio_util::sync::CancellationToken;

use super::{
    ASK_AGAIN, Derived, On, answer, derive, say, seed,
    victim::{Life, Point, Victim},
};
use crate::{
    drills::{DRILLS, Drill, Oracle, REST_WITHIN, Stage},
    engines::on_both_databases,
};

/// Worlds side by side on one engine.
const WORLDS: usize = 6;
/// Kills between two judgements.
const ROUND: usize = 20;
/// How long a life waits for its deadly point; then it is killed wherever it is.
const LONGEST_LIFE: Duration = Duration::from_secs(4);
/// A point is deadly at one of the first times that it is come to.
const LATEST_NTH: u64 = 3;

on_both_databases!(
    #[ignore = "takes minutes: scripts/crash-campaign N"]
    async fn kills_at_random_double_nothing_and_lose_nothing(on: On) {
        let kills = std::env::var("SOUK_CRASH_KILLS").map_or(20, |kills| kills.parse().expect("a number"));
        let (seed, begun) = (seed(), Instant::now());
        let mut worlds = join_all((0..WORLDS).map(|_| Victim::start(on.0))).await;
        let derived = derive(&mut worlds[0]).await;
        let share = |index: usize| kills / WORLDS + usize::from(index < kills % WORLDS);
        let tolls = join_all(worlds.iter_mut().enumerate().map(async |(index, victim)| {
            let rng = StdRng::seed_from_u64(seed.wrapping_add(index as u64));
            campaign(victim, &derived, share(index), rng).await
        }))
        .await;
        let toll = tolls.into_iter().reduce(Toll::and).expect("a world");
        let points: BTreeSet<_> = derived.values().flat_map(|points| points.counts.keys()).collect();
        let (derived, seconds) = (points.len(), begun.elapsed().as_secs());
        say(&format!("{:?}: {toll} of {derived} derived; seed {seed}, {seconds} s", on.0));
        assert!(toll.found.is_content() && toll.kills() == kills);
    }
);

/// What a campaign took, and what it found.
#[derive(Default)]
struct Toll {
    at_points: usize,
    anywhere: usize,
    effects: usize,
    hit: BTreeSet<String>,
    found: Oracle,
}

impl Toll {
    const fn kills(&self) -> usize {
        self.at_points + self.anywhere
    }

    fn and(mut self, other: Self) -> Self {
        self.at_points += other.at_points;
        self.anywhere += other.anywhere;
        self.effects += other.effects;
        self.hit.extend(other.hit);
        self.found.add(other.found);
        self
    }
}

impl fmt::Display for Toll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at_points, anywhere, effects, hit, found } = self;
        let (kills, hit) = (self.kills(), hit.len());
        write!(
            f,
            "{kills} kills ({at_points} at a point, {anywhere} anywhere), {effects} effects asked for, "
        )?;
        write!(f, "{found}; points hit: {hit}")
    }
}

/// One world's share of the kills, in rounds.
async fn campaign(victim: &mut Victim, derived: &Derived, kills: usize, mut rng: StdRng) -> Toll {
    let Victim { stage, db, life, .. } = victim;
    let (mut toll, mut asked) = (Toll::default(), BTreeMap::new());
    while toll.kills() < kills && toll.found.is_content() {
        // 1. Trade, while the service dies again and again.
        let closing = CancellationToken::new();
        let round = ROUND.min(kills - toll.kills());
        let killing = async {
            for _ in 0..round {
                kill_once(life, derived, &mut rng, &mut toll).await;
            }
            life.begin(None).await;
            closing.cancel();
            Instant::now()
        };
        let trades = join_all(DRILLS.iter().map(|drill| trade(stage, *drill, &closing)));
        let (begun, trades) = join(killing, trades).await;
        for (drill, Trade { made, unanswered }) in DRILLS.iter().zip(trades) {
            asked.entry(drill.title()).or_insert_with(Vec::new).extend(made);
            toll.found.stuck.extend(unanswered);
        }
        // 2. A minute after the last start all is at rest.
        let limit = REST_WITHIN.saturating_sub(begun.elapsed());
        toll.found.stuck.extend(stage.left_after(db, limit).await);
        // 3. Days pass, and one more death in what they bring.
        let late = derived.values().flat_map(|points| &points.late).choose(&mut rng);
        if let Some(name) = late.filter(|_| toll.kills() < kills) {
            let before = life.deaths.len();
            life.begin(Some(&Point { name: name.clone(), nth: 1 })).await;
            let days = async {
                stage.days_pass().await;
                stage.left_after(db, REST_WITHIN).await
            };
            let left = tokio::select! {
                left = days => left,
                () = life.nurse() => unreachable!("nobody nurses for ever but a nurse"),
            };
            toll.found.stuck.extend(left);
            if life.deaths.len() > before {
                toll.at_points += 1;
                toll.hit.insert(name.clone());
            }
        }
        // 4. The oracle.
        life.begin(None).await;
        toll.found.add(Oracle::judge(stage, db, &asked, REST_WITHIN).await);
    }
    toll.effects = asked.values().map(Vec::len).sum();
    toll
}

/// One life, that ends at a point drawn at random; or anywhere, if it doesn't come to it.
async fn kill_once(life: &mut Life, derived: &Derived, rng: &mut StdRng, toll: &mut Toll) {
    let early = derived.values().flat_map(|points| {
        points
            .counts
            .iter()
            .filter(|(name, _)| !points.late.contains(*name))
            .map(|(name, count)| (name, *count))
    });
    let (name, count) = early.choose(rng).expect("points");
    let point = Point { name: name.clone(), nth: rng.random_range(1..=count.min(LATEST_NTH)) };
    life.begin(Some(&point)).await;
    if life.dies_within(LONGEST_LIFE).await {
        toll.at_points += 1;
        toll.hit.insert(point.name);
    } else {
        life.kill();
        toll.anywhere += 1;
    }
}

/// What a caller got.
struct Trade {
    /// The rows that were made.
    made: Vec<String>,
    /// What was asked for and never answered.
    unanswered: Option<String>,
}

/// A caller who asks for one effect after the other until closing time.
async fn trade(stage: &Stage, drill: &dyn Drill, closing: &CancellationToken) -> Trade {
    let mut made = Vec::new();
    while !closing.is_cancelled() {
        let request = drill.request(stage).await;
        let too_late = async {
            closing.cancelled().await;
            tokio::time::sleep(REST_WITHIN).await;
        };
        let answer = tokio::select! {
            answer = answer(stage, drill, &request) => answer,
            () = too_late => return Trade { made, unanswered: Some(format!("no answer to {request:?}")) },
        };
        drill.follow_up(stage, &answer).await;
        made.push(drill.name(&answer));
        tokio::time::sleep(ASK_AGAIN).await;
    }
    Trade { made, unanswered: None }
}
