//! `expand[]`: an id in an answer becomes the object it stands for.

use super::error::StripeError;
use crate::{json::Value, resources, store::Tables};

/// The deepest path that Stripe follows.
const DEEPEST: usize = 4;

/// Fields that hold an id and cannot be expanded.
const PLAIN: &[(&str, &str)] = &[("charge", "payment_method"), ("refund", "id"), ("application_fee", "id")];

/// Fields that an object has only at times. Stripe judges a path by the type: where the field is not there, there is
/// nothing to show, and that is no error.
const AT_TIMES: &[(&str, &str)] = &[
    ("account", "company"),
    ("account", "individual"),
    ("bank_account", "account"),
    ("bank_account", "customer"),
    ("card", "account"),
    ("card", "customer"),
    ("charge", "transfer"),
    ("checkout.session", "line_items"),
    ("customer", "test_clock"),
    ("payment_method", "card"),
    ("payment_method", "sepa_debit"),
    ("person", "verification"),
    ("radar.early_fraud_warning", "payment_intent"),
    ("refund", "failure_balance_transaction"),
    ("review", "payment_intent"),
    ("topup", "payment_method"),
    ("transfer", "destination_payment"),
];

/// Fields that hold objects of several types; what follows them in a path may be a field of another one.
const OF_MANY_TYPES: &[&str] = &["destination", "latest_attempt", "source"];

/// Follows every path of `expand[]`.
pub(crate) fn expand(tables: &Tables, answer: &mut Value, paths: &[String]) -> Result<(), StripeError> {
    for path in paths {
        let parts: Vec<&str> = path.split('.').collect();
        if parts.len() > DEEPEST {
            let message = format!("You cannot expand more than {DEEPEST} levels of a property: {path}");
            return Err(StripeError::invalid(message, "expand"));
        }
        follow(tables, answer, &parts, "", path)?;
    }
    Ok(())
}

/// Follows what is left of a path into the value of the field `above`.
fn follow(
    tables: &Tables,
    value: &mut Value,
    parts: &[&str],
    above: &str,
    path: &str,
) -> Result<(), StripeError> {
    let [part, rest @ ..] = parts else { return Ok(()) };
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| follow(tables, item, parts, above, path)),
        Value::Object(fields) => {
            let kind = fields.get("object").and_then(Value::as_str).unwrap_or_default().to_owned();
            if !fields.contains_key(part) {
                let id = fields.get("id").and_then(Value::as_str).unwrap_or_default();
                match resources::includable(tables, &kind, id, part) {
                    Some(included) => drop(fields.insert((*part).to_owned(), included)),
                    None if is_absent(&kind, part, above) => return Ok(()),
                    None => return Err(not_expandable(path)),
                }
            }
            let Some(field) = fields.get_mut(part) else { return Ok(()) };
            if let Value::String(id) = field {
                if *part == "id" || PLAIN.contains(&(kind.as_str(), part)) {
                    return if OF_MANY_TYPES.contains(&above) { Ok(()) } else { Err(not_expandable(path)) };
                }
                *field = resources::render_by_id(tables, id).ok_or_else(|| not_expandable(path))?;
            } else if matches!(field, Value::Bool(_) | Value::Number(_)) {
                return Err(not_expandable(path));
            }
            follow(tables, field, rest, part, path)
        }
        // What is null has nothing to show.
        _ => Ok(()),
    }
}

/// Whether a field that is not there could have been; a hash that is no object has no type to tell.
fn is_absent(kind: &str, part: &str, above: &str) -> bool {
    kind.is_empty() || AT_TIMES.contains(&(kind, part)) || OF_MANY_TYPES.contains(&above)
}

fn not_expandable(path: &str) -> StripeError {
    let message = format!(
        "This property cannot be expanded ({path}). You may want to try expanding a different property, or removing \
         it from expand."
    );
    StripeError::invalid(message, "expand")
}
