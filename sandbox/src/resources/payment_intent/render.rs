//! A payment intent as Stripe shows it.

use super::{CaptureMethod, Failure, NextAction, PaymentIntent, Status};
use crate::{
    json::{Value, json},
    protocol::error::doc_url,
    resources::{card::Decline, payment_method::PaymentMethod, review},
    store::Tables,
};

impl PaymentIntent {
    pub(crate) fn render(&self, tables: &Tables) -> Value {
        json!({
            "id": self.id,
            "object": "payment_intent",
            "allowed_payment_method_types": self.allowed_methods,
            "amount": self.amount,
            "amount_capturable": self.amount_capturable(),
            "amount_details": { "tip": {} },
            "amount_received": self.amount_received,
            "application": self.application,
            "application_fee_amount": self.application_fee_amount,
            "automatic_payment_methods": move self.automatic_methods.map(|methods| json!({
                "allow_redirects": if methods.allow_redirects { "always" } else { "never" },
                "enabled": methods.enabled,
            })),
            "canceled_at": self.canceled_at,
            "cancellation_reason": self.cancellation_reason,
            "capture_method": self.capture_method,
            "client_secret": self.client_secret,
            "confirmation_method": if self.manual_confirmation { "manual" } else { "automatic" },
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "customer_account": null,
            "description": self.description,
            "excluded_payment_method_types": self.excluded_methods,
            "last_payment_error": move self.failure.as_ref().map(|failure| failure.render(tables)),
            "latest_charge": self.latest_charge,
            "livemode": false,
            "managed_payments": null,
            "metadata": self.metadata,
            "next_action": move self.next_action.as_ref().map(NextAction::render),
            "on_behalf_of": self.on_behalf_of,
            "payment_method": self.payment_method,
            "payment_method_configuration_details": null,
            "payment_method_options": move self.render_method_options(),
            "payment_method_types": self.method_types(),
            "payment_record": null,
            "processing": null,
            "receipt_email": self.receipt_email,
            "review": self.latest_charge.as_deref().and_then(|id| review::of_charge(tables, id)),
            "setup_future_usage": self.setup_future_usage,
            "shipping": self.shipping,
            "source": null,
            "statement_descriptor": self.statement_descriptor,
            "statement_descriptor_suffix": self.statement_descriptor_suffix,
            "status": self.status,
            "transfer_data": move self.transfer_data.as_ref().map(|data| match data.amount {
                Some(amount) => json!({ "amount": amount, "destination": data.destination }),
                None => json!({ "destination": data.destination }),
            }),
            "transfer_group": self.transfer_group,
        })
    }

    /// Only what is not captured by hand is captured by itself.
    pub(crate) fn is_manual(&self) -> bool {
        self.capture_method == CaptureMethod::Manual
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.status, Status::Succeeded | Status::Canceled)
    }
}

impl NextAction {
    pub(crate) fn render(&self) -> Value {
        match &self.return_url {
            Some(return_url) => json!({
                "redirect_to_url": { "return_url": return_url, "url": self.url },
                "type": "redirect_to_url",
            }),
            None => json!({
                "type": "use_stripe_sdk",
                "use_stripe_sdk": { "type": "three_d_secure_redirect", "stripe_js": self.url },
            }),
        }
    }
}

impl Failure {
    pub(crate) fn render(&self, tables: &Tables) -> Value {
        let method = |id: &str| tables.get::<PaymentMethod>(id).map(|method| method.render(tables));
        match self {
            Self::Declined { decline, charge, method: id } => {
                let mut failure = render_failure(*decline);
                failure["charge"] = json!(charge);
                failure["payment_method"] = json!(method(id));
                failure
            }
            Self::NotAuthenticated { method: id } => json!({
                "code": "payment_intent_authentication_failure",
                "doc_url": doc_url("payment_intent_authentication_failure"),
                "message": "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a \
                            new PaymentMethod to attempt to fulfill this PaymentIntent again.",
                "payment_method": method(id),
                "type": "invalid_request_error",
            }),
        }
    }
}

/// A decline as `last_payment_error` and `last_setup_error` tell of it.
pub(crate) fn render_failure(decline: Decline) -> Value {
    let (code, decline_code) = decline.codes();
    let mut failure = json!({
        "code": code,
        "doc_url": doc_url(code),
        "message": decline.message(),
        "type": if decline.is_of_card() { "card_error" } else { "invalid_request_error" },
    });
    if decline.is_of_card() {
        failure["advice_code"] = json!(decline.advice());
        failure["decline_code"] = json!(decline_code);
        failure["network_advice_code"] = json!("02");
        failure["network_decline_code"] = json!(decline.network_code());
    }
    failure
}

/// Stripe shows all fields of an address, given or not.
pub(crate) fn complete_shipping(mut shipping: Value) -> Value {
    for field in ["carrier", "phone", "tracking_number"] {
        if shipping.get(field).is_none() {
            shipping[field] = Value::Null;
        }
    }
    if let Some(address) = shipping.get_mut("address").filter(|address| address.is_object()) {
        for field in ["city", "country", "line1", "line2", "postal_code", "state"] {
            if address.get(field).is_none() {
                address[field] = Value::Null;
            }
        }
    }
    shipping
}
