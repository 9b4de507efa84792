//! What happens by itself when time passes: captures, settlement, payouts, and forgetting.
//!
//! Each thing happens at the moment at which it is due, not at the moment at which somebody looks, so that after
//! `clock/advance` everything carries the time it would have carried.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    books,
    events::Event,
    protocol::idempotency::StoredAnswer,
    resources::{
        account, account::Account, aftermath, balance, balance_transaction::BalanceTransaction, charge,
        checkout, dispute, payment_intent, payout, payout::Payout, refund, topup,
    },
    store::{Record, Tables, Tx, World},
};

/// Something that was put off.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Timer {
    id: String,
    due_ms: i64,
    task: Task,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Task {
    /// An asynchronous capture completes.
    Capture { charge: String },
    /// The bank of a debit answers.
    Debit { charge: String },
    /// An authorisation was not captured in time.
    ExpireAuthorisation { intent: String },
    /// A Checkout Session was not paid in time.
    ExpireCheckout { session: String },
    /// A day of automatic payouts may have come.
    AutomaticPayouts { account: String },
    /// Something that an account owes is overdue now, or Stripe is through with verifying it.
    AccountDeadline { account: String },
    /// An account below zero is debited.
    DebitNegative { account: String },
    /// The bank behind a top-up answers.
    Topup { topup: String },
    /// A refund takes its next step: it looks again for money, arrives, or comes back.
    Refund { refund: String },
    /// A test card does what it is for.
    Aftermath { charge: String },
    /// A dispute reaches its deadline, or the bank decides.
    Dispute { dispute: String },
}

impl Record for Timer {
    const NOUN: &'static str = "timer";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        ""
    }

    fn due_ms(&self) -> Option<i64> {
        Some(self.due_ms)
    }
}

/// Puts something off.
pub(crate) fn after(tx: &mut Tx<'_>, delay_ms: i64, task: Task) {
    let timer = Timer { id: tx.new_id("timer"), due_ms: tx.now_ms + delay_ms, task };
    tx.put(timer);
}

/// Sets the one timer of a name, or takes it away.
pub(crate) fn set(tx: &mut Tx<'_>, name: &str, at: Option<(i64, Task)>) {
    match at {
        Some((due_ms, task)) => tx.put(Timer { id: name.to_owned(), due_ms, task }),
        None => tx.remove::<Timer>(name),
    }
}

/// Lets everything happen that is due by now, and tells whether anything was.
pub(crate) fn catch_up(world: &mut World) -> bool {
    let until_ms = world.clock.now_ms();
    let mut happened = false;
    while let Some(at_ms) = first_due(&world.tables).filter(|at_ms| *at_ms <= until_ms) {
        world.quietly_at(at_ms, happen);
        happened = true;
    }
    happened
}

fn first_due(tables: &Tables) -> Option<i64> {
    fn first<T: crate::store::Stored>(tables: &Tables) -> Option<i64> {
        T::table(tables).first_due().map(|(at_ms, _)| at_ms)
    }
    let all = [
        first::<Timer>(tables),
        first::<BalanceTransaction>(tables),
        first::<Payout>(tables),
        first::<StoredAnswer>(tables),
        first::<Event>(tables),
    ];
    all.into_iter().flatten().min()
}

fn happen(tx: &mut Tx<'_>) {
    for timer in due::<Timer>(tx) {
        tx.remove::<Timer>(&timer.id);
        match timer.task {
            Task::Capture { charge } => charge::finish_capture(tx, &charge),
            Task::Debit { charge } => payment_intent::finish_debit(tx, &charge),
            Task::ExpireAuthorisation { intent } => payment_intent::expire_authorisation(tx, &intent),
            Task::ExpireCheckout { session } => checkout::expire_by_itself(tx, &session),
            Task::AutomaticPayouts { account } => payout::run(tx, &account),
            Task::AccountDeadline { account } => account::deadline_passed(tx, &account),
            Task::DebitNegative { account } => payout::debit(tx, &account),
            Task::Topup { topup } => topup::arrive(tx, &topup),
            Task::Refund { refund } => refund::move_on(tx, &refund),
            Task::Aftermath { charge } => aftermath::come(tx, &charge),
            Task::Dispute { dispute } => dispute::move_on(tx, &dispute),
        }
    }
    settle(tx);
    for payout in due::<Payout>(tx) {
        payout::move_on(tx, payout);
    }
    for answer in due::<StoredAnswer>(tx) {
        tx.remove::<StoredAnswer>(answer.id());
    }
    for event in due::<Event>(tx) {
        tx.remove::<Event>(&event.id);
    }
}

/// Pending money becomes available; its owners hear of it once.
fn settle(tx: &mut Tx<'_>) {
    let mut richer = BTreeSet::new();
    for transaction in due::<BalanceTransaction>(tx) {
        let Some(account) = tx.get::<Account>(&transaction.account) else { continue };
        let platform = account.platform.clone();
        books::settle(tx, &platform, &transaction.id);
        richer.insert(transaction.account);
    }
    for account in richer {
        let object = balance::render(tx, &account);
        tx.emit(&account, "balance.available", &object);
    }
}

fn due<T: crate::store::Stored>(tx: &Tx<'_>) -> Vec<T> {
    T::table(tx.tables).due_by(tx.now_ms).cloned().collect()
}
