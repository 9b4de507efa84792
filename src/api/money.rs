//! Money on the wire: integer minor units and a lower-case ISO 4217 code, as Stripe writes it.

use std::borrow::Cow;

use poem_openapi::{
    Object,
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type},
};
use serde_json::Value;

/// The `format` that marks a currency in the specification; the check of bodies looks for it.
pub(super) const CURRENCY_FORMAT: &str = "iso4217-lowercase";

/// An amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Object)]
pub struct Money {
    /// Minor units of the currency: 1050 is 10.50 in `usd` and 1050 in `jpy`.
    pub amount: i64,
    /// Lower-case ISO 4217 code.
    pub currency: Currency,
}

impl From<souk_entity::Money> for Money {
    fn from(money: souk_entity::Money) -> Self {
        Self { amount: money.amount, currency: Currency(money.currency) }
    }
}

impl From<Money> for souk_entity::Money {
    fn from(money: Money) -> Self {
        Self::new(money.amount, money.currency.0)
    }
}

/// A currency in a body or a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Currency(pub souk_entity::Currency);

impl Type for Currency {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "string_currency".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            pattern: Some("^[a-z]{3}$".to_owned()),
            example: Some("usd".into()),
            ..MetaSchema::new_with_format("string", CURRENCY_FORMAT)
        }))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromJSON for Currency {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        match value.unwrap_or_default() {
            Value::String(code) => Self::parse_from_parameter(&code),
            other => Err(ParseError::expected_type(other)),
        }
    }
}

impl ParseFromParameter for Currency {
    fn parse_from_parameter(code: &str) -> ParseResult<Self> {
        code.parse().map(Self).map_err(ParseError::custom)
    }
}

impl ToJSON for Currency {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.code().into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn money_on_the_wire_is_minor_units_and_a_code() {
        let money = souk_entity::Money::new(-1050, "eur".parse().unwrap());
        assert_eq!(Money::from(money).to_json(), Some(json!({"amount": -1050, "currency": "eur"})));
        let back = Money::parse_from_json(Money::from(money).to_json()).unwrap();
        assert_eq!(souk_entity::Money::from(back), money);
    }

    #[test]
    fn floats_and_unknown_currencies_are_refused() {
        for wrong in [
            json!({"amount": 10.5, "currency": "usd"}),
            json!({"amount": "10", "currency": "usd"}),
            json!({"amount": 10, "currency": "USD"}),
            json!({"amount": 10, "currency": "zzz"}),
        ] {
            assert!(Money::parse_from_json(Some(wrong.clone())).is_err(), "{wrong}");
        }
    }
}
