//! Counters of this process: what was delivered and what became of it.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use souk_entity::webhook_secret_use::Endpoint;

/// Counts since the start; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    stored: Counter,
    duplicates: Counter,
    other_mode: Counter,
    refusals: Family<Refusal, Counter>,
}

/// Where a delivery was refused, and why.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refusal {
    endpoint: &'static str,
    /// The code that Stripe was answered with.
    reason: &'static str,
}

impl Tally {
    /// Has the counters shown.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "souk_webhook_events_stored",
            "Events of Stripe's that were new here",
            self.stored.clone(),
        );
        registry.register(
            "souk_webhook_events_duplicate",
            "Events of Stripe's that were here already",
            self.duplicates.clone(),
        );
        registry.register(
            "souk_webhook_events_of_other_mode",
            "Events of the other mode that came to the Connect endpoint and were dropped",
            self.other_mode.clone(),
        );
        registry.register(
            "souk_webhook_refusals",
            "Deliveries that were refused, by endpoint and code",
            self.refusals.clone(),
        );
    }

    /// Counts a refusal by the code that it was answered with.
    pub fn refused(&self, endpoint: Endpoint, reason: &'static str) {
        let endpoint = match endpoint {
            Endpoint::Platform => "platform",
            Endpoint::Connect => "connect",
        };
        self.refusals.get_or_create(&Refusal { endpoint, reason }).inc();
    }

    pub(super) fn committed(&self, events: usize, new: usize) {
        self.stored.inc_by(new as u64);
        self.duplicates.inc_by(events.saturating_sub(new) as u64);
    }

    pub(super) fn other_mode(&self) {
        self.other_mode.inc();
    }

    /// All of them as text, for tests.
    #[cfg(test)]
    pub(super) fn text(&self) -> String {
        let (mut registry, mut text) = (Registry::default(), String::new());
        self.register(&mut registry);
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    }
}
