//! Events: what happened, to whom, and why; each goes to the webhook endpoints that want it.

use serde::{Deserialize, Serialize};

use crate::{
    config::API_VERSION,
    json::{Map, Snapshot, Value},
    resources::{account::Account, webhook_endpoint::WebhookEndpoint},
    store::{Record, Stored, Tables, Tx},
    webhooks::Delivery,
};

/// How many events are kept at most, so that a load test does not fill the memory.
const MOST_EVENTS: usize = 200_000;

/// How long Stripe keeps an event.
const KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    /// The account in whose scope it happened.
    pub(crate) account: String,
    /// That account is a connected one.
    connected: bool,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) created: i64,
    created_ms: i64,
    /// The object as it was then.
    object: Snapshot,
    previous: Option<Snapshot>,
    request_id: Option<String>,
    idempotency_key: Option<String>,
}

impl Record for Event {
    const NOUN: &'static str = "event";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.account
    }

    fn due_ms(&self) -> Option<i64> {
        Some(self.created_ms + KEPT_MS)
    }
}

#[derive(Serialize)]
struct View<'a> {
    id: &'a str,
    object: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
    api_version: &'static str,
    created: i64,
    data: Data<'a>,
    livemode: bool,
    pending_webhooks: usize,
    request: Request<'a>,
    #[serde(rename = "type")]
    kind: &'a str,
}

#[derive(Serialize)]
struct Data<'a> {
    object: &'a Snapshot,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_attributes: Option<&'a Snapshot>,
}

#[derive(Serialize)]
struct Request<'a> {
    id: Option<&'a str>,
    idempotency_key: Option<&'a str>,
}

impl Event {
    /// The event as Stripe sends it.
    pub(crate) fn to_json(&self, tables: &Tables) -> String {
        let view = View {
            id: &self.id,
            object: "event",
            account: self.connected.then_some(self.account.as_str()),
            api_version: API_VERSION,
            created: self.created,
            data: Data { object: &self.object, previous_attributes: self.previous.as_ref() },
            livemode: false,
            pending_webhooks: tables.list::<Delivery>(&self.id).count(),
            request: Request {
                id: self.request_id.as_deref(),
                idempotency_key: self.idempotency_key.as_deref(),
            },
            kind: &self.kind,
        };
        serde_json::to_string(&view).unwrap_or_default()
    }

    pub(crate) fn render(&self, tables: &Tables) -> Value {
        serde_json::from_str(&self.to_json(tables)).unwrap_or_default()
    }
}

impl Tx<'_> {
    /// Something came into being or changed its state.
    pub(crate) fn emit(&mut self, account: &str, kind: &str, object: &Value) {
        self.write_event(account, kind, object, None);
    }

    /// Something changed: the event says what it was before.
    pub(crate) fn emit_change(&mut self, account: &str, kind: &str, before: &Value, after: &Value) {
        if before != after {
            self.write_event(account, kind, after, Some(Value::Object(difference(before, after))));
        }
    }

    fn write_event(&mut self, account: &str, kind: &str, object: &Value, previous: Option<Value>) {
        // Of an account that has left, its platform hears nothing.
        let Some(found) = self.get::<Account>(account).filter(|found| !found.deauthorized) else { return };
        let platform = found.platform.clone();
        let event = Event {
            id: self.new_id("evt"),
            account: account.to_owned(),
            connected: account != platform,
            kind: kind.to_owned(),
            created: self.now(),
            created_ms: self.now_ms,
            object: Snapshot::of(object),
            previous: previous.as_ref().map(Snapshot::of),
            request_id: self.cause.request_id.clone(),
            idempotency_key: self.cause.idempotency_key.clone(),
        };
        let wanted: Vec<String> = self
            .tables
            .list::<WebhookEndpoint>(&platform)
            .filter(|endpoint| endpoint.wants(&event.kind, event.connected))
            .map(|endpoint| endpoint.id.clone())
            .collect();
        for endpoint in wanted {
            self.put(Delivery::new(&event.id, &endpoint, &platform));
        }
        self.put(event);
        if Event::table(self.tables).len() > MOST_EVENTS
            && let Some(oldest) = Event::table(self.tables).first_due().map(|(_, id)| id.to_owned())
        {
            self.remove::<Event>(&oldest);
        }
    }
}

/// What `after` no longer says: for each field that changed, its value in `before`. A field that is new has none.
fn difference(before: &Value, after: &Value) -> Map {
    let (Value::Object(before), Value::Object(after)) = (before, after) else { return Map::new() };
    before
        .beside(after)
        .filter(|(_, was, is)| *is != Some(*was))
        .map(|(name, was, _)| (name.clone(), was.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;

    #[test]
    fn previous_attributes_hold_only_what_changed() {
        let before = json!({ "a": 1, "b": { "c": 1, "d": 2 }, "e": [1], "f": null });
        let after = json!({ "a": 1, "b": { "c": 1, "d": 3 }, "e": [2], "f": "x" });
        assert_eq!(
            Value::Object(difference(&before, &after)),
            json!({ "b": { "c": 1, "d": 2 }, "e": [1], "f": null })
        );
    }
}
