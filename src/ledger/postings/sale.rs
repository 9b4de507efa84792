//! Sales, in each of the three charge models. The order is what was captured: of a partial capture, the rest of
//! the authorisation comes and goes on Stripe's side alone.

use chrono::{DateTime, Utc};
use souk_entity::{Money, OrderId, OrderShareId, Scope, StripeAccountId};

use super::{FEE, PAID, RECEIVED, TRANSFERRED, above_zero, book_of, cleared, cleared_if_any, rest};
use crate::ledger::{
    chart::Account,
    posting::{Posting, PostingError},
};

/// A destination charge that succeeded: one seller, whose Stripe account gets the whole amount and gives back
/// the commission as an application fee.
#[derive(Clone, Debug)]
pub struct DestinationSale {
    /// What was sold.
    pub order: OrderId,
    /// The charge on the platform (`ch_...` or `py_...`).
    pub charge: String,
    /// The transfer that Stripe made of it (`tr_...`).
    pub transfer: String,
    /// The application fee (`fee_...`); none if there is no commission.
    pub application_fee: Option<String>,
    /// The payment that the transfer became on the seller's account (`py_...`).
    pub destination_payment: String,
    /// What the buyer paid.
    pub gross: Money,
    /// What the platform keeps of it.
    pub commission: Money,
    /// When the charge succeeded.
    pub occurred_at: DateTime<Utc>,
}

impl DestinationSale {
    /// The sale, in the platform's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | K(charge) | gross | |
    /// | K(application fee) | commission | |
    /// | K(transfer) | | gross |
    /// | commission | | commission |
    pub fn of_platform(&self) -> Result<Posting, PostingError> {
        rest("commission", above_zero("gross", self.gross)?, self.commission)?;
        Posting::of(Scope::Platform, source(self.order), "destination_sale", self.occurred_at)
            .debit(cleared(&self.charge, PAID)?, self.gross)
            .debit(cleared_if_any(self.application_fee.as_deref(), FEE)?, self.commission)
            .credit(cleared(&self.transfer, TRANSFERRED)?, self.gross)
            .credit(Account::Commission, self.commission)
            .balanced()
    }

    /// The same sale, in the book of the seller.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | K(destination payment) | gross less commission | |
    /// | commission_paid | commission | |
    /// | sales | | gross |
    pub fn of_seller(&self, seller: &StripeAccountId) -> Result<Posting, PostingError> {
        let net = rest("commission", above_zero("gross", self.gross)?, self.commission)?;
        Posting::of(book_of(seller), source(self.order), "destination_sale_of_seller", self.occurred_at)
            .debit(cleared(&self.destination_payment, RECEIVED)?, net)
            .debit(Account::CommissionPaid, self.commission)
            .credit(Account::Sales, self.gross)
            .balanced()
    }
}

/// One seller's part of a [`SeparateSale`].
#[derive(Clone, Copy, Debug)]
pub struct ShareOfSale {
    /// Whose part.
    pub share: OrderShareId,
    /// What the seller will be sent.
    pub net: Money,
    /// What the platform keeps of the part.
    pub commission: Money,
}

/// A charge on the platform that succeeded, for one seller or many: what they are due waits on the platform
/// until it is transferred. Their own books hear of it then ([`super::ShareTransfer`]).
#[derive(Clone, Debug)]
pub struct SeparateSale {
    /// What was sold.
    pub order: OrderId,
    /// The charge on the platform (`ch_...` or `py_...`).
    pub charge: String,
    /// What the buyer paid: all shares together.
    pub gross: Money,
    /// Each seller's part.
    pub shares: Vec<ShareOfSale>,
    /// When the charge succeeded.
    pub occurred_at: DateTime<Utc>,
}

impl SeparateSale {
    /// The sale, in the platform's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | K(charge) | gross | |
    /// | payable(share), each | | its net |
    /// | commission | | all commissions |
    pub fn of_platform(&self) -> Result<Posting, PostingError> {
        let mut commission = Money::zero(self.gross.currency);
        let mut posting = Posting::of(Scope::Platform, source(self.order), "separate_sale", self.occurred_at)
            .debit(cleared(&self.charge, PAID)?, above_zero("gross", self.gross)?);
        for part in &self.shares {
            rest("commission", part.net.checked_add(part.commission)?, part.commission)?;
            rest("net", part.net, Money::zero(part.net.currency))?;
            commission = commission.checked_add(part.commission)?;
            posting = posting.credit(Account::Payable.at(&part.share.to_string()), part.net);
        }
        posting.credit(Account::Commission, commission).balanced()
    }
}

/// A direct charge that succeeded: the seller's own, of which the platform takes its commission as an
/// application fee.
#[derive(Clone, Debug)]
pub struct DirectSale {
    /// What was sold.
    pub order: OrderId,
    /// The charge on the seller's account (`ch_...` or `py_...`).
    pub charge: String,
    /// The application fee (`fee_...`); none if there is no commission.
    pub application_fee: Option<String>,
    /// What the buyer paid.
    pub gross: Money,
    /// What the platform takes of it.
    pub commission: Money,
    /// When the charge succeeded.
    pub occurred_at: DateTime<Utc>,
}

impl DirectSale {
    /// The commission, in the platform's book; nothing is posted without one.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | K(application fee) | commission | |
    /// | commission | | commission |
    pub fn of_platform(&self) -> Result<Option<Posting>, PostingError> {
        rest("commission", above_zero("gross", self.gross)?, self.commission)?;
        let draft = Posting::of(Scope::Platform, source(self.order), "direct_sale", self.occurred_at)
            .debit(cleared_if_any(self.application_fee.as_deref(), FEE)?, self.commission)
            .credit(Account::Commission, self.commission);
        if draft.is_empty() { Ok(None) } else { draft.balanced().map(Some) }
    }

    /// The sale, in the seller's book.
    ///
    /// | account | debit | credit |
    /// |---|---|---|
    /// | K(charge) | gross less commission | |
    /// | commission_paid | commission | |
    /// | sales | | gross |
    pub fn of_seller(&self, seller: &StripeAccountId) -> Result<Posting, PostingError> {
        let net = rest("commission", above_zero("gross", self.gross)?, self.commission)?;
        Posting::of(book_of(seller), source(self.order), "direct_sale_of_seller", self.occurred_at)
            .debit(cleared(&self.charge, PAID)?, net)
            .debit(Account::CommissionPaid, self.commission)
            .credit(Account::Sales, self.gross)
            .balanced()
    }
}

/// An order is sold once.
fn source(order: OrderId) -> String {
    format!("sale:{order}")
}
