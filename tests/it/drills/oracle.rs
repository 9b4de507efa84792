//! The oracle: asks Stripe and our rows for every effect, and names what is double, lost or stuck.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use sea_orm::{ColumnTrait, DbErr};
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, Statement};
use serde_json::{Value, json};
use souk_entity::stripe_request::{self, State};

use super::{DRILLS, Drill, Seen, Stage};
use crate::world::text;

/// Statements that count what is still under way or was given up; each must count nothing once all has come to rest.
const OPEN: &[(&str, &str)] = &[
    (
        "requests without an outcome",
        "SELECT COUNT(*) AS count FROM stripe_requests WHERE state NOT IN ('succeeded', 'refused')",
    ),
    ("jobs", "SELECT COUNT(*) AS count FROM jobs"),
    (
        "open or dead events",
        "SELECT COUNT(*) AS count FROM stripe_events WHERE state IN ('pending', 'waiting', 'dead')",
    ),
    (
        "leased objects",
        "SELECT COUNT(*) AS count FROM inbox_objects WHERE lease_until IS NOT NULL OR next_at IS NOT NULL",
    ),
    ("unanswered keys", "SELECT COUNT(*) AS count FROM idempotency_keys WHERE status IS NULL"),
];

/// What is wrong, by what it would mean for somebody's money.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Oracle {
    /// Something happened more often than it was asked for.
    pub(crate) double: Vec<String>,
    /// Something happened, or should have, and our rows don't say so.
    pub(crate) lost: Vec<String>,
    /// Something has not come to its end.
    pub(crate) stuck: Vec<String>,
}

impl fmt::Display for Oracle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { double, lost, stuck } = self;
        write!(f, "{} double effects, {} lost effects, {} stuck", double.len(), lost.len(), stuck.len())?;
        let all = [("double", double), ("lost", lost), ("stuck", stuck)];
        for (kind, found) in all {
            for one in found {
                write!(f, "\n  {kind}: {one}")?;
            }
        }
        Ok(())
    }
}

impl Oracle {
    /// Judges everything that ever happened on a stage. `asked` are the requests of callers by kind, each under a key
    /// of its own, that must each have taken effect once: the ids that were answered, besides what setting the stage
    /// made. What is still under way at first has until `limit`.
    pub(crate) async fn judge(
        stage: &Stage,
        db: &DatabaseConnection,
        asked: &BTreeMap<&'static str, Vec<String>>,
        limit: Duration,
    ) -> Self {
        // What Stripe delivered since it was last looked at is no fault yet.
        let mut found = Self { stuck: stage.left_after(db, limit).await, ..Self::default() };
        let mut by_kind: BTreeMap<&str, Vec<&dyn Drill>> = BTreeMap::new();
        for drill in DRILLS {
            match drill.seen() {
                Seen::Listed => by_kind.entry(drill.kind()).or_default().push(*drill),
                Seen::Told { prefix, .. } => found.judge_changes(stage, db, *drill, prefix).await,
                Seen::Nowhere => {}
            }
            found.judge_answers(stage, *drill, asked.get(drill.title()).map_or(&[], Vec::as_slice)).await;
        }
        for drills in by_kind.values() {
            found.judge_effects(stage, db, drills).await;
        }
        found.judge_books(stage).await;
        found
    }

    /// Takes over what another one found.
    pub(crate) fn add(&mut self, other: Self) {
        self.double.extend(other.double);
        self.lost.extend(other.lost);
        self.stuck.extend(other.stuck);
    }

    pub(crate) fn is_content(&self) -> bool {
        *self == Self::default()
    }

