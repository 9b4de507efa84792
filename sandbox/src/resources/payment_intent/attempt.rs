//! What comes of an attempt: the money, a question to the buyer, or a refusal.

use super::{CaptureMethod, Failure, NextAction, PaymentIntent, Status, capture, shown};
use crate::{
    books::Unbalanced,
    due::{self, Task},
    json::json,
    protocol::{call::Call, error::StripeError, params::Metadata},
    resources::{
        card::Decline,
        charge::{self, Charge, PaidWith},
        checkout,
        payment_method::{self, Instrument, PaymentMethod},
    },
    store::Tx,
};

/// The bank wants to see the buyer first.
pub(super) fn ask_buyer(
    call: &mut Call<'_, '_>,
    mut intent: PaymentIntent,
    return_url: Option<String>,
) -> PaymentIntent {
    let token = call.tx.secret_for(&format!("authentication {}", intent.id), 16);
    let url = format!("{}/hosted/authenticate/{}/{token}", call.public_url, intent.id);
    intent.status = Status::RequiresAction;
    intent.next_action = Some(NextAction { url, return_url });
    call.tx.put(intent.clone());
    let object = intent.render(call.tx.tables);
    call.tx.emit(&intent.account, "payment_intent.requires_action", &object);
    intent
}

/// The card says no: a failed charge stays, and the intent waits for another method.
pub(super) fn decline(
    tx: &mut Tx<'_>,
    mut intent: PaymentIntent,
    method: PaymentMethod,
    reason: Decline,
) -> PaymentIntent {
    let mut failed = new_charge(tx, &intent, method, false);
    failed.failure = Some(reason);
    failed.captured = false;
    failed.amount_captured = 0;
    intent.latest_charge = Some(failed.id.clone());
    fail(tx, &mut intent, failed, reason);
    intent
}

/// The intent is where it was before the attempt, but for what it knows of it.
pub(super) fn fail(tx: &mut Tx<'_>, intent: &mut PaymentIntent, failed: Charge, decline: Decline) {
    let method = failed.paid_with.method().unwrap_or_default().to_owned();
    intent.status = Status::RequiresPaymentMethod;
    intent.payment_method = None;
    intent.authenticated = false;
    intent.failure = Some(Failure::Declined { decline, charge: failed.id.clone(), method });
    let object = failed.render(tx.tables);
    tx.put(failed);
    tx.put(intent.clone());
    tx.emit(&intent.account, "charge.failed", &object);
    let object = intent.render(tx.tables);
    tx.emit(&intent.account, "payment_intent.payment_failed", &object);
}

/// The 402 that tells of a decline.
pub(super) fn declined(call: &Call<'_, '_>, intent: &PaymentIntent) -> StripeError {
    let Some(failure @ Failure::Declined { decline, charge, .. }) = &intent.failure else {
        return Decline::Generic.into_error();
    };
    let method = failure.render(call.tx.tables)["payment_method"].take();
    decline
        .into_error()
        .with("charge", json!(charge))
        .with("payment_intent", shown(call, intent))
        .with("payment_method", method)
}

/// The card says yes, or the bank does.
pub(super) fn pay(
    tx: &mut Tx<'_>,
    mut intent: PaymentIntent,
    method: PaymentMethod,
    authenticated: bool,
) -> Result<PaymentIntent, Unbalanced> {
    // 1. A charge, captured or not; the card is saved if that was agreed.
    let method = saved(tx, &intent, method);
    let mut charge = new_charge(tx, &intent, method, authenticated);
    intent.latest_charge = Some(charge.id.clone());
    if intent.is_manual() {
        intent.status = Status::RequiresCapture;
        charge.capture_before = Some(capture::expire_later(tx, &intent));
        tx.put(charge.clone());
        tx.put(intent.clone());
        announce(tx, &charge, &intent, "payment_intent.amount_capturable_updated");
        checkout::follow(tx, &intent);
        return Ok(intent);
    }
    intent.status = Status::Succeeded;
    intent.amount_received = intent.amount;

    // 2. Its money: now, or a moment later.
    let charge = if intent.capture_method == CaptureMethod::AutomaticAsync {
        let delay_ms = tx.settings().async_capture_ms;
        due::after(tx, delay_ms, Task::Capture { charge: charge.id.clone() });
        charge
    } else {
        charge::settle(tx, charge)?
    };
    tx.put(charge.clone());
    tx.put(intent.clone());
    announce(tx, &charge, &intent, "payment_intent.succeeded");
    checkout::follow(tx, &intent);
    charge::after_payment(tx, &charge);
    Ok(intent)
}

