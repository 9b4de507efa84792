//! `Stripe-Signature`: proof that the bytes are Stripe's and were signed just now.
//! Source: <https://docs.stripe.com/webhooks/signature>.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// How far the time of signing may be from ours, either way: Stripe's libraries take the same.
const TOLERANCE_S: u64 = 300;
/// Stripe sends one signature a secret; more than this is an attempt to make us work.
const MOST_SIGNATURES: usize = 16;

/// Why a delivery is not proven to be Stripe's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No header.
    #[error("there is no Stripe-Signature header")]
    Missing,
    /// No time, no signature, or too many of them.
    #[error("the Stripe-Signature header can't be read")]
    Malformed,
    /// None of the signatures was made with one of our secrets over these bytes.
    #[error("no signature matches")]
    Mismatch,
    /// The signature is right, but its time is more than five minutes away: a replay, or a wrong clock.
    #[error("the signature is too old, or from the future")]
    Stale,
}

/// Checks `body`, byte for byte as it came, against any of `secrets`, and tells which one it was; `now` is wall time.
/// Comparisons take the same time whatever they compare.
pub fn verify(
    body: &[u8],
    header: Option<&str>,
    secrets: &[SecretString],
    now: DateTime<Utc>,
) -> Result<usize, SignatureError> {
    let header = header.ok_or(SignatureError::Missing)?;
    let (signed_at, signatures) = parse(header)?;
    let is_signed = |secret: &SecretString| {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else {
            return false;
        };
        mac.update(signed_at.as_bytes());
        mac.update(b".");
        mac.update(body);
        signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok())
    };
    let secret = secrets.iter().position(is_signed).ok_or(SignatureError::Mismatch)?;
    // After the signature: whoever can't sign learns nothing about our clock.
    let signed_at: i64 = signed_at.parse().map_err(|_| SignatureError::Malformed)?;
    if now.timestamp().abs_diff(signed_at) > TOLERANCE_S {
        return Err(SignatureError::Stale);
    }
    Ok(secret)
}

/// `t=1492774577,v1=5257a8...,v1=...,v0=...`: the time as it was signed, and the `v1` signatures. Other schemes
/// are passed over, so that nobody can talk us down to a weaker one.
fn parse(header: &str) -> Result<(&str, Vec<Vec<u8>>), SignatureError> {
    let mut signed_at = None;
    let mut signatures = Vec::new();
    for part in header.split(',') {
        match part.trim().split_once('=') {
            Some(("t", time)) => signed_at = Some(time),
            Some(("v1", signature)) => signatures.push(signature),
            _ => {}
        }
    }
    let signed_at = signed_at.filter(|time| !time.is_empty()).ok_or(SignatureError::Malformed)?;
    if signatures.is_empty() || signatures.len() > MOST_SIGNATURES {
        return Err(SignatureError::Malformed);
    }
    // What isn't hexadecimal matches nothing; another one may still match.
    Ok((signed_at, signatures.into_iter().filter_map(|signature| hex::decode(signature).ok()).collect()))
}

#[cfg(test)]
pub(super) fn sign(body: &[u8], secret: &str, at: DateTime<Utc>) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{}.", at.timestamp()).as_bytes());
    mac.update(body);
    format!("t={},v1={}", at.timestamp(), hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    const BODY: &[u8] = br#"{"id": "evt_1"}"#;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_241_400, 0).unwrap()
    }

    fn secrets() -> [SecretString; 2] {
        ["whsec_new".into(), "whsec_old".into()]
    }

    fn verdict(header: &str) -> Result<usize, SignatureError> {
        verify(BODY, Some(header), &secrets(), now())
    }

    #[test]
    fn a_signature_is_the_one_that_other_implementations_make() {
        // printf '1795241400.{"id": "evt_1"}' | openssl dgst -sha256 -hmac whsec_new
        let header = "t=1795241400,v1=f6f1a6e16f130f6ea6a8db10e88148eeaa82c726ba21841f076b489774928f0f";
        assert_eq!(verdict(header), Ok(0));
    }

    #[test]
    fn during_a_rotation_either_secret_and_any_of_several_signatures_will_do() {
        for (secret, index) in [("whsec_new", 0), ("whsec_old", 1)] {
            assert_eq!(verdict(&sign(BODY, secret, now())), Ok(index));
        }
        let right = sign(BODY, "whsec_old", now());
        let (time, signature) = right.split_once(',').unwrap();
        assert_eq!(verdict(&format!("{time},v1=00,v1=zz,v0=11, {signature}")), Ok(1));
    }

    #[test]
    fn a_forgery_does_not_pass() {
        let right = sign(BODY, "whsec_new", now());
        for forged in [
            sign(BODY, "whsec_other", now()),
            sign(b"other", "whsec_new", now()),
            right.replace("t=1", "t=2"),
            right.replace("v1=", "v0=") + ",v1=00",
        ] {
            assert_eq!(verdict(&forged), Err(SignatureError::Mismatch), "{forged}");
        }
        assert_eq!(verify(BODY, Some(&right), &[], now()), Err(SignatureError::Mismatch));
    }

    #[test]
    fn the_tolerance_is_five_minutes_to_either_side() {
        for (seconds, expected) in [
            (300, Ok(0)),
            (-300, Ok(0)),
            (301, Err(SignatureError::Stale)),
            (-301, Err(SignatureError::Stale)),
        ] {
            let header = sign(BODY, "whsec_new", now() + Duration::seconds(seconds));
            assert_eq!(verdict(&header), expected, "{seconds}");
        }
    }

    #[test]
    fn a_header_that_cannot_be_read_is_malformed() {
        let many = format!("t=1{}", ",v1=00".repeat(MOST_SIGNATURES + 1));
        for header in ["", "t=1", "t=,v1=00", "v1=00", "t=1,v0=00", "nonsense", &many] {
            assert_eq!(verdict(header), Err(SignatureError::Malformed), "{header}");
        }
        assert_eq!(verify(BODY, None, &secrets(), now()), Err(SignatureError::Missing));
    }
}
