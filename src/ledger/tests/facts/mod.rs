//! Every fact that the books know, made from a few amounts: our postings of it, and Stripe's balance transactions.
//! Read by the tests of this crate and, by its path, by those of `tests/it`.

mod currencies_and_strangers;
mod debts_and_payouts;
mod disputes;
mod refunds;
mod sales;

use chrono::{DateTime, Utc};
use serde_json::json;
use souk_entity::{
    Currency, Money, OrderId, OrderShareId, Scope, SellerId, StripeAccountId, balance_transaction,
};
use uuid::Uuid;

use super::ledger::{
    Posting,
    postings::{
        AccountDebit, CollectedDebt, CommissionReturned, Conversion, DestinationRefund, DestinationSale,
        DirectRefund, DirectSale, Dispute, DisputeCharged, DisputeRecovery, FailedRefund, ForeignActivity,
        Netting, RecoveryReturned, RestoredTo, SeparateSale, ShareOfSale, ShareRefund, ShareTransfer,
        TakenFrom, TransferReversal, WriteOff, payout_failed_after_paid, payout_paid,
    },
};

/// What happened, told by both sides.
pub(crate) struct Fact {
    pub(crate) name: &'static str,
    pub(crate) ours: Vec<Posting>,
    pub(crate) stripes: Vec<balance_transaction::Model>,
}

/// Minor units; each is part of the one before where the facts need it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amounts {
    pub(crate) gross: i64,
    /// At most half of `gross`.
    pub(crate) commission: i64,
    /// Stripe's.
    pub(crate) fee: i64,
    /// At most `gross`.
    pub(crate) refund: i64,
    /// The commission's part in `refund`: less than it, and at most `commission`.
    pub(crate) returned: i64,
    /// What a euro cent is worth in hundredths of a cent.
    pub(crate) rate: i64,
}

impl Amounts {
    /// 100.00 with a commission of 10 %, a fee of 3.20, and a refund of 40.00; 1.25 dollars a euro.
    pub(crate) const OF_THE_PAGE: Self =
        Self { gross: 10_000, commission: 1_000, fee: 320, refund: 4_000, returned: 400, rate: 125 };
}

/// Makes facts whose ids all end in `tail`, so that many can stand in one book.
struct Maker<'a> {
    amounts: Amounts,
    tail: &'a str,
    count: usize,
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_793_534_400, 0).unwrap()
}

pub(crate) fn share() -> OrderShareId {
    OrderShareId::from_uuid(Uuid::from_u128(2))
}

pub(crate) fn seller() -> SellerId {
    SellerId::from_uuid(Uuid::from_u128(3))
}

pub(crate) fn account() -> StripeAccountId {
    "acct_1".parse().unwrap()
}

fn usd(amount: i64) -> Money {
    Money::new(amount, "usd".parse().unwrap())
}

fn eur(amount: i64) -> Money {
    Money::new(amount, "eur".parse().unwrap())
}

fn platform() -> Scope {
    Scope::Platform
}

fn of_seller() -> Scope {
    Scope::Connected(account())
}

impl Maker<'_> {
    fn id(&self, prefix: &str) -> String {
        format!("{prefix}_{}", self.tail)
    }

    fn order(&self) -> OrderId {
        let number = self.tail.bytes().fold(1_u128, |number, byte| number * 251 + u128::from(byte));
        OrderId::from_uuid(Uuid::from_u128(number))
    }

    /// A balance transaction; `prefix` is that of its source's id, `fees` are pairs of type and amount.
    fn moved(
        &mut self,
        scope: Scope,
        transaction_type: &str,
        prefix: &str,
        amount: Money,
        fees: &[(&str, i64)],
    ) -> balance_transaction::Model {
        self.count += 1;
        let currency: Currency = amount.currency;
        let fee = fees.iter().map(|(_, amount)| amount).sum::<i64>();
        let details =
            fees.iter().map(|(kind, fee)| json!({"type": kind, "amount": fee, "currency": currency}));
        balance_transaction::Model {
            scope,
            id: format!("txn_{}{}", self.tail, self.count),
            transaction_type: transaction_type.to_owned(),
            reporting_category: None,
            source: Some(prefix).filter(|prefix| !prefix.is_empty()).map(|prefix| self.id(prefix)),
            amount: amount.amount,
            fee,
            net: amount.amount - fee,
            currency,
            fee_details: details.collect(),
            stripe_created_at: at(),
            available_at: at(),
            imported_at: at(),
        }
    }
}

/// All facts, in the order of `docs/MONEY.md`. `tail` is what all their ids end in.
pub(crate) fn all(amounts: Amounts, tail: &str) -> Vec<Fact> {
    let makers = [
        sales::FACTS,
        refunds::FACTS,
        disputes::FACTS,
        debts_and_payouts::FACTS,
        currencies_and_strangers::FACTS,
    ];
    let mut facts = Vec::new();
    for (number, (name, make)) in makers.concat().into_iter().enumerate() {
        let tail = format!("{number}x{tail}");
        let (ours, stripes) = make(&mut Maker { amounts, tail: &tail, count: 0 });
        facts.push(Fact { name, ours, stripes });
    }
    facts
}

/// Our postings, and Stripe's balance transactions.
type Told = (Vec<Posting>, Vec<balance_transaction::Model>);
/// Makes both.
type Make = fn(&mut Maker<'_>) -> Told;
