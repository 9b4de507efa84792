//! Sales and transfers.

use super::Literal;

pub(super) const SALES: &[Literal] = &[
    (
        "separate sale",
        &["platform clearing_charge ch 10000", "platform commission -1000", "platform payable share -9000"],
        &[
            "platform commission -1000",
            "platform fees 320",
            "platform payable share -9000",
            "platform stripe 9680",
        ],
    ),
    (
        "separate sale, captured in part",
        &["platform clearing_charge ch 10000", "platform commission -1000", "platform payable share -9000"],
        &[
            "platform commission -1000",
            "platform fees 320",
            "platform payable share -9000",
            "platform stripe 9680",
        ],
    ),
    (
        "transfer of a share",
        &[
            "platform clearing_transfer tr -9000",
            "platform payable share 9000",
            "seller clearing_payment py 9000",
            "seller commission_paid 1000",
            "seller sales -10000",
        ],
        &[
            "platform payable share 9000",
            "platform stripe -9000",
            "seller commission_paid 1000",
            "seller sales -10000",
            "seller stripe 9000",
        ],
    ),
    (
        "reversal of a transfer",
        &[
            "platform clearing_transfer_reversal trr 9000",
            "platform payable share -9000",
            "seller clearing_refund pyr -9000",
            "seller commission_paid -1000",
            "seller sales 10000",
        ],
        &[
            "platform payable share -9000",
            "platform stripe 9000",
            "seller commission_paid -1000",
            "seller sales 10000",
            "seller stripe -9000",
        ],
    ),
    (
        "destination sale",
        &[
            "platform clearing_application_fee fee 1000",
            "platform clearing_charge ch 10000",
            "platform clearing_transfer tr -10000",
            "platform commission -1000",
            "seller clearing_payment py 9000",
            "seller commission_paid 1000",
            "seller sales -10000",
        ],
        &[
            "platform commission -1000",
            "platform fees 320",
            "platform stripe 680",
            "seller commission_paid 1000",
            "seller sales -10000",
            "seller stripe 9000",
        ],
    ),
    (
        "direct sale",
        &[
            "platform clearing_application_fee fee 1000",
            "platform commission -1000",
            "seller clearing_charge ch 9000",
            "seller commission_paid 1000",
            "seller sales -10000",
        ],
        &[
            "platform commission -1000",
            "platform stripe 1000",
            "seller commission_paid 1000",
            "seller fees 320",
            "seller sales -10000",
            "seller stripe 8680",
        ],
    ),
];
