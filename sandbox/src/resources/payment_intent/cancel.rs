//! Canceling what is not paid.

use super::{PaymentIntent, Status, shown, unexpected_state};
use crate::{
    protocol::call::{Answer, Call},
    resources::charge::Charge,
    store::Tx,
};

const REASONS: &[&str] = &["abandoned", "duplicate", "fraudulent", "requested_by_customer"];

pub(super) fn cancel(call: &mut Call<'_, '_>) -> Answer {
    let intent = call.owned::<PaymentIntent>(&call.arg(0))?;
    let reason = call.params.choice("cancellation_reason", REASONS)?;
    call.finish()?;
    // A debit that is on its way cannot be called back.
    if intent.is_over() || intent.status == Status::Processing {
        let message = format!(
            "You cannot cancel this PaymentIntent because it has a status of {}. Only a PaymentIntent with one of the \
             following statuses may be canceled: requires_payment_method, requires_capture, requires_confirmation, \
             requires_action, processing.",
            intent.status.as_str()
        );
        return Err(unexpected_state(call, &intent, message));
    }
    let intent = end(call.tx, intent, reason, "charge.refunded");
    Ok(shown(call, &intent))
}

/// Cancels it. An authorisation goes back to the card, of which `released` tells; it never was on a balance.
pub(crate) fn end(
    tx: &mut Tx<'_>,
    mut intent: PaymentIntent,
    reason: Option<String>,
    released: &str,
) -> PaymentIntent {
    let authorised = intent.latest_charge.as_deref().filter(|_| intent.status == Status::RequiresCapture);
    if let Some(charge) = authorised.and_then(|id| tx.get::<Charge>(id)).cloned() {
        let charge = Charge { amount_refunded: charge.amount, ..charge };
        let object = charge.render(tx.tables);
        tx.put(charge);
        tx.emit(&intent.account, released, &object);
    }
    intent.status = Status::Canceled;
    intent.canceled_at = Some(tx.now());
    intent.cancellation_reason = reason;
    intent.next_action = None;
    tx.put(intent.clone());
    let object = intent.render(tx.tables);
    tx.emit(&intent.account, "payment_intent.canceled", &object);
    intent
}