/// The method, kept for its customer if that was agreed.
pub(super) fn saved(tx: &mut Tx<'_>, intent: &PaymentIntent, mut method: PaymentMethod) -> PaymentMethod {
    let Some(customer) = intent.customer.as_deref().filter(|_| intent.setup_future_usage.is_some()) else {
        return method;
    };
    // A redirect pays once and cannot be kept.
    if matches!(method.instrument, Instrument::Ideal(_)) {
        return method;
    }
    if let Instrument::Card(card) = &mut method.instrument
        && !card.set_up
    {
        card.set_up = true;
        tx.put(method.clone());
    }
    payment_method::attach_to(tx, method, customer)
}

pub(super) fn announce(tx: &mut Tx<'_>, charge: &Charge, intent: &PaymentIntent, kind: &str) {
    let (charge, object) = (charge.render(tx.tables), intent.render(tx.tables));
    tx.emit(&intent.account, "charge.succeeded", &charge);
    tx.emit(&intent.account, kind, &object);
}

pub(super) fn new_charge(
    tx: &mut Tx<'_>,
    intent: &PaymentIntent,
    method: PaymentMethod,
    authenticated: bool,
) -> Charge {
    let captured = !intent.is_manual();
    // Stripe groups a destination charge with the transfer that it makes.
    let group = intent.transfer_group.clone();
    let group = group.or_else(|| intent.transfer_data.as_ref().map(|_| format!("group_{}", intent.id)));
    // Cards are charged, everything else pays.
    let prefix = if matches!(method.instrument, Instrument::Card(_)) { "ch" } else { "py" };
    Charge {
        id: tx.new_id(prefix),
        account: intent.account.clone(),
        amount: intent.amount,
        amount_captured: if captured { intent.amount } else { 0 },
        amount_refunded: 0,
        currency: intent.currency,
        captured,
        pending: false,
        capture_before: None,
        failure: None,
        payment_intent: Some(intent.id.clone()),
        customer: intent.customer.clone(),
        paid_with: PaidWith::of(method, authenticated),
        application: intent.application.clone(),
        application_fee_amount: intent.application_fee_amount,
        application_fee: None,
        balance_transaction: None,
        transfer_data: intent.transfer_data.clone(),
        transfer: None,
        source_transfer: None,
        on_behalf_of: intent.on_behalf_of.clone(),
        transfer_group: group,
        description: intent.description.clone(),
        receipt_email: intent.receipt_email.clone(),
        statement_descriptor: intent.statement_descriptor.clone(),
        statement_descriptor_suffix: intent.statement_descriptor_suffix.clone(),
        shipping: intent.shipping.clone(),
        metadata: Metadata::clone(&intent.metadata),
        fraud_report: None,
        created: tx.now(),
    }
}

/// The buyer confirmed it with the bank. With `confirmation_method=manual` the server confirms once more.
pub(crate) fn authenticated(tx: &mut Tx<'_>, mut intent: PaymentIntent) -> Result<PaymentIntent, Unbalanced> {
    let method = intent.payment_method.as_deref().and_then(|id| tx.get::<PaymentMethod>(id)).cloned();
    let Some(method) = method else { return Ok(intent) };
    intent.next_action = None;
    intent.authenticated = true;
    let Instrument::Card(card) = &method.instrument else {
        return pay(tx, intent, method, true);
    };
    if intent.manual_confirmation {
        intent.status = Status::RequiresConfirmation;
        tx.put(intent.clone());
        return Ok(intent);
    }
    match card.refuses_charge() {
        Some(reason) => Ok(decline(tx, intent, method, reason)),
        None => pay(tx, intent, method, true),
    }
}

/// The buyer did not.
pub(crate) fn authentication_failed(tx: &mut Tx<'_>, mut intent: PaymentIntent) -> PaymentIntent {
    let method = intent.payment_method.take().unwrap_or_default();
    intent.next_action = None;
    intent.status = Status::RequiresPaymentMethod;
    intent.failure = Some(Failure::NotAuthenticated { method });
    tx.put(intent.clone());
    let object = intent.render(tx.tables);
    tx.emit(&intent.account, "payment_intent.payment_failed", &object);
    intent
}
