//! What an answer looks like: the whole of it, with ids and times by their kind.

use chrono::DateTime;
use serde_json::Value;

/// The same value with `<seller>` for each id of a seller, `<acct>` for each account of Stripe's, `<time>` for
/// each time, and so on.
pub(crate) fn shape(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(kind(text)),
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect::<serde_json::Map<_, _>>()
        }
        .into(),
        other => other.clone(),
    }
}

/// Kinds of ids of Stripe's.
const STRIPES: [&str; 8] = ["acct", "ch", "pi", "po", "py", "tr", "txn", "fee"];

fn kind(text: &str) -> String {
    if DateTime::parse_from_rfc3339(text).is_ok() {
        return "<time>".to_owned();
    }
    match text.split_once('_') {
        Some(("pi", rest)) if rest.contains("_secret_") => "<client secret>".to_owned(),
        Some((kind, _)) if STRIPES.contains(&kind) => format!("<{kind}>"),
        Some((kind, rest)) if rest.len() == 26 => format!("<{kind}>"),
        _ => text.to_owned(),
    }
}
