//! Automatic payouts: everything that is available goes out on the days of the schedule.

use chrono::{DateTime, Datelike};

use super::{
    Payout,
    create::{begin, default_bank, new},
};
use crate::{
    books::{self, Draft},
    config::{DAY_MS, PayoutInterval},
    due::{self, Task},
    money::Currency,
    protocol::error::StripeError,
    resources::{
        account::{Account, PayoutSchedule},
        balance_transaction::{BalanceTransaction, Kind},
    },
    store::Tx,
};

/// Sets the next look at an account: every midnight, unless it is paid out by hand.
pub(crate) fn schedule(tx: &mut Tx<'_>, account: &Account) {
    let next_ms = (tx.now_ms.div_euclid(DAY_MS) + 1) * DAY_MS;
    let manual = account.settings.schedule.interval == PayoutInterval::Manual || account.has_left();
    let task = Task::AutomaticPayouts { account: account.id.clone() };
    due::set(tx, &format!("automatic payouts of {}", account.id), (!manual).then_some((next_ms, task)));
}

/// Midnight: pays out what there is, if it is the day.
pub(crate) fn run(tx: &mut Tx<'_>, id: &str) {
    let Some(account) = tx.get::<Account>(id).cloned() else { return };
    let has_left = account.has_left();
    if !has_left && is_day(&account.settings.schedule, tx.now()) && account.payouts_enabled(tx.tables) {
        for (currency, (available, _)) in books::totals(tx, id) {
            let minimum = account.settings.minimum_balances.get(&currency).copied().unwrap_or(0);
            if available > minimum
                && let Err(error) = pay_out(tx, &account, currency, available - minimum, minimum)
            {
                tracing::error!(account = id, ?error, "an automatic payout could not be booked");
            }
        }
    }
    schedule(tx, &account);
}

fn is_day(schedule: &PayoutSchedule, now: i64) -> bool {
    let today = DateTime::from_timestamp(now, 0).unwrap_or_default();
    match schedule.interval {
        PayoutInterval::Manual => false,
        PayoutInterval::Daily => true,
        PayoutInterval::Weekly => {
            let name = today.format("%A").to_string().to_ascii_lowercase();
            schedule.weekly_anchor.as_ref() == Some(&name) || schedule.weekly_days.contains(&name)
        }
        PayoutInterval::Monthly => {
            // A month that has no such day pays out on its last.
            let (day, last) = (i64::from(today.day()), i64::from(today.num_days_in_month()));
            let wanted = |anchor: i64| anchor.min(last) == day;
            schedule.monthly_anchor.is_some_and(wanted) || schedule.monthly_days.iter().copied().any(wanted)
        }
    }
}

/// One payout of all that is available but the minimum, which its balance transactions name.
fn pay_out(
    tx: &mut Tx<'_>,
    account: &Account,
    currency: Currency,
    amount: i64,
    minimum: i64,
) -> Result<(), StripeError> {
    let bank = default_bank(tx, &account.id, currency).map(|bank| bank.id.clone());
    if bank.is_none() && !account.is_platform() {
        return Ok(());
    }
    let release = hold(tx, account, currency, minimum)?;
    let payout = Payout { automatic: true, ..new(tx, &account.id, amount, currency, bank) };
    let payout = begin(tx, payout)?;
    let waiting = BalanceTransaction::waiting_for_payout(&account.id);
    let swept: Vec<BalanceTransaction> = tx
        .tables
        .list::<BalanceTransaction>(&waiting)
        .filter(|found| found.currency == currency && release.as_ref() != Some(&found.id))
        .cloned()
        .collect();
    for transaction in swept {
        tx.put(BalanceTransaction { payout: Some(payout.id.clone()), ..transaction });
    }
    let object = payout.render(tx.tables);
    tx.emit(&account.id, "payout.reconciliation_completed", &object);
    Ok(())
}

/// What stays is held back in this payout and released for the next, so that each is the sum of its transactions.
fn hold(
    tx: &mut Tx<'_>,
    account: &Account,
    currency: Currency,
    minimum: i64,
) -> Result<Option<String>, StripeError> {
    if minimum <= 0 {
        return Ok(None);
    }
    let now_ms = tx.now_ms;
    let draft = |kind, amount| Draft::new(&account.id, kind, amount, &account.id, now_ms);
    let drafts = vec![
        draft(Kind::PayoutMinimumBalanceHold, -minimum),
        draft(Kind::PayoutMinimumBalanceRelease, minimum),
    ];
    let written = books::post(tx, "minimum balance", &account.platform, currency, drafts, &[])?;
    Ok(written.into_iter().nth(1))
}

/// An account below zero is debited at its bank, if its settings allow that: a payout with the other sign.
pub(crate) fn debit(tx: &mut Tx<'_>, id: &str) {
    let Some(account) = tx.get::<Account>(id).filter(|account| !account.has_left()).cloned() else { return };
    if !account.settings.debit_negative_balances {
        return;
    }
    for (currency, (available, pending)) in books::totals(tx, id) {
        let owed = -(available + pending);
        let bank = default_bank(tx, id, currency).filter(|bank| bank.works && bank.card.is_none());
        let Some(bank) = bank.map(|bank| bank.id.clone()).filter(|_| owed > 0) else { continue };
        let debit = Payout { automatic: true, ..new(tx, id, -owed, currency, Some(bank)) };
        if let Err(error) = begin(tx, debit) {
            tracing::error!(account = id, ?error, "a debit could not be booked");
        }
    }
}
