//! Refunds, and those that fail.

use super::Literal;

pub(super) const REFUNDS: &[Literal] = &[
    (
        "destination refund",
        &[
            "platform clearing_fee_refund fr -400",
            "platform clearing_refund re -4000",
            "platform clearing_transfer_reversal trr 4000",
            "platform commission 400",
            "seller clearing_fee_refund fr 400",
            "seller clearing_refund pyr -4000",
            "seller commission_paid -400",
            "seller sales 4000",
        ],
        &[
            "platform commission 400",
            "platform stripe -400",
            "seller commission_paid -400",
            "seller sales 4000",
            "seller stripe -3600",
        ],
    ),
    (
        "destination refund, commission kept",
        &[
            "platform clearing_refund re -4000",
            "platform clearing_transfer_reversal trr 4000",
            "seller clearing_refund pyr -4000",
            "seller sales 4000",
        ],
        &["seller sales 4000", "seller stripe -4000"],
    ),
    (
        "refund of a share before its transfer",
        &["platform clearing_refund re -4000", "platform commission 400", "platform payable share 3600"],
        &["platform commission 400", "platform payable share 3600", "platform stripe -4000"],
    ),
    (
        "refund of a share after its transfer",
        &[
            "platform clearing_refund re -4000",
            "platform clearing_transfer_reversal trr 3600",
            "platform commission 400",
            "seller clearing_refund pyr -3600",
            "seller commission_paid -400",
            "seller sales 4000",
        ],
        &[
            "platform commission 400",
            "platform stripe -400",
            "seller commission_paid -400",
            "seller sales 4000",
            "seller stripe -3600",
        ],
    ),
    (
        "refund of a share, reversal refused",
        &[
            "platform clearing_refund re -4000",
            "platform commission 400",
            "platform seller_due seller 3600",
            "seller commission_paid -400",
            "seller sales 4000",
            "seller seller_due seller -3600",
        ],
        &[
            "platform commission 400",
            "platform seller_due seller 3600",
            "platform stripe -4000",
            "seller commission_paid -400",
            "seller sales 4000",
            "seller seller_due seller -3600",
        ],
    ),
    (
        "refund of a share, borne by the platform",
        &["platform clearing_refund re -4000", "platform loss 4000"],
        &["platform loss 4000", "platform stripe -4000"],
    ),
    (
        "direct refund",
        &[
            "platform clearing_fee_refund fr -400",
            "platform commission 400",
            "seller clearing_fee_refund fr 400",
            "seller clearing_refund re -4000",
            "seller commission_paid -400",
            "seller sales 4000",
        ],
        &[
            "platform commission 400",
            "platform stripe -400",
            "seller commission_paid -400",
            "seller sales 4000",
            "seller stripe -3600",
        ],
    ),
    (
        "direct refund that failed",
        &["seller clearing_refund re 4000", "seller sales -4000"],
        &["seller sales -4000", "seller stripe 4000"],
    ),
    (
        "refund that failed, to be sent again",
        &["platform clearing_refund re 4000", "platform commission -400", "platform payable share -3600"],
        &["platform commission -400", "platform payable share -3600", "platform stripe 4000"],
    ),
    (
        "refund that failed, debt undone",
        &[
            "platform clearing_refund re 4000",
            "platform commission -400",
            "platform seller_due seller -3600",
            "seller commission_paid 400",
            "seller sales -4000",
            "seller seller_due seller 3600",
        ],
        &[
            "platform commission -400",
            "platform seller_due seller -3600",
            "platform stripe 4000",
            "seller commission_paid 400",
            "seller sales -4000",
            "seller seller_due seller 3600",
        ],
    ),
    (
        "refund that failed, borne by the platform",
        &["platform clearing_refund re 4000", "platform loss -4000"],
        &["platform loss -4000", "platform stripe 4000"],
    ),
    (
        "commission given back",
        &[
            "platform clearing_fee_refund fr -1000",
            "platform commission 1000",
            "seller clearing_fee_refund fr 1000",
            "seller commission_paid -1000",
        ],
        &[
            "platform commission 1000",
            "platform stripe -1000",
            "seller commission_paid -1000",
            "seller stripe 1000",
        ],
    ),
];
