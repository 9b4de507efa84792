//! Refunds: money goes back to the card (`re_`) or the bank (`pyr_`), or a reversed transfer leaves the seller (`pyr_`).

mod cancel;
mod create;
mod progress;
mod render;

use serde::{Deserialize, Serialize};

pub(crate) use self::progress::{fail, move_on, require_action};
use super::{transfer::Transfer, transfer_reversal::TransferReversal};
use crate::{
    json::Value,
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
    Route::post("/v1/refunds/{id}/cancel", cancel::cancel),
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

/// How far a refund is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// It waits until its account has the money; none has moved.
    ShortOfFunds,
    /// It is under way to the buyer.
    Processing,
    /// The buyer must say where the money should go.
    RequiresAction,
    #[default]
    Succeeded,
    Failed,
    Canceled,
}

crate::json::as_serde!(Status);

/// Why a refund came back. Source: <https://docs.stripe.com/refunds#failed-refunds>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailureReason {
    ChargeForPendingRefundDisputed,
    Declined,
    #[default]
    ExpiredOrCanceledCard,
    InsufficientFunds,
    LostOrStolenCard,
    MerchantRequest,
    Unknown,
}

crate::json::as_serde!(FailureReason);

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) charge: String,
    pub(crate) payment_intent: Option<String>,
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    #[serde(default)]
    pub(crate) status: Status,
    /// Where the buyer was told to say where the money should go, and when, in seconds since 1970.
    #[serde(default)]
    pub(crate) instructions_email: Option<String>,
    #[serde(default)]
    pub(crate) instructed_at: Option<i64>,
    #[serde(default)]
    pub(crate) failure_reason: Option<FailureReason>,
    /// What gave the money back to the account.
    #[serde(default)]
    pub(crate) failure_balance_transaction: Option<String>,
    /// What the buyer's bank finds it by; known after some days.
    #[serde(default)]
    pub(crate) reference: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) balance_transaction: Option<String>,
    pub(crate) transfer_reversal: Option<String>,
    pub(crate) source_transfer_reversal: Option<String>,
    /// It goes back to a card, whose network gives it a reference.
    #[serde(default)]
    pub(crate) to_card: bool,
    /// What it went back to.
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
            status: Status::Succeeded,
            instructions_email: None,
            instructed_at: None,
            failure_reason: None,
            failure_balance_transaction: None,
            reference: None,
            reason: None,
            balance_transaction: transaction,
            transfer_reversal: None,
            source_transfer_reversal: Some(reversal.id.clone()),
            to_card: false,
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
    Ok(progress::changed(call.tx, refund, &before))
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
