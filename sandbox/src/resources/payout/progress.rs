//! What becomes of a payout: it leaves, arrives, or comes back.

use super::{Payout, Status};
use crate::{
    books::{self, Draft, Outside},
    protocol::error::StripeError,
    resources::{
        account::{self, Account},
        balance_transaction::Kind,
        external_account::BankAccount,
    },
    store::Tx,
};

/// Moves the money of a payout between the balance and the bank.
pub(super) fn book(tx: &mut Tx<'_>, payout: &Payout, kind: Kind, amount: i64) -> Result<String, StripeError> {
    let platform = tx.get::<Account>(&payout.account).map(|found| found.platform.clone()).unwrap_or_default();
    let draft = Draft::new(&payout.account, kind, amount, &payout.id, tx.now_ms)
        .described(Some("STRIPE PAYOUT".to_owned()));
    let outside = [(Outside::Banks, -amount)];
    let written = books::post(tx, &payout.id, &platform, payout.currency, vec![draft], &outside)?;
    Ok(written.into_iter().next().unwrap_or_default())
}

/// The next step of a payout, when its time has come.
pub(crate) fn move_on(tx: &mut Tx<'_>, payout: Payout) {
    let before = payout.render(tx.tables);
    match payout.status {
        Status::Pending => {
            let moved = Payout { status: Status::InTransit, ..payout };
            tx.put(moved.clone());
            let after = moved.render(tx.tables);
            tx.emit_change(&moved.account, "payout.updated", &before, &after);
        }
        Status::InTransit => {
            let bank = payout.destination.as_deref().and_then(|id| tx.get::<BankAccount>(id));
            match bank.and_then(|bank| bank.fails_with.clone()) {
                Some(code) => fail(tx, payout, &code),
                None => {
                    let paid = Payout { status: Status::Paid, ..payout };
                    tx.put(paid.clone());
                    let object = paid.render(tx.tables);
                    tx.emit(&paid.account, "payout.paid", &object);
                }
            }
        }
        Status::Paid | Status::Failed | Status::Canceled => {}
    }
}

/// The bank sent the money back, and is not used again.
fn fail(tx: &mut Tx<'_>, payout: Payout, code: &str) {
    let returned = book(tx, &payout, Kind::PayoutFailure, payout.amount).ok();
    let failed = Payout {
        status: Status::Failed,
        failure_code: Some(code.to_owned()),
        failure_balance_transaction: returned,
        ..payout
    };
    tx.put(failed.clone());
    let object = failed.render(tx.tables);
    tx.emit(&failed.account, "payout.failed", &object);

    let shown = tx.get::<Account>(&failed.account).map(|account| account.render(tx.tables));
    let bank = failed.destination.as_deref().and_then(|id| tx.get::<BankAccount>(id)).cloned();
    if let (Some(shown), Some(bank)) = (shown, bank) {
        let before = bank.render(tx.tables);
        let errored = BankAccount { works: false, ..bank };
        tx.put(errored.clone());
        let after = errored.render(tx.tables);
        tx.emit_change(&failed.account, "account.external_account.updated", &before, &after);
        account::refresh(tx, &failed.account, &shown);
    }
}