    /// Of one kind of action, however it is done: each request that succeeded has one object at Stripe, one that was
    /// refused has none, each object is of a request of ours, and each row of ours has one object.
    async fn judge_effects(&mut self, stage: &Stage, db: &DatabaseConnection, drills: &[&dyn Drill]) {
        let (kind, traces) = (drills[0].kind(), drills[0].traces());
        let mut objects: BTreeMap<String, Value> = BTreeMap::new();
        for drill in drills {
            objects.extend(made(stage, *drill).await.into_iter().map(|object| (text(&object["id"]), object)));
        }
        let objects: Vec<Value> = objects.into_values().collect();
        let requests = stripe_request::Entity::find()
            .filter(stripe_request::Column::Kind.eq(kind))
            .order_by_asc(stripe_request::Column::Id)
            .all(db)
            .await
            .unwrap();
        let mut by_request: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
        let mut by_row: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
        for object in &objects {
            by_request.entry(text(&object["metadata"]["souk_request"])).or_default().push(object);
            by_row.entry(text(&object["metadata"][traces.metadata])).or_default().push(object);
        }
        for request in &requests {
            let objects = by_request.remove(&request.id.uuid().to_string()).unwrap_or_default();
            let told = format!("{kind} {} is {:?}, Stripe has {}", request.id, request.state, ids(&objects));
            match (request.state, &objects[..]) {
                (_, [_, _, ..]) => self.double.push(told),
                (State::Succeeded, []) | (State::Refused, [_]) => self.lost.push(told),
                (State::Succeeded, [object]) => {
                    let bound = request.stripe_object_id.as_deref() == object["id"].as_str();
                    let ours = object["metadata"][traces.metadata] == request.subject;
                    if !bound || !ours {
                        self.lost.push(format!("{told}, bound to {:?}", request.stripe_object_id));
                    }
                }
                _ => {}
            }
        }
        for (request, objects) in by_request {
            self.lost.push(format!("{kind}: Stripe has {} of {request}, which has no row", ids(&objects)));
        }
        for (row, objects) in by_row.into_iter().filter(|(_, objects)| objects.len() > 1) {
            self.double.push(format!("{kind}: Stripe has {} for {row}", ids(&objects)));
        }
        let rows = count(db, &format!("SELECT COUNT(*) AS count FROM {}", traces.table)).await.unwrap();
        if usize::try_from(rows).unwrap() != objects.len() {
            let told =
                format!("{kind}: {rows} rows in {}, {} objects at Stripe", traces.table, objects.len());
            self.lost.push(told);
        }
        if traces.moves_money {
            self.judge_movements(stage, kind, &objects).await;
        }
    }

    /// Each object was changed once for each request that succeeded, and each row of ours is of an object that was.
    async fn judge_changes(
        &mut self,
        stage: &Stage,
        db: &DatabaseConnection,
        drill: &dyn Drill,
        prefix: &str,
    ) {
        let (kind, table) = (drill.kind(), drill.traces().table);
        let requests = stripe_request::Entity::find().filter(stripe_request::Column::Kind.eq(kind));
        let mut asked: BTreeMap<String, usize> = BTreeMap::new();
        let (told_since, mut forgotten) = (told_since(stage).await, BTreeSet::new());
        for request in requests.all(db).await.unwrap() {
            let object = changed_by(&request, prefix);
            let times = asked.entry(object.to_owned()).or_default();
            if request.first_sent_at.is_some_and(|sent| sent.timestamp() < told_since) {
                forgotten.insert(object.to_owned());
            }
            if request.state == State::Succeeded {
                *times += 1;
                if request.stripe_object_id.as_deref() != Some(object) {
                    let bound = &request.stripe_object_id;
                    self.lost.push(format!("{kind} {} of {object} is bound to {bound:?}", request.id));
                }
            }
        }
        let changes = made(stage, drill).await;
        for (object, asked) in &asked {
            let changed = changes.iter().filter(|change| change["id"] == **object).count();
            let told = format!("{kind}: {object} was changed {changed} times, {asked} were asked for");
            match changed.cmp(asked) {
                Ordering::Greater => self.double.push(told),
                Ordering::Less if forgotten.contains(object) => {}
                Ordering::Less => self.lost.push(told),
                Ordering::Equal => {}
            }
        }
        let rows = count(db, &format!("SELECT COUNT(*) AS count FROM {table}")).await.unwrap();
        let wanted = asked.values().filter(|times| **times > 0).count();
        if usize::try_from(rows).unwrap() != wanted {
            self.lost.push(format!("{kind}: {rows} rows in {table}, {wanted} objects were changed"));
        }
    }

