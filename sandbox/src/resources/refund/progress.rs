//! What becomes of a refund: paid now or when there is money, arrived, found by its reference, or come back.

use super::{FailureReason, Refund, Status};
use crate::{
    books::{self, Draft, Outside, Unbalanced},
    config::DAY_MS,
    due::{self, Task},
    ids,
    json::Value,
    protocol::error::StripeError,
    resources::{
        account::Account,
        aftermath::Aftermath,
        balance_transaction::{BalanceTransaction, Kind},
        charge::{Charge, PaidWith},
    },
    store::Tx,
};

/// After how long a card network knows the reference of a refund; Stripe says: within a week.
/// Source: <https://docs.stripe.com/refunds#tracing-refunds>.
const REFERENCE_MS: i64 = 3 * DAY_MS;

/// How long banks take to credit a debit or a redirect. Stripe says: up to a week.
const BANK_MS: i64 = 3 * DAY_MS;

/// Moves the money, or finds that there is none; answers with how it stands.
pub(super) fn begin(
    tx: &mut Tx<'_>,
    id: &str,
    charge: &Charge,
    amount: i64,
) -> Result<(Status, Option<String>), Unbalanced> {
    // A seller who is short pays when there is money again; the platform's balance may go below zero.
    let on_seller = tx.get::<Account>(&charge.account).is_some_and(|account| !account.is_platform());
    if on_seller && !can_pay(tx, charge, amount) {
        look_again(tx, id, DAY_MS);
        return Ok((Status::ShortOfFunds, None));
    }
    let transaction = pay_back(tx, id, charge, amount)?;
    Ok((under_way(tx, id, charge), Some(transaction)))
}

/// How a refund stands whose money is on its way.
fn under_way(tx: &mut Tx<'_>, id: &str, charge: &Charge) -> Status {
    let soon_ms = tx.settings().aftermath_ms;
    let (status, next_ms) = match charge.aftermath() {
        Some(Aftermath::RefundIsPending) => (Status::Processing, soon_ms),
        Some(Aftermath::RefundFails) => (Status::Succeeded, soon_ms),
        _ if matches!(charge.paid_with, PaidWith::Bank { .. }) => (Status::Processing, BANK_MS),
        _ => (Status::Succeeded, REFERENCE_MS),
    };
    look_again(tx, id, next_ms);
    status
}

fn look_again(tx: &mut Tx<'_>, id: &str, delay_ms: i64) {
    let at_ms = tx.now_ms + delay_ms;
    due::set(tx, &timer_of(id), Some((at_ms, Task::Refund { refund: id.to_owned() })));
}

fn timer_of(id: &str) -> String {
    format!("refund {id}")
}

fn can_pay(tx: &Tx<'_>, charge: &Charge, amount: i64) -> bool {
    books::holds(tx, &charge.account, charge.currency, amount)
}

/// Moves the money of a refund, pending as long as the charge's.
fn pay_back(tx: &mut Tx<'_>, id: &str, charge: &Charge, amount: i64) -> Result<String, Unbalanced> {
    let platform = tx.get::<Account>(&charge.account).map(|found| found.platform.clone()).unwrap_or_default();
    let transaction = charge.balance_transaction.as_deref().and_then(|id| tx.get::<BalanceTransaction>(id));
    let available_ms = transaction.map_or(tx.now_ms, |found| found.available_ms);
    // Only cards are refunded; what banks paid is a payment that is refunded.
    let card = matches!(charge.paid_with, PaidWith::Card { .. });
    let kind = if card { Kind::Refund } else { Kind::PaymentRefund };
    let draft = Draft::new(&charge.account, kind, -amount, id, available_ms)
        .described(Some(format!("REFUND FOR CHARGE ({})", charge.id)));
    let written = books::post(tx, id, &platform, charge.currency, vec![draft], &[(Outside::Cards, amount)])?;
    Ok(written.into_iter().next().unwrap_or_default())
}

