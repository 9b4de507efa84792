//! Requirements that come up while an account works: with a deadline, after which they stop it.

use serde::{Deserialize, Serialize};

use super::{Account, activate::refresh};
use crate::{
    due::{self, Task},
    store::Tx,
};

/// In which of Stripe's lists a raised requirement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RaisedAs {
    EventuallyDue,
    CurrentlyDue,
    PastDue,
    PendingVerification,
    /// In `future_requirements`; at its deadline it becomes due.
    Future,
}

/// One requirement, under Stripe's name for it: `individual.verification.document`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Raised {
    pub(crate) name: String,
    pub(crate) state: RaisedAs,
    pub(crate) deadline_ms: Option<i64>,
}

/// Raises requirements; one that is there already takes its new state.
pub(crate) fn raise(tx: &mut Tx<'_>, id: &str, raised: Vec<Raised>) {
    let Some(mut account) = tx.get::<Account>(id).cloned() else { return };
    let before = account.render(tx.tables);
    for new in raised {
        account.raised.retain(|known| known.name != new.name);
        account.raised.push(new);
    }
    tx.put(account);
    refresh(tx, id, &before);
}

/// Parameters named `given` were sent: the requirements that asked for them are met.
pub(crate) fn satisfy(tx: &mut Tx<'_>, id: &str, given: &[String]) {
    let Some(mut account) = tx.get::<Account>(id).filter(|account| !account.raised.is_empty()).cloned()
    else {
        return;
    };
    let is_met = |name: &str| {
        given
            .iter()
            .any(|given| given == name || given.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
    };
    account.raised.retain(|raised| !is_met(&raised.name));
    tx.put(account);
}

/// What was due by now is overdue, and what was to come is due.
pub(crate) fn deadline_passed(tx: &mut Tx<'_>, id: &str) {
    let Some(mut account) = tx.get::<Account>(id).filter(|account| !account.has_left()).cloned() else {
        return;
    };
    let (before, now_ms) = (account.render(tx.tables), tx.now_ms);
    for raised in &mut account.raised {
        if raised.deadline_ms.is_some_and(|at_ms| at_ms <= now_ms) {
            raised.state = match raised.state {
                RaisedAs::CurrentlyDue => RaisedAs::PastDue,
                RaisedAs::Future => RaisedAs::CurrentlyDue,
                other => other,
            };
            raised.deadline_ms = None;
        }
    }
    tx.put(account);
    refresh(tx, id, &before);
}

/// Sets the next look at an account: its next deadline, or the end of a verification.
pub(super) fn schedule(tx: &mut Tx<'_>, account: &Account) {
    let deadlines = account.raised.iter().filter_map(|raised| raised.deadline_ms);
    let verified = account.capabilities.values().filter_map(|capability| capability.ready_ms);
    let next_ms = deadlines.chain(verified).filter(|at_ms| *at_ms > tx.now_ms).min();
    let task = Task::AccountDeadline { account: account.id.clone() };
    due::set(tx, &format!("deadline of {}", account.id), next_ms.map(|at_ms| (at_ms, task)));
}
