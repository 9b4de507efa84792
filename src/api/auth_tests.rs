//! Tokens that must pass and tokens that must not.

use serde_json::{Value, json};
use souk_entity::{BuyerId, SellerId};
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
            stripe_budget_s: 10,
            oversight: crate::config::OversightSettings::OFF,
            stripe_calls: crate::config::StripeCallSettings::default(),
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
            event_retention_days: 90,
            commission_bps: 0,
            checkout: crate::config::CheckoutSettings::default(),
        };
        let (config, _) = settings.check().unwrap();
        Self(Config { token_key, ..config })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0
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

#[test]
fn the_kind_of_the_public_key_decides_the_algorithm() {
    for (pem, token) in [RS256, ES256, EDDSA] {
        assert_eq!(Keys::public(pem).verify(token).unwrap().key(), "operator:ada");
        let on_one_line = pem.replace('\n', "\\n");
        assert!(Keys::public(&on_one_line).verify(token).is_ok());
        let others = [RS256, ES256, EDDSA].into_iter().filter(|(_, other)| *other != token);
        assert!(others.into_iter().all(|(_, other)| Keys::public(pem).verify(other).is_err()));
    }
}

#[test]
fn a_public_key_is_never_taken_for_a_shared_secret() {
    for (pem, _) in [RS256, ES256, EDDSA] {
        let secret = EncodingKey::from_secret(pem.as_bytes());
        let forged = encode(&Header::new(Algorithm::HS256), &claims(json!({})), &secret).unwrap();
        assert!(Keys::public(pem).verify(&forged).is_err());
    }
}

#[test]
fn a_key_that_checks_nothing_we_accept_stops_the_start() {
    let private = ES256.0.replace("PUBLIC", "PRIVATE");
    for pem in [P384, private.as_str(), "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
        assert!(TokenVerifier::new(&Keys::public(pem).0, Clock::default()).is_err(), "{pem}");
    }
}

// Public keys with a token each, good until 2100. The private keys were thrown away.
const RS256: (&str, &str) = (
    "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0VC6UFcSwKMGhBQNR82m
/F9L+2pbvtkv6KIxmNj46RHq4cWFHJg5xwX/9jyz/NfcU9RqO/T7izvFr2Gvvq5b
ZRxizShmQQkksw4X2lovfieR1Sj0RvfV+kxj50F4MHSPmWx7FufFEtgtZ0ULaQ3C
29mbvr4cJ2pLhckIhnMD5HjP35dj+d5W8w/YLCQNgLzkpMAVaCZ2ILINbJ30Z0kX
EiG1wcl9u9xW3rw3tceD/OlsKPcr4H0hwcyRVwYN6qJOM+c4UilgnA1Prh3jXiEf
8rfJYpfZNxUVp2rexi2w+ZAYinD2ZUTLvUKd0ZxbR5y6eNKl85Dn8RLR/7771Ymd
9QIDAQAB
-----END PUBLIC KEY-----
",
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzb3VrIiwiYXVkIjoic291ayIsInN1YiI6ImFkYSIsI\
     nJvbGUiOiJvcGVyYXRvciIsImV4cCI6NDEwMjQ0NDgwMH0.O7REf310qX8rxLiL_jBQRwTfDcd5LTCiRzd06A9Zdne\
     FNnk3bn7M6p_ViUAeRl87n9Ci1JtoSTEzEAvVmxEHA4dOWIrfhPqX-zPwbtz5vys_nKF-g5-L8gWlNfzUwgykb5efB\
     ObPmSfOK56vVUHy_Smc7ss_epAkhacyasncR6aL16kAtCJN7d9UcoztMHLcf0oEdbrMrwG-mpQLEnXiCULGALLQopq\
     iwcjDjbKc_fSKji6GQma-lTrbHM1XWhcD-d7iLWltckYlKnRkVwooG-tX-HxhhNEZTMDJsQQv0QhvY5clAxFvkAhpt\
     iqEsgG7PldoO4Pu0vzN3qXV1Lhjfg",
);
const ES256: (&str, &str) = (
    "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAECo+wd9Hs7s8zGtsEbwyq+hH7Na7D
6/nIWNtCK5U9IXw4D+6+cibWwJTA4ATEmwGTymCFtPNlQNfcF9iuEY+EqQ==
-----END PUBLIC KEY-----
",
    "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzb3VrIiwiYXVkIjoic291ayIsInN1YiI6ImFkYSIsI\
     nJvbGUiOiJvcGVyYXRvciIsImV4cCI6NDEwMjQ0NDgwMH0.FBEc-7YCjKyHHIRVPZEwu_Kb6x1uFvjMWgNftZ88YB7\
     adULaGR4dn7tq7TDu6KBETGTNRxaPc06bHMvh00bTEA",
);
const EDDSA: (&str, &str) = (
    "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAdWB/wbCwXgcevIs4eMkqclLFT6hFegW1VIn7wJ6/cQ8=
-----END PUBLIC KEY-----
",
    "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzb3VrIiwiYXVkIjoic291ayIsInN1YiI6ImFkYSIsI\
     nJvbGUiOiJvcGVyYXRvciIsImV4cCI6NDEwMjQ0NDgwMH0.l1hy2AbsZVDywTZPTwLPnPco_mW4A47oakigtSzmOAe\
     RtHAqSe1BzNf0LMCF92fnSZDSl6-bNlGjSNUzm0fbAQ",
);
const P384: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEnwYWodeIfsoGpmqfY6oerBwGSONfiDK+
GTllZ7o5NF4qcoB+WoOwjjdQVXjgbr0aMe8IYRJjeexZAvsBGmANwxou1AKOa26k
U/x+MN5EelNknp/v7GkzX4XqlrOs97cC
-----END PUBLIC KEY-----
";
