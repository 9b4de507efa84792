//! Canceling what is not paid.

use super::{PaymentIntent, Status, shown, unexpected_state};
use crate::{
    protocol::call::{Answer, Call},
    resources::charge::Charge,
};

const REASONS: &[&str] = &["abandoned", "duplicate", "fraudulent", "requested_by_customer"];

pub(super) fn cancel(call: &mut Call<'_, '_>) -> Answer {
    let mut intent = call.owned::<PaymentIntent>(&call.arg(0))?;
    let reason = call.params.choice("cancellation_reason", REASONS)?;
    call.finish()?;
    if intent.is_over() {
        let message = format!(
            "You cannot cancel this PaymentIntent because it has a status of {}. Only a PaymentIntent with one of the \
             following statuses may be canceled: requires_payment_method, requires_capture, requires_confirmation, \
             requires_action, processing.",
            intent.status.as_str()
        );
        return Err(unexpected_state(call, &intent, message));
    }
    // An authorisation goes back to the card; it never was on a balance.
    let authorised = intent.latest_charge.as_deref().filter(|_| intent.status == Status::RequiresCapture);
    if let Some(charge) = authorised.and_then(|id| call.tx.get::<Charge>(id)).cloned() {
        let released = Charge { amount_refunded: charge.amount, ..charge };
        let object = released.render(call.tx.tables);
        call.tx.put(released);
        call.tx.emit(&intent.account, "charge.refunded", &object);
    }
    intent.status = Status::Canceled;
    intent.canceled_at = Some(call.tx.now());
    intent.cancellation_reason = reason;
    intent.next_action = None;
    call.tx.put(intent.clone());
    let object = intent.render(call.tx.tables);
    call.tx.emit(&intent.account, "payment_intent.canceled", &object);
    Ok(shown(call, &intent))
}
