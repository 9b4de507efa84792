//! Confirming and canceling setup intents.

use super::{Failure, SetupIntent, Status, named, shown, unexpected_state, write};
use crate::{
    protocol::{
        call::{Answer, Call},
        client_secret,
        error::StripeError,
    },
    resources::{
        card::Decline,
        checkout,
        payment_intent::{Confirmation, NextAction},
        payment_method::{self, Instrument, PaymentMethod},
    },
    store::Tx,
};

const REASONS: &[&str] = &["abandoned", "duplicate", "requested_by_customer"];

pub(super) fn confirm(call: &mut Call<'_, '_>) -> Answer {
    // 1. Which intent, and whether it waits for this.
    let mut intent = named(call)?;
    client_secret::guard_terms(call)?;
    if intent.is_over() {
        let message = format!(
            "You cannot confirm this SetupIntent because it has already {}.",
            if intent.status == Status::Canceled { "been canceled" } else { "succeeded" }
        );
        return Err(unexpected_state(call, &intent, message));
    }

    // 2. With what.
    write::read_methods(call, &mut intent)?;
    let confirmation = Confirmation::of_setup(&mut call.params)?;
    call.params.ignore(&["confirmation_token", "use_stripe_sdk"]);
    call.finish()?;

    // 3. Try.
    try_once(call, intent, confirmation)
}

/// One attempt to set the intent's method up.
pub(crate) fn try_once(
    call: &mut Call<'_, '_>,
    mut intent: SetupIntent,
    confirmation: Confirmation,
) -> Answer {
    // 1. A method that may be kept.
    let method = intent.payment_method.as_deref().and_then(|id| call.tx.get::<PaymentMethod>(id)).cloned();
    let Some(method) = method else {
        let message = "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent with \
                       a payment method and then confirm it again.";
        return Err(unexpected_state(call, &intent, message.to_owned()));
    };
    method.check_payer(intent.customer.as_deref())?;
    let (kind, allowed) = (method.instrument.kind(), intent.method_types());
    if !allowed.iter().any(|allowed| allowed == kind) {
        let message = format!(
            "The PaymentMethod provided ({kind}) is not allowed for this SetupIntent. Please attach a PaymentMethod of one \
             of the following types: {}.",
            allowed.join(", ")
        );
        return Err(
            StripeError::refused("setup_intent_invalid_parameter", message).with_param("payment_method")
        );
    }
    if method.instrument.debit().is_some() && !confirmation.mandate {
        let message = "This SetupIntent requires a mandate. Collect mandate acceptance from the customer and try again, \
                       providing acceptance data in the mandate_data parameter.";
        return Err(StripeError::refused("setup_intent_mandate_invalid", message)
            .with("setup_intent", shown(call, &intent)));
    }
    intent.failure = None;
    intent.next_action = None;

    // 2. What its bank says.
    if let Instrument::Card(card) = &method.instrument {
        if let Some(reason) = card.refuses_saving() {
            return Err(decline(call, intent, &method, reason));
        }
        let wanted = matches!(intent.three_d_secure.as_deref(), Some("any" | "challenge"));
        if card.asks_buyer(intent.usage == "off_session" && card.set_up, wanted) {
            let intent = ask_buyer(call, intent, confirmation.return_url);
            return Ok(shown(call, &intent));
        }
    }
    let intent = succeed(call.tx, intent, method);
    Ok(shown(call, &intent))
}

fn ask_buyer(call: &mut Call<'_, '_>, mut intent: SetupIntent, return_url: Option<String>) -> SetupIntent {
    let token = call.tx.secret_for(&format!("authentication {}", intent.id), 16);
    let url = format!("{}/hosted/authenticate/{}/{token}", call.public_url, intent.id);
    intent.status = Status::RequiresAction;
    intent.next_action = Some(NextAction { url, return_url });
    call.tx.put(intent.clone());
    let object = intent.render(call.tx.tables);
    call.tx.emit(&intent.account, "setup_intent.requires_action", &object);
    intent
}

fn decline(
    call: &mut Call<'_, '_>,
    mut intent: SetupIntent,
    method: &PaymentMethod,
    reason: Decline,
) -> StripeError {
    fail(call.tx, &mut intent, Failure::Declined { decline: reason, method: method.id.clone() });
    reason
        .into_error()
        .with("payment_method", method.render(call.tx.tables))
        .with("setup_intent", shown(call, &intent))
}

fn fail(tx: &mut Tx<'_>, intent: &mut SetupIntent, failure: Failure) {
    intent.status = Status::RequiresPaymentMethod;
    intent.payment_method = None;
    intent.next_action = None;
    intent.failure = Some(failure);
    tx.put(intent.clone());
    let object = intent.render(tx.tables);
    tx.emit(&intent.account, "setup_intent.setup_failed", &object);
}

fn succeed(tx: &mut Tx<'_>, mut intent: SetupIntent, mut method: PaymentMethod) -> SetupIntent {
    if let Instrument::Card(card) = &mut method.instrument {
        card.set_up = true;
    }
    tx.put(method.clone());
    if let Some(customer) = intent.customer.clone() {
        payment_method::attach_to(tx, method, &customer);
    }
    intent.status = Status::Succeeded;
    intent.next_action = None;
    tx.put(intent.clone());
    let object = intent.render(tx.tables);
    tx.emit(&intent.account, "setup_intent.succeeded", &object);
    checkout::set_up(tx, &intent);
    intent
}

/// The buyer confirmed it with the bank.
pub(crate) fn authenticated(tx: &mut Tx<'_>, intent: SetupIntent) -> SetupIntent {
    let method = intent.payment_method.as_deref().and_then(|id| tx.get::<PaymentMethod>(id)).cloned();
    match method {
        Some(method) => succeed(tx, intent, method),
        None => intent,
    }
}

/// The buyer did not.
pub(crate) fn authentication_failed(tx: &mut Tx<'_>, mut intent: SetupIntent) -> SetupIntent {
    let method = intent.payment_method.clone().unwrap_or_default();
    fail(tx, &mut intent, Failure::NotAuthenticated { method });
    intent
}

pub(super) fn cancel(call: &mut Call<'_, '_>) -> Answer {
    let intent = call.owned::<SetupIntent>(&call.arg(0))?;
    let reason = call.params.choice("cancellation_reason", REASONS)?;
    call.finish()?;
    if intent.is_over() {
        let message = format!(
            "You cannot cancel this SetupIntent because it has a status of {}. Only a SetupIntent with one of the following \
             statuses may be canceled: requires_payment_method, requires_confirmation, requires_action.",
            intent.status.as_str()
        );
        return Err(unexpected_state(call, &intent, message));
    }
    let intent = end(call.tx, intent, reason);
    Ok(shown(call, &intent))
}

fn end(tx: &mut Tx<'_>, mut intent: SetupIntent, reason: Option<String>) -> SetupIntent {
    intent.status = Status::Canceled;
    intent.cancellation_reason = reason;
    intent.next_action = None;
    tx.put(intent.clone());
    let object = intent.render(tx.tables);
    tx.emit(&intent.account, "setup_intent.canceled", &object);
    intent
}
