//! The chart of accounts: every account that a book can have, and what its balance means.

use std::fmt;

use souk_entity::Scope;

/// What kind of thing an account measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// What the owner of the book has, or is owed.
    Asset,
    /// What the owner of the book owes.
    Liability,
    /// What the owner of the book earned.
    Income,
    /// What the owner of the book spent.
    Expense,
    /// Where what we say and what Stripe says of the same object meet.
    Clearing,
    /// What is held against something outside of the chart; it may be on either side.
    Position,
}

/// On which side of an account its balance normally stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Debits are more.
    Debit,
    /// Credits are more.
    Credit,
    /// Either, or neither: what must come to zero, and positions.
    Either,
}

/// Which books may have an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Books {
    /// The platform's.
    Platform,
    /// Sellers'.
    Seller,
    /// All.
    All,
}

impl Books {
    /// Whether the book of this scope is one of them.
    #[must_use]
    pub const fn include(self, book: &Scope) -> bool {
        match self {
            Self::Platform => matches!(book, Scope::Platform),
            Self::Seller => matches!(book, Scope::Connected(_)),
            Self::All => true,
        }
    }
}

/// Whether an account's entries carry a key, and what each key's sum may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// No entry has a key.
    None,
    /// Every entry has one, and its sum may be anything.
    Any,
    /// Every entry has one, and each key's sum must be zero.
    Zero,
    /// Every entry has one; each key's sum is zero, or a debit for as long as a payout takes.
    ZeroOnArrival,
}

/// An account of the chart. A book has one of each for each currency, opened when it is first posted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// The mirror of the Stripe balance.
    Stripe,
    /// Payouts between the Stripe balance and the bank.
    InTransit,
    /// What arrived at the seller's bank.
    PaidOut,
    /// The bank that top-ups come from.
    Bank,
    /// What Stripe holds back.
    Reserved,
    /// What the platform is still to send to sellers.
    Payable,
    /// What a seller owes to the platform.
    SellerDue,
    /// What is in question while disputes are open.
    DisputeOpen,
    /// What the platform earns.
    Commission,
    /// What a seller sold.
    Sales,
    /// What Stripe takes.
    Fees,
    /// What Stripe takes for disputes.
    DisputeFees,
    /// What the platform takes from a seller.
    CommissionPaid,
    /// What was lost to disputes and to debts that nobody paid.
    Loss,
    /// Debts that a seller need not pay.
    Forgiven,
    /// What was exchanged between currencies.
    Fx,
    /// What others did on the same Stripe account.
    ForeignActivity,
    /// Charges by card.
    ClearingCharge,
    /// Payments: charges by other means, and what a transfer becomes in the seller's account.
    ClearingPayment,
    /// Transfers to sellers.
    ClearingTransfer,
    /// Reversals of transfers.
    ClearingTransferReversal,
    /// Application fees.
    ClearingApplicationFee,
    /// Refunds of application fees.
    ClearingFeeRefund,
    /// Refunds.
    ClearingRefund,
    /// Disputes.
    ClearingDispute,
    /// Balance transactions that no posting explains.
    Suspense,
}

/// What the chart says of an account.
struct Definition {
    code: &'static str,
    nature: Nature,
    keys: Keys,
    books: Books,
    meaning: &'static str,
}

/// Which clearing account an object of Stripe's belongs to, by the prefix of its id.
/// Both halves of a fact choose their account here, so they can't miss each other.
const CLEARED_BY_PREFIX: [(&str, Account); 12] = [
    ("ch", Account::ClearingCharge),
    ("py", Account::ClearingPayment),
    ("tr", Account::ClearingTransfer),
    ("trr", Account::ClearingTransferReversal),
    ("fee", Account::ClearingApplicationFee),
    ("fr", Account::ClearingFeeRefund),
    ("re", Account::ClearingRefund),
    ("pyr", Account::ClearingRefund),
    ("du", Account::ClearingDispute),
    // Disputes had this prefix until 2021 or so; old ones still have it.
    ("dp", Account::ClearingDispute),
    ("po", Account::InTransit),
    ("txn", Account::Suspense),
];

impl Account {
    /// Every account of the chart.
    pub const ALL: [Self; 26] = [
        Self::Stripe,
        Self::InTransit,
        Self::PaidOut,
        Self::Bank,
        Self::Reserved,
        Self::Payable,
        Self::SellerDue,
        Self::DisputeOpen,
        Self::Commission,
        Self::Sales,
        Self::Fees,
        Self::DisputeFees,
        Self::CommissionPaid,
        Self::Loss,
        Self::Forgiven,
        Self::Fx,
        Self::ForeignActivity,
        Self::ClearingCharge,
        Self::ClearingPayment,
        Self::ClearingTransfer,
        Self::ClearingTransferReversal,
        Self::ClearingApplicationFee,
        Self::ClearingFeeRefund,
        Self::ClearingRefund,
        Self::ClearingDispute,
        Self::Suspense,
    ];

