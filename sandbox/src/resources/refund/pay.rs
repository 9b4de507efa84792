//! The money of a refund, now or when there is some.

use super::Refund;
use crate::{
    books::{self, Draft, Outside, Unbalanced},
    config::DAY_MS,
    due::{self, Task},
    resources::{
        account::Account,
        balance_transaction::{BalanceTransaction, Kind},
        charge::Charge,
    },
    store::Tx,
};

/// Moves the money of a refund, pending as long as the charge's.
pub(super) fn pay_back(
    tx: &mut Tx<'_>,
    id: &str,
    charge: &Charge,
    amount: i64,
) -> Result<String, Unbalanced> {
    let platform = tx.get::<Account>(&charge.account).map(|found| found.platform.clone()).unwrap_or_default();
    let transaction = charge.balance_transaction.as_deref().and_then(|id| tx.get::<BalanceTransaction>(id));
    let available_ms = transaction.map_or(tx.now_ms, |found| found.available_ms);
    let draft = Draft::new(&charge.account, Kind::Refund, -amount, id, available_ms)
        .described(Some(format!("REFUND FOR CHARGE ({})", charge.id)));
    let written = books::post(tx, id, &platform, charge.currency, vec![draft], &[(Outside::Cards, amount)])?;
    Ok(written.into_iter().next().unwrap_or_default())
}

/// A refund that waited for money is tried again.
pub(crate) fn retry(tx: &mut Tx<'_>, id: &str) {
    let Some(refund) = tx.get::<Refund>(id).filter(|refund| refund.pending).cloned() else { return };
    let Some(charge) = tx.get::<Charge>(&refund.charge).cloned() else { return };
    if !books::holds(tx, &refund.account, refund.currency, refund.amount) {
        due::after(tx, DAY_MS, Task::Refund { refund: id.to_owned() });
        return;
    }
    let before = refund.render(tx.tables);
    match pay_back(tx, id, &charge, refund.amount) {
        Ok(transaction) => {
            let paid = Refund { pending: false, balance_transaction: Some(transaction), ..refund };
            tx.put(paid.clone());
            let after = paid.render(tx.tables);
            tx.emit_change(&paid.account, "refund.updated", &before, &after);
        }
        Err(Unbalanced) => tracing::error!(refund = id, "a refund could not be booked"),
    }
}
