//! Disputes.

use super::Literal;

pub(super) const DISPUTES: &[Literal] = &[
    (
        "dispute, funds withdrawn",
        &["platform clearing_dispute du -10000", "platform dispute_open du 10000"],
        &["platform dispute_fees 1500", "platform dispute_open du 10000", "platform stripe -11500"],
    ),
    (
        "dispute won",
        &["platform clearing_dispute du 10000", "platform dispute_open du -10000"],
        &["platform dispute_open du -10000", "platform stripe 10000"],
    ),
    (
        "dispute lost by the platform",
        &["platform dispute_open du -10000", "platform loss 10000"],
        &["platform dispute_open du -10000", "platform loss 10000"],
    ),
    (
        "dispute recovered from the seller",
        &[
            "platform clearing_transfer_reversal trr 9000",
            "platform dispute_open du -9000",
            "seller clearing_refund pyr -9000",
            "seller dispute_open du 9000",
        ],
        &[
            "platform dispute_open du -9000",
            "platform stripe 9000",
            "seller dispute_open du 9000",
            "seller stripe -9000",
        ],
    ),
    (
        "dispute recovered, then won",
        &[
            "platform clearing_transfer tr -9000",
            "platform dispute_open du 9000",
            "seller clearing_payment py 9000",
            "seller dispute_open du -9000",
        ],
        &[
            "platform dispute_open du 9000",
            "platform stripe -9000",
            "seller dispute_open du -9000",
            "seller stripe 9000",
        ],
    ),
    (
        "dispute recovered, then lost",
        &[
            "platform commission 1000",
            "platform dispute_open du -1000",
            "seller commission_paid -1000",
            "seller dispute_open du -9000",
            "seller sales 10000",
        ],
        &[
            "platform commission 1000",
            "platform dispute_open du -1000",
            "seller commission_paid -1000",
            "seller dispute_open du -9000",
            "seller sales 10000",
        ],
    ),
    (
        "dispute lost by a seller who could not pay",
        &[
            "platform commission 1000",
            "platform dispute_open du -10000",
            "platform seller_due seller 9000",
            "seller commission_paid -1000",
            "seller sales 10000",
            "seller seller_due seller -9000",
        ],
        &[
            "platform commission 1000",
            "platform dispute_open du -10000",
            "platform seller_due seller 9000",
            "seller commission_paid -1000",
            "seller sales 10000",
            "seller seller_due seller -9000",
        ],
    ),
    (
        "dispute of a direct sale, funds withdrawn",
        &["seller clearing_dispute du -10000", "seller dispute_open du 10000"],
        &["seller dispute_fees 1500", "seller dispute_open du 10000", "seller stripe -11500"],
    ),
    (
        "dispute of a direct sale won",
        &["seller clearing_dispute du 10000", "seller dispute_open du -10000"],
        &["seller dispute_open du -10000", "seller stripe 10000"],
    ),
    (
        "dispute of a direct sale lost",
        &["seller dispute_open du -10000", "seller loss 10000"],
        &["seller dispute_open du -10000", "seller loss 10000"],
    ),
];
