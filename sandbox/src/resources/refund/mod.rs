//! Refunds: money goes back to the card (`re_`), or a reversed transfer leaves the seller (`pyr_`).

mod create;
mod pay;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use self::pay::retry;
use super::{transfer::Transfer, transfer_reversal::TransferReversal};
use crate::{
    money::Currency,
    protocol::{
        call::{Answer, Call},
        list::{Page, Range, embedded},
        params::Metadata,
        route::Route,
    },
    store::{Record, Tables},
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/refunds", list),
    Route::post("/v1/refunds", create::create),
    Route::get("/v1/refunds/{id}", retrieve),
    Route::post("/v1/refunds/{id}", update),
];

/// What a share of something is given back for.
pub(crate) enum RefundOf {
    /// A part of the charge.
    Part,
    /// All that was left of the charge.
    WholeRest,
    /// A transfer that was reversed.
    Transfer,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) charge: String,
    pub(crate) payment_intent: Option<String>,
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    /// It waits until its account has the money.
    pub(crate) pending: bool,
    pub(crate) reason: Option<String>,
    pub(crate) balance_transaction: Option<String>,
    pub(crate) transfer_reversal: Option<String>,
    pub(crate) source_transfer_reversal: Option<String>,
    /// The card that it went back to.
    pub(crate) payment_method: Option<String>,
    pub(crate) customer: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) created: i64,
}

impl Record for Refund {
    const NOUN: &'static str = "refund";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.account
    }

    fn keys(&self) -> Vec<String> {
        let mut keys = vec![self.charge.clone()];
        keys.extend(self.payment_intent.clone());
        keys
    }
}

impl Refund {
    pub(crate) fn render(&self, _: &Tables) -> Value {
        let mut refund = json!({
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "balance_transaction": self.balance_transaction,
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "customer_account": null,
            "metadata": self.metadata,
            "payment_intent": self.payment_intent,
            "payment_method": self.payment_method,
            "reason": self.reason,
            "receipt_number": null,
            "source_transfer_reversal": self.source_transfer_reversal,
            "status": if self.pending { "pending" } else { "succeeded" },
            "transfer_reversal": self.transfer_reversal,
        });
        if self.pending {
            refund["pending_reason"] = json!("insufficient_funds");
        } else if self.payment_method.is_some() {
            let card = json!({ "reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund" });
            refund["destination_details"] = json!({ "card": card, "type": "card" });
        }
        refund
    }

    /// What a reversal looks like to the seller.
    pub(crate) fn of_reversal(
        id: String,
        transfer: &Transfer,
        reversal: &TransferReversal,
        transaction: Option<String>,
    ) -> Self {
        Self {
            id,
            account: transfer.destination.clone(),
            charge: transfer.destination_payment.clone(),
            payment_intent: None,
            amount: reversal.amount,
            currency: transfer.currency,
            pending: false,
            reason: None,
            balance_transaction: transaction,
            transfer_reversal: None,
            source_transfer_reversal: Some(reversal.id.clone()),
            payment_method: None,
            customer: None,
            metadata: Metadata::new(),
            created: reversal.created,
        }
    }
}

/// The list of refunds inside of a charge.
pub(crate) fn of_charge(tables: &Tables, charge: &str) -> Value {
    let refunds = tables.list::<Refund>(charge).rev().map(|refund| refund.render(tables)).collect();
    embedded(format!("/v1/charges/{charge}/refunds"), refunds)
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let refund = call.owned::<Refund>(&call.arg(0))?;
    Ok(refund.render(call.tx.tables))
}

fn update(call: &mut Call<'_, '_>) -> Answer {
    let mut refund = call.owned::<Refund>(&call.arg(0))?;
    let before = refund.render(call.tx.tables);
    call.params.metadata(&mut refund.metadata)?;
    call.finish()?;
    call.tx.put(refund.clone());
    let after = refund.render(call.tx.tables);
    call.tx.emit_change(&refund.account, "refund.updated", &before, &after);
    Ok(after)
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let created = Range::read(&mut call.params, "created")?;
    let charge = call.params.text("charge")?;
    let intent = call.params.text("payment_intent")?;
    let page = Page::read(&mut call.params)?;
    let scope = call.scope.clone();
    // Stripe's list holds what went to buyers; what mirrors a reversal is found by its payment.
    let key = charge.clone().or_else(|| intent.clone()).unwrap_or_else(|| scope.clone());
    page.of::<Refund>(
        call,
        &key,
        |refund| {
            refund.account == scope
                && created.holds(refund.created)
                && (charge.is_some() || refund.source_transfer_reversal.is_none())
                && (intent.is_none() || intent == refund.payment_intent)
        },
        |tables, refund| refund.render(tables),
    )
}
