//! The drills: for each money action how it is asked for through our API, what follows at Stripe, and what it must
//! leave behind. Tests that try every action (crashed, unanswered, forgotten) run the drills, so that a new action
//! is tried as soon as it is registered.

mod actions;
mod buyers;
mod oracle;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use reqwest::Method;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use serde_json::{Value, json};

use crate::{
    engines::on_both_databases,
    site::Site,
    world::{Answer, World, text},
};

pub(crate) use oracle::{Oracle, changed_by, made, open};

/// How long everything may take to come to rest.
pub(crate) const REST_WITHIN: Duration = Duration::from_secs(60);
/// Stripe's events come in after a while in which nothing seems to be under way.
const STILL: Duration = Duration::from_secs(1);

/// What the seller of a stage has to be paid out, more than any test asks for.
const SOLD: i64 = 1_000_000;
/// Longer than charges take to settle, and payouts to arrive.
const LONG_ENOUGH_S: u64 = 8 * 86_400;

/// All drills, one for each kind of action, or for each way in which a kind is done.
pub(crate) const DRILLS: &[&dyn Drill] = &[
    &actions::CreateAccount,
    &actions::CreatePaymentIntent::Destination,
    &actions::CreatePaymentIntent::Separate,
    &actions::CreatePaymentIntent::Direct,
    &actions::CreatePayout,
    &buyers::CopyPaymentMethod,
    &buyers::CreateCustomer,
    &buyers::CreateSetupIntent,
    &buyers::DetachPaymentMethod,
    &buyers::SetDefault,
];

/// How one kind of action is tried.
#[async_trait]
pub(crate) trait Drill: Send + Sync {
    /// The kind, as request rows carry it.
    fn kind(&self) -> &'static str;

    /// The drill's own title, where its kind has several.
    fn title(&self) -> &'static str {
        self.kind()
    }

    /// Where its effects are seen.
    fn traces(&self) -> Traces;

    /// Path and body by which our API is asked for it once more; makes what it needs first, though the service die
    /// meanwhile ([`Site::insist`]).
    async fn request(&self, stage: &Stage) -> (String, Value);

    /// The method that goes with it.
    fn method(&self) -> Method {
        Method::POST
    }

    /// How our API answers when it goes well.
    fn success(&self) -> u16 {
        201
    }

    /// How our API names what was made, after [`Traces::shown_at`].
    fn name(&self, made: &Value) -> String {
        text(&made["id"])
    }

    /// Whether some of what it makes is on the platform and some in the seller's account.
    fn in_both_scopes(&self) -> bool {
        false
    }

    /// How its effects are told from each other.
    fn seen(&self) -> Seen {
        Seen::Listed
    }

    /// What follows at Stripe once our API has answered, as far as somebody makes it happen: `made` is the answer.
    async fn follow_up(&self, stage: &Stage, made: &Value);

    /// Whether the row, as our API shows it now, says all that followed.
    fn is_done(&self, shown: &Value) -> bool;
}

/// How the effects of an action are told from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It makes an object, whose metadata names the request.
    Listed,
    /// It changes an object, the one that this part of its path names; an event of this type tells of each time.
    Told {
        /// How the object's id begins.
        prefix: &'static str,
        /// Stripe's type of event.
        event: &'static str,
        /// Where the object is read.
        read_at: &'static str,
    },
    /// Nowhere: done twice it does no harm.
    Nowhere,
}

/// The drills of actions that Stripe can tell what became of.
pub(crate) fn traced() -> Vec<&'static dyn Drill> {
    DRILLS.iter().filter(|drill| drill.seen() != Seen::Nowhere).copied().collect()
}

impl dyn Drill + '_ {
    /// Whether it makes an object of its own.
    pub(crate) fn makes(&self) -> bool {
        self.seen() == Seen::Listed
    }

    /// Where Stripe is asked what became of it.
    pub(crate) fn looked_up_at(&self) -> &'static str {
        match self.seen() {
            Seen::Listed | Seen::Nowhere => self.traces().stripe_path,
            Seen::Told { read_at, .. } => read_at,
        }
    }
}

/// Where the effects of an action are seen: an object at Stripe, and a row of ours that is bound to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traces {
    /// Where Stripe takes the write, and lists what it made; `*` stands for an id.
    pub(crate) stripe_path: &'static str,
    /// Whether that is in the seller's account.
    pub(crate) in_account: bool,
    /// The object's metadata that names our row.
    pub(crate) metadata: &'static str,
    /// The table of our rows, or which of its rows: one for each object.
    pub(crate) table: &'static str,
    /// Where our API shows a row; its id follows.
    pub(crate) shown_at: &'static str,
    /// Where in that the object's id stands: a JSON pointer.
    pub(crate) bound_at: &'static str,
    /// Whether the object moved money by being made: then the sandbox's ledger has one movement with its id.
    pub(crate) moves_money: bool,
}

/// The drill of this title.
#[track_caller]
pub(crate) fn drill(title: &str) -> &'static dyn Drill {
    *DRILLS.iter().find(|drill| drill.title() == title).unwrap_or_else(|| panic!("{title} has no drill"))
}

/// A marketplace in business: a seller who has something to sell, and money to be paid out.
pub(crate) struct Stage {
    pub(crate) site: Site,
    pub(crate) seller: String,
    pub(crate) account: String,
    pub(crate) listing: Value,
}

