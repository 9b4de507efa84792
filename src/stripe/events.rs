//! Events, as webhooks bring them and as they are listed. Only the envelope is read here; `data.object` stays raw
//! for whoever knows its kind. Source: <https://docs.stripe.com/api/events>.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use stripe_core::event::ListEvent;
use stripe_types::{RangeBoundsTs, RangeQueryTs};

use super::{Identified, frozen::path_of};

/// How many types one list may name.
pub const MOST_TYPES: usize = 20;

/// Which events are listed, newest first. What a list holds is rendered at the version of its day, whatever
/// version is asked for, and goes back 30 days.
#[derive(Clone, Copy, Debug)]
pub struct ListEvents<'a> {
    /// Of these types only, at most [`MOST_TYPES`]; of all if there is none.
    pub types: &'a [&'a str],
    /// Not older than this, in whole seconds.
    pub created_gte: Option<DateTime<Utc>>,
    /// Not newer than this, in whole seconds.
    pub created_lte: Option<DateTime<Utc>>,
    /// Those that are older than this id.
    pub starting_after: Option<&'a str>,
    /// Those that are newer than this id.
    pub ending_before: Option<&'a str>,
    /// The most in a page, up to 100.
    pub limit: u8,
}

/// Where a page of events is read, in the call's scope.
#[must_use]
pub fn list_path(list: &ListEvents<'_>) -> String {
    let mut request = ListEvent::new().limit(i64::from(list.limit));
    if !list.types.is_empty() {
        request = request.types(list.types.iter().map(|&kind| kind.to_owned()).collect::<Vec<_>>());
    }
    if list.created_gte.is_some() || list.created_lte.is_some() {
        let seconds = |at: Option<DateTime<Utc>>| at.map(|at| at.timestamp());
        let bounds = RangeBoundsTs {
            gte: seconds(list.created_gte),
            lte: seconds(list.created_lte),
            ..Default::default()
        };
        request = request.created(RangeQueryTs::Bounds(bounds));
    }
    if let Some(id) = list.starting_after {
        request = request.starting_after(id);
    }
    if let Some(id) = list.ending_before {
        request = request.ending_before(id);
    }
    path_of(&request)
}

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

impl Identified for Event {
    fn id(&self) -> &str {
        &self.id
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
    use super::{super::List, *};

    fn event_with(request: &str) -> Event {
        let json = format!(
            r#"{{"id": "evt_1", "object": "event", "type": "payout.paid", "created": 1795241400, "livemode": false,
                "request": {request}, "data": {{"object": {{"id": "po_1", "amount": 1.50}}}}, "new": 1}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    fn at(second: i64) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(second, 0)
    }

    #[test]
    fn a_page_of_events_is_asked_for_by_type_and_time() {
        let all = ListEvents {
            types: &[],
            created_gte: None,
            created_lte: None,
            starting_after: None,
            ending_before: None,
            limit: 100,
        };
        assert_eq!(list_path(&all), "/v1/events?limit=100");
        let window = ListEvents {
            types: &["payout.paid", "account.updated"],
            created_gte: at(5),
            created_lte: at(9),
            ..all
        };
        assert_eq!(
            list_path(&window),
            "/v1/events?created[gte]=5&created[lte]=9&limit=100&types[0]=payout.paid&types[1]=account.updated"
        );
        assert_eq!(
            list_path(&ListEvents { created_gte: at(5), starting_after: Some("evt_1"), limit: 9, ..all }),
            "/v1/events?created[gte]=5&limit=9&starting_after=evt_1"
        );
        assert_eq!(
            list_path(&ListEvents { ending_before: Some("evt_1"), ..all }),
            "/v1/events?ending_before=evt_1&limit=100"
        );
    }

    #[test]
    fn a_page_is_read_whatever_version_its_events_are_of() {
        let page: List<Event> = serde_json::from_str(
            r#"{"object": "list", "has_more": true, "url": "/v1/events", "data": [{"id": "evt_1", "object": "event",
                "api_version": "2017-01-27", "account": "acct_1", "type": "payout.paid", "created": 1795241400,
                "livemode": false, "request": "req_1", "data": {"object": {"id": "po_1"}}, "pending_webhooks": 0}]}"#,
        )
        .unwrap();
        assert!(page.has_more);
        assert_eq!((page.data[0].id(), page.data[0].account.as_deref()), ("evt_1", Some("acct_1")));
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
