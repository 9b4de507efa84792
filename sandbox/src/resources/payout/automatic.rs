//! Automatic payouts: everything that is available goes out on the days of the schedule.

use chrono::{DateTime, Datelike};

use super::{Payout, begin, default_bank, new};
use crate::{
    books,
    config::{DAY_MS, PayoutInterval},
    due::{self, Task},
    money::Currency,
    protocol::error::StripeError,
    resources::{
        account::{Account, PayoutSchedule},
        balance_transaction::BalanceTransaction,
    },
    store::Tx,
};

/// Sets the next look at an account: every midnight, unless it is paid out by hand.
pub(crate) fn schedule(tx: &mut Tx<'_>, account: &Account) {
    let next_ms = (tx.now_ms.div_euclid(DAY_MS) + 1) * DAY_MS;
    let manual = account.settings.schedule.interval == PayoutInterval::Manual || account.deleted;
    let task = Task::AutomaticPayouts { account: account.id.clone() };
    due::set(tx, &format!("automatic payouts of {}", account.id), (!manual).then_some((next_ms, task)));
}

/// Midnight: pays out what there is, if it is the day.
pub(crate) fn run(tx: &mut Tx<'_>, id: &str) {
    let Some(account) = tx.get::<Account>(id).cloned() else { return };
    if is_day(&account.settings.schedule, tx.now()) && account.payouts_enabled(tx.tables) {
        for (currency, (available, _)) in books::totals(tx, id) {
            if available > 0
                && let Err(error) = pay_out(tx, &account, currency, available)
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
            schedule.weekly_anchor.as_ref() == Some(&name)
        }
        PayoutInterval::Monthly => schedule.monthly_anchor == Some(i64::from(today.day())),
    }
}

/// One payout of all that is available, which its balance transactions name.
fn pay_out(tx: &mut Tx<'_>, account: &Account, currency: Currency, amount: i64) -> Result<(), StripeError> {
    let Some(bank) = default_bank(tx, &account.id, currency) else { return Ok(()) };
    let payout = Payout { automatic: true, ..new(tx, &account.id, amount, currency, Some(bank)) };
    let payout = begin(tx, payout)?;
    let waiting = BalanceTransaction::waiting_for_payout(&account.id);
    let swept: Vec<BalanceTransaction> = tx
        .tables
        .list::<BalanceTransaction>(&waiting)
        .filter(|found| found.currency == currency)
        .cloned()
        .collect();
    for transaction in swept {
        tx.put(BalanceTransaction { payout: Some(payout.id.clone()), ..transaction });
    }
    Ok(())
}
