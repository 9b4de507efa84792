//! Requests that must be refused, as tables: each with its status and code, and none of them leaving a row.

use std::fmt::Write as _;

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, Person, World};

/// What a caller can make, or make us write. Not what webhooks bring: it may still be arriving.
const WRITTEN: [&str; 10] = [
    "sellers",
    "buyers",
    "listings",
    "commission_rules",
    "orders",
    "order_lines",
    "order_shares",
    "payouts",
    "stripe_requests",
    "idempotency_keys",
];

/// How many rows each table has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rows(Vec<(&'static str, i64)>);

impl Rows {
    pub(crate) async fn of(world: &World) -> Self {
        let mut rows = Vec::new();
        for table in WRITTEN {
            rows.push((table, world.rows(table).await));
        }
        // Stripe may still be telling of a seller.
        let told = "SELECT COUNT(*) AS count FROM events WHERE event_type <> 'seller.updated'";
        rows.push(("events", world.count(told).await));
        Self(rows)
    }
}

/// What is wrong, the body, the status, the code, and the field to blame (empty if there is none).
pub(crate) type Case = (&'static str, Value, u16, &'static str, &'static str);

/// A body that does not fit its schema.
pub(crate) const fn malformed(what: &'static str, body: Value, field: &'static str) -> Case {
    (what, body, 400, "invalid_request", field)
}

/// Sends each body of a table, and tells of all the answers that aren't as they should be at once.
pub(crate) async fn refuses(world: &World, person: &Person<'_>, method: Method, path: &str, cases: &[Case]) {
    let before = Rows::of(world).await;
    let mut wrong = String::new();
    for (what, body, status, code, field) in cases {
        let key = uuid::Uuid::now_v7().to_string();
        let answer = person.call(method.clone(), path, Some(body.to_string()), Some(&key)).await;
        judge(&mut wrong, what, &answer, *status, code, field);
    }
    assert!(wrong.is_empty(), "{method} {path}:\n{wrong}");
    assert_eq!(Rows::of(world).await, before, "{method} {path}: a refused request left rows");
}

/// Reads each path, and tells of all the answers that aren't as they should be at once.
pub(crate) async fn refuses_reads(person: &Person<'_>, cases: &[(&str, u16, &str)]) {
    let mut wrong = String::new();
    for (path, status, code) in cases {
        judge(&mut wrong, path, &person.get(path).await, *status, code, "");
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn judge(wrong: &mut String, what: &str, answer: &Answer, status: u16, code: &str, field: &str) {
    let problem: Value = serde_json::from_slice(&answer.bytes).unwrap_or_default();
    let fields = problem["errors"].as_array().into_iter().flatten();
    let blamed: Vec<&str> = fields.filter_map(|error| error["field"].as_str()).collect();
    let is_problem = answer.headers.get("content-type").is_some_and(|it| it == "application/problem+json")
        && problem["request_id"].as_str().is_some_and(|id| !id.is_empty());
    let as_wanted = answer.status == status
        && problem["code"] == code
        && is_problem
        && (field.is_empty() || blamed.contains(&field));
    if !as_wanted {
        writeln!(wrong, "- {what}: not {status} {code} {field:?} but {} {problem}", answer.status).unwrap();
    }
}

/// Bodies that no route takes, whatever it takes. `good` is one that this route would take.
pub(crate) async fn refuses_ill_formed_bodies(
    world: &World,
    person: &Person<'_>,
    path: &str,
    good: &Value,
    text_field: &str,
) {
    const JSON: Option<&str> = Some("application/json");
    let before = Rows::of(world).await;
    let mut unknown = good.clone();
    unknown["colour"] = json!("blue");
    let mut huge = good.clone();
    huge["colour"] = json!("x".repeat(300 * 1024));
    let lone_surrogate = format!(r#"{{"{text_field}": "\ud800"}}"#);
    let good = good.to_string();
    let gzip_magic: &[u8] = &[0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00];
    let cases = [
        ("not JSON", JSON, b"lines=1".to_vec(), 400, "invalid_json"),
        ("cut off", JSON, good.as_bytes()[..good.len() - 1].to_vec(), 400, "invalid_json"),
        ("two values", JSON, format!("{good}{good}").into_bytes(), 400, "invalid_json"),
        ("not UTF-8", JSON, b"{\"a\": \"\xff\xfe\"}".to_vec(), 400, "invalid_json"),
        ("a lone surrogate", JSON, lone_surrogate.into_bytes(), 400, "invalid_json"),
        ("nested beyond reason", JSON, "[".repeat(100_000).into_bytes(), 400, "invalid_json"),
        ("compressed", JSON, gzip_magic.to_vec(), 400, "invalid_json"),
        ("an array", JSON, format!("[{good}]").into_bytes(), 400, "invalid_request"),
        ("null", JSON, b"null".to_vec(), 400, "invalid_request"),
        ("an unknown field", JSON, unknown.to_string().into_bytes(), 400, "invalid_request"),
        ("huge", JSON, huge.to_string().into_bytes(), 413, "body_too_large"),
        ("a form", Some("application/x-www-form-urlencoded"), b"a=b".to_vec(), 415, "unsupported_media_type"),
        ("text", Some("text/plain"), good.clone().into_bytes(), 415, "unsupported_media_type"),
        ("of no type", None, good.clone().into_bytes(), 415, "unsupported_media_type"),
    ];
    let mut wrong = String::new();
    for (what, content_type, body, status, code) in cases {
        let request = person.request(Method::POST, path).header("Idempotency-Key", what).body(body);
        let request = match content_type {
            Some(content_type) => request.header("Content-Type", content_type),
            None => request,
        };
        let field = if what == "an unknown field" { "colour" } else { "" };
        judge(&mut wrong, what, &Answer::of(request).await, status, code, field);
    }
    assert!(wrong.is_empty(), "POST {path}:\n{wrong}");
    assert_eq!(Rows::of(world).await, before, "POST {path}: a refused request left rows");
}

/// Keys that no route takes, and what becomes of one that is used again. `good` and `other` are bodies that the
/// route takes from each of two callers.
pub(crate) async fn keeps_idempotency_keys(
    world: &World,
    path: &str,
    [one, two]: [&Person<'_>; 2],
    [good, other]: [&Value; 2],
) {
    // 1. What isn't a key.
    let before = Rows::of(world).await;
    let (body, too_long) = (good.to_string(), "k".repeat(256));
    for key in ["", too_long.as_str(), "schlüssel", "a\tb"] {
        let request = one.request(Method::POST, path).header("Content-Type", "application/json");
        let request = request.header("Idempotency-Key", key.as_bytes()).body(body.clone());
        Answer::of(request).await.is_problem(400, "idempotency_key_invalid");
    }
    assert_eq!(Rows::of(world).await, before, "a refused key left rows");
    // 2. The same key and body: the same bytes. Another body: refused.
    let longest = "k".repeat(255);
    let first = one.post_with_key(path, good, &longest).await;
    assert!(!first.is_replayed(), "{first:?}");
    let once = Rows::of(world).await;
    let again = one.post_with_key(path, good, &longest).await;
    assert_eq!((again.status, &again.bytes), (first.status, &first.bytes));
    assert!(again.is_replayed(), "{again:?}");
    one.post_with_key(path, other, &longest).await.is_problem(422, "idempotency_key_reused");
    assert_eq!(Rows::of(world).await, once, "POST {path}: what was asked again was done again");
    // 3. Another caller's key is another key.
    let theirs = two.post_with_key(path, other, &longest).await;
    assert!(!theirs.is_replayed(), "{theirs:?}");
    assert_ne!(theirs.bytes, first.bytes);
}
