//! Which methods may pay an intent, and what is wanted of each.

use super::{CaptureMethod, PaymentIntent};
use crate::{
    json::{Map, Value, json},
    protocol::{error::StripeError, params::Params},
    resources::payment_method::Instrument,
};

/// When to ask for 3D Secure although the bank does not.
const THREE_D_SECURE: &[&str] = &["any", "automatic", "challenge"];

/// Reads which methods are allowed, and `payment_method_options`: kept, shown, and looked at for 3D Secure.
pub(super) fn read(params: &mut Params, intent: &mut PaymentIntent) -> Result<(), StripeError> {
    if let Some(methods) = params.texts("allowed_payment_method_types")? {
        intent.allowed_methods = Some(methods).filter(|methods| !methods.is_empty());
        check_types(intent)?;
    }
    if let Some(methods) = params.texts("excluded_payment_method_types")? {
        intent.excluded_methods = Some(methods).filter(|methods| !methods.is_empty());
    }
    let Some(Value::Object(options)) = params.json("payment_method_options") else { return Ok(()) };
    let wanted = options.get("card").and_then(|card| card.get("request_three_d_secure"));
    if let Some(wanted) = wanted.and_then(Value::as_str) {
        let param = "payment_method_options[card][request_three_d_secure]";
        if !THREE_D_SECURE.contains(&wanted) {
            let message = format!("Invalid {param}: must be one of {}", THREE_D_SECURE.join(", "));
            return Err(StripeError::invalid(message, param));
        }
        intent.three_d_secure = Some(wanted.to_owned());
    }
    Ok(())
}

/// Refuses allowed methods that nobody knows, or that cannot pay in the currency of the intent.
pub(crate) fn check_types(intent: &PaymentIntent) -> Result<(), StripeError> {
    let param = "allowed_payment_method_types";
    for kind in intent.allowed_methods.iter().flatten() {
        if !Instrument::KINDS.contains(&kind.as_str()) {
            let message = format!(
                "The payment method type provided: {kind} is invalid. The sandbox has {}.",
                Instrument::KINDS.join(", ")
            );
            return Err(StripeError::invalid(message, param));
        }
        if !Instrument::takes(kind, intent.currency) {
            let message = format!(
                "The currency provided ({}) is invalid for one or more of the payment method types on this \
                 PaymentIntent.",
                intent.currency
            );
            return Err(StripeError::invalid(message, param).with_code("payment_intent_invalid_parameter"));
        }
    }
    Ok(())
}

/// The merchant wants 3D Secure wherever a card can do it.
pub(super) fn asks_for_3ds(intent: &PaymentIntent) -> bool {
    matches!(intent.three_d_secure.as_deref(), Some("any" | "challenge"))
}

impl PaymentIntent {
    /// The types that may pay it: those that were allowed, or those that fit its currency and its capture.
    pub(crate) fn method_types(&self) -> Vec<String> {
        let excluded = self.excluded_methods.as_deref().unwrap_or_default();
        if let Some(allowed) = &self.allowed_methods {
            return allowed.iter().filter(|kind| !excluded.contains(kind)).cloned().collect();
        }
        let Some(automatic) = self.automatic_methods.filter(|methods| methods.enabled) else {
            return vec!["card".to_owned()];
        };
        let fits = |kind: &str| {
            Instrument::takes(kind, self.currency)
                && (kind == "card" || self.capture_method != CaptureMethod::Manual)
                && (kind != "ideal" || automatic.allow_redirects)
                && !excluded.iter().any(|excluded| excluded == kind)
        };
        Instrument::KINDS.iter().filter(|kind| fits(kind)).map(|kind| (*kind).to_owned()).collect()
    }

    pub(super) fn render_method_options(&self) -> Value {
        let mut options = Map::new();
        for kind in self.method_types() {
            let wanted = match kind.as_str() {
                "card" => json!({
                    "installments": null,
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
