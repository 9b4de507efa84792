//! Bearer tokens: JWTs, checked with the one algorithm that the configured key is for.

use std::{fmt, sync::Arc};

use super::{
    caller::{Caller, Role},
    problem::Problem,
};
use crate::{
    clock::Clock,
    config::{Config, TokenKey},
};
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use poem::{Request, http::header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// How far apart our clock and the issuer's may be.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);
/// A subject becomes part of keys and log lines.
const LONGEST_SUBJECT: usize = 128;

/// What a token claims; `iss` and `aud` are checked by the library.
#[derive(Debug, Deserialize)]
struct Claims {
    role: Role,
    sub: String,
    // Fractions of a second are allowed by RFC 7519.
    exp: f64,
    nbf: Option<f64>,
}

/// The configured key can't check tokens.
#[derive(Debug, thiserror::Error)]
#[error("SOUK_JWT_PUBLIC_KEY must be an RSA, P-256 or Ed25519 public key as PEM")]
pub struct TokenKeyError;

/// Why a token was refused; for our log, never for the caller.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("no bearer token")]
    Missing,
    #[error(transparent)]
    Token(#[from] jsonwebtoken::errors::Error),
    #[error("expired, or not valid yet")]
    Time,
    #[error("the subject does not fit the role")]
    Subject,
}

/// Checks tokens; handed to the authority types as data of the application.
#[derive(Clone)]
pub struct TokenVerifier {
    key: Arc<DecodingKey>,
    validation: Arc<Validation>,
    clock: Clock,
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifier")
            .field("algorithms", &self.validation.algorithms)
            .finish_non_exhaustive()
    }
}

impl TokenVerifier {
    /// Reads the key. Its kind decides the algorithm: a token that names another one is refused, so that no
    /// public key can be taken for a shared secret.
    pub fn new(config: &Config, clock: Clock) -> Result<Self, TokenKeyError> {
        let (key, algorithm) = match &config.token_key {
            TokenKey::Secret(secret) => {
                (DecodingKey::from_secret(secret.expose_secret().as_bytes()), Algorithm::HS256)
            }
            TokenKey::PublicKey(pem) => public_key(pem).ok_or(TokenKeyError)?,
        };
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&config.jwt_issuer]);
        validation.set_audience(&[&config.jwt_audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library would ask the system for the time; ours is passed in.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Ok(Self { key: Arc::new(key), validation: Arc::new(validation), clock })
    }

    fn verify(&self, token: &str) -> Result<Caller, Refused> {
        let claims = decode::<Claims>(token, &self.key, &self.validation)?.claims;
        let now = self.clock.wall();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a saturating cast to whole seconds is what is wanted"
        )]
        let seconds = |claim: f64| claim as i64;
        let expired = seconds(claims.exp) <= (now - LEEWAY).timestamp();
        let early = claims.nbf.is_some_and(|nbf| seconds(nbf) > (now + LEEWAY).timestamp());
        if expired || early {
            return Err(Refused::Time);
        }
        caller(claims.role, claims.sub)
    }
}

fn public_key(pem: &str) -> Option<(DecodingKey, Algorithm)> {
    // The library would take a private key, or a certificate, for what it isn't.
    if !pem.contains("PUBLIC KEY-----") {
        return None;
    }
    // Environment variables often hold line ends as `\n`.
    let pem = pem.replace("\\n", "\n");
    let pem = pem.as_bytes();
    // It does look into the PEM, and refuses a key of another kind.
    let ed = || DecodingKey::from_ed_pem(pem).map(|key| (key, Algorithm::EdDSA)).ok();
    let rsa = || DecodingKey::from_rsa_pem(pem).map(|key| (key, Algorithm::RS256)).ok();
    let ec = DecodingKey::from_ec_pem(pem).map(|key| (key, Algorithm::ES256)).ok();
    match ec {
        Some((key, _)) if !is_p256(&key) => None,
        ec => ec.or_else(ed).or_else(rsa),
    }
}

