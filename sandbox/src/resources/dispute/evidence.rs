//! The evidence against a dispute: texts, files, and what card networks accept besides.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{enhanced, progress::Outcome};
use crate::{
    json::{Map, Value, json},
    protocol::{
        call::Call,
        error::StripeError,
        params::{Change, Params},
    },
    resources::file,
};

const TEXTS: &[&str] = &[
    "access_activity_log",
    "billing_address",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_tracking_number",
    "uncategorized_text",
];

/// Fields that hold the id of a file.
const FILES: &[&str] = &[
    "cancellation_policy",
    "customer_communication",
    "customer_signature",
    "duplicate_charge_documentation",
    "receipt",
    "refund_policy",
    "service_documentation",
    "shipping_documentation",
    "uncategorized_file",
];

/// How many characters all fields may have together.
/// Source: <https://docs.stripe.com/api/disputes/update#update_dispute-evidence>.
const LONGEST: usize = 150_000;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Evidence {
    given: BTreeMap<String, String>,
    /// As it is shown; its forms are the networks'.
    enhanced: Option<Value>,
}

impl Evidence {
    pub(super) fn is_empty(&self) -> bool {
        self.given.is_empty() && self.enhanced.is_none()
    }

    pub(super) fn enhanced(&self) -> Option<&Value> {
        self.enhanced.as_ref()
    }

    /// Takes in what a request says; an empty text removes what there was.
    pub(super) fn merge(&mut self, call: &Call<'_, '_>, hash: &mut Params) -> Result<(), StripeError> {
        for name in TEXTS.iter().chain(FILES) {
            let param = hash.name_of(name);
            match hash.change(name)? {
                Change::Keep => {}
                Change::Unset => drop(self.given.remove(*name)),
                Change::Set(id) if FILES.contains(name) => {
                    file::check_evidence(call, &id, &param)?;
                    self.given.insert((*name).to_owned(), id);
                }
                Change::Set(text) => drop(self.given.insert((*name).to_owned(), text)),
            }
        }
        if hash.has("enhanced_evidence") {
            self.enhanced = match hash.hash("enhanced_evidence")? {
                Some(mut enhanced) => Some(enhanced::read(&mut enhanced)?),
                None => None,
            };
        }
        Ok(())
    }

    pub(super) fn check_length(&self) -> Result<(), StripeError> {
        if self.given.values().map(|text| text.chars().count()).sum::<usize>() <= LONGEST {
            return Ok(());
        }
        let message = format!("The combined length of all evidence must be {LONGEST} characters or less.");
        Err(StripeError::invalid(message, "evidence"))
    }

    /// Stripe's magic texts decide a dispute of the test mode.
    /// Source: <https://docs.stripe.com/testing#evidence>.
    pub(super) fn forced_outcome(&self) -> Option<Outcome> {
        match self.given.get("uncategorized_text").map(String::as_str) {
            Some("winning_evidence") => Some(Outcome::Won),
            Some("losing_evidence") => Some(Outcome::Lost),
            Some("escalate_inquiry_evidence") => Some(Outcome::Escalated),
            _ => None,
        }
    }

    /// The text that decided once does not decide again.
    pub(super) fn forget_outcome(&mut self) {
        if self.forced_outcome() == Some(Outcome::Escalated) {
            self.given.remove("uncategorized_text");
        }
    }

    pub(super) fn render(&self) -> Value {
        let field = |name: &&str| ((*name).to_owned(), json!(self.given.get(*name)));
        let mut all: Map = TEXTS.iter().chain(FILES).map(field).collect();
        all.insert("enhanced_evidence", self.enhanced.clone().unwrap_or_else(|| json!({})));
        Value::Object(all)
    }
}
