//! Typed ids: a UUIDv7 in the database, a TypeID (`seller_01h...`) everywhere else.

use std::{fmt, str::FromStr};

use sea_orm::{DbErr, DeriveValueType, TryFromU64};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use type_safe_id::{DynamicType, TypeSafeId};
use uuid::Uuid;

/// A text is not an id of the type that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form `{prefix}_...`")]
pub struct IdParseError {
    /// The prefix that ids of this type carry.
    pub prefix: &'static str,
}

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, DeriveValueType)]
        pub struct $name(Uuid);

        impl $name {
            /// The prefix of the TypeID.
            pub const PREFIX: &'static str = $prefix;

            /// Takes a UUID (version 7 for new rows: ids sort by time of creation).
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID that stands in the database.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let prefix = DynamicType::new($prefix).map_err(|_| fmt::Error)?;
                TypeSafeId::from_type_and_uuid(prefix, self.0).fmt(f)
            }
        }

        // sea-orm asks every key whether it can be an auto-increment number; these cannot.
        impl TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($name)))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdParseError;

            fn from_str(text: &str) -> Result<Self, IdParseError> {
                let refused = IdParseError { prefix: $prefix };
                let id: TypeSafeId<DynamicType> = text.parse().map_err(|_| refused.clone())?;
                if id.type_prefix() == $prefix { Ok(Self(id.uuid())) } else { Err(refused) }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

typed_ids! {
    /// Who sells: one seller has one Stripe account at a time.
    SellerId = "seller";
    /// Who buys.
    BuyerId = "buyer";
    /// What is for sale, with its price.
    ListingId = "listing";
    /// What the marketplace keeps of a line, and of which lines.
    CommissionRuleId = "commissionrule";
    /// What a buyer ordered, and how it is paid.
    OrderId = "order";
    /// One line of an order.
    OrderLineId = "line";
    /// What one seller gets of one order.
    OrderShareId = "share";
    /// Money on its way from a seller's Stripe balance to their bank.
    PayoutId = "payout";
    /// A way to pay that a buyer keeps; on the wire it goes by Stripe's own id.
    PaymentMethodId = "paymethod";
    /// The saving of a payment method.
    SetupIntentId = "setup";
    /// A write to Stripe; its UUID is the `Idempotency-Key`.
    StripeRequestId = "sreq";
    /// Something that happened here, told to the marketplace's backend.
    EventId = "event";
    /// Work to be done later.
    JobId = "job";
    /// An account of the books.
    LedgerAccountId = "lacct";
    /// A balanced transaction of the books.
    LedgerTransactionId = "ltxn";
    /// One comparison of the books with Stripe's.
    ReconciliationId = "recon";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_the_round_trip_through_text() {
        let id = SellerId::from_uuid(Uuid::now_v7());
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().starts_with("seller_"));
    }

    #[test]
    fn an_id_of_another_type_is_refused() {
        let id = BuyerId::from_uuid(Uuid::now_v7());
        assert_eq!(id.to_string().parse::<SellerId>(), Err(IdParseError { prefix: "seller" }));
        assert!("seller_".parse::<SellerId>().is_err());
        assert!("".parse::<SellerId>().is_err());
    }
}
