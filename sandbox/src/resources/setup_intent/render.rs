//! A setup intent as Stripe shows it.

use super::{Failure, SetupIntent};
use crate::{
    json::{Map, Value, json},
    protocol::error::doc_url,
    resources::{
        payment_intent::{NextAction, render_failure},
        payment_method::{Instrument, PaymentMethod},
    },
    store::Tables,
};

impl SetupIntent {
    pub(crate) fn render(&self, tables: &Tables) -> Value {
        let mut intent = json!({
            "id": self.id,
            "object": "setup_intent",
            "allowed_payment_method_types": self.allowed_methods,
            "application": self.application,
            "automatic_payment_methods": self.automatic_methods.map(|methods| json!({
                "allow_redirects": if methods.allow_redirects { "always" } else { "never" },
                "enabled": methods.enabled,
            })),
            "cancellation_reason": self.cancellation_reason,
            "client_secret": self.client_secret,
            "created": self.created,
            "customer": self.customer,
            "customer_account": null,
            "description": self.description,
            "excluded_payment_method_types": self.excluded_methods,
            "flow_directions": self.flow_directions,
            "last_setup_error": self.failure.as_ref().map(|failure| failure.render(tables)),
            "latest_attempt": null,
            "livemode": false,
            "mandate": null,
            "metadata": self.metadata,
            "next_action": self.next_action.as_ref().map(NextAction::render),
            "on_behalf_of": self.on_behalf_of,
            "payment_method": self.payment_method,
            "payment_method_configuration_details": null,
            "payment_method_options": self.render_method_options(),
            "payment_method_types": self.method_types(),
            "single_use_mandate": null,
            "status": self.status,
            "usage": self.usage,
        });
        if let Some(to_self) = self.attach_to_self {
            intent["attach_to_self"] = json!(to_self);
        }
        intent
    }

    /// The types that may be kept: a redirect to a bank pays once, and may not.
    pub(crate) fn method_types(&self) -> Vec<String> {
        let excluded = self.excluded_methods.as_deref().unwrap_or_default();
        let known: Vec<String> = match (&self.allowed_methods, self.automatic_methods) {
            (Some(allowed), _) => allowed.clone(),
            (None, Some(automatic)) if automatic.enabled => {
                Instrument::KINDS.iter().map(|kind| (*kind).to_owned()).collect()
            }
            (None, _) => vec!["card".to_owned()],
        };
        known.into_iter().filter(|kind| kind != "ideal" && !excluded.contains(kind)).collect()
    }

    fn render_method_options(&self) -> Value {
        let mut options = Map::new();
        for kind in self.method_types() {
            let wanted = match kind.as_str() {
                "card" => json!({
                    "mandate_options": null,
                    "network": null,
                    "request_three_d_secure": self.three_d_secure.as_deref().unwrap_or("automatic"),
                }),
                "us_bank_account" => json!({ "verification_method": "automatic" }),
                _ => json!({}),
            };
            options.insert(kind, wanted);
        }
        Value::Object(options)
    }
}

impl Failure {
    pub(super) fn render(&self, tables: &Tables) -> Value {
        let method = |id: &str| tables.get::<PaymentMethod>(id).map(|method| method.render(tables));
        match self {
            Self::Declined { decline, method: id } => {
                let mut failure = render_failure(*decline);
                failure["payment_method"] = json!(method(id));
                failure
            }
            Self::NotAuthenticated { method: id } => json!({
                "code": "setup_intent_authentication_failure",
                "doc_url": doc_url("setup_intent_authentication_failure"),
                "message": "The latest attempt to set up the payment method has failed because authentication failed.",
                "payment_method": method(id),
                "type": "invalid_request_error",
            }),
        }
    }
}
