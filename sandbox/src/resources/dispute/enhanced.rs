//! Evidence in the forms of the card networks: Visa's Compelling Evidence 3.0, and compliance disputes.

use crate::{
    json::{Map, Value, json},
    protocol::{error::StripeError, params::Params},
    resources::address::Address,
};

/// What identifies a buyer, in a disputed payment as in those before it.
const IDENTIFIERS: &[&str] = &[
    "customer_account_id",
    "customer_device_fingerprint",
    "customer_device_id",
    "customer_email_address",
    "customer_purchase_ip",
    "product_description",
];

/// Visa wants two payments of before that nobody disputed.
const PRIOR_PAYMENTS: usize = 2;

/// Reads `enhanced_evidence` into what is shown.
pub(super) fn read(params: &mut Params) -> Result<Value, StripeError> {
    let mut evidence = Map::new();
    for network in ["mastercard_compliance", "visa_compliance"] {
        if let Some(mut hash) = params.hash(network)? {
            let acknowledged = hash.boolean("fee_acknowledged")?.unwrap_or(false);
            hash.finish()?;
            evidence.insert(network, json!({ "fee_acknowledged": acknowledged }));
        }
    }
    if let Some(mut hash) = params.hash("visa_compelling_evidence_3")? {
        let disputed = match hash.hash("disputed_transaction")? {
            Some(mut hash) => {
                let kind = hash.choice("merchandise_or_services", &["merchandise", "services"])?;
                let mut shown = payment(&mut hash)?;
                shown.insert("merchandise_or_services", json!(kind));
                hash.finish()?;
                Value::Object(shown)
            }
            None => Value::Null,
        };
        let prior = prior_payments(&mut hash)?;
        hash.finish()?;
        evidence.insert(
            "visa_compelling_evidence_3",
            json!({ "disputed_transaction": disputed, "prior_undisputed_transactions": prior }),
        );
    }
    std::mem::take(params).finish()?;
    Ok(Value::Object(evidence))
}

fn prior_payments(params: &mut Params) -> Result<Vec<Value>, StripeError> {
    let mut prior = Vec::new();
    for mut hash in params.hashes("prior_undisputed_transactions")?.unwrap_or_default() {
        let charge = hash.required("charge")?;
        let mut shown = payment(&mut hash)?;
        shown.insert("charge", json!(charge));
        hash.finish()?;
        prior.push(Value::Object(shown));
    }
    Ok(prior)
}

fn payment(hash: &mut Params) -> Result<Map, StripeError> {
    let mut shown = Map::new();
    for name in IDENTIFIERS {
        shown.insert(*name, json!(hash.text(name)?));
    }
    shown.insert("shipping_address", json!(Address::read(hash, "shipping_address")?));
    Ok(shown)
}

/// How far a dispute is on each way in which it may be answered.
pub(super) fn eligibility(ways: &[String], evidence: Option<&Value>) -> Value {
    let none = Value::Null;
    let evidence = evidence.unwrap_or(&none);
    let state = |way: &String| {
        let given = &evidence[way.as_str()];
        let shown = if way == "visa_compelling_evidence_3" {
            let missing = missing(given);
            let status = if missing.is_empty() { "qualified" } else { "requires_action" };
            json!({ "required_actions": missing, "status": status })
        } else if given["fee_acknowledged"] == Value::Bool(true) {
            json!({ "status": "fee_acknowledged" })
        } else {
            json!({ "status": "requires_fee_acknowledgement" })
        };
        (way.clone(), shown)
    };
    Value::Object(ways.iter().map(state).collect())
}

/// What Visa still wants to know.
fn missing(given: &Value) -> Vec<&'static str> {
    let disputed = &given["disputed_transaction"];
    let prior = given["prior_undisputed_transactions"].as_array().map_or(&[][..], Vec::as_slice);
    let identifies = |payment: &Value| {
        IDENTIFIERS.iter().any(|name| name.starts_with("customer_") && payment[name].is_string())
    };
    let checks = [
        (!identifies(disputed) || !prior.iter().all(identifies), "missing_customer_identifiers"),
        (disputed["product_description"].is_null(), "missing_disputed_transaction_description"),
        (disputed["merchandise_or_services"].is_null(), "missing_merchandise_or_services"),
        (
            prior.iter().any(|payment| payment["product_description"].is_null()),
            "missing_prior_undisputed_transaction_description",
        ),
        (prior.len() < PRIOR_PAYMENTS, "missing_prior_undisputed_transactions"),
    ];
    checks.into_iter().filter(|(missing, _)| *missing).map(|(_, what)| what).collect()
}
