//! Typed ids on the wire: `seller_01h...`, in paths, queries and bodies.

use std::{borrow::Cow, fmt, ops::Deref, str::FromStr};

use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type},
};
use serde_json::Value;
use souk_entity::{
    BuyerId, CommissionRuleId, EventId, JobId, LedgerAccountId, LedgerTransactionId, ListingId, OrderId,
    OrderLineId, OrderShareId, PaymentMethodId, PayoutId, ReconciliationId, SellerId, SetupIntentId,
    StripeRequestId,
};

/// The suffix of every example: a UUIDv7 in TypeID's base32.
const EXAMPLE_SUFFIX: &str = "01h455vb4pex5vsknk084sn02q";

/// An id of `souk_entity` that may stand in the API.
pub trait WireId: Copy + fmt::Debug + fmt::Display + FromStr + Send + Sync + 'static {
    /// The prefix of the TypeID.
    const PREFIX: &'static str;
}

macro_rules! wire_ids {
    ($($id:ty),* $(,)?) => {
        $(impl WireId for $id {
            const PREFIX: &'static str = <$id>::PREFIX;
        })*
    };
}

wire_ids!(
    BuyerId,
    CommissionRuleId,
    EventId,
    JobId,
    LedgerAccountId,
    LedgerTransactionId,
    ListingId,
    OrderId,
    OrderLineId,
    OrderShareId,
    PaymentMethodId,
    PayoutId,
    ReconciliationId,
    SellerId,
    SetupIntentId,
    StripeRequestId,
);

/// An entity's id in the API: `Path<Id<SellerId>>`, a field `seller_id: Id<SellerId>`. (A wrapper, because
/// neither the id's type nor the framework's traits are this crate's.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id<T>(pub T);

impl<T> Deref for Id<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Id<T> {
    fn from(id: T) -> Self {
        Self(id)
    }
}

impl<T: WireId> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<T: WireId> Id<T> {
    fn parse(text: &str) -> ParseResult<Self> {
        let refused = || ParseError::custom(format!("not an id of the form `{}_...`", T::PREFIX));
        text.parse().map(Self).map_err(|_| refused())
    }
}

impl<T: WireId> Type for Id<T> {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        format!("string_{}_id", T::PREFIX).into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            // The first digit holds two bits only, or the number would not fit into 128.
            pattern: Some(format!("^{}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$", T::PREFIX)),
            example: Some(Value::String(format!("{}_{EXAMPLE_SUFFIX}", T::PREFIX))),
            ..MetaSchema::new("string")
        }))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl<T: WireId> ParseFromJSON for Id<T> {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        match value.unwrap_or_default() {
            Value::String(text) => Self::parse(&text),
            other => Err(ParseError::expected_type(other)),
        }
    }
}

impl<T: WireId> ParseFromParameter for Id<T> {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        Self::parse(text)
    }
}

impl<T: WireId> ToJSON for Id<T> {
    fn to_json(&self) -> Option<Value> {
        Some(Value::String(self.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_the_round_trip_and_fits_its_own_pattern() {
        let id = Id(SellerId::from_uuid(uuid::Uuid::now_v7()));
        let json = id.to_json();
        let pattern = Id::<SellerId>::schema_ref().unwrap_inline().pattern.clone().unwrap();
        let pattern = regex::Regex::new(&pattern).unwrap();
        assert!(pattern.is_match(&id.to_string()));
        assert_eq!(Id::parse_from_json(json).unwrap(), id);
        assert_eq!(Id::parse_from_parameter(&id.to_string()).unwrap(), id);
    }

    #[test]
    fn the_example_is_an_id() {
        let schema = Id::<OrderId>::schema_ref();
        assert!(Id::<OrderId>::parse_from_json(schema.unwrap_inline().example.clone()).is_ok());
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let buyer = Id(BuyerId::from_uuid(uuid::Uuid::now_v7()));
        let refused = Id::<SellerId>::parse_from_json(buyer.to_json()).unwrap_err();
        assert!(refused.into_message().ends_with("not an id of the form `seller_...`"));
    }
}
