//! Taking a payout back: Stripe debits the bank that it went to, as a payout of its own with the other sign.

use super::{
    Payout, Status,
    create::{begin, new},
};
use crate::{
    config::DAY_MS,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        params::Metadata,
    },
    resources::external_account::ExternalAccount,
};

/// Stripe: payouts of the last 90 days can be reversed.
const LONGEST_MS: i64 = 90 * DAY_MS;

pub(super) fn reverse(call: &mut Call<'_, '_>) -> Answer {
    let mut metadata = Metadata::new();
    call.params.metadata(&mut metadata)?;
    call.finish()?;
    let payout = call.owned::<Payout>(&call.arg(0))?;
    must_be_reversible(call, &payout)?;

    // 1. The payout that brings the money back.
    let (account, destination) = (payout.account.clone(), payout.destination.clone());
    let reversal = new(call.tx, &account, -payout.amount, payout.currency, destination);
    let reversal = Payout { metadata, original: Some(payout.id.clone()), ..reversal };
    let reversal = begin(call.tx, reversal)?;

    // 2. The one that it takes back.
    let before = payout.render(call.tx.tables);
    let reversed = Payout { reversed_by: Some(reversal.id.clone()), ..payout };
    call.tx.put(reversed.clone());
    let after = reversed.render(call.tx.tables);
    call.tx.emit_change(&account, "payout.updated", &before, &after);
    Ok(reversal.render(call.tx.tables))
}

/// Stripe: paid payouts of connected accounts to banks in the United States, once.
fn must_be_reversible(call: &Call<'_, '_>, payout: &Payout) -> Result<(), StripeError> {
    let bank = payout.destination.as_deref().and_then(|id| call.tx.get::<ExternalAccount>(id));
    let message = if payout.original.is_some() || payout.reversed_by.is_some() {
        "This payout has already been reversed, or is a reversal itself."
    } else if payout.status != Status::Paid || payout.amount < 0 {
        "Payouts can only be reversed after they were paid. Cancel a pending one instead."
    } else if bank.is_none_or(|bank| bank.country != "US" || bank.card.is_some()) {
        "Only payouts to bank accounts in the United States can be reversed."
    } else if payout.created_ms + LONGEST_MS < call.tx.now_ms {
        "Payouts can be reversed for 90 days."
    } else {
        return Ok(());
    };
    Err(StripeError::refused("payout_not_reversible", message))
}
