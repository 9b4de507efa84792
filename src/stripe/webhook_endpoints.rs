//! The webhook endpoints that Stripe delivers to. Source: <https://docs.stripe.com/api/webhook_endpoints>.

use serde::Deserialize;
use stripe_misc::webhook_endpoint::{
    CreateWebhookEndpoint, CreateWebhookEndpointEnabledEvents, DeleteWebhookEndpoint, ListWebhookEndpoint,
    UpdateWebhookEndpoint, UpdateWebhookEndpointEnabledEvents,
};

use super::{
    Frozen, Metadata,
    frozen::{hash_map, path_of},
};

/// The most that Stripe gives a page; it allows no more endpoints than fit on one.
const PAGE: i64 = 100;

/// Creates an endpoint whose events are rendered at our version: for the platform's own events, or with `connect`
/// for those of connected accounts. The signing secret is in this answer and in no other: a lost answer means
/// delete and create.
#[must_use]
pub fn create(url: &str, enabled_events: &[&str], connect: bool, metadata: &Metadata) -> Frozen {
    let events: Vec<CreateWebhookEndpointEnabledEvents> =
        enabled_events.iter().map(|event| known_or_new(event)).collect();
    let request = CreateWebhookEndpoint::new(events, url)
        .api_version(stripe_client_core::VERSION)
        .connect(connect)
        .metadata(hash_map(metadata));
    Frozen::of(&request)
}

/// Has an endpoint hear these types and no others, and enables it. Its secret and its version stay.
#[must_use]
pub fn update(endpoint: &str, enabled_events: &[&str]) -> Frozen {
    let events: Vec<UpdateWebhookEndpointEnabledEvents> = enabled_events
        .iter()
        .map(|event| {
            let Ok(event) = event.parse();
            event
        })
        .collect();
    Frozen::of(&UpdateWebhookEndpoint::new(endpoint).enabled_events(events).disabled(false))
}

/// Adds to an endpoint's metadata.
#[must_use]
pub fn annotate(endpoint: &str, metadata: &Metadata) -> Frozen {
    Frozen::of(&UpdateWebhookEndpoint::new(endpoint).metadata(hash_map(metadata)))
}

fn known_or_new(event: &str) -> CreateWebhookEndpointEnabledEvents {
    let Ok(event) = event.parse();
    event
}

/// Whether Stripe has events of this type at our version.
#[cfg(test)]
pub(crate) fn knows(event: &str) -> bool {
    !matches!(known_or_new(event), CreateWebhookEndpointEnabledEvents::Unknown(_))
}

/// Where the endpoints are listed.
#[must_use]
pub fn list_path() -> String {
    path_of(&ListWebhookEndpoint::new().limit(PAGE))
}

/// Deletes an endpoint: nothing more is delivered to it.
#[must_use]
pub fn delete(endpoint: &str) -> Frozen {
    Frozen::of(&DeleteWebhookEndpoint::new(endpoint))
}

/// What we read of an endpoint.
#[derive(Clone, Deserialize)]
pub struct WebhookEndpoint {
    /// `we_...`.
    pub id: String,
    /// Where it delivers.
    #[serde(default)]
    pub url: String,
    /// `enabled` or `disabled`.
    #[serde(default)]
    pub status: String,
    /// The types that it hears; `*` is all.
    #[serde(default)]
    pub enabled_events: Vec<String>,
    /// The version that its events are rendered at; none is the account's own.
    pub api_version: Option<String>,
    /// The signing secret; only in the answer to its creation.
    pub secret: Option<String>,
    /// Our ids.
    #[serde(default)]
    pub metadata: Metadata,
}

impl std::fmt::Debug for WebhookEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookEndpoint")
            .field("id", &self.id)
            .field("url", &self.url)
            .field("status", &self.status)
            .field("api_version", &self.api_version)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_created_at_our_version() {
        let metadata = Metadata::from([("souk_endpoint".to_owned(), "connect".to_owned())]);
        let url = "https://s.example/webhooks/stripe/connect";
        let frozen = create(url, &["account.updated", "brand.new"], true, &metadata);
        assert_eq!((frozen.method.as_str(), frozen.path.as_str()), ("POST", "/v1/webhook_endpoints"));
        assert_eq!(
            String::from_utf8(frozen.body).unwrap(),
            "api_version=2026-09-30.endive&connect=true&enabled_events[0]=account.updated\
             &enabled_events[1]=brand.new&metadata[souk_endpoint]=connect&url=https://s.example/webhooks/stripe/connect"
        );
    }

    #[test]
    fn an_endpoint_is_updated_without_touching_its_address_and_annotated_without_touching_its_types() {
        let body = |frozen: Frozen| {
            assert_eq!(
                (frozen.method.as_str(), frozen.path.as_str()),
                ("POST", "/v1/webhook_endpoints/we_1")
            );
            String::from_utf8(frozen.body).unwrap()
        };
        assert_eq!(
            body(update("we_1", &["account.updated", "brand.new"])),
            "disabled=false&enabled_events[0]=account.updated&enabled_events[1]=brand.new"
        );
        let metadata = Metadata::from([("souk_secret".to_owned(), "06626a5e".to_owned())]);
        assert_eq!(body(annotate("we_1", &metadata)), "metadata[souk_secret]=06626a5e");
    }

    #[test]
    fn endpoints_are_listed_and_deleted() {
        assert_eq!(list_path(), "/v1/webhook_endpoints?limit=100");
        let frozen = delete("we_1");
        assert_eq!((frozen.method.as_str(), frozen.path.as_str()), ("DELETE", "/v1/webhook_endpoints/we_1"));
        assert_eq!(frozen.body, b"");
    }

    #[test]
    fn the_signing_secret_is_not_in_debug() {
        let endpoint: WebhookEndpoint =
            serde_json::from_str(r#"{"id": "we_1", "secret": "whsec_1"}"#).unwrap();
        assert_eq!(endpoint.secret.as_deref(), Some("whsec_1"));
        assert!(!format!("{endpoint:?}").contains("whsec"));
    }
}
