//! Debts and payouts.

use super::Literal;

pub(super) const DEBTS_AND_PAYOUTS: &[Literal] = &[
    (
        "netting",
        &[
            "platform payable share 4000",
            "platform seller_due seller -4000",
            "seller sales -4000",
            "seller seller_due seller 4000",
        ],
        &[
            "platform payable share 4000",
            "platform seller_due seller -4000",
            "seller sales -4000",
            "seller seller_due seller 4000",
        ],
    ),
    (
        "write-off",
        &[
            "platform loss 4000",
            "platform seller_due seller -4000",
            "seller forgiven -4000",
            "seller seller_due seller 4000",
        ],
        &[
            "platform loss 4000",
            "platform seller_due seller -4000",
            "seller forgiven -4000",
            "seller seller_due seller 4000",
        ],
    ),
    (
        "debit of the seller's balance",
        &[
            "platform clearing_payment py 4000",
            "platform seller_due seller -4000",
            "seller clearing_transfer tr -4000",
            "seller seller_due seller 4000",
        ],
        &[
            "platform seller_due seller -4000",
            "platform stripe 4000",
            "seller seller_due seller 4000",
            "seller stripe -4000",
        ],
    ),
    (
        "debt collected by Stripe",
        &["platform seller_due seller 4000", "platform seller_due txn -4000"],
        &["platform seller_due seller 4000", "platform stripe -4000"],
    ),
    (
        "payout that arrived",
        &["seller in_transit po -10000", "seller paid_out 10000"],
        &["seller paid_out 10000", "seller stripe -10000"],
    ),
    (
        "instant payout",
        &["seller in_transit po -10000", "seller paid_out 10000"],
        &["seller fees 320", "seller paid_out 10000", "seller stripe -10320"],
    ),
    (
        "payout that came back",
        &["seller in_transit po 10000", "seller paid_out -10000"],
        &["seller paid_out -10000", "seller stripe 10000"],
    ),
    (
        "debit of a bank",
        &["seller in_transit po 10000", "seller paid_out -10000"],
        &["seller paid_out -10000", "seller stripe 10000"],
    ),
];
