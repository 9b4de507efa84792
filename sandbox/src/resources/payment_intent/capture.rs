//! Capturing what was authorised, in time.

use super::{PaymentIntent, Status, cancel, shown, unexpected_state};
use crate::{
    config::DAY_MS,
    due::{self, Task},
    protocol::{
        call::{Answer, Call},
        error::StripeError,
    },
    resources::{
        charge::{self, Charge},
        checkout,
    },
    store::Tx,
};

/// How long an authorisation of a card stands: <https://docs.stripe.com/payments/place-a-hold-on-a-payment-method>.
const AUTHORISED_DAYS: i64 = 7;

/// What a capture says, whether it was asked of the intent or of its charge.
struct Wanted {
    amount: Option<i64>,
    amount_param: &'static str,
    fee: Option<i64>,
    transfer_amount: Option<i64>,
}

pub(super) fn capture(call: &mut Call<'_, '_>) -> Answer {
    // 1. What waits to be captured.
    let mut intent = call.owned::<PaymentIntent>(&call.arg(0))?;
    let amount = call.params.int("amount_to_capture")?;
    let fee = call.params.int("application_fee_amount")?;
    call.params.metadata(&mut intent.metadata)?;
    call.params.change("statement_descriptor")?.apply(&mut intent.statement_descriptor);
    call.params.change("statement_descriptor_suffix")?.apply(&mut intent.statement_descriptor_suffix);
    let final_capture = call.params.boolean("final_capture")?;
    let transfer_amount = read_transfer_amount(call)?;
    call.params.ignore(&["amount_details", "hooks", "payment_details"]);
    call.finish()?;
    if final_capture == Some(false) {
        let message = "Multiple captures are not available for this payment.";
        return Err(StripeError::invalid(message, "final_capture"));
    }

    // 2. Its money, now.
    let wanted = Wanted { amount, amount_param: "amount_to_capture", fee, transfer_amount };
    let (intent, _) = take(call, intent, &wanted)?;
    Ok(shown(call, &intent))
}

/// The same, asked of the charge.
pub(crate) fn capture_charge(call: &mut Call<'_, '_>) -> Answer {
    let charge = call.owned::<Charge>(&call.arg(0))?;
    let amount = call.params.int("amount")?;
    let (fee, older_fee) = (call.params.int("application_fee_amount")?, call.params.int("application_fee")?);
    let transfer_amount = read_transfer_amount(call)?;
    let intent = charge.payment_intent.as_deref().and_then(|id| call.tx.get::<PaymentIntent>(id)).cloned();
    let waiting = intent.filter(|intent| intent.status == Status::RequiresCapture);
    let Some(mut intent) = waiting.filter(|intent| intent.latest_charge.as_ref() == Some(&charge.id)) else {
        let (code, state) = match (charge.captured, charge.amount_refunded > 0) {
            (true, _) => ("charge_already_captured", "has already been captured"),
            (false, true) => ("charge_expired_for_capture", "has expired or was released"),
            (false, false) => ("charge_not_refundable", "cannot be captured"),
        };
        return Err(StripeError::refused(code, format!("Charge {} {state}.", charge.id)));
    };
    call.params.change("receipt_email")?.apply(&mut intent.receipt_email);
    call.params.change("statement_descriptor")?.apply(&mut intent.statement_descriptor);
    call.params.change("statement_descriptor_suffix")?.apply(&mut intent.statement_descriptor_suffix);
    call.params.change("transfer_group")?.apply(&mut intent.transfer_group);
    call.finish()?;
    let wanted = Wanted { amount, amount_param: "amount", fee: fee.or(older_fee), transfer_amount };
    let (_, charge) = take(call, intent, &wanted)?;
    Ok(charge.render(call.tx.tables))
}

fn read_transfer_amount(call: &mut Call<'_, '_>) -> Result<Option<i64>, StripeError> {
    let Some(mut data) = call.params.hash("transfer_data")? else { return Ok(None) };
    let amount = data.int("amount")?;
    data.ignore(&["description", "metadata", "payment_data"]);
    data.finish()?;
    Ok(amount)
}

/// Takes the money; what is not captured goes back to the card.
fn take(
    call: &mut Call<'_, '_>,
    mut intent: PaymentIntent,
    wanted: &Wanted,
) -> Result<(PaymentIntent, Charge), StripeError> {
    // 1. How much, of which charge.
    let charge = intent.latest_charge.as_deref().and_then(|id| call.tx.get::<Charge>(id)).cloned();
    let Some(mut charge) = charge.filter(|_| intent.status == Status::RequiresCapture) else {
        let message = format!(
            "This PaymentIntent could not be captured because it has a status of {}. Only a PaymentIntent with one of the \
             following statuses may be captured: requires_capture.",
            intent.status.as_str()
        );
        return Err(unexpected_state(call, &intent, message));
    };
    let amount = wanted.amount.unwrap_or(intent.amount);
    if !(1..=intent.amount).contains(&amount) {
        let message = "The amount to capture must be between 1 and the amount that can be captured.";
        return Err(StripeError::invalid(message, wanted.amount_param).with_code("amount_too_large"));
    }
    if let Some(fee) = wanted.fee.or(intent.application_fee_amount) {
        intent.application_fee_amount = Some(fee.min(amount));
        super::create::check_fee(&intent, call.scope != call.platform)?;
    }
    if let Some(part) = wanted.transfer_amount {
        let Some(data) = intent.transfer_data.as_mut().filter(|_| (1..=amount).contains(&part)) else {
            let message = "The transfer amount must be between 1 and the amount that is captured.";
            return Err(StripeError::invalid(message, "transfer_data[amount]"));
        };
        data.amount = Some(part);
        super::create::check_fee(&intent, call.scope != call.platform)?;
    }

    // 2. Its money.
    charge.captured = true;
    charge.amount_captured = amount;
    charge.amount_refunded = charge.amount - amount;
    charge.application_fee_amount = intent.application_fee_amount;
    charge.transfer_data = intent.transfer_data.clone();
    charge.statement_descriptor = intent.statement_descriptor.clone();
    charge.statement_descriptor_suffix = intent.statement_descriptor_suffix.clone();
    charge.receipt_email = intent.receipt_email.clone();
    charge.metadata = intent.metadata.clone();
    let charge = charge::settle(call.tx, charge)?;
    intent.status = Status::Succeeded;
    intent.amount_received = amount;
    call.tx.put(intent.clone());

    // 3. Who hears of it.
    let (captured, object) = (charge.render(call.tx.tables), intent.render(call.tx.tables));
    call.tx.emit(&intent.account, "charge.captured", &captured);
    call.tx.emit(&intent.account, "payment_intent.succeeded", &object);
    checkout::follow(call.tx, &intent);
    charge::after_payment(call.tx, &charge);
    Ok((intent, charge))
}

/// Sets the end of an authorisation, and answers when that is, in seconds since 1970.
pub(super) fn expire_later(tx: &mut Tx<'_>, intent: &PaymentIntent) -> i64 {
    let delay_ms = AUTHORISED_DAYS * DAY_MS;
    due::after(tx, delay_ms, Task::ExpireAuthorisation { intent: intent.id.clone() });
    (tx.now_ms + delay_ms).div_euclid(1000)
}

/// An authorisation that nobody captured goes back to the card.
pub(crate) fn expire_authorisation(tx: &mut Tx<'_>, id: &str) {
    let Some(intent) = tx.get::<PaymentIntent>(id).cloned() else { return };
    if intent.status == Status::RequiresCapture {
        cancel::end(tx, intent, Some("automatic".to_owned()), "charge.expired");
    }
}
