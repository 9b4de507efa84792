//! Refunds: money goes back to the card (`re_`), or a reversed transfer leaves the seller (`pyr_`).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    balance_transaction::{BalanceTransaction, Kind},
    charge::{self, Charge, PaidWith},
    fee_refund,
    payment_intent::PaymentIntent,
    transfer::Transfer,
    transfer_reversal::{self, TransferReversal},
};
use crate::{
    books::{self, Draft, Outside},
    money::{Currency, proportion},
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        list::{Page, Range, embedded},
        params::Metadata,
        route::Route,
    },
    store::{Record, Tables},
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/refunds", list),
    Route::post("/v1/refunds", create),
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
            "status": "succeeded",
            "transfer_reversal": self.transfer_reversal,
        });
        if self.payment_method.is_some() {
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

fn create(call: &mut Call<'_, '_>) -> Answer {
    // 1. Of what, and how much.
    let charge = named_charge(call)?;
    let amount = call.params.int("amount")?;
    let reason = call.params.choice("reason", &["duplicate", "fraudulent", "requested_by_customer"])?;
    let reverse = call.params.boolean("reverse_transfer")?.unwrap_or(false);
    let with_fee = call.params.boolean("refund_application_fee")?.unwrap_or(false);
    let mut metadata = Metadata::new();
    call.params.metadata(&mut metadata)?;
    call.params.ignore(&["currency", "customer", "instructions_email", "origin"]);
    call.finish()?;
    // A capture that is still under way completes first.
    charge::finish_capture(call.tx, &charge.id);
    let charge = call.owned::<Charge>(&charge.id)?;
    let amount = refundable(&charge, amount)?;
    if reverse && charge.transfer.is_none() {
        let message = "The charge was not created with a transfer, so there is nothing to reverse.";
        return Err(StripeError::invalid(message, "reverse_transfer"));
    }
    if with_fee && charge.application_fee.is_none() {
        let message = "The charge has no application fee, so there is nothing to refund of it.";
        return Err(StripeError::invalid(message, "refund_application_fee"));
    }

    // 2. The money goes back to the card.
    let transaction =
        charge.balance_transaction.as_deref().and_then(|id| call.tx.get::<BalanceTransaction>(id));
    let available_ms = transaction.map_or(call.tx.now_ms, |found| found.available_ms);
    let id = call.tx.new_id("re");
    let draft = Draft {
        account: charge.account.clone(),
        kind: Kind::Refund,
        amount: -amount,
        fees: Vec::new(),
        source: id.clone(),
        available_ms,
        description: Some(format!("REFUND FOR CHARGE ({})", charge.id)),
    };
    let platform = call.platform.clone();
    let outside = [(Outside::Cards, amount)];
    let written = books::post(call.tx, &id, &platform, charge.currency, vec![draft], &outside)?;

    // 3. What was sent on comes back in proportion, if that is wanted.
    let rest = charge.amount_refunded + amount == charge.amount;
    let reversal = if reverse { reverse_share(call, &charge, amount, rest, &id)? } else { None };
    if with_fee && let Some(fee) = &charge.application_fee {
        let cause = if rest { RefundOf::WholeRest } else { RefundOf::Part };
        fee_refund::proportionally(
            call.tx,
            fee,
            |total| proportion(total, amount, charge.amount_captured),
            &cause,
        )?;
    }

    // 4. What stands for it.
    let refund = Refund {
        id,
        account: charge.account.clone(),
        charge: charge.id.clone(),
        payment_intent: charge.payment_intent.clone(),
        amount,
        currency: charge.currency,
        reason,
        balance_transaction: written.into_iter().next(),
        transfer_reversal: reversal,
        source_transfer_reversal: None,
        payment_method: match &charge.paid_with {
            PaidWith::Card { method, .. } => Some(method.clone()),
            PaidWith::StripeAccount => None,
        },
        customer: charge.customer.clone(),
        metadata,
        created: call.tx.now(),
    };
    let charge = Charge { amount_refunded: charge.amount_refunded + amount, ..charge };
    call.tx.put(refund.clone());
    call.tx.put(charge.clone());
    let (object, refunded) = (refund.render(call.tx.tables), charge.render(call.tx.tables));
    call.tx.emit(&charge.account, "refund.created", &object);
    call.tx.emit(&charge.account, "charge.refunded", &refunded);
    Ok(object)
}

/// The charge that `charge` or `payment_intent` names.
fn named_charge(call: &mut Call<'_, '_>) -> Result<Charge, StripeError> {
    let (charge, intent) = (call.params.text("charge")?, call.params.text("payment_intent")?);
    match (charge, intent) {
        (Some(id), _) => call.referenced::<Charge>(&id, "charge"),
        (None, Some(id)) => {
            let intent = call.referenced::<PaymentIntent>(&id, "payment_intent")?;
            let charge = intent.latest_charge.as_deref().and_then(|id| call.tx.get::<Charge>(id)).cloned();
            charge.ok_or_else(|| {
                let message =
                    format!("This PaymentIntent ({id}) does not have a successful charge to refund.");
                StripeError::refused("charge_not_refundable", message)
            })
        }
        (None, None) => {
            let message =
                "One of the following params should be provided for this request: payment_intent or charge.";
            Err(StripeError::invalid(message, "charge").with_code("parameter_missing"))
        }
    }
}

/// How much of a charge goes back: what was asked for, or all that is left.
fn refundable(charge: &Charge, amount: Option<i64>) -> Result<i64, StripeError> {
    if !charge.is_paid() || !charge.captured {
        let message = format!("Charge {} has not been paid, so it cannot be refunded.", charge.id);
        return Err(StripeError::refused("charge_not_refundable", message));
    }
    let left = charge.amount - charge.amount_refunded;
    if left == 0 {
        let message = format!("Charge {} has already been refunded.", charge.id);
        return Err(StripeError::refused("charge_already_refunded", message));
    }
    let amount = amount.unwrap_or(left);
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(StripeError::invalid(message, "amount").with_code("parameter_invalid_integer"));
    }
    if amount > left {
        let message = format!(
            "Refund amount ({}) is greater than unrefunded amount on charge ({})",
            charge.currency.display(amount),
            charge.currency.display(left)
        );
        return Err(StripeError::refused("amount_too_large", message).with_param("amount"));
    }
    Ok(amount)
}

/// Reverses the share of the transfer that belongs to the refund.
fn reverse_share(
    call: &mut Call<'_, '_>,
    charge: &Charge,
    amount: i64,
    rest: bool,
    refund: &str,
) -> Result<Option<String>, StripeError> {
    let Some(transfer) = charge.transfer.as_deref().and_then(|id| call.tx.get::<Transfer>(id)).cloned()
    else {
        return Ok(None);
    };
    let left = transfer.amount - transfer.amount_reversed;
    let share =
        if rest { left } else { proportion(transfer.amount, amount, charge.amount_captured).min(left) };
    if share == 0 {
        return Ok(None);
    }
    let metadata = Metadata::new();
    let reversal = transfer_reversal::reverse(call.tx, transfer, share, Some(refund.to_owned()), metadata)?;
    Ok(Some(reversal.id))
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
