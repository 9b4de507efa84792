//! Bank debits: the bank answers days later.

use super::{PaymentIntent, Status, attempt};
use crate::{
    books::Unbalanced,
    config::DAY_MS,
    due::{self, Task},
    resources::{
        bank_method::DebitOutcome,
        charge::{self, Charge, PaidWith},
        checkout,
        payment_method::PaymentMethod,
    },
    store::Tx,
};

/// The debit is on its way; nothing is on any balance yet.
pub(super) fn start(tx: &mut Tx<'_>, mut intent: PaymentIntent, method: PaymentMethod) -> PaymentIntent {
    let method = attempt::saved(tx, &intent, method);
    let mut charge = attempt::new_charge(tx, &intent, method, false);
    charge.pending = true;
    intent.latest_charge = Some(charge.id.clone());
    intent.status = Status::Processing;
    let delay_ms = tx.settings().debit_days * DAY_MS;
    due::after(tx, delay_ms, Task::Debit { charge: charge.id.clone() });
    tx.put(charge.clone());
    tx.put(intent.clone());
    let (charge, object) = (charge.render(tx.tables), intent.render(tx.tables));
    tx.emit(&intent.account, "charge.pending", &charge);
    tx.emit(&intent.account, "payment_intent.processing", &object);
    checkout::follow(tx, &intent);
    intent
}

/// The bank answered.
pub(crate) fn finish_debit(tx: &mut Tx<'_>, id: &str) {
    let Some(charge) = tx.get::<Charge>(id).filter(|charge| charge.pending).cloned() else { return };
    let intent = charge.payment_intent.as_deref().and_then(|id| tx.get::<PaymentIntent>(id)).cloned();
    let Some(intent) = intent.filter(|intent| intent.status == Status::Processing) else { return };
    let outcome = match &charge.paid_with {
        PaidWith::Bank { instrument, .. } => instrument.debit(),
        PaidWith::Card { .. } | PaidWith::StripeAccount => None,
    };
    match outcome {
        Some(DebitOutcome::Fails(reason)) => {
            let mut intent = intent;
            let failed = Charge {
                pending: false,
                failure: Some(reason),
                captured: false,
                amount_captured: 0,
                ..charge
            };
            attempt::fail(tx, &mut intent, failed, reason);
            checkout::follow(tx, &intent);
        }
        Some(DebitOutcome::Succeeds | DebitOutcome::Disputed) => {
            if let Err(Unbalanced) = succeed(tx, intent, charge) {
                tracing::error!(charge = id, "a debit could not be booked");
            }
        }
        Some(DebitOutcome::Never) | None => {}
    }
}

fn succeed(tx: &mut Tx<'_>, mut intent: PaymentIntent, mut charge: Charge) -> Result<(), Unbalanced> {
    charge.pending = false;
    let charge = charge::settle(tx, charge)?;
    intent.status = Status::Succeeded;
    intent.amount_received = intent.amount;
    tx.put(intent.clone());
    attempt::announce(tx, &charge, &intent, "payment_intent.succeeded");
    checkout::follow(tx, &intent);
    charge::after_payment(tx, &charge);
    Ok(())
}