/// An uncompressed point of P-256 is a tag and two coordinates of 32 bytes.
fn is_p256(key: &DecodingKey) -> bool {
    key.try_get_as_bytes().is_ok_and(|point| point.len() == 65)
}

fn caller(role: Role, subject: String) -> Result<Caller, Refused> {
    let sane = (1..=LONGEST_SUBJECT).contains(&subject.len()) && !subject.contains(char::is_control);
    match role {
        Role::Seller => subject.parse().map(Caller::Seller).map_err(|_| Refused::Subject),
        Role::Buyer => subject.parse().map(Caller::Buyer).map_err(|_| Refused::Subject),
        Role::Operator if sane => Ok(Caller::Operator { subject }),
        Role::Service if sane => Ok(Caller::Service { subject }),
        Role::Operator | Role::Service => Err(Refused::Subject),
    }
}

/// Who is calling, if they have one of these roles: 401 without a valid token, 403 with another role.
pub(super) fn authenticate(request: &Request, roles: &[Role]) -> Result<Caller, Problem> {
    let Some(verifier) = request.data::<TokenVerifier>() else {
        return Err(Problem::internal("no TokenVerifier in the application's data"));
    };
    let caller = bearer(request).and_then(|token| verifier.verify(token)).map_err(|reason| {
        tracing::debug!(%reason, "token refused");
        Problem::unauthenticated()
    })?;
    if roles.contains(&caller.role()) {
        return Ok(caller);
    }
    let wanted = roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(" or ");
    Err(Problem::forbidden(format!("This takes the role {wanted}; yours is {}.", caller.role())))
}

fn bearer(request: &Request) -> Result<&str, Refused> {
    let value = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, token) = value.and_then(|value| value.split_once(' ')).ok_or(Refused::Missing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(Refused::Missing) }
}

/// Issues HS256 tokens: `souk token`, `souk dev` and tests. A production marketplace issues its own.
#[derive(Clone)]
pub struct TokenIssuer {
    key: EncodingKey,
    issuer: String,
    audience: String,
    clock: Clock,
}

impl fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// No token could be made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The service was given a public key: whoever has the private one issues the tokens.
    #[error("tokens can be issued only with SOUK_JWT_SECRET, not with SOUK_JWT_PUBLIC_KEY")]
    NoSecret,
    /// The subject of a seller's or buyer's token is their id, any other's a name.
    #[error("`{subject}` can't be the subject of a token of the role {role}")]
    Subject {
        /// The role that was asked for.
        role: Role,
        /// The subject that doesn't fit it.
        subject: String,
    },
    /// The library failed.
    #[error(transparent)]
    Encode(#[from] jsonwebtoken::errors::Error),
}

impl TokenIssuer {
    /// Takes the shared secret from the settings.
    pub fn new(config: &Config, clock: Clock) -> Result<Self, IssueError> {
        let TokenKey::Secret(secret) = &config.token_key else {
            return Err(IssueError::NoSecret);
        };
        Ok(Self::with_secret(secret, &config.jwt_issuer, &config.jwt_audience, clock))
    }

    /// Takes the shared secret, `iss` and `aud`.
    #[must_use]
    pub fn with_secret(secret: &SecretString, issuer: &str, audience: &str, clock: Clock) -> Self {
        let key = EncodingKey::from_secret(secret.expose_secret().as_bytes());
        Self { key, issuer: issuer.to_owned(), audience: audience.to_owned(), clock }
    }

    /// A token that is good for `ttl`, wall time.
    pub fn issue(&self, role: Role, subject: &str, ttl: TimeDelta) -> Result<String, IssueError> {
        caller(role, subject.to_owned())
            .map_err(|_| IssueError::Subject { role, subject: subject.to_owned() })?;
        let now = self.clock.wall();
        let claims = serde_json::json!({
            "iss": self.issuer,
            "aud": self.audience,
            "sub": subject,
            "role": role,
            "iat": now.timestamp(),
            "exp": (now + ttl).timestamp(),
        });
        Ok(encode(&Header::new(Algorithm::HS256), &claims, &self.key)?)
    }
}

#[cfg(test)]
#[path = "auth_tests.rs"]
pub(super) mod tests;
