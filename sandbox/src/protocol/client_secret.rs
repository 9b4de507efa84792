//! Client secrets: what a buyer's app must know of an intent to see and confirm it.

use super::{call::Call, error::StripeError};

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
