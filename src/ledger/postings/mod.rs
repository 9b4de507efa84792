//! The postings of our own facts, one function each. What Stripe's balances say is in `mirror.rs`.
//!
//! `K(x)` is the clearing account of the Stripe object `x`, under its id as the key; its other half is posted
//! from the balance transaction. A fact that concerns a seller has a posting in the platform's book
//! (`of_platform`) and one in the seller's (`of_seller`), under the same source.
//!
//! Whoever makes one of these passes amounts without sign, and ids of the kind that the field is for: anything
//! else is refused here, before it reaches a book.

mod commission;
mod conversion;
mod debt;
mod dispute;
mod foreign;
mod payout;
mod refund;
mod sale;
mod transfer;

use souk_entity::{Money, Scope, StripeAccountId};

use super::{
    chart::Account,
    posting::{Place, PostingError},
};

pub use commission::CommissionReturned;
pub use conversion::Conversion;
pub use debt::{AccountDebit, CollectedDebt, Netting, WriteOff};
pub use dispute::{Dispute, DisputeCharged, DisputeRecovery, RecoveryReturned};
pub use foreign::ForeignActivity;
pub use payout::{payout_failed_after_paid, payout_paid};
pub use refund::{DestinationRefund, DirectRefund, FailedRefund, RestoredTo, ShareRefund, TakenFrom};
pub use sale::{DestinationSale, DirectSale, SeparateSale, ShareOfSale};
pub use transfer::{ShareTransfer, TransferReversal};

/// What buyers paid with: a card, or another way.
const PAID: &[Account] = &[Account::ClearingCharge, Account::ClearingPayment];
/// What a transfer becomes in the seller's account.
const RECEIVED: &[Account] = &[Account::ClearingPayment];
/// A transfer.
const TRANSFERRED: &[Account] = &[Account::ClearingTransfer];
/// A reversal of one.
const REVERSED: &[Account] = &[Account::ClearingTransferReversal];
/// A refund, to a buyer or of what a seller received.
const REFUNDED: &[Account] = &[Account::ClearingRefund];
/// An application fee.
const FEE: &[Account] = &[Account::ClearingApplicationFee];
/// A refund of one.
const FEE_REFUNDED: &[Account] = &[Account::ClearingFeeRefund];
/// A dispute.
const DISPUTED: &[Account] = &[Account::ClearingDispute];

/// A seller's own book.
fn book_of(account: &StripeAccountId) -> Scope {
    Scope::Connected(account.clone())
}

/// The clearing account of an object of Stripe's, which must be of one of these kinds.
fn cleared<'a>(stripe_id: &'a str, kinds: &[Account]) -> Result<Place<'a>, PostingError> {
    match Account::clearing(stripe_id) {
        Some(account) if kinds.contains(&account) => Ok(account.at(stripe_id)),
        _ => Err(PostingError::NotCleared(stripe_id.to_owned())),
    }
}

/// The clearing account of an object that there need not be; it is refused later if an amount is posted to it.
fn cleared_if_any<'a>(
    stripe_id: Option<&'a str>,
    kinds: &'static [Account],
) -> Result<Place<'a>, PostingError> {
    match (stripe_id, kinds.first()) {
        (Some(id), _) => cleared(id, kinds),
        (None, Some(account)) => Ok(account.at("")),
        (None, None) => Err(PostingError::NotCleared(String::new())),
    }
}

/// An amount that must be above zero.
fn above_zero(what: &'static str, amount: Money) -> Result<Money, PostingError> {
    if amount.amount > 0 { Ok(amount) } else { Err(PostingError::Amount { what, amount }) }
}

/// What is left of `whole` without `part`; both are without sign, and no part is more than its whole.
fn rest(what: &'static str, whole: Money, part: Money) -> Result<Money, PostingError> {
    let rest = whole.checked_sub(part)?;
    if part.amount < 0 || rest.amount < 0 {
        return Err(PostingError::Amount { what, amount: part });
    }
    Ok(rest)
}
