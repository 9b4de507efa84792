//! What is settled in another currency, and what others did.

use super::Literal;

/// Lines without a currency are dollars; these are 1.25 of them a euro.
pub(super) const CURRENCIES_AND_STRANGERS: &[Literal] = &[
    (
        "sale settled in another currency",
        &[
            "platform clearing_charge ch 8000 eur",
            "platform commission -1000",
            "platform fx -8000 eur",
            "platform fx 10000",
            "platform payable share -9000",
        ],
        &[
            "platform commission -1000",
            "platform fees 320 eur",
            "platform fx -8000 eur",
            "platform fx 10000",
            "platform payable share -9000",
            "platform stripe 7680 eur",
        ],
    ),
    (
        "refund settled in another currency",
        &[
            "platform clearing_refund re -3200 eur",
            "platform commission 400",
            "platform fx -4000",
            "platform fx 3200 eur",
            "platform payable share 3600",
        ],
        &[
            "platform commission 400",
            "platform fx -4000",
            "platform fx 3200 eur",
            "platform payable share 3600",
            "platform stripe -3200 eur",
        ],
    ),
    (
        "transfer received in another currency",
        &[
            "platform clearing_transfer tr -9000",
            "platform payable share 9000",
            "seller clearing_payment py 7200 eur",
            "seller commission_paid 1000",
            "seller fx -7200 eur",
            "seller fx 9000",
            "seller sales -10000",
        ],
        &[
            "platform payable share 9000",
            "platform stripe -9000",
            "seller commission_paid 1000",
            "seller fx -7200 eur",
            "seller fx 9000",
            "seller sales -10000",
            "seller stripe 7200 eur",
        ],
    ),
    (
        "foreign activity",
        &["platform clearing_charge ch 10000", "platform foreign_activity ch -10000"],
        &["platform fees 320", "platform foreign_activity ch -10000", "platform stripe 9680"],
    ),
];
