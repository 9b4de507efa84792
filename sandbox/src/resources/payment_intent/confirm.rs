//! Confirming: the attempt to charge.

use serde_json::json;

use super::{CaptureMethod, Failure, NextAction, PaymentIntent, Status, named, shown, unexpected_state};
use crate::{
    books::Unbalanced,
    due::{self, Task},
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        params::{Metadata, Params},
    },
    resources::{
        card::{Behaviour, Decline},
        charge::{self, Charge, PaidWith},
        payment_method::{self, PaymentMethod},
    },
    store::Tx,
};

/// What a confirmation says besides the terms of the intent.
pub(super) struct Confirmation {
    pub(super) return_url: Option<String>,
    pub(super) off_session: bool,
    error_on_requires_action: bool,
}

impl Confirmation {
    pub(super) fn read(params: &mut Params) -> Result<Self, StripeError> {
        Ok(Self {
            return_url: params.text("return_url")?,
            // `off_session` may also name an agreement, such as `recurring`.
            off_session: params.text("off_session")?.is_some_and(|value| value != "false"),
            error_on_requires_action: params.boolean("error_on_requires_action")?.unwrap_or(false),
        })
    }
}

pub(super) fn confirm(call: &mut Call<'_, '_>) -> Answer {
    // 1. Which intent, and whether it waits for this.
    let mut intent = named(call)?;
    if intent.is_over() || intent.status == Status::RequiresCapture {
        let message = format!(
            "You cannot confirm this PaymentIntent because it has already {}.",
            match intent.status {
                Status::Succeeded => "succeeded after being previously confirmed",
                Status::Canceled => "been canceled",
                _ => "been authorized and awaits its capture",
            }
        );
        return Err(unexpected_state(call, &intent, message));
    }

    // 2. With what.
    if let Some(id) = call.params.text("payment_method")? {
        intent.payment_method = Some(PaymentMethod::usable(call, &id, "payment_method")?.id);
    }
    if let Some(mut data) = call.params.hash("payment_method_data")? {
        intent.payment_method = Some(PaymentMethod::read_new(call, &mut data)?.id);
        data.finish()?;
    }
    call.params.change("receipt_email")?.apply(&mut intent.receipt_email);
    call.params.change("setup_future_usage")?.apply(&mut intent.setup_future_usage);
    let capture_method = call.params.choice("capture_method", CaptureMethod::NAMES)?;
    intent.capture_method = capture_method.map_or(intent.capture_method, |name| CaptureMethod::parse(&name));
    let confirmation = Confirmation::read(&mut call.params)?;
    call.params.ignore(&[
        "allowed_payment_method_types",
        "amount_details",
        "amount_to_confirm",
        "confirmation_token",
        "excluded_payment_method_types",
        "hooks",
        "mandate",
        "mandate_data",
        "payment_details",
        "payment_method_options",
        "radar_options",
        "shipping",
        "use_stripe_sdk",
    ]);
    call.finish()?;

    // 3. Try.
    attempt(call, intent, confirmation)
}

/// One attempt to charge the intent's method.
pub(super) fn attempt(
    call: &mut Call<'_, '_>,
    mut intent: PaymentIntent,
    confirmation: Confirmation,
) -> Answer {
    let Some(method) =
        intent.payment_method.as_deref().and_then(|id| call.tx.get::<PaymentMethod>(id)).cloned()
    else {
        let message = "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update \
                       the PaymentIntent with a payment method and then confirm it again, or confirm it again directly \
                       with a payment method or ConfirmationToken.";
        return Err(unexpected_state(call, &intent, message.to_owned()));
    };
    method.check_payer(intent.customer.as_deref())?;
    intent.failure = None;
    intent.next_action = None;
    match method.card.behaviour {
        Behaviour::NeedsAuthentication if confirmation.off_session => {
            decline(call, intent, method, Decline::AuthenticationRequired)
        }
        Behaviour::NeedsAuthentication if confirmation.error_on_requires_action => {
            decline(call, intent, method, Decline::AuthenticationRequired)
        }
        Behaviour::NeedsAuthentication => {
            ask_buyer(call, &mut intent, confirmation.return_url);
            Ok(shown(call, &intent))
        }
        Behaviour::Declines(reason) => decline(call, intent, method, reason),
        Behaviour::Succeeds | Behaviour::BypassesPending => {
            let intent = pay(call.tx, intent, method, false)?;
            Ok(shown(call, &intent))
        }
    }
}