    /// What stands in the database and in reports.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.definition().code
    }

    /// What kind of thing it measures.
    #[must_use]
    pub const fn nature(self) -> Nature {
        self.definition().nature
    }

    /// Whether its entries carry a key, and what each key's sum may be.
    #[must_use]
    pub const fn keys(self) -> Keys {
        self.definition().keys
    }

    /// Which books may have it.
    #[must_use]
    pub const fn books(self) -> Books {
        self.definition().books
    }

    /// On which side its balance normally stands.
    #[must_use]
    pub const fn side(self) -> Side {
        match self.nature() {
            Nature::Asset | Nature::Expense => Side::Debit,
            Nature::Liability | Nature::Income => Side::Credit,
            Nature::Clearing | Nature::Position => Side::Either,
        }
    }

    /// Its meaning, in one line.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        self.definition().meaning
    }

    /// The account with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|account| account.code() == code)
    }

    /// The keyed account in which an object of Stripe's is cleared; nothing for an object of another kind.
    #[must_use]
    pub fn clearing(stripe_id: &str) -> Option<Self> {
        let (prefix, rest) = stripe_id.split_once('_')?;
        if rest.is_empty() {
            return None;
        }
        CLEARED_BY_PREFIX.iter().find(|(known, _)| *known == prefix).map(|(_, account)| *account)
    }

    const fn definition(self) -> Definition {
        use Keys::{Any, None, Zero, ZeroOnArrival};
        use Nature::{Asset, Clearing, Expense, Income, Liability, Position};
        let all = Books::All;
        let (code, nature, keys, books, meaning) = match self {
            Self::Stripe => ("stripe", Asset, None, all, "the Stripe balance, available and pending"),
            Self::InTransit => {
                ("in_transit", Clearing, ZeroOnArrival, all, "payouts on their way, by payout")
            }
            Self::PaidOut => ("paid_out", Asset, None, all, "what arrived at the bank of the book's owner"),
            Self::Bank => ("bank", Asset, None, all, "the bank that top-ups are drawn from"),
            Self::Reserved => ("reserved", Asset, None, all, "what Stripe holds back from the balance"),
            Self::Payable => {
                ("payable", Liability, Any, Books::Platform, "what sellers are still to be sent, by share")
            }
            Self::SellerDue => ("seller_due", Asset, Any, all, "what sellers owe to the platform, by seller"),
            Self::DisputeOpen => ("dispute_open", Asset, Any, all, "what is in question, by dispute"),
            Self::Commission => {
                ("commission", Income, None, Books::Platform, "what the platform keeps of sales")
            }
            Self::Sales => ("sales", Income, None, Books::Seller, "what the seller sold, before commission"),
            Self::Fees => ("fees", Expense, None, all, "what Stripe takes, with its taxes"),
            Self::DisputeFees => ("dispute_fees", Expense, None, all, "what Stripe takes for disputes"),
            Self::CommissionPaid => {
                let meaning = "what the seller leaves the platform of sales";
                ("commission_paid", Expense, None, Books::Seller, meaning)
            }
            Self::Loss => ("loss", Expense, None, all, "lost disputes, and debts that were written off"),
            Self::Forgiven => ("forgiven", Income, None, Books::Seller, "debts that the platform let go"),
            Self::Fx => ("fx", Position, None, all, "what was exchanged between currencies"),
            Self::ForeignActivity => {
                ("foreign_activity", Position, Any, all, "what others did on the Stripe account, by object")
            }
            Self::Suspense => {
                ("suspense", Clearing, Zero, all, "what nothing explains, by balance transaction")
            }
            cleared => {
                let (code, meaning) = cleared.of_clearing();
                (code, Clearing, Zero, all, meaning)
            }
        };
        Definition { code, nature, keys, books, meaning }
    }

    /// Code and meaning of the accounts where our facts meet Stripe's.
    const fn of_clearing(self) -> (&'static str, &'static str) {
        match self {
            Self::ClearingCharge => ("clearing_charge", "charges, by charge"),
            Self::ClearingPayment => ("clearing_payment", "payments, by payment"),
            Self::ClearingTransfer => ("clearing_transfer", "transfers, by transfer"),
            Self::ClearingTransferReversal => {
                ("clearing_transfer_reversal", "reversals of transfers, by reversal")
            }
            Self::ClearingApplicationFee => ("clearing_application_fee", "application fees, by fee"),
            Self::ClearingFeeRefund => ("clearing_fee_refund", "refunds of application fees, by fee refund"),
            Self::ClearingRefund => ("clearing_refund", "refunds, by refund"),
            Self::ClearingDispute => ("clearing_dispute", "disputes, by dispute"),
            _ => ("", ""),
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_names_one_account_and_has_a_meaning() {
        for account in Account::ALL {
            assert_eq!(Account::from_code(account.code()), Some(account));
            assert!(!account.code().is_empty() && !account.meaning().is_empty());
        }
        assert_eq!(Account::from_code("petty_cash"), None);
    }

    #[test]
    fn an_object_of_stripes_is_cleared_by_the_prefix_of_its_id() {
        assert_eq!(Account::clearing("ch_1"), Some(Account::ClearingCharge));
        assert_eq!(Account::clearing("tr_1"), Some(Account::ClearingTransfer));
        assert_eq!(Account::clearing("trr_1"), Some(Account::ClearingTransferReversal));
        for id in ["", "ch", "ch_", "cus_1", "acct_1"] {
            assert_eq!(Account::clearing(id), None, "{id:?}");
        }
    }

    #[test]
    fn every_clearing_account_is_keyed_and_must_come_to_zero() {
        for account in Account::ALL {
            let must_clear = matches!(account.keys(), Keys::Zero | Keys::ZeroOnArrival);
            assert_eq!(account.nature() == Nature::Clearing, must_clear, "{account}");
        }
    }
}
