//! The one place where money moves.
//!
//! A movement is double entry: balance transactions on accounts, and amounts on the positions outside of Stripe
//! (buyers' cards, banks, Stripe's own fees). Its legs sum to zero, or it is refused: no cent is made or lost. What
//! an account does not hold in the currency of the movement is exchanged on its way (`conversion`); then each
//! currency sums to zero by itself.

mod conversion;

mod reserve;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use self::conversion::{holds, settled_amount, settlement_currency};
use crate::{
    money::Currency,
    protocol::error::StripeError,
    resources::balance_transaction::{BalanceTransaction, FeeDetail, Kind},
    store::{Record, Tx},
};

/// Where money is when it is on no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outside {
    /// What buyers' cards were charged.
    Cards,
    /// What was paid out to banks.
    Banks,
    /// What Stripe earned.
    StripeFees,
    /// What was exchanged: it took one currency and gave another.
    Conversion,
}

impl Outside {
    fn name(self) -> &'static str {
        match self {
            Self::Cards => "cards",
            Self::Banks => "banks",
            Self::StripeFees => "stripe_fees",
            Self::Conversion => "conversion",
        }
    }
}

/// A balance transaction that is about to be written.
pub(crate) struct Draft {
    account: String,
    kind: Kind,
    amount: i64,
    fees: Vec<FeeDetail>,
    source: String,
    /// When the money can be used; now, if that is past.
    available_ms: i64,
    description: Option<String>,
}

impl Draft {
    pub(crate) fn new(account: &str, kind: Kind, amount: i64, source: &str, available_ms: i64) -> Self {
        let (account, source) = (account.to_owned(), source.to_owned());
        Self { account, kind, amount, fees: Vec::new(), source, available_ms, description: None }
    }

    pub(crate) fn with_fees(self, fees: Vec<FeeDetail>) -> Self {
        Self { fees, ..self }
    }

    pub(crate) fn described(self, description: Option<String>) -> Self {
        Self { description, ..self }
    }
}

/// One leg of a movement, as `GET /_sandbox/ledger` shows it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Leg {
    pub(crate) position: String,
    pub(crate) amount: i64,
    pub(crate) balance_transaction: Option<String>,
}

/// Money that moved.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Movement {
    pub(crate) id: String,
    pub(crate) platform: String,
    pub(crate) reason: String,
    pub(crate) currency: Currency,
    pub(crate) created: i64,
    pub(crate) legs: Vec<Leg>,
}

impl Record for Movement {
    const NOUN: &'static str = "movement";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.platform
    }
}

/// What a position holds in one currency. Only accounts have pending money.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PositionTotal {
    id: String,
    platform: String,
    pub(crate) position: String,
    pub(crate) currency: Currency,
    pub(crate) available: i64,
    pub(crate) pending: i64,
    /// What of a platform's available money is held back for connected accounts below zero.
    #[serde(default)]
    reserved: i64,
}

impl Record for PositionTotal {
    const NOUN: &'static str = "position";

    fn id(&self) -> &str {
        &self.id
    }

    /// Listed under its position alone: an account finds its own totals, and nobody else's.
    fn owner(&self) -> &str {
        &self.position
    }
}

impl PositionTotal {
    fn empty(platform: &str, position: &str, currency: Currency) -> Self {
        Self {
            id: total_id(position, currency),
            platform: platform.to_owned(),
            position: position.to_owned(),
            currency,
            available: 0,
            pending: 0,
            reserved: 0,
        }
    }

    pub(crate) fn is_of(&self, platform: &str) -> bool {
        self.platform == platform
    }
}

/// The legs did not sum to zero: a bug of the sandbox, and nothing was written.
#[derive(Debug)]
pub(crate) struct Unbalanced;

impl From<Unbalanced> for StripeError {
    fn from(_: Unbalanced) -> Self {
        let status = poem::http::StatusCode::INTERNAL_SERVER_ERROR;
        Self::with_status(status, "api_error", None, "The sandbox refused a movement that does not balance.")
    }
}