/// The bank wants to see the buyer first.
fn ask_buyer(call: &mut Call<'_, '_>, intent: &mut PaymentIntent, return_url: Option<String>) {
    let token = call.tx.secret_for(&format!("authentication {}", intent.id), 16);
    let url = format!("{}/hosted/authenticate/{}/{token}", call.public_url, intent.id);
    intent.status = Status::RequiresAction;
    intent.next_action = Some(NextAction { url, return_url });
    call.tx.put(intent.clone());
    let object = intent.render(call.tx.tables);
    call.tx.emit(&intent.account, "payment_intent.requires_action", &object);
}

/// The card says no: a failed charge stays, and the intent waits for another method.
fn decline(
    call: &mut Call<'_, '_>,
    mut intent: PaymentIntent,
    method: PaymentMethod,
    reason: Decline,
) -> Answer {
    let method_id = method.id.clone();
    let mut failed = new_charge(call.tx, &intent, method, false);
    failed.failure = Some(reason);
    failed.captured = false;
    failed.amount_captured = 0;
    let charge_id = failed.id.clone();
    intent.status = Status::RequiresPaymentMethod;
    intent.payment_method = None;
    intent.latest_charge = Some(charge_id.clone());
    let failure = Failure::Declined { decline: reason, charge: charge_id.clone(), method: method_id };
    let shown_failure = failure.render(call.tx.tables);
    intent.failure = Some(failure);

    let charge = failed.render(call.tx.tables);
    call.tx.put(failed);
    call.tx.put(intent.clone());
    let object = intent.render(call.tx.tables);
    call.tx.emit(&intent.account, "charge.failed", &charge);
    call.tx.emit(&intent.account, "payment_intent.payment_failed", &object);

    let (code, decline_code) = reason.codes();
    Err(StripeError::card(code, reason.message())
        .with("advice_code", json!(reason.advice()))
        .with("charge", json!(charge_id))
        .with("decline_code", json!(decline_code))
        .with("network_advice_code", json!("02"))
        .with("network_decline_code", json!(reason.network_code()))
        .with("payment_intent", shown(call, &intent))
        .with("payment_method", shown_failure["payment_method"].clone()))
}

/// The card says yes.
fn pay(
    tx: &mut Tx<'_>,
    mut intent: PaymentIntent,
    method: PaymentMethod,
    authenticated: bool,
) -> Result<PaymentIntent, Unbalanced> {
    // 1. A charge, captured or not; the card is saved if that was agreed.
    let method = match intent.customer.as_deref().filter(|_| intent.setup_future_usage.is_some()) {
        Some(customer) => payment_method::attach_to(tx, method, customer),
        None => method,
    };
    let charge = new_charge(tx, &intent, method, authenticated);
    intent.latest_charge = Some(charge.id.clone());
    if intent.is_manual() {
        intent.status = Status::RequiresCapture;
        put_both(tx, &charge, &intent);
        announce(tx, &charge, &intent, "payment_intent.amount_capturable_updated");
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
    put_both(tx, &charge, &intent);
    announce(tx, &charge, &intent, "payment_intent.succeeded");
    Ok(intent)
}

fn put_both(tx: &mut Tx<'_>, charge: &Charge, intent: &PaymentIntent) {
    tx.put(charge.clone());
    tx.put(intent.clone());
}

fn announce(tx: &mut Tx<'_>, charge: &Charge, intent: &PaymentIntent, kind: &str) {
    let (charge, object) = (charge.render(tx.tables), intent.render(tx.tables));
    tx.emit(&intent.account, "charge.succeeded", &charge);
    tx.emit(&intent.account, kind, &object);
}

fn new_charge(tx: &mut Tx<'_>, intent: &PaymentIntent, method: PaymentMethod, authenticated: bool) -> Charge {
    let captured = !intent.is_manual();
    // Stripe groups a destination charge with the transfer that it makes.
    let group = intent.transfer_group.clone();
    let group = group.or_else(|| intent.transfer_data.as_ref().map(|_| format!("group_{}", intent.id)));
    Charge {
        id: tx.new_id("ch"),
        account: intent.account.clone(),
        amount: intent.amount,
        amount_captured: if captured { intent.amount } else { 0 },
        amount_refunded: 0,
        currency: intent.currency,
        captured,
        failure: None,
        payment_intent: Some(intent.id.clone()),
        customer: intent.customer.clone(),
        paid_with: PaidWith::Card {
            method: method.id,
            card: method.card,
            billing: method.billing,
            authenticated,
        },
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
        created: tx.now(),
    }
}

/// The buyer confirmed it with the bank.
pub(crate) fn authenticated(tx: &mut Tx<'_>, mut intent: PaymentIntent) -> Result<PaymentIntent, Unbalanced> {
    let method = intent.payment_method.as_deref().and_then(|id| tx.get::<PaymentMethod>(id)).cloned();
    intent.next_action = None;
    match method {
        Some(method) => pay(tx, intent, method, true),
        None => Ok(intent),
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
