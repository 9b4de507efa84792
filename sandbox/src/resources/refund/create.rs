//! Giving money back.

use super::{Refund, RefundOf, progress};
use crate::{
    money::proportion,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        params::Metadata,
    },
    resources::{
        charge::{self, Charge, PaidWith},
        dispute, early_fraud_warning, fee_refund,
        payment_intent::PaymentIntent,
        review,
        transfer::Transfer,
        transfer_reversal,
    },
};

/// What a request for a refund says.
struct Wanted {
    amount: Option<i64>,
    reason: Option<String>,
    reverse_transfer: bool,
    refund_fee: bool,
    instructions_email: Option<String>,
    metadata: Metadata,
}

pub(super) fn create(call: &mut Call<'_, '_>) -> Answer {
    // 1. Of what, and how much. A capture that is still under way completes first.
    let charge = named_charge(call)?;
    let wanted = Wanted::read(call)?;
    charge::finish_capture(call.tx, &charge.id);
    let charge = call.owned::<Charge>(&charge.id)?;
    let amount = refundable(call, &charge, wanted.amount)?;
    wanted.check(&charge)?;

    // 2. The money goes back to the card; a seller who is short pays when there is money again.
    let to_card = matches!(charge.paid_with, PaidWith::Card { .. });
    let id = call.tx.new_id(if to_card { "re" } else { "pyr" });
    let (status, transaction) = progress::begin(call.tx, &id, &charge, amount)?;

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
        status,
        instructions_email: wanted.instructions_email,
        instructed_at: None,
        failure_reason: None,
        failure_balance_transaction: None,
        reference: None,
        reason: wanted.reason,
        balance_transaction: transaction,
        transfer_reversal: reversal,
        source_transfer_reversal: None,
        to_card,
        payment_method: charge.paid_with.method().map(str::to_owned),
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
    if charge.amount_refunded >= charge.amount {
        early_fraud_warning::settle(call.tx, &charge.id);
        let fraud = refund.reason.as_deref() == Some("fraudulent");
        let why = if fraud { review::Closed::RefundedAsFraud } else { review::Closed::Refunded };
        review::close(call.tx, &charge.id, why);
    }
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
            instructions_email: params.text("instructions_email")?,
            metadata,
        };
        params.choice("origin", &["customer_balance"])?;
        params.ignore(&["currency", "customer"]);
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
fn refundable(call: &Call<'_, '_>, charge: &Charge, amount: Option<i64>) -> Result<i64, StripeError> {
    if !charge.is_paid() || !charge.captured {
        let message = format!("Charge {} has not been paid, so it cannot be refunded.", charge.id);
        return Err(StripeError::refused("charge_not_refundable", message));
    }
    if let Some(transfer) = &charge.source_transfer {
        let message =
            format!("Charge {} came with the transfer {transfer}: reverse that instead.", charge.id);
        return Err(StripeError::refused("charge_not_refundable", message));
    }
    if dispute::forbids_refund(call.tx.tables, &charge.id) {
        let message = format!("Charge {} has been charged back; cannot issue a refund.", charge.id);
        return Err(StripeError::refused("charge_disputed", message));
    }
    let left = charge.amount - charge.amount_refunded;
    if left == 0 {
        let message = format!("Charge {} has already been refunded.", charge.id);
        return Err(StripeError::refused("charge_already_refunded", message));
    }
    let amount = amount.unwrap_or(left);
    if amount < 1 {
        return Err(StripeError::too_small("amount"));
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
