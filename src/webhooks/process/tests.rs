//! Events through the whole of the inbox, on SQLite: delivered signed, applied by handlers that do as told.

mod ends;
mod order;
mod workers;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use sea_orm::{
    ConnectionTrait, EntityTrait,
    sea_query::{Expr, Query},
};
use serde_json::{Value, json};
use souk_entity::stripe_event::State;

use super::*;
use crate::webhooks::{
    Endpoint, Filter, Replayed, list, replay,
    settle::{LONGEST_WAIT, MOST_ATTEMPTS},
    testing::{CONNECT_SECRET, Turnstile, World},
};

/// Writes each fact to the table `effects`, then does what the test says for the event.
#[derive(Default)]
struct Scripted {
    /// What comes of an event; `Done` where nothing is said.
    script: Mutex<BTreeMap<&'static str, Result<Applied, EventError>>>,
    panics: Option<&'static str>,
    seen_before: Mutex<Vec<String>>,
    takes: std::time::Duration,
    turnstiles: Mutex<BTreeMap<String, std::sync::Arc<Turnstile>>>,
}

impl Scripted {
    fn saying(script: impl IntoIterator<Item = (&'static str, Result<Applied, EventError>)>) -> Self {
        Self { script: Mutex::new(script.into_iter().collect()), ..Self::default() }
    }

    fn now_says(&self, event: &'static str, what: Result<Applied, EventError>) {
        self.script.lock().unwrap().insert(event, what);
    }
}

#[async_trait]
impl Handlers for Scripted {
    fn retrieve_path(&self, fact: &Fact) -> Option<String> {
        (fact.event_type != "ids.only").then(|| format!("/v1/charges/{}", fact.object_id))
    }

    async fn before_apply(&self, _: &Context, fact: &Fact) -> Result<(), EventError> {
        self.seen_before.lock().unwrap().push(fact.event_id.clone());
        let turnstile = self.turnstiles.lock().unwrap().entry(fact.object_id.clone()).or_default().clone();
        turnstile.enter();
        tokio::time::sleep(self.takes).await;
        turnstile.leave();
        Ok(())
    }

    async fn apply(&self, tx: &DatabaseTransaction, fact: &Fact) -> Result<Applied, EventError> {
        let insert = Query::insert()
            .into_table("effects")
            .columns(["event_id", "object"])
            .values_panic([fact.event_id.clone().into(), fact.object.get().into()])
            .to_owned();
        tx.execute(&insert).await?;
        assert_ne!(self.panics, Some(fact.event_id.as_str()), "as the test wants it");
        self.script.lock().unwrap().get(fact.event_id.as_str()).cloned().unwrap_or(Ok(Applied::Done))
    }
}

async fn world() -> World {
    let world = World::new().await;
    world.with_effects().await;
    world
}

fn charge(world: &World, id: &str, second: i64, state: &str) -> Value {
    world.event(id, "charge.updated", second, json!({"id": "ch_1", "state": state}))
}

async fn sweep(world: &World, handlers: &Scripted) -> usize {
    process_due(&world.ctx, handlers, 100).await.unwrap()
}

async fn applied_ids(world: &World) -> Vec<String> {
    world.effects().await.into_iter().map(|(id, _)| id).collect()
}
