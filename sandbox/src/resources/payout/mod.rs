//! Payouts: from a balance to a bank. They take days, and some banks send the money back.

mod automatic;
mod create;
mod progress;
mod reverse;

use serde::{Deserialize, Serialize};

use self::progress::book;
pub(crate) use self::{
    automatic::{debit, run, schedule},
    progress::{fail, move_on},
};
use super::{balance_transaction::Kind, external_account::ExternalAccount};
use crate::{
    config::DAY_MS,
    json::{Value, json},
    money::Currency,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        list::{Page, Range},
        params::Metadata,
        route::Route,
    },
    store::{Record, Tables},
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/payouts", list),
    Route::post("/v1/payouts", create::create),
    Route::get("/v1/payouts/{id}", retrieve),
    Route::post("/v1/payouts/{id}", update),
    Route::post("/v1/payouts/{id}/cancel", cancel),
    Route::post("/v1/payouts/{id}/reverse", reverse::reverse),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Pending,
    InTransit,
    Paid,
    Failed,
    Canceled,
}

crate::json::as_serde!(Status);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Payout {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    pub(crate) status: Status,
    pub(crate) instant: bool,
    pub(crate) automatic: bool,
    pub(crate) destination: Option<String>,
    pub(crate) balance_transaction: Option<String>,
    pub(crate) failure_balance_transaction: Option<String>,
    pub(crate) failure_code: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) statement_descriptor: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) created_ms: i64,
    pub(crate) arrival_ms: i64,
    /// `card`, `bank_account` or `fpx`: which part of the balance it came from.
    #[serde(default)]
    pub(crate) source_type: Option<String>,
    /// The payout that it takes back.
    #[serde(default)]
    pub(crate) original: Option<String>,
    /// The payout that takes it back.
    #[serde(default)]
    pub(crate) reversed_by: Option<String>,
}

impl Record for Payout {
    const NOUN: &'static str = "payout";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.account
    }

    fn due_ms(&self) -> Option<i64> {
        match self.status {
            // It leaves half-way, a day after it was made at the latest; until then it can be canceled.
            Status::Pending => Some(self.created_ms + ((self.arrival_ms - self.created_ms) / 2).min(DAY_MS)),
            Status::InTransit => Some(self.arrival_ms),
            Status::Paid | Status::Failed | Status::Canceled => None,
        }
    }
}

impl Payout {
    pub(crate) fn render(&self, tables: &Tables) -> Value {
        let destination = self.destination.as_deref().and_then(|id| tables.get::<ExternalAccount>(id));
        let to_card = destination.is_some_and(|found| found.card.is_some());
        json!({
            "id": self.id,
            "object": "payout",
            "amount": self.amount,
            "application_fee": null,
            "application_fee_amount": null,
            "arrival_date": self.arrival_ms.div_euclid(1000),
            "automatic": self.automatic,
            "balance_transaction": self.balance_transaction,
            "created": self.created_ms.div_euclid(1000),
            "currency": self.currency,
            "description": self.description,
            "destination": self.destination,
            "failure_balance_transaction": self.failure_balance_transaction,
            "failure_code": self.failure_code,
            "failure_message": self.failure_code.as_deref().map(failure_message),
            "livemode": false,
            "metadata": self.metadata,
            "method": if self.instant { "instant" } else { "standard" },
            "original_payout": self.original,
            "payout_method": null,
            "reconciliation_status": if self.automatic { "completed" } else { "not_applicable" },
            "reversed_by": self.reversed_by,
            "source_type": self.source_type.as_deref().unwrap_or("card"),
            "statement_descriptor": self.statement_descriptor,
            "status": self.status,
            "trace_id": match self.status {
                Status::Paid => json!({ "status": "supported", "value": self.id }),
                _ => json!({ "status": "pending", "value": null }),
            },
            "type": if to_card { "card" } else { "bank_account" },
        })
    }
}

fn failure_message(code: &str) -> &'static str {
    match code {
        "no_account" => {
            "The bank account details on file are probably incorrect. No bank account could be located with those details."
        }
        "could_not_process" => "The bank could not process this payout.",
        "account_closed" => "The bank account has been closed.",
        "insufficient_funds" => "Your Stripe account has insufficient funds to cover the payout.",
        "debit_not_authorized" => "Debit transactions are not approved on your bank account.",
        "invalid_currency" => "The bank was unable to process this payout because of its currency.",
        _ => "The bank returned the payout.",
    }
}

fn cancel(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let payout = call.owned::<Payout>(&call.arg(0))?;
    if payout.status != Status::Pending || payout.automatic || payout.original.is_some() {
        let message = "Payouts can only be canceled while they are pending, and automatic ones and reversals cannot be.";
        return Err(StripeError::refused("payout_not_cancelable", message));
    }
    let returned = book(call.tx, &payout, Kind::PayoutCancel)?;
    let canceled = Payout { status: Status::Canceled, failure_balance_transaction: Some(returned), ..payout };
    call.tx.put(canceled.clone());
    let object = canceled.render(call.tx.tables);
    call.tx.emit(&canceled.account, "payout.canceled", &object);
    Ok(object)
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let payout = call.owned::<Payout>(&call.arg(0))?;
    Ok(payout.render(call.tx.tables))
}

fn update(call: &mut Call<'_, '_>) -> Answer {
    let mut payout = call.owned::<Payout>(&call.arg(0))?;
    let before = payout.render(call.tx.tables);
    call.params.metadata(&mut payout.metadata)?;
    call.finish()?;
    call.tx.put(payout.clone());
    let after = payout.render(call.tx.tables);
    call.tx.emit_change(&payout.account, "payout.updated", &before, &after);
    Ok(after)
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let created = Range::read(&mut call.params, "created")?;
    let arrival = Range::read(&mut call.params, "arrival_date")?;
    let destination = call.params.text("destination")?;
    let status = call.params.choice("status", &["canceled", "failed", "in_transit", "paid", "pending"])?;
    let page = Page::read(&mut call.params)?;
    let scope = call.scope.clone();
    page.of::<Payout>(
        call,
        &scope,
        |payout| {
            created.holds(payout.created_ms.div_euclid(1000))
                && arrival.holds(payout.arrival_ms.div_euclid(1000))
                && (destination.is_none() || destination == payout.destination)
                && status.as_deref().is_none_or(|status| json!(payout.status).as_str() == Some(status))
        },
        |tables, payout| payout.render(tables),
    )
}
