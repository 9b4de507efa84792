//! Capturing what was authorised.

use super::{PaymentIntent, Status, shown, unexpected_state};
use crate::{
    protocol::{
        call::{Answer, Call},
        error::StripeError,
    },
    resources::charge::{self, Charge},
};

pub(super) fn capture(call: &mut Call<'_, '_>) -> Answer {
    // 1. What waits to be captured.
    let mut intent = call.owned::<PaymentIntent>(&call.arg(0))?;
    let amount = call.params.int("amount_to_capture")?;
    let fee = call.params.int("application_fee_amount")?;
    call.params.metadata(&mut intent.metadata)?;
    call.params.change("statement_descriptor_suffix")?.apply(&mut intent.statement_descriptor_suffix);
    let final_capture = call.params.boolean("final_capture")?;
    call.params.ignore(&[
        "amount_details",
        "hooks",
        "payment_details",
        "statement_descriptor",
        "transfer_data",
    ]);
    call.finish()?;
    let charge = intent.latest_charge.as_deref().and_then(|id| call.tx.get::<Charge>(id)).cloned();
    let Some(mut charge) = charge.filter(|_| intent.status == Status::RequiresCapture) else {
        let message = format!(
            "This PaymentIntent could not be captured because it has a status of {}. Only a PaymentIntent with one of the \
             following statuses may be captured: requires_capture.",
            intent.status.as_str()
        );
        return Err(unexpected_state(call, &intent, message));
    };
    let amount = amount.unwrap_or(intent.amount);
    if !(1..=intent.amount).contains(&amount) {
        let message = "The amount to capture must be between 1 and the amount that can be captured.";
        return Err(StripeError::invalid(message, "amount_to_capture").with_code("amount_too_large"));
    }
    if final_capture == Some(false) {
        let message = "Multiple captures are not available for this payment.";
        return Err(StripeError::invalid(message, "final_capture"));
    }
    if let Some(fee) = fee.or(intent.application_fee_amount) {
        intent.application_fee_amount = Some(fee.min(amount));
    }

    // 2. Its money, now; what is not captured goes back to the card.
    charge.captured = true;
    charge.amount_captured = amount;
    charge.amount_refunded = charge.amount - amount;
    charge.application_fee_amount = intent.application_fee_amount;
    charge.metadata = intent.metadata.clone();
    let charge = charge::settle(call.tx, charge)?;
    intent.status = Status::Succeeded;
    intent.amount_received = amount;
    call.tx.put(intent.clone());
    let (captured, object) = (charge.render(call.tx.tables), intent.render(call.tx.tables));
    call.tx.emit(&intent.account, "charge.captured", &captured);
    call.tx.emit(&intent.account, "payment_intent.succeeded", &object);
    Ok(shown(call, &intent))
}
