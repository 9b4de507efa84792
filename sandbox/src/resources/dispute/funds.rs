//! The money of a dispute: withdrawn from whoever took the payment, with Stripe's fees, and perhaps given back.
//!
//! The platform is debited for its own and for destination charges, the seller for direct ones. Stripe's fees fall
//! on the same account, unless the platform pays all fees of its sellers (`controller.fees.payer: application`).

use super::Dispute;
use crate::{
    books::{self, Draft, Outside, Unbalanced},
    resources::{
        account::Account,
        balance_transaction::{FeeDetail, Kind},
    },
    store::Tx,
};

/// Who is debited, and who pays Stripe.
struct Payers {
    platform: String,
    account: String,
    platform_pays_fees: bool,
}

impl Payers {
    fn of(tx: &Tx<'_>, dispute: &Dispute) -> Self {
        let found = tx.get::<Account>(&dispute.account);
        Self {
            platform: found.map(|account| account.platform.clone()).unwrap_or_default(),
            account: dispute.account.clone(),
            platform_pays_fees: found.is_some_and(|account| {
                !account.is_platform()
                    && tx.settings().platform_bears_direct_fees(&account.controller.fees_payer)
            }),
        }
    }
}

/// The bank takes the disputed amount.
pub(super) fn withdraw(tx: &mut Tx<'_>, dispute: &mut Dispute) -> Result<(), Unbalanced> {
    let fee = tx.settings().dispute_received_fee;
    let transaction = adjust(tx, dispute, Kind::Dispute, -dispute.amount, fee)?;
    dispute.withdrawal = transaction;
    dispute.received_fee = fee;
    Ok(())
}

/// Stripe takes a fee for passing evidence on.
pub(super) fn charge_for_counter(tx: &mut Tx<'_>, dispute: &mut Dispute) -> Result<(), Unbalanced> {
    let fee = tx.settings().dispute_countered_fee;
    dispute.countered_fee = fee;
    take_fee(tx, dispute, fee, "Dispute countered fee")
}

/// The bank gives the amount back, and Stripe those of its fees that it returns.
pub(super) fn reinstate(tx: &mut Tx<'_>, dispute: &mut Dispute) -> Result<(), Unbalanced> {
    let settings = tx.settings();
    let returned = if settings.dispute_received_fee_returned { dispute.received_fee } else { 0 };
    dispute.reinstatement = adjust(tx, dispute, Kind::DisputeReversal, dispute.amount, -returned)?;
    if settings.dispute_countered_fee_returned {
        take_fee(tx, dispute, -dispute.countered_fee, "Dispute countered fee returned")?;
    }
    Ok(())
}

/// Moves `amount` between the account and the buyers' cards, and `fee` to Stripe (below zero: from it).
fn adjust(
    tx: &mut Tx<'_>,
    dispute: &Dispute,
    kind: Kind,
    amount: i64,
    fee: i64,
) -> Result<Option<String>, Unbalanced> {
    let payers = Payers::of(tx, dispute);
    let words = if kind == Kind::Dispute { "withdrawal" } else { "reversal" };
    let main = Draft::new(&payers.account, kind, amount, &dispute.id, tx.now_ms)
        .described(Some(format!("Chargeback {words} for {}", dispute.charge)));
    let drafts = match fee {
        0 => vec![main],
        _ if payers.platform_pays_fees => {
            let of_platform = Draft::new(&payers.platform, Kind::StripeFee, -fee, &dispute.id, tx.now_ms);
            vec![main, of_platform.described(Some("Dispute fee".into()))]
        }
        _ => vec![main.with_fees(vec![FeeDetail::stripe(fee)])],
    };
    let outside = [(Outside::Cards, -amount), (Outside::StripeFees, fee)];
    let written = books::post(tx, &dispute.id, &payers.platform, dispute.currency, drafts, &outside)?;
    Ok(written.into_iter().next())
}

/// A fee that is a balance transaction of its own.
fn take_fee(tx: &mut Tx<'_>, dispute: &Dispute, fee: i64, words: &str) -> Result<(), Unbalanced> {
    if fee == 0 {
        return Ok(());
    }
    let payers = Payers::of(tx, dispute);
    let account = if payers.platform_pays_fees { &payers.platform } else { &payers.account };
    let draft = Draft::new(account, Kind::StripeFee, -fee, &dispute.id, tx.now_ms);
    let drafts = vec![draft.described(Some(words.to_owned()))];
    let outside = [(Outside::StripeFees, fee)];
    books::post(tx, &dispute.id, &payers.platform, dispute.currency, drafts, &outside)?;
    Ok(())
}
