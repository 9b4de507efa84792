//! Reviews: a payment that somebody should look at.

use serde::{Deserialize, Serialize};

use super::charge::Charge;
use crate::{
    json::{Value, json},
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        list::{Page, Range},
        route::Route,
    },
    store::{Record, Tables, Tx},
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/reviews", list),
    Route::get("/v1/reviews/{id}", retrieve),
    Route::post("/v1/reviews/{id}/approve", approve),
];

/// What put a payment into the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Opened {
    #[serde(rename = "manual")]
    ByHand,
    #[serde(rename = "rule")]
    ByRule,
}

crate::json::as_serde!(Opened);

/// What took it out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Closed {
    Approved,
    Disputed,
    Refunded,
    RefundedAsFraud,
}

crate::json::as_serde!(Closed);

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Review {
    id: String,
    account: String,
    charge: String,
    payment_intent: Option<String>,
    billing_zip: Option<String>,
    opened: Opened,
    closed: Option<Closed>,
    created: i64,
}

impl Record for Review {
    const NOUN: &'static str = "review";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.account
    }

    /// Stripe's list holds those that are open.
    fn keys(&self) -> Vec<String> {
        let mut keys = vec![self.charge.clone()];
        keys.extend(self.closed.is_none().then(|| queue_of(&self.account)));
        keys
    }
}

fn queue_of(account: &str) -> String {
    format!("open {account}")
}

impl Review {
    pub(crate) fn render(&self, _: &Tables) -> Value {
        // The reason is why it is as it is now: why it was opened, then why it was closed.
        let reason = self.closed.map_or_else(|| json!(self.opened), |closed| json!(closed));
        let mut review = json!({
            "id": self.id,
            "object": "review",
            "billing_zip": self.billing_zip,
            "charge": self.charge,
            "closed_reason": self.closed,
            "created": self.created,
            "ip_address": null,
            "ip_address_location": null,
            "livemode": false,
            "open": self.closed.is_none(),
            "opened_reason": self.opened,
            "reason": reason,
            "session": null,
        });
        if let Some(intent) = &self.payment_intent {
            review["payment_intent"] = json!(intent);
        }
        review
    }
}

/// Puts a payment into the queue; one that stands there already is not put there again.
pub(crate) fn open(tx: &mut Tx<'_>, charge: &Charge, opened: Opened) -> Value {
    if let Some(found) = open_review(tx.tables, &charge.id) {
        return found.render(tx.tables);
    }
    let billing = charge.render(tx.tables)["billing_details"]["address"]["postal_code"].clone();
    let review = Review {
        id: tx.new_id("prv"),
        account: charge.account.clone(),
        charge: charge.id.clone(),
        payment_intent: charge.payment_intent.clone(),
        billing_zip: billing.as_str().map(str::to_owned),
        opened,
        closed: None,
        created: tx.now(),
    };
    let object = review.render(tx.tables);
    tx.put(review);
    tx.emit(&charge.account, "review.opened", &object);
    object
}

/// Takes the payment out of the queue, if it stands there.
pub(crate) fn close(tx: &mut Tx<'_>, charge: &str, why: Closed) {
    if let Some(review) = open_review(tx.tables, charge).cloned() {
        finish(tx, review, why);
    }
}

fn finish(tx: &mut Tx<'_>, review: Review, why: Closed) -> Value {
    let review = Review { closed: Some(why), ..review };
    let object = review.render(tx.tables);
    tx.emit(&review.account, "review.closed", &object);
    tx.put(review);
    object
}

fn open_review<'a>(tables: &'a Tables, charge: &str) -> Option<&'a Review> {
    tables.list::<Review>(charge).find(|found| found.closed.is_none())
}

/// The id of the last review of a charge, open or closed.
pub(crate) fn of_charge(tables: &Tables, charge: &str) -> Option<String> {
    tables.list::<Review>(charge).next_back().map(|found| found.id.clone())
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let review = call.owned::<Review>(&call.arg(0))?;
    Ok(review.render(call.tx.tables))
}

fn approve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let review = call.owned::<Review>(&call.arg(0))?;
    if review.closed.is_some() {
        return Err(StripeError::invalid("This review has already been closed.", "review"));
    }
    Ok(finish(call.tx, review, Closed::Approved))
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let created = Range::read(&mut call.params, "created")?;
    let page = Page::read(&mut call.params)?;
    let key = queue_of(&call.scope);
    page.of::<Review>(call, &key, |found| created.holds(found.created), |tables, found| found.render(tables))
}