impl Stage {
    pub(crate) async fn set(site: Site) -> Self {
        let seller = site.active_seller().await;
        let listing = site.listing(&seller, 10_000, "usd").await;
        let dear = site.listing(&seller, SOLD, "usd").await;
        let stage =
            Self { seller: text(&seller["id"]), account: text(&seller["stripe_account_id"]), site, listing };
        let sale = json!({"lines": [{"listing_id": dear["id"], "quantity": 1}]});
        let order = stage.site.post("/v1/checkouts", &sale).await.is(201);
        let checkout = drill("payment_intent.create");
        checkout.follow_up(&stage, &order).await;
        stage.until_done(checkout, &order).await;
        stage.days_pass().await;
        let balance = format!("/v1/sellers/{}/balance", stage.seller);
        let funded = "the seller can be paid out";
        stage.site.until(&balance, funded, |balance| balance["available"] != json!([])).await;
        stage
    }

    /// Asks for an action; an error means that nobody answered.
    pub(crate) async fn ask(
        &self,
        drill: &dyn Drill,
        request: &(String, Value),
        key: &str,
    ) -> reqwest::Result<Answer> {
        self.site.try_send(drill.method(), &request.0, &request.1, key).await
    }

    /// Waits until our row says all that followed.
    pub(crate) async fn until_done(&self, drill: &dyn Drill, made: &Value) -> Value {
        let path = format!("{}/{}", drill.traces().shown_at, drill.name(made));
        self.site.until(&path, &format!("{path} is done"), |shown| drill.is_done(shown)).await
    }

    /// Waits until nothing is under way any more: every request, job and event has come to its end.
    pub(crate) async fn until_rest(&self, db: &DatabaseConnection) {
        let left = self.left_after(db, REST_WITHIN).await;
        assert!(left.is_empty(), "not at rest after {} s: {left:?}", REST_WITHIN.as_secs());
    }

    /// What is still under way after that time; it ends as soon as nothing is, and nothing was for a while.
    pub(crate) async fn left_after(&self, db: &DatabaseConnection, limit: Duration) -> Vec<String> {
        let begun = Instant::now();
        let mut still_since = None;
        loop {
            let now = Instant::now();
            let left = open(db).await.unwrap_or_else(|error| vec![error.to_string()]);
            if left.is_empty() {
                let since = *still_since.get_or_insert(now);
                if now - since >= STILL {
                    return left;
                }
            } else {
                still_since = None;
                if now - begun >= limit {
                    return left;
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Days pass at Stripe: charges settle, payouts arrive.
    pub(crate) async fn days_pass(&self) {
        self.site.control("/_sandbox/clock/advance", &json!({"seconds": LONG_ENOUGH_S})).await;
    }
}

on_both_databases!(
    /// And the oracle that says so sees it when it is not so.
    async fn every_drill_has_one_effect_for_each_key(world: World) {
        let stage = Stage::set(world.site()).await;
        let mut asked: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        for drill in DRILLS {
            for key in ["once", "again"] {
                let key = format!("{key} {}", drill.title());
                let request = drill.request(&stage).await;
                let made = stage.ask(*drill, &request, &key).await.unwrap().is(drill.success());
                drill.follow_up(&stage, &made).await;
                stage.until_done(*drill, &made).await;
                asked.entry(drill.title()).or_default().push(drill.name(&made));
                assert!(stage.ask(*drill, &request, &key).await.unwrap().is_replayed());
            }
        }
        assert!(asked.values().all(|made| made.len() == 2), "two keys, two effects: {asked:?}");
        stage.days_pass().await;
        stage.until_rest(&world.ctx.db).await;
        let found = Oracle::judge(&stage, &world.ctx.db, &asked, REST_WITHIN).await;
        assert!(found.is_content(), "{found}");

        // A row that forgets its object, an object that two rows claim, work that nobody finishes.
        let db = &world.ctx.db;
        db.execute_unprepared("UPDATE payouts SET stripe_payout_id = NULL").await.unwrap();
        db.execute_unprepared("UPDATE stripe_requests SET state = 'unknown' WHERE kind = 'account.create'")
            .await
            .unwrap();
        let form = [
            ("amount", "100"),
            ("currency", "usd"),
            ("metadata[souk_request]", "none of ours"),
            ("metadata[souk_order]", asked["payment_intent.create"][0].as_str()),
        ];
        let intents = format!("{}/v1/payment_intents", stage.site.stripe);
        let again = world.http.post(intents).bearer_auth("sk_test_souk").form(&form);
        again.send().await.unwrap().error_for_status().unwrap();
        let found = Oracle::judge(&stage, db, &asked, Duration::ZERO).await;
        assert!(!found.double.is_empty() && !found.lost.is_empty() && !found.stuck.is_empty(), "{found}");
    }
);

/// An action without a drill would be tried by none of the tests that are written over the drills.
#[test]
fn every_action_has_a_drill_and_every_drill_an_action() {
    let mut actions: Vec<_> = souk::worker::actions().kinds().collect();
    let mut drilled: Vec<_> = DRILLS.iter().map(|drill| drill.kind()).collect();
    actions.sort_unstable();
    drilled.sort_unstable();
    drilled.dedup();
    assert_eq!(drilled, actions, "left: drilled, right: registered in worker::actions()");
}
