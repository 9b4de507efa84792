//! A postal address, as several resources carry it.

use serde::{Deserialize, Serialize};

use crate::{
    json::{ToJson, Value, json},
    protocol::{error::StripeError, params::Params},
};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) city: Option<String>,
    pub(crate) country: Option<String>,
    pub(crate) line1: Option<String>,
    pub(crate) line2: Option<String>,
    pub(crate) postal_code: Option<String>,
    pub(crate) state: Option<String>,
}

impl ToJson for Address {
    fn to_json(&self) -> Value {
        self.render()
    }
}

impl Address {
    pub(crate) fn render(&self) -> Value {
        json!({
            "city": self.city,
            "country": self.country,
            "line1": self.line1,
            "line2": self.line2,
            "postal_code": self.postal_code,
            "state": self.state,
        })
    }

    pub(crate) fn read(params: &mut Params, name: &str) -> Result<Option<Self>, StripeError> {
        let Some(mut hash) = params.hash(name)? else { return Ok(None) };
        let address = Self {
            city: hash.text("city")?,
            country: hash.text("country")?,
            line1: hash.text("line1")?,
            line2: hash.text("line2")?,
            postal_code: hash.text("postal_code")?,
            state: hash.text("state")?,
        };
        hash.ignore(&["town"]);
        hash.finish()?;
        Ok(Some(address))
    }
}
