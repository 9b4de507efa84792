//! Refunds: money goes back to the card (`re_`), or a reversed transfer leaves the seller (`pyr_`).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    account::Account,
    balance_transaction::{BalanceTransaction, Kind},
    charge::{self, Charge, PaidWith},
    fee_refund,
    payment_intent::PaymentIntent,
    transfer::Transfer,
    transfer_reversal::{self, TransferReversal},
};
use crate::{
    books::{self, Draft, Outside, Unbalanced},
    config::DAY_MS,
    due::{self, Task},
    money::{Currency, proportion},
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        list::{Page, Range, embedded},
        params::Metadata,
        route::Route,
    },
    store::{Record, Tables, Tx},
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

/// What a request for a refund says.
struct Wanted {
    amount: Option<i64>,
    reason: Option<String>,
    reverse_transfer: bool,
    refund_fee: bool,
    metadata: Metadata,
}

fn create(call: &mut Call<'_, '_>) -> Answer {
    // 1. Of what, and how much. A capture that is still under way completes first.
    let charge = named_charge(call)?;
    let wanted = Wanted::read(call)?;
    charge::finish_capture(call.tx, &charge.id);
    let charge = call.owned::<Charge>(&charge.id)?;
    let amount = refundable(&charge, wanted.amount)?;
    wanted.check(&charge)?;

    // 2. The money goes back to the card; a seller who is short pays when there is money again.
    let id = call.tx.new_id("re");
    let held = books::totals(call.tx, &charge.account).get(&charge.currency).copied().unwrap_or_default();
    let short = charge.account != call.platform && held.0 + held.1 < amount;
    let transaction = if short {
        due::after(call.tx, DAY_MS, Task::Refund { refund: id.clone() });
        None
    } else {
        Some(pay_back(call.tx, &id, &charge, amount)?)
    };

    // 3. What was sent on comes back in proportion, if that is wanted.
    let rest = charge.amount_refunded + amount == charge.amount;
    let reversal =
        if wanted.reverse_transfer { reverse_share(call, &charge, amount, rest, &id)? } else { None };
    if let Some(fee) = charge.application_fee.as_deref().filter(|_| wanted.refund_fee) {
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
        pending: short,
        reason: wanted.reason,
        balance_transaction: transaction,
        transfer_reversal: reversal,
        source_transfer_reversal: None,
        payment_method: match &charge.paid_with {
            PaidWith::Card { method, .. } => Some(method.clone()),
            PaidWith::StripeAccount => None,
        },
        customer: charge.customer.clone(),
        metadata: wanted.metadata,
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

impl Wanted {
    fn read(call: &mut Call<'_, '_>) -> Result<Self, StripeError> {
        let params = &mut call.params;
        let mut metadata = Metadata::new();
        params.metadata(&mut metadata)?;
        let wanted = Self {
            amount: params.int("amount")?,
            reason: params.choice("reason", &["duplicate", "fraudulent", "requested_by_customer"])?,
            reverse_transfer: params.boolean("reverse_transfer")?.unwrap_or(false),
            refund_fee: params.boolean("refund_application_fee")?.unwrap_or(false),
            metadata,
        };
        params.ignore(&["currency", "customer", "instructions_email", "origin"]);
        call.finish()?;
        Ok(wanted)
    }

    fn check(&self, charge: &Charge) -> Result<(), StripeError> {
        if self.reverse_transfer && charge.transfer.is_none() {
            let message = "The charge was not created with a transfer, so there is nothing to reverse.";
            return Err(StripeError::invalid(message, "reverse_transfer"));
        }
        if self.refund_fee && charge.application_fee.is_none() {
            let message = "The charge has no application fee, so there is nothing to refund of it.";
            return Err(StripeError::invalid(message, "refund_application_fee"));
        }
        Ok(())
    }
}

/// Moves the money of a refund, pending as long as the charge's.
fn pay_back(tx: &mut Tx<'_>, id: &str, charge: &Charge, amount: i64) -> Result<String, Unbalanced> {
    let platform = tx.get::<Account>(&charge.account).map(|found| found.platform.clone()).unwrap_or_default();
    let transaction = charge.balance_transaction.as_deref().and_then(|id| tx.get::<BalanceTransaction>(id));
    let available_ms = transaction.map_or(tx.now_ms, |found| found.available_ms);
    let draft = Draft {
        account: charge.account.clone(),
        kind: Kind::Refund,
        amount: -amount,
        fees: Vec::new(),
        source: id.to_owned(),
        available_ms,
        description: Some(format!("REFUND FOR CHARGE ({})", charge.id)),
    };
    let written = books::post(tx, id, &platform, charge.currency, vec![draft], &[(Outside::Cards, amount)])?;
    Ok(written.into_iter().next().unwrap_or_default())
}

/// A refund that waited for money is tried again.
pub(crate) fn retry(tx: &mut Tx<'_>, id: &str) {
    let Some(refund) = tx.get::<Refund>(id).filter(|refund| refund.pending).cloned() else { return };
    let Some(charge) = tx.get::<Charge>(&refund.charge).cloned() else { return };
    let held = books::totals(tx, &refund.account).get(&refund.currency).copied().unwrap_or_default();
    if held.0 + held.1 < refund.amount {
        due::after(tx, DAY_MS, Task::Refund { refund: id.to_owned() });
        return;
    }
    let before = refund.render(tx.tables);
    match pay_back(tx, id, &charge, refund.amount) {
        Ok(transaction) => {
            let paid = Refund { pending: false, balance_transaction: Some(transaction), ..refund };
            tx.put(paid.clone());
            let after = paid.render(tx.tables);
            tx.emit_change(&paid.account, "refund.updated", &before, &after);
        }
        Err(Unbalanced) => tracing::error!(refund = id, "a refund could not be booked"),
    }
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