/// The next step of a refund is due.
pub(crate) fn move_on(tx: &mut Tx<'_>, id: &str) {
    let Some(mut refund) = tx.get::<Refund>(id).cloned() else { return };
    let Some(charge) = tx.get::<Charge>(&refund.charge).cloned() else { return };
    let before = refund.render(tx.tables);
    match refund.status {
        Status::ShortOfFunds if !can_pay(tx, &charge, refund.amount) => return look_again(tx, id, DAY_MS),
        Status::ShortOfFunds => match pay_back(tx, id, &charge, refund.amount) {
            Ok(transaction) => {
                refund.balance_transaction = Some(transaction);
                refund.status = under_way(tx, id, &charge);
            }
            Err(Unbalanced) => return tracing::error!(refund = id, "a refund could not be booked"),
        },
        Status::Processing => {
            refund.status = Status::Succeeded;
            look_again(tx, id, REFERENCE_MS);
        }
        Status::Succeeded if charge.aftermath() == Some(Aftermath::RefundFails) => {
            if let Err(error) = fail(tx, refund, FailureReason::default()) {
                tracing::error!(refund = id, ?error, "a refund could not fail");
            }
            return;
        }
        Status::Succeeded if refund.to_card => refund.reference = Some(reference_of(tx, id)),
        Status::Succeeded | Status::RequiresAction | Status::Failed | Status::Canceled => return,
    }
    changed(tx, refund, &before);
}

/// 23 digits that follow from the refund.
fn reference_of(tx: &Tx<'_>, id: &str) -> String {
    let drawn = ids::derive(tx.seed(), &format!("reference of {id}"), 0, 23);
    drawn.bytes().map(|byte| char::from(b'0' + byte % 10)).collect()
}

/// The bank could not credit the buyer.
pub(crate) fn fail(tx: &mut Tx<'_>, mut refund: Refund, reason: FailureReason) -> Result<Value, StripeError> {
    refund.failure_reason = Some(reason);
    take_back(tx, refund, Status::Failed)
}

/// The buyer must say where the money should go, as with payment methods that cannot be credited.
pub(crate) fn require_action(tx: &mut Tx<'_>, mut refund: Refund) -> Result<Value, StripeError> {
    if !matches!(refund.status, Status::Processing | Status::Succeeded) {
        return Err(StripeError::invalid("This refund is not under way.", "refund"));
    }
    due::set(tx, &timer_of(&refund.id), None);
    let before = refund.render(tx.tables);
    refund.status = Status::RequiresAction;
    refund.instructed_at = Some(tx.now());
    Ok(changed(tx, refund, &before))
}

/// The money is back on the account, and the charge is less refunded. Reversals and fees stay as they are.
pub(super) fn take_back(tx: &mut Tx<'_>, mut refund: Refund, to: Status) -> Result<Value, StripeError> {
    if matches!(refund.status, Status::Failed | Status::Canceled) || refund.source_transfer_reversal.is_some()
    {
        return Err(StripeError::invalid("This refund cannot come back any more.", "refund"));
    }
    let before = refund.render(tx.tables);
    due::set(tx, &timer_of(&refund.id), None);

    // 1. The money, if it had left.
    if refund.balance_transaction.is_some() {
        let platform =
            tx.get::<Account>(&refund.account).map(|found| found.platform.clone()).unwrap_or_default();
        let draft = Draft::new(&refund.account, Kind::RefundFailure, refund.amount, &refund.id, tx.now_ms)
            .described(Some(format!("REFUND FAILURE FOR CHARGE ({})", refund.charge)));
        let outside = [(Outside::Cards, -refund.amount)];
        let written = books::post(tx, &refund.id, &platform, refund.currency, vec![draft], &outside)?;
        refund.failure_balance_transaction = written.into_iter().next();
    }

    // 2. The charge can be refunded again.
    if let Some(charge) = tx.get::<Charge>(&refund.charge).cloned() {
        tx.put(Charge { amount_refunded: charge.amount_refunded - refund.amount, ..charge });
    }
    refund.status = to;
    let (account, failed) = (refund.account.clone(), to == Status::Failed);
    let after = changed(tx, refund, &before);
    if failed {
        tx.emit(&account, "refund.failed", &after);
    }
    Ok(after)
}

/// Keeps a refund that changed, and tells of it by both of Stripe's names.
pub(super) fn changed(tx: &mut Tx<'_>, refund: Refund, before: &Value) -> Value {
    let after = refund.render(tx.tables);
    let account = refund.account.clone();
    tx.put(refund);
    tx.emit_change(&account, "refund.updated", before, &after);
    tx.emit_change(&account, "charge.refund.updated", before, &after);
    after
}