/// Moves money, and answers with the ids of the balance transactions in the order of their drafts.
pub(crate) fn post(
    tx: &mut Tx<'_>,
    reason: &str,
    platform: &str,
    currency: Currency,
    drafts: Vec<Draft>,
    outside: &[(Outside, i64)],
) -> Result<Vec<String>, Unbalanced> {
    // 1. Refuse to create or destroy a cent.
    let net = |draft: &Draft| draft.amount - draft.fees.iter().map(|fee| fee.amount).sum::<i64>();
    let sum = drafts.iter().map(net).sum::<i64>() + outside.iter().map(|(_, amount)| amount).sum::<i64>();
    if sum != 0 {
        tracing::error!(reason, sum, "a movement does not balance");
        return Err(Unbalanced);
    }

    // 2. Write the balance transactions and move the totals.
    let (mut legs, mut ids) = (BTreeMap::<Currency, Vec<Leg>>::new(), Vec::new());
    let mut outside: Vec<(Currency, Outside, i64)> =
        outside.iter().map(|(position, amount)| (currency, *position, *amount)).collect();
    for draft in drafts {
        let before = net(&draft);
        let settled = conversion::settled(tx, draft, currency);
        let (amount, pending) = (net(&settled.draft), settled.draft.available_ms > tx.now_ms);
        if settled.rate.is_some() {
            outside.push((currency, Outside::Conversion, before));
            outside.push((settled.currency, Outside::Conversion, -amount));
        }
        let (account, currency) = (settled.draft.account.clone(), settled.currency);
        let id = write(tx, settled, amount, pending);
        change(tx, platform, &account, currency, |total| {
            *(if pending { &mut total.pending } else { &mut total.available }) += amount;
        });
        let leg = Leg { position: account, amount, balance_transaction: Some(id.clone()) };
        legs.entry(currency).or_default().push(leg);
        ids.push(id);
    }
    for (currency, position, amount) in outside.into_iter().filter(|(.., amount)| *amount != 0) {
        let position = format!("{platform}/{}", position.name());
        change(tx, platform, &position, currency, |total| total.available += amount);
        legs.entry(currency).or_default().push(Leg { position, amount, balance_transaction: None });
    }

    // 3. Keep the movement itself, one for each currency, for those who check.
    for (currency, legs) in legs {
        let movement = Movement {
            id: tx.new_id("mov"),
            platform: platform.to_owned(),
            reason: reason.to_owned(),
            currency,
            created: tx.now(),
            legs,
        };
        tx.put(movement);
    }
    Ok(ids)
}

/// Money that was pending can be used now.
pub(crate) fn settle(tx: &mut Tx<'_>, platform: &str, transaction: &str) {
    let Some(found) = tx.get::<BalanceTransaction>(transaction).filter(|found| found.pending).cloned() else {
        return;
    };
    let (account, net, currency) = (found.account.clone(), found.net(), found.currency);
    tx.put(BalanceTransaction { pending: false, ..found });
    change(tx, platform, &account, currency, |total| {
        total.pending -= net;
        total.available += net;
    });
}

/// What an account holds, by currency: available and pending.
pub(crate) fn totals(tx: &Tx<'_>, account: &str) -> BTreeMap<Currency, (i64, i64)> {
    tx.tables
        .list::<PositionTotal>(account)
        .map(|t| (t.currency, (t.available - t.reserved, t.pending)))
        .collect()
}

/// What of a platform's money is held back for connected accounts below zero.
pub(crate) fn reserved(tx: &Tx<'_>, platform: &str, currency: Currency) -> i64 {
    tx.get::<PositionTotal>(&total_id(platform, currency)).map_or(0, |total| total.reserved)
}

pub(crate) fn available(tx: &Tx<'_>, account: &str, currency: Currency) -> i64 {
    tx.get::<PositionTotal>(&total_id(account, currency)).map_or(0, |total| total.available - total.reserved)
}

fn total_id(position: &str, currency: Currency) -> String {
    format!("{position}:{currency}")
}

fn write(tx: &mut Tx<'_>, settled: conversion::Settled, net: i64, pending: bool) -> String {
    let id = tx.new_id("txn");
    let now = tx.now();
    let draft = settled.draft;
    tx.put(BalanceTransaction {
        id: id.clone(),
        account: draft.account,
        kind: draft.kind,
        amount: draft.amount,
        fee: draft.amount - net,
        fees: draft.fees,
        currency: settled.currency,
        exchange_rate: settled.rate,
        source: draft.source,
        description: draft.description,
        created: now,
        available_ms: draft.available_ms.max(tx.now_ms),
        pending,
        payout: None,
    });
    id
}

fn change(
    tx: &mut Tx<'_>,
    platform: &str,
    position: &str,
    currency: Currency,
    by: impl FnOnce(&mut PositionTotal),
) {
    let total = tx.get::<PositionTotal>(&total_id(position, currency)).cloned();
    let mut total = total.unwrap_or_else(|| PositionTotal::empty(platform, position, currency));
    let before = total.available + total.pending;
    by(&mut total);
    let after = total.available + total.pending;
    tx.put(total);
    reserve::follow(tx, platform, position, currency, (before, after));
}
