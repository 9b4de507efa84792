//! What becomes of writes whose key can't tell any more: looked up at Stripe, bound or sent anew, or held for a
//! person. Each over the drills of all actions.

mod doubt;
mod found;
mod keys;
mod late;
mod resolve;

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use futures_util::future::join_all;

use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, SimpleExpr},
};
use serde_json::{Value, json};
use souk_entity::{
    idempotency_key,
    stripe_request::{self, Column, State},
};

use crate::{
    drills::{DRILLS, Drill, Oracle, REST_WITHIN, Seen, Stage, changed_by, made},
    engines::Engine,
    site::PATIENCE,
    world::{Answer, SECRET_KEY, World, within},
};

/// The key is trusted for 23 hours, Stripe keeps it for 24.
const LONGER_THAN_KEYS_LIVE_S: i64 = 25 * 3_600;
/// Absence proves something from 15 minutes after the last attempt on, which may take one itself.
const LONG_ENOUGH_FOR_PROOF_S: i64 = 17 * 60;
/// More often than any budget allows to try.
const ALWAYS: u32 = 1_000;

/// A stage, and what is known of it from the inside.
struct Scene {
    stage: Stage,
    world: World,
}

/// A drill, and what is asked for.
type Prepared = (&'static dyn Drill, (String, Value));

/// Something asked for that Stripe has not answered.
struct Asked {
    drill: &'static dyn Drill,
    request: (String, Value),
    key: String,
    row: stripe_request::Model,
}

impl Scene {
    async fn start(engine: Engine) -> Self {
        let world = World::start(engine).await;
        let stage = Stage::set(world.site()).await;
        // An answer tells the service how late it is now; a test may cut the next ones.
        world.ctx.stripe.ask_the_time(PATIENCE).await.unwrap();
        Self { stage, world }
    }

    async fn fault(&self, path: &str, method: &str, fault: Value) {
        let mut fault = fault;
        fault["path"] = json!(path);
        fault["method"] = json!(method);
        self.stage.site.control("/_sandbox/faults", &fault).await;
    }

    async fn end_faults(&self) {
        let url = format!("{}/_sandbox/faults", self.stage.site.stripe);
        self.stage.site.http.delete(url).send().await.unwrap().error_for_status().unwrap();
    }

    /// From now on Stripe's events are heard of, or are not.
    async fn webhooks(&self, mode: &str) {
        self.stage.site.control("/_sandbox/webhooks", &json!({"mode": mode})).await;
    }

    async fn advance(&self, seconds: i64) {
        self.stage.site.control("/_sandbox/clock/advance", &json!({"seconds": seconds})).await;
    }

    /// Asks for an action that meets this fault whenever it is sent, and gets no answer.
    async fn ask_in_vain(&self, drill: &'static dyn Drill, fault: Value) -> Asked {
        let request = drill.request(&self.stage).await;
        self.ask_this_in_vain(drill, request, fault).await
    }

    async fn ask_this_in_vain(
        &self,
        drill: &'static dyn Drill,
        request: (String, Value),
        fault: Value,
    ) -> Asked {
        let key = uuid::Uuid::now_v7().to_string();
        self.fault(drill.traces().stripe_path, "POST", fault).await;
        self.stage.ask(drill, &request, &key).await.unwrap().is_problem(503, "stripe_unavailable");
        let row = self.row_of(drill, &key).await;
        Asked { drill, request, key, row }
    }

    /// The same for all actions at once, without a worker's help before `due` is called.
    async fn ask_all_in_vain(&self, drills: &[&'static dyn Drill], fault: &Value) -> Vec<Asked> {
        let prepared = self.prepare(drills).await;
        self.ask_prepared_in_vain(prepared, fault).await
    }

    /// What the actions need, before any fault: what one needs is what the next is about.
    async fn prepare(&self, drills: &[&'static dyn Drill]) -> Vec<Prepared> {
        join_all(drills.iter().map(async |drill| (*drill, drill.request(&self.stage).await))).await
    }

    async fn ask_prepared_in_vain(&self, prepared: Vec<Prepared>, fault: &Value) -> Vec<Asked> {
        let asked = join_all(prepared.into_iter().map(async |(drill, request)| {
            let asked = self.ask_this_in_vain(drill, request, fault.clone()).await;
            self.set(&asked.row, Column::NextAt, Expr::value(self.in_hours(1))).await;
            asked
        }));
        asked.await
    }

    async fn ask_again(&self, asked: &Asked) -> Answer {
        loop {
            let answer = self.stage.ask(asked.drill, &asked.request, &asked.key).await.unwrap();
            // A worker may be at what comes after it.
            if answer.status != 409 || answer.body()["code"] != "idempotency_key_in_use" {
                return answer;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
    }

    /// The request of a drill's that was made for a caller's key, though others of its kind be under way. Where the key
    /// has gone to a later request, that waits for this one, it is the newest.
    async fn row_of(&self, drill: &dyn Drill, key: &str) -> stripe_request::Model {
        let db = &self.world.ctx.db;
        let key = idempotency_key::Entity::find().filter(idempotency_key::Column::Key.eq(key));
        let key = key.one(db).await.unwrap().expect("the key");
        // One that has taken another's place already is not what was asked for.
        let asked_for = |row: &stripe_request::Model| row.waits_for.is_none() && row.retry_of.is_none();
        let mut rows = self.rows(drill).await.into_iter().filter(asked_for);
        let named = rows.clone().find(|row| row.idempotency_id == Some(key.id));
        named.or_else(|| rows.next_back()).expect("a request")
    }

    async fn rows(&self, drill: &dyn Drill) -> Vec<stripe_request::Model> {
        stripe_request::Entity::find()
            .filter(Column::Kind.eq(drill.kind()))
            .order_by_asc(Column::Id)
            .all(&self.world.ctx.db)
            .await
            .unwrap()
    }

    async fn now(&self, row: &stripe_request::Model) -> stripe_request::Model {
        stripe_request::Entity::find_by_id(row.id).one(&self.world.ctx.db).await.unwrap().expect("the row")
    }

    async fn set(&self, row: &stripe_request::Model, column: Column, value: SimpleExpr) {
        stripe_request::Entity::update_many()
            .col_expr(column, value)
            .filter(Column::Id.eq(row.id))
            .exec(&self.world.ctx.db)
            .await
            .unwrap();
    }

    fn in_hours(&self, hours: i64) -> DateTime<Utc> {
        self.world.ctx.clock.wall() + Duration::hours(hours)
    }

    /// Lets a worker take a row now.
    async fn due(&self, row: &stripe_request::Model) {
        self.set(row, Column::NextAt, Expr::value(self.in_hours(-1))).await;
    }

    /// Waits for a row to be so.
    async fn until(
        &self,
        row: &stripe_request::Model,
        what: &str,
        is_so: impl Fn(&stripe_request::Model) -> bool,
    ) -> stripe_request::Model {
        let mut last = row.clone();
        within(PATIENCE, &format!("{} {what}", row.kind), async || {
            last = self.now(row).await;
            is_so(&last)
        })
        .await;
        last
    }

    /// The row that took the place of another, when it has succeeded.
    async fn successor(&self, old: &stripe_request::Model) -> stripe_request::Model {
        let mut found = None;
        within(PATIENCE, &format!("{} is sent anew", old.kind), async || {
            let new = stripe_request::Entity::find().filter(Column::RetryOf.eq(old.id));
            found = new.one(&self.world.ctx.db).await.unwrap();
            found.as_ref().is_some_and(|new| new.state == State::Succeeded)
        })
        .await;
        found.expect("a row")
    }

    /// What the write would have made, made by a hand that leaves no key: as when it takes effect and Stripe fails
    /// afterwards.
    async fn happens_after_all(&self, asked: &Asked) -> Value {
        let row = &asked.row;
        let mut request = self.stage.site.http.post(format!("{}{}", self.stage.site.stripe, row.path));
        if asked.drill.traces().in_account {
            request = request.header("Stripe-Account", &self.stage.account);
        }
        let form = request.header("Content-Type", "application/x-www-form-urlencoded").body(row.body.clone());
        let made = form.bearer_auth(SECRET_KEY).send().await.unwrap().error_for_status().unwrap();
        made.json().await.unwrap()
    }

    /// How many objects Stripe has of a request.
    async fn objects(&self, drill: &dyn Drill, row: &stripe_request::Model) -> Vec<Value> {
        let mut objects = made(&self.stage, drill).await;
        objects.retain(|object| match drill.seen() {
            Seen::Listed => object["metadata"]["souk_request"] == row.id.uuid().to_string(),
            Seen::Told { prefix, .. } => object["id"] == changed_by(row, prefix),
            Seen::Nowhere => false,
        });
        objects
    }

    /// Everything follows that follows on good answers; then the oracle judges it all.
    async fn ends_well(&self, asked: &[Asked]) {
        let mut answered: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        for one in asked {
            let made = self.ask_again(one).await.is(one.drill.success());
            one.drill.follow_up(&self.stage, &made).await;
            self.stage.until_done(one.drill, &made).await;
            answered.entry(one.drill.title()).or_default().push(one.drill.name(&made));
        }
        self.stage.days_pass().await;
        self.stage.until_rest(&self.world.ctx.db).await;
        let found = Oracle::judge(&self.stage, &self.world.ctx.db, &answered, REST_WITHIN).await;
        assert!(found.is_content(), "{found}");
    }
}

/// A fault that meets every attempt.
fn always(kind: &str) -> Value {
    json!({"kind": kind, "count": ALWAYS})
}

/// A failure that Stripe keeps under the key.
fn stored() -> Value {
    json!({"kind": "error_500", "stored": true})
}

/// The drills of actions that make an object, of which Stripe's events tell.
fn told_by_events() -> Vec<&'static dyn Drill> {
    let actions = souk::worker::actions();
    let told =
        |drill: &&&dyn Drill| drill.makes() && !actions.get(drill.kind()).unwrap().event_types().is_empty();
    DRILLS.iter().filter(told).copied().collect()
}
