//! What becomes of a payout: it leaves, arrives, or comes back.

use super::{Payout, Status};
use crate::{
    books::{self, Draft, Outside},
    protocol::error::StripeError,
    resources::{
        account::{self, Account},
        balance_transaction::{FeeDetail, Kind},
        external_account::ExternalAccount,
    },
    store::Tx,
};

/// Stripe's fee on a payout, in minor units: only instant ones have one.
pub(super) fn fee_of(tx: &Tx<'_>, payout: &Payout) -> i64 {
    if payout.instant { tx.settings().fee_on_instant_payout(payout.amount) } else { 0 }
}

/// Books a payout that sets off. A debit brings its money when it arrives.
pub(super) fn book_start(tx: &mut Tx<'_>, payout: &Payout) -> Result<String, StripeError> {
    let Some(account) = tx.get::<Account>(&payout.account).cloned() else { return Ok(String::new()) };
    let fee = fee_of(tx, payout);
    let kind = if payout.original.is_some() { Kind::PayoutReversal } else { Kind::Payout };
    let available_ms = if payout.amount < 0 { payout.arrival_ms } else { tx.now_ms };
    let draft = draft(payout, kind, -payout.amount, available_ms);
    let mut drafts = vec![draft];
    if fee > 0 && account.bears_payout_fees() {
        drafts = drafts.into_iter().map(|draft| draft.with_fees(vec![FeeDetail::stripe(fee)])).collect();
    } else if fee > 0 {
        drafts.push(
            Draft::new(&account.platform, Kind::StripeFee, -fee, &payout.id, tx.now_ms)
                .described(Some("Instant payout fee".to_owned())),
        );
    }
    let outside = [(Outside::Banks, payout.amount), (Outside::StripeFees, fee)];
    let written = books::post(tx, &payout.id, &account.platform, payout.currency, drafts, &outside)?;
    Ok(written.into_iter().next().unwrap_or_default())
}

/// Books that the money of a payout is back: its amount, not its fee.
pub(super) fn book(tx: &mut Tx<'_>, payout: &Payout, kind: Kind) -> Result<String, StripeError> {
    let platform = tx.get::<Account>(&payout.account).map(|found| found.platform.clone()).unwrap_or_default();
    let draft = draft(payout, kind, payout.amount, tx.now_ms);
    let outside = [(Outside::Banks, -payout.amount)];
    let written = books::post(tx, &payout.id, &platform, payout.currency, vec![draft], &outside)?;
    Ok(written.into_iter().next().unwrap_or_default())
}

fn draft(payout: &Payout, kind: Kind, amount: i64, available_ms: i64) -> Draft {
    Draft::new(&payout.account, kind, amount, &payout.id, available_ms)
        .described(Some(payout.description.clone().unwrap_or_else(|| "STRIPE PAYOUT".to_owned())))
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
            let bank = payout.destination.as_deref().and_then(|id| tx.get::<ExternalAccount>(id));
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

/// The bank sent the money back, even after it was paid, and is not used again.
pub(crate) fn fail(tx: &mut Tx<'_>, payout: Payout, code: &str) {
    let returned = book(tx, &payout, Kind::PayoutFailure).ok();
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
    let bank = failed.destination.as_deref().and_then(|id| tx.get::<ExternalAccount>(id)).cloned();
    if let (Some(shown), Some(bank)) = (shown, bank) {
        let before = bank.render(tx.tables);
        let errored = ExternalAccount { works: false, ..bank };
        tx.put(errored.clone());
        let after = errored.render(tx.tables);
        tx.emit_change(&failed.account, "account.external_account.updated", &before, &after);
        account::refresh(tx, &failed.account, &shown);
    }
}
