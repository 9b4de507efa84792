//! A delivery: from raw bytes and a header to a committed row, or to a refusal.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use souk_entity::{Scope, stripe_event};

use super::{
    ingest::{Inbox, NotStored},
    secrets::{self, Endpoint},
    verify::{SignatureError, verify},
};
use crate::{config::Config, context::Context, stripe::events::Event};

/// Answered with 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It is committed, now or by an earlier delivery.
    Stored,
    /// An event of the other mode on the connect endpoint. Stripe really sends test events to the connect
    /// endpoints of live platforms (<https://docs.stripe.com/connect/webhooks>), and a 4xx would get the endpoint
    /// disabled; so it is counted and dropped.
    OtherMode,
}

/// Answered with an error; nothing is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The endpoint has no secret, so nothing can be proven.
    #[error("this webhook endpoint has no signing secret")]
    NotConfigured,
    /// Not proven to be Stripe's.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Signed, but not an event object (thin events of API v2 are not).
    #[error("the body is not an event")]
    NotAnEvent,
    /// An event of a connected account on the platform endpoint.
    #[error("an event of a connected account belongs on the connect endpoint")]
    AccountOnPlatform,
    /// An event of the platform's own on the connect endpoint.
    #[error("an event without an account belongs on the platform endpoint")]
    NoAccountOnConnect,
    /// A test event with a live key, or the other way round.
    #[error("the event is of another mode than our key")]
    OtherMode,
    /// The database did not take it: Stripe will deliver it again.
    #[error(transparent)]
    NotStored(#[from] NotStored),
}

impl Refused {
    /// The HTTP status to answer with.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::NotConfigured | Self::NotStored(_) => 503,
            _ => 400,
        }
    }

    /// The stable code to answer with.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotConfigured => "webhook_not_configured",
            Self::Signature(SignatureError::Missing) => "webhook_signature_missing",
            Self::Signature(SignatureError::Malformed) => "webhook_signature_malformed",
            Self::Signature(SignatureError::Mismatch) => "webhook_signature_mismatch",
            Self::Signature(SignatureError::Stale) => "webhook_signature_stale",
            Self::NotAnEvent => "webhook_not_an_event",
            Self::AccountOnPlatform => "webhook_account_on_platform_endpoint",
            Self::NoAccountOnConnect => "webhook_no_account_on_connect_endpoint",
            Self::OtherMode => "webhook_livemode_mismatch",
            Self::NotStored(_) => "webhook_not_stored",
        }
    }
}

impl Inbox {
    /// Takes a delivery: `raw` exactly as it came, `signature` from the `Stripe-Signature` header. Returns when
    /// the event is committed. The caller limits the size of the body.
    pub async fn receive(
        &self,
        endpoint: Endpoint,
        raw: &[u8],
        signature: Option<&str>,
    ) -> Result<Received, Refused> {
        let received = self.take(endpoint, raw, signature).await;
        if let Err(refused) = received {
            self.tally().refused(endpoint, refused.code());
        }
        received
    }

    async fn take(
        &self,
        endpoint: Endpoint,
        raw: &[u8],
        signature: Option<&str>,
    ) -> Result<Received, Refused> {
        let ctx = self.context();
        // 1. Only what is proven to be Stripe's is looked at.
        let secret = prove(&ctx.config, endpoint, raw, signature, ctx.clock.wall())?;
        // 2. It must belong here.
        let event: Event = serde_json::from_slice(raw).map_err(|_| Refused::NotAnEvent)?;
        let scope = scope_of(&event, endpoint)?;
        if event.livemode != ctx.config.livemode {
            return self.other_mode(endpoint, &event);
        }
        // 3. Committed first, acknowledged then.
        let row = row(ctx, &event, scope, raw)?;
        self.ingest(row).await?;
        self.secrets_written().note(ctx, endpoint, secret).await;
        Ok(Received::Stored)
    }

    fn other_mode(&self, endpoint: Endpoint, event: &Event) -> Result<Received, Refused> {
        match endpoint {
            Endpoint::Platform => Err(Refused::OtherMode),
            Endpoint::Connect => {
                self.tally().other_mode();
                tracing::info!(event_id = event.id, event_type = event.event_type, "event of the other mode");
                Ok(Received::OtherMode)
            }
        }
    }
}

fn prove(
    config: &Config,
    endpoint: Endpoint,
    raw: &[u8],
    signature: Option<&str>,
    now: DateTime<Utc>,
) -> Result<usize, Refused> {
    let secrets = secrets::of_endpoint(config, endpoint);
    if secrets.is_empty() {
        return Err(Refused::NotConfigured);
    }
    Ok(verify(raw, signature, secrets, now)?)
}

