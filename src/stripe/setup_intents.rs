//! Setup intents: a buyer saves a payment method without paying. Source: <https://docs.stripe.com/api/setup_intents>.

use serde::Deserialize;
use stripe_core::setup_intent::{
    CreateSetupIntent, CreateSetupIntentAutomaticPaymentMethods, CreateSetupIntentUsage, ListSetupIntent,
    RetrieveSetupIntent,
};

use super::{
    Expandable, Frozen, Metadata, ObjectRef, Window,
    expandable::LONGEST_PAGE,
    frozen::{hash_map, path_of},
};

/// When a saved payment method will be charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Also while the buyer is away: the bank's consent is asked for now.
    OffSession,
    /// Only while the buyer is there.
    OnSession,
}

/// Creates the intent that saves a payment method for a customer; the methods are those that the dashboard allows.
#[must_use]
pub fn create(customer: &str, usage: Usage, metadata: &Metadata) -> Frozen {
    let request = CreateSetupIntent::new()
        .customer(customer)
        .usage(match usage {
            Usage::OffSession => CreateSetupIntentUsage::OffSession,
            Usage::OnSession => CreateSetupIntentUsage::OnSession,
        })
        .automatic_payment_methods(CreateSetupIntentAutomaticPaymentMethods::new(true))
        .metadata(hash_map(metadata));
    Frozen::of(&request)
}

/// Where an intent is read.
#[must_use]
pub fn path(intent: &str) -> String {
    path_of(&RetrieveSetupIntent::new(intent))
}

/// Where a page of up to 100 intents of a window is read, newest first; `after` is the last id of the page before.
#[must_use]
pub fn list_path(window: Window, after: Option<&str>) -> String {
    let request = ListSetupIntent::new().created(window.created()).limit(LONGEST_PAGE);
    path_of(&match after {
        Some(id) => request.starting_after(id),
        None => request,
    })
}

/// What we read of an intent.
#[derive(Clone, Deserialize)]
pub struct SetupIntent {
    /// `seti_...`.
    pub id: String,
    /// `requires_payment_method`, `requires_confirmation`, `requires_action`, `processing`, `canceled` or `succeeded`.
    pub status: String,
    /// Lets the buyer's app confirm; never logged, and sealed wherever it is kept.
    pub client_secret: Option<String>,
    /// What it saves, or has saved.
    pub payment_method: Option<Expandable<ObjectRef>>,
    /// Our ids.
    #[serde(default)]
    pub metadata: Metadata,
}

impl std::fmt::Debug for SetupIntent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SetupIntent")
            .field("id", &self.id)
            .field("status", &self.status)
            .field("payment_method", &self.payment_method)
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intent_names_whose_method_is_saved_and_what_for() {
        let metadata: Metadata = [("souk_request".to_owned(), "0192".to_owned())].into();
        let body = |usage| String::from_utf8(create("cus_1", usage, &metadata).body).unwrap();
        assert_eq!(
            body(Usage::OffSession),
            "automatic_payment_methods[enabled]=true&customer=cus_1&metadata[souk_request]=0192&usage=off_session"
        );
        assert!(body(Usage::OnSession).ends_with("usage=on_session"));
        assert_eq!(create("cus_1", Usage::OnSession, &metadata).path, "/v1/setup_intents");
    }

    #[test]
    fn an_intent_is_read_and_its_secret_is_not_in_debug() {
        let intent: SetupIntent = serde_json::from_str(
            r#"{"id": "seti_1", "status": "succeeded", "client_secret": "seti_1_secret_2", "payment_method": "pm_1"}"#,
        )
        .unwrap();
        assert_eq!(intent.payment_method.as_ref().map(Expandable::id), Some("pm_1"));
        assert!(!format!("{intent:?}").contains("secret_2"));
        assert_eq!(path(&intent.id), "/v1/setup_intents/seti_1");
    }

    #[test]
    fn intents_of_a_window_are_listed_page_by_page() {
        let second = |second| chrono::DateTime::from_timestamp(second, 0).unwrap();
        let window = Window { from: second(5), to: Some(second(9)) };
        assert_eq!(list_path(window, None), "/v1/setup_intents?created[gte]=5&created[lte]=9&limit=100");
        assert_eq!(
            list_path(Window { to: None, ..window }, Some("x_1")),
            "/v1/setup_intents?created[gte]=5&limit=100&starting_after=x_1"
        );
    }
}
