//! Who is calling, and whose objects they may see.

use std::fmt;

use serde::{Deserialize, Serialize};
use souk_entity::{BuyerId, SellerId};

use super::problem::Problem;

/// What a token says its bearer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Finance and support of the marketplace.
    Operator,
    /// The marketplace's own backend.
    Service,
    /// A seller's app.
    Seller,
    /// A buyer's app.
    Buyer,
}

impl Role {
    /// As it stands in tokens and in the specification.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Service => "service",
            Self::Seller => "seller",
            Self::Buyer => "buyer",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who is calling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Finance and support of the marketplace.
    Operator {
        /// The person, for the record of who did what.
        subject: String,
    },
    /// The marketplace's own backend.
    Service {
        /// Which one.
        subject: String,
    },
    /// One seller.
    Seller(SellerId),
    /// One buyer.
    Buyer(BuyerId),
}

impl Caller {
    /// The caller's role.
    #[must_use]
    pub const fn role(&self) -> Role {
        match self {
            Self::Operator { .. } => Role::Operator,
            Self::Service { .. } => Role::Service,
            Self::Seller(_) => Role::Seller,
            Self::Buyer(_) => Role::Buyer,
        }
    }

    /// `role:subject`: whose idempotency keys these are, and who did it.
    #[must_use]
    pub fn key(&self) -> String {
        let role = self.role();
        match self {
            Self::Operator { subject } | Self::Service { subject } => format!("{role}:{subject}"),
            Self::Seller(id) => format!("{role}:{id}"),
            Self::Buyer(id) => format!("{role}:{id}"),
        }
    }

    /// Whether this is the marketplace itself: an operator or its backend.
    #[must_use]
    pub const fn is_backoffice(&self) -> bool {
        matches!(self, Self::Operator { .. } | Self::Service { .. })
    }

    /// The seller, if one is calling: what a list is narrowed to.
    #[must_use]
    pub const fn seller(&self) -> Option<SellerId> {
        if let Self::Seller(id) = self { Some(*id) } else { None }
    }

    /// The buyer, if one is calling: what a list is narrowed to.
    #[must_use]
    pub const fn buyer(&self) -> Option<BuyerId> {
        if let Self::Buyer(id) = self { Some(*id) } else { None }
    }

    /// The back office may see every seller, a seller itself; to others none exists (404).
    pub fn may_see_seller(&self, seller: SellerId) -> Result<(), Problem> {
        self.may_see(self.seller() == Some(seller))
    }

    /// The back office may see every buyer, a buyer itself; to others none exists (404).
    pub fn may_see_buyer(&self, buyer: BuyerId) -> Result<(), Problem> {
        self.may_see(self.buyer() == Some(buyer))
    }

    fn may_see(&self, own: bool) -> Result<(), Problem> {
        if self.is_backoffice() || own { Ok(()) } else { Err(Problem::not_found()) }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn sellers_and_buyers_see_themselves_and_the_back_office_everybody() {
        let (a, b) = (SellerId::from_uuid(Uuid::now_v7()), SellerId::from_uuid(Uuid::now_v7()));
        let buyer = BuyerId::from_uuid(a.uuid());
        let service = Caller::Service { subject: "shop".to_owned() };
        assert!(service.may_see_seller(a).is_ok() && service.may_see_buyer(buyer).is_ok());
        assert!(
            Caller::Seller(a).may_see_seller(a).is_ok() && Caller::Buyer(buyer).may_see_buyer(buyer).is_ok()
        );
        for refused in [
            Caller::Seller(b).may_see_seller(a),
            // The same UUID in another kind of id is another thing.
            Caller::Seller(a).may_see_buyer(buyer),
            Caller::Buyer(buyer).may_see_seller(a),
        ] {
            assert_eq!(refused.unwrap_err().code(), "not_found");
        }
    }
}
