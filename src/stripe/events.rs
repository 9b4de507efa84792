//! Events, as webhooks bring them. Only the envelope is read here; `data.object` stays raw for whoever knows its
//! kind. Source: <https://docs.stripe.com/api/events>.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The envelope of an event.
#[derive(Clone, Debug, Deserialize)]
pub struct Event {
    /// `evt_...`.
    pub id: String,
    /// `event`; thin events of API v2 say `v2.core.event`.
    pub object: String,
    /// `payment_intent.succeeded`, ...
    #[serde(rename = "type")]
    pub event_type: String,
    /// The connected account that it happened on; absent for the platform's own events.
    pub account: Option<String>,
    /// The version that `data` is rendered at.
    pub api_version: Option<String>,
    /// When it happened, in whole seconds: two events of one object often share it.
    #[serde(with = "chrono::serde::ts_seconds")]
    pub created: DateTime<Utc>,
    /// Whether it is about real money.
    pub livemode: bool,
    /// The request that caused it.
    #[serde(default)]
    request: Option<Request>,
    /// What it is about.
    pub data: Data,
}

impl Event {
    /// The `Idempotency-Key` of the request that caused it, if one did and carried one.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&str> {
        match &self.request {
            Some(Request::Current { idempotency_key }) => idempotency_key.as_deref(),
            Some(Request::IdOnly(_)) | None => None,
        }
    }
}

/// `data` of an event.
#[derive(Clone, Deserialize)]
pub struct Data {
    /// The object as it was when the event came about.
    pub object: Box<RawValue>,
}

// The object holds client secrets and buyers' data.
impl std::fmt::Debug for Data {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Data").finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Request {
    Current {
        #[serde(default)]
        idempotency_key: Option<String>,
    },
    /// Until version 2017-05-25 it was the request's id.
    IdOnly(#[expect(dead_code, reason = "read so that an old shape is no error")] String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event_with(request: &str) -> Event {
        let json = format!(
            r#"{{"id": "evt_1", "object": "event", "type": "payout.paid", "created": 1795241400, "livemode": false,
                "request": {request}, "data": {{"object": {{"id": "po_1", "amount": 1.50}}}}, "new": 1}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn the_object_stays_as_it_came() {
        assert_eq!(event_with("null").data.object.get(), r#"{"id": "po_1", "amount": 1.50}"#);
    }

    #[test]
    fn the_key_of_the_causing_request_is_read_in_every_shape() {
        let keyed = event_with(r#"{"id": "req_1", "idempotency_key": "0192"}"#);
        assert_eq!(keyed.idempotency_key(), Some("0192"));
        for request in ["null", r#""req_1""#, r#"{"id": null, "idempotency_key": null}"#] {
            assert_eq!(event_with(request).idempotency_key(), None, "{request}");
        }
    }
}
