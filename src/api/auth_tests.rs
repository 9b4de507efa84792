//! Tokens that must pass and tokens that must not.

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

const SECRET: &str = "a secret of thirty-two bytes or more";

/// A verifier and an issuer that belong together.
pub(crate) struct Keys(Config);

impl Keys {
    pub(crate) fn hs256() -> Self {
        Self::with(TokenKey::Secret(SECRET.into()))
    }

    fn public(pem: &str) -> Self {
        Self::with(TokenKey::PublicKey(pem.to_owned()))
    }

    fn with(token_key: TokenKey) -> Self {
        let url = || url::Url::parse("http://127.0.0.1:1").unwrap();
        let settings = crate::config::Settings {
            database_url: "sqlite::memory:".into(),
            database_connections: 1,
            stripe_secret_key: "sk_test_x".into(),
            stripe_publishable_key: "pk_test_x".to_owned(),
            stripe_api_base: url(),
            stripe_webhook_secrets: vec!["whsec_x".into()],
            stripe_connect_webhook_secrets: vec![],
            public_url: url(),
            allowed_redirect_origins: vec![],
            listen: ([127, 0, 0, 1], 0).into(),
            jwt_secret: Some(SECRET.into()),
            jwt_public_key: None,
            jwt_issuer: "souk".to_owned(),
            jwt_audience: "souk".to_owned(),
            data_key: "00".repeat(32).into(),
            commission_bps: 0,
        };
        let (config, _) = settings.check().unwrap();
        Self(Config { token_key, ..config })
    }

    pub(crate) fn verifier(&self) -> TokenVerifier {
        TokenVerifier::new(&self.0, Clock::default()).unwrap()
    }

    pub(crate) fn token(&self, role: Role, subject: &str) -> String {
        let issuer = TokenIssuer::new(&self.0, Clock::default()).unwrap();
        issuer.issue(role, subject, TimeDelta::hours(1)).unwrap()
    }

    fn verify(&self, token: &str) -> Result<Caller, Refused> {
        self.verifier().verify(token)
    }
}

/// Claims that pass, with `changes` put over them; `null` takes one away.
fn claims(changes: Value) -> Value {
    let mut claims = json!({
        "iss": "souk", "aud": "souk", "sub": "ada", "role": "operator", "exp": in_seconds(100),
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn in_seconds(seconds: i64) -> i64 {
    Clock::default().wall().timestamp() + seconds
}

fn signed(claims: &Value) -> String {
    encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

#[test]
fn each_role_becomes_its_caller() {
    let keys = Keys::hs256();
    let (seller, buyer) = (SellerId::from_uuid(Uuid::now_v7()), BuyerId::from_uuid(Uuid::now_v7()));
    let caller = |role, subject: &str| keys.verify(&keys.token(role, subject)).unwrap();
    assert_eq!(caller(Role::Operator, "ada").key(), "operator:ada");
    assert_eq!(caller(Role::Service, "shop").key(), "service:shop");
    assert_eq!(caller(Role::Seller, &seller.to_string()), Caller::Seller(seller));
    assert_eq!(caller(Role::Buyer, &buyer.to_string()).key(), format!("buyer:{buyer}"));
}

#[test]
fn a_token_lacking_a_claim_or_having_another_value_is_refused() {
    let keys = Keys::hs256();
    assert!(keys.verify(&signed(&claims(json!({})))).is_ok());
    for change in [
        json!({"iss": null}),
        json!({"iss": "else"}),
        json!({"aud": null}),
        json!({"aud": "else"}),
        json!({"exp": null}),
        json!({"exp": "never"}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": "a\nb"}),
        json!({"sub": "x".repeat(129)}),
        json!({"role": null}),
        json!({"role": "admin"}),
        json!({"role": "seller"}),
        json!({"role": "seller", "sub": BuyerId::from_uuid(Uuid::nil()).to_string()}),
    ] {
        assert!(keys.verify(&signed(&claims(change.clone()))).is_err(), "{change}");
    }
}

#[test]
fn a_minute_of_difference_between_clocks_is_allowed() {
    let keys = Keys::hs256();
    let passes = |change: Value| keys.verify(&signed(&claims(change))).is_ok();
    assert!(passes(json!({"exp": in_seconds(-55)})) && !passes(json!({"exp": in_seconds(-61)})));
    assert!(passes(json!({"nbf": in_seconds(55)})) && !passes(json!({"nbf": in_seconds(65)})));
    assert!(passes(json!({"exp": 4_000_000_000.5})));
}

#[test]
fn business_time_does_not_make_tokens_expire() {
    let keys = Keys::hs256();
    let clock = Clock::default();
    clock.set_ahead(86_400 * 30);
    let verifier = TokenVerifier::new(&keys.0, clock).unwrap();
    assert!(verifier.verify(&keys.token(Role::Operator, "ada")).is_ok());
}

#[test]
fn a_token_under_another_secret_or_algorithm_is_refused() {
    let keys = Keys::hs256();
    let other = EncodingKey::from_secret(b"another secret of thirty-two bytes");
    let forged = encode(&Header::new(Algorithm::HS256), &claims(json!({})), &other).unwrap();
    assert!(keys.verify(&forged).is_err());
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let stronger = encode(&Header::new(Algorithm::HS512), &claims(json!({})), &key).unwrap();
    assert!(keys.verify(&stronger).is_err());
    // {"alg":"none"} and no signature.
    let token = signed(&claims(json!({})));
    let payload = token.split('.').nth(1).unwrap();
    assert!(keys.verify(&format!("eyJhbGciOiJub25lIn0.{payload}.")).is_err());
}

#[test]
fn tokens_are_issued_only_for_subjects_that_fit_and_only_with_a_secret() {
    let issuer = TokenIssuer::new(&Keys::hs256().0, Clock::default()).unwrap();
    assert!(matches!(
        issuer.issue(Role::Seller, "ada", TimeDelta::hours(1)),
        Err(IssueError::Subject { role: Role::Seller, .. })
    ));
    let public = Keys::public("");
    assert!(matches!(TokenIssuer::new(&public.0, Clock::default()), Err(IssueError::NoSecret)));
    assert!(TokenVerifier::new(&public.0, Clock::default()).is_err());
}
