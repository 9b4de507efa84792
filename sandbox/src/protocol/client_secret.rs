//! Client secrets: what a buyer's app must know of an intent to see and confirm it.

use super::{call::Call, error::StripeError};
use crate::json::Value;

/// Takes `client_secret` and compares it. A publishable key must bring it; a secret key may.
pub(crate) fn check<T>(
    call: &mut Call<'_, '_>,
    found: Result<T, StripeError>,
    secret_of: impl Fn(&T) -> &str,
    noun: &str,
) -> Result<T, StripeError> {
    let secret = call.params.text("client_secret")?;
    if !call.is_publishable() && secret.is_none() {
        return found;
    }
    if call.is_publishable() && secret.is_none() {
        return Err(StripeError::missing("client_secret"));
    }
    let intent = found?;
    if secret.as_deref() == Some(secret_of(&intent)) {
        return Ok(intent);
    }
    let message = format!(
        "The client_secret provided does not match any associated {noun} on this account. Ensure the publishable key \
         used belongs to the same account that created the {noun}."
    );
    let code = match noun {
        "SetupIntent" => "setup_intent_invalid_parameter",
        _ => "payment_intent_invalid_parameter",
    };
    Err(StripeError::invalid(message, "client_secret").with_code(code))
}

/// Terms of a confirmation that are not the buyer's to set. Source: "Secret key only" at
/// <https://docs.stripe.com/api/payment_intents/confirm>.
const TERMS: &[&str] = &[
    "allowed_payment_method_types",
    "amount_details",
    "amount_to_confirm",
    "capture_method",
    "error_on_requires_action",
    "excluded_payment_method_types",
    "hooks",
    "mandate",
    "off_session",
    "payment_details",
    "radar_options",
];

/// Refuses terms with a publishable key. `payment_method_options` is taken, as SDKs send it, and changes nothing.
pub(crate) fn guard_terms(call: &mut Call<'_, '_>) -> Result<(), StripeError> {
    if !call.is_publishable() {
        return Ok(());
    }
    call.params.ignore(&["payment_method_options"]);
    match TERMS.iter().find(|term| call.params.has(term)) {
        None => Ok(()),
        Some(term) => Err(StripeError::unknown(term)),
    }
}

/// An intent as the caller may see it: a secret key sees all, a publishable key the fields that are named.
pub(crate) fn shown(call: &Call<'_, '_>, intent: Value, to_apps: &[&str]) -> Value {
    match intent {
        Value::Object(fields) if call.is_publishable() => {
            Value::Object(fields.into_iter().filter(|(name, _)| to_apps.contains(&name.as_ref())).collect())
        }
        intent => intent,
    }
}
