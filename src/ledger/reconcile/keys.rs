//! Open keys: which half of a fact is missing, and whether it is late.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use souk_entity::{Money, Scope};

use super::{
    super::chart::{Account, Keys},
    Difference, kind,
    store::OpenKey,
};

/// How long a key of an account may be open before its other half is late. Events and balance transactions come
/// within seconds; what is longer has its reason here.
#[must_use]
pub(in crate::ledger) fn may_be_open(account: Account) -> Duration {
    match account {
        // Nothing will ever explain it by itself.
        Account::Suspense => Duration::zero(),
        // Banks take up to ten working days.
        Account::InTransit => Duration::days(14),
        // A refund can be pending for days at its bank, and what a dispute takes is posted by hand at times.
        Account::ClearingRefund | Account::ClearingDispute => Duration::days(1),
        _ => Duration::minutes(10),
    }
}

/// The accounts whose keys must come to zero.
pub(in crate::ledger) fn cleared() -> impl Iterator<Item = Account> {
    Account::ALL.into_iter().filter(|account| matches!(account.keys(), Keys::Zero | Keys::ZeroOnArrival))
}

/// Names each open key of a book.
pub(super) fn named(scope: &Scope, keys: &[OpenKey], now: DateTime<Utc>) -> Vec<Difference> {
    let mut by_key: BTreeMap<(&str, &str), Vec<&OpenKey>> = BTreeMap::new();
    for key in keys {
        by_key.entry((&key.code, &key.key)).or_default().push(key);
    }
    by_key.into_values().flat_map(|open| of_one_key(scope, &open, now)).collect()
}

/// A key is open in one currency, or in several.
fn of_one_key(scope: &Scope, open: &[&OpenKey], now: DateTime<Utc>) -> Vec<Difference> {
    let is_half = |one: &&OpenKey| (one.ours == 0) != (one.theirs == 0);
    if open.len() > 1 && open.iter().all(is_half) {
        let of = |ours: bool| {
            let sides = open.iter().filter(|one| (one.ours > 0) == ours);
            sides.map(|one| Money::new(one.amount, one.currency).to_string()).collect::<Vec<_>>().join(", ")
        };
        let (ours, theirs) = (of(true), of(false));
        if !ours.is_empty() && !theirs.is_empty() {
            let (code, key) = (&open[0].code, &open[0].key);
            let detail = format!("{code} of {scope}: we posted {ours} under this id, Stripe moved {theirs}");
            let difference = Difference::new(kind::CURRENCY, scope, key, None, detail);
            let first = open.iter().map(|one| one.first).min().unwrap_or(now);
            return vec![difference.since(first)];
        }
    }
    open.iter().map(|one| of_one_currency(scope, one, now)).collect()
}

fn of_one_currency(scope: &Scope, open: &OpenKey, now: DateTime<Utc>) -> Difference {
    let OpenKey { code, key, amount, currency, ours, theirs, strangers, first, last, .. } = open;
    let account = Account::from_code(code);
    let is_late = account.is_none_or(|account| now - *last > may_be_open(account));
    let money = Money::new(*amount, *currency);
    let (kind, found) = match (*ours > 0, *theirs > 0) {
        _ if account == Some(Account::Suspense) => (kind::SUSPENSE, "nothing explains it"),
        (true, true) => (kind::AMOUNT, "our postings and Stripe's balance transactions don't cancel out"),
        (false, true) if *strangers > 0 => (kind::FOREIGN, "Stripe moved it for an object that is not ours"),
        (false, true) if is_late => {
            (kind::MISSING_HERE, "Stripe moved it, and no posting of ours says what for")
        }
        (_, false) if is_late => (kind::MISSING_THERE, "we posted it, and Stripe has not moved it"),
        (false, true) => (kind::TIMING, "Stripe moved it, and our posting is not late yet"),
        (_, false) => (kind::TIMING, "we posted it, and Stripe's balance transaction is not late yet"),
    };
    let detail = format!("{code} of {scope} is open by {money} under this id: {found}");
    let difference = Difference::new(kind, scope, key, Some(money), detail).since(*first);
    match account {
        Some(Account::InTransit) => difference.with_action(
            "look the payout up at Stripe: its arrival or failure was not heard of, or heard of twice; replay its \
             events",
        ),
        _ => difference,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_that_clears_may_be_open_for_a_while_but_suspense() {
        for account in cleared() {
            assert_eq!(may_be_open(account).is_zero(), account == Account::Suspense, "{account}");
        }
    }
}