fn scope_of(event: &Event, endpoint: Endpoint) -> Result<Scope, Refused> {
    if event.object != "event" || !is_plain(&event.id) || !is_plain(&event.event_type) {
        return Err(Refused::NotAnEvent);
    }
    match (endpoint, &event.account) {
        (Endpoint::Platform, None) => Ok(Scope::Platform),
        (Endpoint::Platform, Some(_)) => Err(Refused::AccountOnPlatform),
        (Endpoint::Connect, None) => Err(Refused::NoAccountOnConnect),
        (Endpoint::Connect, Some(account)) => {
            account.parse().map(Scope::Connected).map_err(|_| Refused::NotAnEvent)
        }
    }
}

/// The longest text that goes into an indexed column, in bytes.
const LONGEST_TEXT: usize = 255;

/// Whether a text can be stored as it is: PostgreSQL refuses NUL, and control characters have no place in an id.
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_TEXT && !text.chars().any(char::is_control)
}

/// The row of an event, to be handled as soon as it is committed.
pub(super) fn row(
    ctx: &Context,
    event: &Event,
    scope: Scope,
    raw: &[u8],
) -> Result<stripe_event::Model, Refused> {
    let now = ctx.clock.wall();
    let payload_sealed = ctx.seal.seal(&event.id, raw).map_err(|error| {
        tracing::error!(%error, "an event can't be sealed");
        Refused::NotStored(NotStored)
    })?;
    Ok(stripe_event::Model {
        id: event.id.clone(),
        scope,
        event_type: event.event_type.clone(),
        object_id: object_key(event),
        api_version: event.api_version.clone().filter(|version| is_plain(version)),
        idempotency_key: event.idempotency_key().filter(|key| is_plain(key)).map(str::to_owned),
        stripe_created_at: event.created,
        payload_sealed,
        state: stripe_event::State::Pending,
        reason: None,
        attempts: 0,
        next_at: now,
        received_at: now,
        processed_at: None,
    })
}

/// Types whose object is a part of an account: they are kept in one order with the account itself.
const PARTS_OF_ACCOUNTS: [&str; 4] =
    ["capability.", "person.", "account.external_account.", "account.application."];

/// What is read of `data.object` to find out what the event is about.
#[derive(Debug, Default, Deserialize)]
struct Subject {
    id: Option<String>,
    object: Option<String>,
    account: Option<String>,
}

