//! What the platform must hold back for connected accounts that are below zero.

use super::{PositionTotal, total_id};
use crate::{
    config::DAY_MS,
    due::{self, Task},
    money::Currency,
    resources::account::Account,
    store::Tx,
};

/// The total of an account, pending money included, went from `before` to `after`: what it is short of is reserved
/// on its platform, if that bears the losses (Stripe's `connect_reserved`), and will be debited from its bank.
pub(super) fn follow(
    tx: &mut Tx<'_>,
    platform: &str,
    account: &str,
    currency: Currency,
    (before, after): (i64, i64),
) {
    let deeper = (-after).max(0) - (-before).max(0);
    if deeper == 0 || account == platform {
        return;
    }
    let Some(bears_losses) = tx.get::<Account>(account).map(|found| found.controller.losses == "application")
    else {
        return;
    };
    if bears_losses {
        let id = total_id(platform, currency);
        let total = tx.get::<PositionTotal>(&id).cloned();
        let total = total.unwrap_or_else(|| PositionTotal::empty(platform, platform, currency));
        tx.put(PositionTotal { reserved: total.reserved + deeper, ..total });
    }
    if after < 0 {
        let midnight_ms = (tx.now_ms.div_euclid(DAY_MS) + 1) * DAY_MS;
        let task = Task::DebitNegative { account: account.to_owned() };
        due::set(tx, &format!("debit of {account}"), Some((midnight_ms, task)));
    }
}
