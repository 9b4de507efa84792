//! The postings of Stripe's balance transactions: the only ones that touch the account `stripe`.

use serde::{Deserialize, Serialize};
use souk_entity::{Currency, Money, balance_transaction};

use super::{
    chart::Account,
    posting::{Place, Posting, PostingError},
};

/// Where the counterpart of a type of balance transaction goes.
pub(super) enum Counterpart {
    /// To the clearing account of its source, if the source is an object of one of these kinds.
    Cleared(&'static [Account]),
    /// To an account, because Stripe alone knows the fact.
    Straight(Account),
    /// The same, to an account that is keyed: by the source, or by the transaction itself if it names none.
    Keyed(Account),
}

/// What this version can explain. Types that are missing go to `suspense`.
/// Source of the types: <https://docs.stripe.com/reports/balance-transaction-types>.
pub(super) const TYPES: &[(&str, Counterpart)] = {
    use Account::{
        Bank, ClearingApplicationFee, ClearingCharge, ClearingDispute, ClearingFeeRefund, ClearingPayment,
        ClearingRefund, ClearingTransfer, ClearingTransferReversal, Fees, InTransit, Reserved, SellerDue,
    };
    use Counterpart::{Cleared, Keyed, Straight};
    &[
        ("charge", Cleared(&[ClearingCharge, ClearingPayment])),
        ("payment", Cleared(&[ClearingPayment, ClearingCharge])),
        ("partial_capture_reversal", Cleared(&[ClearingCharge])),
        // Of a partial capture, what was authorised and not captured goes back as a refund of the charge itself.
        ("refund", Cleared(&[ClearingRefund, ClearingCharge])),
        ("payment_refund", Cleared(&[ClearingRefund])),
        ("refund_failure", Cleared(&[ClearingRefund])),
        ("transfer", Cleared(&[ClearingTransfer])),
        ("transfer_cancel", Cleared(&[ClearingTransfer])),
        ("transfer_failure", Cleared(&[ClearingTransfer])),
        ("transfer_refund", Cleared(&[ClearingTransferReversal])),
        ("application_fee", Cleared(&[ClearingApplicationFee])),
        ("application_fee_refund", Cleared(&[ClearingFeeRefund])),
        ("payout", Cleared(&[InTransit])),
        ("payout_cancel", Cleared(&[InTransit])),
        ("payout_failure", Cleared(&[InTransit])),
        // Other adjustments name no object that a fact of ours could meet.
        ("adjustment", Cleared(&[ClearingDispute, ClearingFeeRefund])),
        ("payment_failure_refund", Cleared(&[ClearingPayment, ClearingCharge, ClearingRefund])),
        ("connect_collection_transfer", Keyed(SellerDue)),
        ("stripe_fee", Straight(Fees)),
        ("stripe_fx_fee", Straight(Fees)),
        ("tax_fee", Straight(Fees)),
        ("reserve_transaction", Straight(Reserved)),
        ("reserved_funds", Straight(Reserved)),
        ("reserve_hold", Straight(Reserved)),
        ("reserve_release", Straight(Reserved)),
        ("payout_minimum_balance_hold", Straight(Reserved)),
        ("payout_minimum_balance_release", Straight(Reserved)),
        ("topup", Straight(Bank)),
        ("topup_reversal", Straight(Bank)),
    ]
};

/// The kind of a posting that nothing explains.
const SUSPENSE: &str = "suspense";

/// One of Stripe's `fee_details`, as it is kept with the balance transaction.
#[derive(Serialize, Deserialize)]
pub(super) struct FeeDetail {
    /// Minor units.
    pub(super) amount: i64,
    pub(super) currency: Currency,
    /// `stripe_fee`, `application_fee`, `tax`, ...
    #[serde(rename = "type")]
    pub(super) fee_type: String,
}

/// A balance transaction's fee, by who takes it. Minor units of its currency.
#[derive(Default)]
struct Fees {
    /// Stripe's, and taxes on it.
    stripe: i64,
    /// The platform's commission: our own posting says it, so here it only lessens what the key gets.
    application: i64,
    /// What `fee_details` doesn't explain.
    unexplained: i64,
}

/// A balance transaction, in the book of its scope; amounts below are signed, a negative debit is a credit.
///
/// | account | debit | credit |
/// |---|---|---|
/// | stripe | net | |
/// | fees, or dispute_fees | Stripe's share of the fee | |
/// | suspense(txn) | the share of the fee that nothing explains | |
/// | K(source), or the account of the type, or suspense(txn) | | amount less application fee |
///
/// `None` if nothing moves, as when the commission is the whole payment.
pub fn mirror(row: &balance_transaction::Model) -> Result<Option<Posting>, PostingError> {
    let money = |amount| Money::new(amount, row.currency);
    let fees = routed_fees(row)?;
    let (kind, place) = counterpart(row);
    let fee_account = fee_account(row);
    let draft = Posting::of(row.scope.clone(), row.id.clone(), kind, row.stripe_created_at)
        .debit(Account::Stripe, money(row.net))
        .debit(fee_account, money(fees.stripe))
        .debit(Account::Suspense.at(&row.id), money(fees.unexplained))
        .credit(place, money(row.amount).checked_sub(money(fees.application))?);
    if draft.is_empty() { Ok(None) } else { draft.balanced().map(Some) }
}

fn source(row: &balance_transaction::Model) -> &str {
    row.source.as_deref().unwrap_or_default()
}

/// The kind of the posting, and where the counterpart of `stripe` goes.
fn counterpart(row: &balance_transaction::Model) -> (&'static str, Place<'_>) {
    let known = TYPES.iter().find(|(name, _)| *name == row.transaction_type);
    match known {
        Some((kind, Counterpart::Straight(Account::Fees))) => (kind, fee_account(row).into()),
        Some((kind, Counterpart::Straight(account))) => (kind, (*account).into()),
        Some((kind, Counterpart::Keyed(account))) => {
            (kind, account.at(row.source.as_deref().unwrap_or(&row.id)))
        }
        Some((kind, Counterpart::Cleared(kinds))) => match Account::clearing(source(row)) {
            Some(account) if kinds.contains(&account) => (kind, account.at(source(row))),
            _ => (SUSPENSE, Account::Suspense.at(&row.id)),
        },
        None => (SUSPENSE, Account::Suspense.at(&row.id)),
    }
}

/// What Stripe takes for a dispute is kept apart, whether it comes with the dispute's money or by itself.
fn fee_account(row: &balance_transaction::Model) -> Account {
    match Account::clearing(source(row)) {
        Some(Account::ClearingDispute) => Account::DisputeFees,
        _ => Account::Fees,
    }
}

/// Splits the fee by type; never assumes that a fee is Stripe's.
fn routed_fees(row: &balance_transaction::Model) -> Result<Fees, PostingError> {
    let overflow = || PostingError::Money(souk_entity::MoneyError::Overflow);
    let details: Vec<FeeDetail> = serde_json::from_value(row.fee_details.clone()).unwrap_or_default();
    let mut fees = Fees::default();
    for detail in details.iter().filter(|detail| detail.currency == row.currency) {
        let share = match detail.fee_type.as_str() {
            "stripe_fee" | "tax" | "payment_method_passthrough_fee" => &mut fees.stripe,
            "application_fee" => &mut fees.application,
            _ => continue,
        };
        *share = share.checked_add(detail.amount).ok_or_else(overflow)?;
    }
    let explained = fees.stripe.checked_add(fees.application).ok_or_else(overflow)?;
    fees.unexplained = row.fee.checked_sub(explained).ok_or_else(overflow)?;
    Ok(fees)
}