/// The key that an event is ordered under, within its scope: the id of its object; of parts of an account, the
/// account's id; of a balance, which has no id, `balance`; of anything else without an id, the event's own.
fn object_key(event: &Event) -> String {
    let subject: Subject = serde_json::from_str(event.data.object.get()).unwrap_or_default();
    let is_part = PARTS_OF_ACCOUNTS.iter().any(|prefix| event.event_type.starts_with(prefix));
    let account = event.account.clone().or(subject.account).filter(|_| is_part);
    let balance = || subject.object.filter(|object| object == "balance");
    let key = account.or(subject.id).or_else(balance);
    key.filter(|key| is_plain(key)).unwrap_or_else(|| event.id.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::webhooks::testing::{CONNECT_SECRET, PLATFORM_SECRET, World};

    fn key(event_type: &str, account: Option<&str>, object: serde_json::Value) -> String {
        let event = json!({
            "id": "evt_1", "object": "event", "type": event_type, "account": account, "created": 1,
            "livemode": false, "data": {"object": object},
        });
        object_key(&serde_json::from_value(event).unwrap())
    }

    #[test]
    fn an_event_is_about_its_object_and_parts_of_an_account_are_about_the_account() {
        assert_eq!(key("charge.updated", None, json!({"id": "ch_1"})), "ch_1");
        let part = json!({"id": "card_payments", "object": "capability", "account": "acct_1"});
        assert_eq!(key("capability.updated", Some("acct_1"), part.clone()), "acct_1");
        assert_eq!(key("capability.updated", None, part), "acct_1");
        assert_eq!(key("person.updated", Some("acct_1"), json!({"id": "person_1"})), "acct_1");
        assert_eq!(key("account.external_account.created", Some("acct_1"), json!({"id": "ba_1"})), "acct_1");
        assert_eq!(key("account.application.deauthorized", Some("acct_1"), json!({"id": "ca_1"})), "acct_1");
    }

    #[test]
    fn what_has_no_id_is_a_balance_or_stands_for_itself() {
        assert_eq!(key("balance.available", Some("acct_1"), json!({"object": "balance"})), "balance");
        assert_eq!(key("invoice.upcoming", None, json!({"object": "invoice"})), "evt_1");
        assert_eq!(key("new.thing", None, json!(7)), "evt_1");
        assert_eq!(key("charge.updated", None, json!({"id": "ch_\u{0}"})), "evt_1");
    }

    #[tokio::test]
    async fn a_signed_event_is_stored_sealed_under_its_scope_and_object() {
        let world = World::new().await;
        let event = world.event("evt_1", "payout.paid", 10, json!({"id": "po_1"}));
        let event = World::with(event, json!({"account": "acct_1", "request": {"idempotency_key": "0192"}}));
        assert_eq!(world.deliver(Endpoint::Connect, &event, CONNECT_SECRET).await, Ok(Received::Stored));

        let row = world.stored("evt_1").await.unwrap();
        assert_eq!(row.scope.to_string(), "acct_1");
        assert_eq!((row.object_id.as_str(), row.event_type.as_str()), ("po_1", "payout.paid"));
        assert_eq!(row.idempotency_key.as_deref(), Some("0192"));
        assert_eq!(row.state, stripe_event::State::Pending);
        let opened = world.ctx.seal.open("evt_1", &row.payload_sealed).unwrap();
        assert_eq!(opened, event.to_string().into_bytes());
    }

    #[tokio::test]
    async fn a_forgery_leaves_no_row() {
        let world = World::new().await;
        let event = world.event("evt_1", "charge.updated", 10, json!({"id": "ch_1"}));
        for secret in ["whsec_forged", CONNECT_SECRET] {
            let refused = world.deliver(Endpoint::Platform, &event, secret).await.unwrap_err();
            assert_eq!((refused.status(), refused.code()), (400, "webhook_signature_mismatch"));
        }
        let unsigned = world.inbox.receive(Endpoint::Platform, event.to_string().as_bytes(), None).await;
        assert_eq!(unsigned.unwrap_err().code(), "webhook_signature_missing");
        let told = world.inbox.tally().text();
        for (reason, times) in [("webhook_signature_mismatch", 2), ("webhook_signature_missing", 1)] {
            let refusals = r#"souk_webhook_refusals_total{endpoint="platform",reason="#;
            assert!(told.contains(&format!("{refusals}\"{reason}\"}} {times}\n")), "{told}");
        }
        assert!(world.stored("evt_1").await.is_none());
        assert!(world.objects().await.is_empty());
    }

    #[tokio::test]
    async fn an_endpoint_without_a_secret_is_not_configured() {
        let mut world = World::new().await;
        world.reconfigure(|config| config.connect_webhook_secrets.clear());
        let event = world.event("evt_1", "payout.paid", 10, json!({"id": "po_1"}));
        let refused = world.deliver(Endpoint::Connect, &event, "").await.unwrap_err();
        assert_eq!((refused.status(), refused.code()), (503, "webhook_not_configured"));
    }

    #[tokio::test]
    async fn what_belongs_on_the_other_endpoint_is_refused() {
        let world = World::new().await;
        let own = world.event("evt_1", "charge.updated", 10, json!({"id": "ch_1"}));
        let of_account = World::with(own.clone(), json!({"account": "acct_1"}));
        let on_platform = world.deliver(Endpoint::Platform, &of_account, PLATFORM_SECRET).await;
        assert_eq!(on_platform, Err(Refused::AccountOnPlatform));
        let on_connect = world.deliver(Endpoint::Connect, &own, CONNECT_SECRET).await;
        assert_eq!(on_connect, Err(Refused::NoAccountOnConnect));
        assert!(world.stored("evt_1").await.is_none());
    }

    #[tokio::test]
    async fn the_other_mode_is_an_error_on_platform_and_counted_on_connect() {
        let world = World::new().await;
        let event = world.event("evt_1", "payout.paid", 10, json!({"id": "po_1"}));
        let live = World::with(event, json!({"livemode": true}));
        let on_platform = world.deliver(Endpoint::Platform, &live, PLATFORM_SECRET).await;
        assert_eq!(on_platform, Err(Refused::OtherMode));
        let live = World::with(live, json!({"account": "acct_1"}));
        let on_connect = world.deliver(Endpoint::Connect, &live, CONNECT_SECRET).await;
        assert_eq!(on_connect, Ok(Received::OtherMode));
        let told = world.inbox.tally().text();
        assert!(told.contains("souk_webhook_events_of_other_mode_total 1\n"), "{told}");
        assert!(world.stored("evt_1").await.is_none());
    }

    #[tokio::test]
    async fn what_is_signed_but_no_event_is_refused() {
        let world = World::new().await;
        let event = world.event("evt_1", "payout.paid", 10, json!({"id": "po_1"}));
        for body in [
            json!({"id": "evt_1"}),
            json!([]),
            World::with(event.clone(), json!({"object": "v2.core.event"})),
            World::with(event.clone(), json!({"id": "evt_\u{0}"})),
        ] {
            let refused = world.deliver(Endpoint::Platform, &body, PLATFORM_SECRET).await;
            assert_eq!(refused, Err(Refused::NotAnEvent), "{body}");
        }
        let strange = World::with(event, json!({"account": "acct_1/../x"}));
        let refused = world.deliver(Endpoint::Connect, &strange, CONNECT_SECRET).await;
        assert_eq!(refused, Err(Refused::NotAnEvent));
    }
}