    /// Money moved once for each object.
    async fn judge_movements(&mut self, stage: &Stage, kind: &str, objects: &[Value]) {
        let ledger: Value = stage
            .site
            .http
            .get(format!("{}/_sandbox/ledger", stage.site.stripe))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let mut moved: BTreeMap<String, usize> = BTreeMap::new();
        for movement in ledger["movements"].as_array().expect("movements") {
            *moved.entry(text(&movement["reason"])).or_default() += 1;
        }
        for object in objects {
            let id = text(&object["id"]);
            match moved.get(&id).copied().unwrap_or_default() {
                0 => self.lost.push(format!("{kind} {id} moved no money")),
                1 => {}
                times => self.double.push(format!("{kind} {id} moved money {times} times")),
            }
        }
    }

    /// Each caller's key has a row of its own, that is bound to an object and says all that followed.
    async fn judge_answers(&mut self, stage: &Stage, drill: &dyn Drill, answered: &[String]) {
        let (kind, traces) = (drill.kind(), drill.traces());
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for id in answered {
            *seen.entry(id).or_default() += 1;
        }
        for (id, _) in seen.iter().filter(|(_, times)| **times > 1) {
            self.lost.push(format!("{kind}: {id} was the answer to two keys"));
        }
        for id in seen.into_keys() {
            let shown = stage.site.try_get(&format!("{}/{id}", traces.shown_at)).await.unwrap_or_default();
            if !shown.pointer(traces.bound_at).is_some_and(Value::is_string) {
                self.lost.push(format!("{kind}: {id} has no object: {shown}"));
            } else if !drill.is_done(&shown) {
                self.stuck.push(format!("{kind}: {id} is not done: {shown}"));
            }
        }
    }

    /// The books balance and agree with Stripe's to the cent.
    async fn judge_books(&mut self, stage: &Stage) {
        let report = stage.site.post("/v1/reconciliation", &json!({})).await.is(200);
        if report["state"] != "clean" {
            self.lost.push(format!("reconciliation: {}", report["differences"]));
        }
        let balance = stage.site.try_get("/v1/ledger/trial-balance").await.unwrap_or_default();
        if balance["balanced"] != true {
            self.lost.push(format!("the trial balance does not balance: {balance}"));
        }
    }
}

/// Since when Stripe's events tell, in seconds of its own time: it forgets them after 30 days.
async fn told_since(stage: &Stage) -> i64 {
    const KEPT_S: i64 = 30 * 86_400;
    let clock = stage.site.http.get(format!("{}/_sandbox/clock", stage.site.stripe)).send().await.unwrap();
    let clock: Value = clock.json().await.unwrap();
    clock["now"].as_i64().expect("a time") - KEPT_S
}

/// The object that a request changes, as its path names it.
pub(crate) fn changed_by<'a>(request: &'a stripe_request::Model, prefix: &str) -> &'a str {
    request.path.split('/').find(|part| part.starts_with(prefix)).expect("an id in the path")
}

/// The objects that Stripe has of an action, as far as a request of ours made them; or each object, as often as it was
/// changed.
pub(crate) async fn made(stage: &Stage, drill: &dyn Drill) -> Vec<Value> {
    let traces = drill.traces();
    if let Seen::Told { event, .. } = drill.seen() {
        let events = stage.site.stripe_list(None, &format!("/v1/events?type={event}")).await;
        return events.into_iter().map(|mut event| event["data"]["object"].take()).collect();
    }
    let account = traces.in_account.then_some(stage.account.as_str());
    let mut objects = stage.site.stripe_list(account, traces.stripe_path).await;
    if drill.in_both_scopes() {
        objects.extend(stage.site.stripe_list(Some(&stage.account), traces.stripe_path).await);
    }
    objects.retain(|object| object["metadata"]["souk_request"].is_string());
    objects
}

/// What has not come to its end, in words.
pub(crate) async fn open(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let mut found = Vec::new();
    for (what, sql) in OPEN {
        let count = count(db, sql).await?;
        if count > 0 {
            found.push(format!("{count} {what}"));
        }
    }
    Ok(found)
}

async fn count(db: &DatabaseConnection, sql: &str) -> Result<i64, DbErr> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(statement).await?.expect("a row");
    row.try_get("", "count")
}

fn ids(objects: &[&Value]) -> String {
    let ids: Vec<_> = objects.iter().map(|object| text(&object["id"])).collect();
    if ids.is_empty() { "nothing".to_owned() } else { ids.join(", ") }
}
