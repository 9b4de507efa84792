//! What can happen to an order, a payout and an account.

use proptest::prelude::*;

/// No history has more steps.
pub(super) const LONGEST: usize = 4;

/// One object's history.
#[derive(Clone, Debug)]
pub(super) enum History {
    /// A checkout of ours, and what the buyer and others make of it.
    Order(Vec<OrderStep>),
    /// A payout, and what the bank makes of it.
    Payout {
        /// Asked for through our API, or in Stripe's dashboard.
        ours: bool,
        steps: Vec<PayoutStep>,
    },
    /// A seller's account.
    Account(Vec<AccountStep>),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum OrderStep {
    Nothing,
    Decline,
    AskFor3ds,
    Pay,
    Cancel,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum PayoutStep {
    Nothing,
    Fail,
    Cancel,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum AccountStep {
    Nothing,
    Onboard,
    AskForMore,
    MeetIt,
    Disable,
    Enable,
}

pub(super) fn histories() -> impl Strategy<Value = History> {
    let order = prop_oneof![
        1 => Just(OrderStep::Nothing),
        2 => Just(OrderStep::Decline),
        1 => Just(OrderStep::AskFor3ds),
        2 => Just(OrderStep::Pay),
        1 => Just(OrderStep::Cancel),
    ];
    let payout = prop_oneof![3 => Just(PayoutStep::Nothing), 1 => Just(PayoutStep::Fail), 1 => Just(PayoutStep::Cancel)];
    let account = prop_oneof![
        Just(AccountStep::Nothing),
        Just(AccountStep::Onboard),
        Just(AccountStep::AskForMore),
        Just(AccountStep::MeetIt),
        Just(AccountStep::Disable),
        Just(AccountStep::Enable),
    ];
    prop_oneof![
        4 => prop::collection::vec(order, 1..=LONGEST).prop_map(History::Order),
        2 => (any::<bool>(), prop::collection::vec(payout, 1..=LONGEST))
            .prop_map(|(ours, steps)| History::Payout { ours, steps }),
        1 => prop::collection::vec(account, 1..=LONGEST).prop_map(History::Account),
    ]
}
