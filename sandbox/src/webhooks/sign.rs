//! `Stripe-Signature`: the time and an HMAC over time and body.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header's value for a body that is sent at `at` (seconds on the wall).
pub(super) fn sign(secret: &str, at: i64, body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(at.to_string().as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_depends_on_secret_time_and_body() {
        let signed = sign("whsec_a", 1_700_000_000, "{}");
        assert!(signed.starts_with("t=1700000000,v1="));
        assert_ne!(signed, sign("whsec_b", 1_700_000_000, "{}"));
        assert_ne!(signed, sign("whsec_a", 1_700_000_000, "{ }"));
    }
}
