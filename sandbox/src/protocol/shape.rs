//! Parameters that move nothing: their names and types are checked, and they are shown again as they came.

use crate::json::{Map, Value};

use super::{
    error::StripeError,
    params::{Change, Params},
};

/// What was given and is only shown again, by name.
pub(crate) type Kept = Map;

/// What a parameter may look like.
pub(crate) enum Shape {
    Text,
    Int,
    Bool,
    /// One of a few texts.
    One(&'static [&'static str]),
    Texts,
    Hash(Fields),
    /// A hash that shows all of its fields: null, or an empty list, for those that were not given.
    Whole(Fields),
    /// A hash that must name all of its fields.
    Complete(Fields),
    /// One shape under names that the caller chooses, such as amounts by currency.
    Each(&'static Shape),
}

/// The parameters of a hash.
pub(crate) type Fields = &'static [(&'static str, Shape)];

impl Params {
    /// Takes the parameters of `fields`; an empty one forgets what was kept.
    pub(crate) fn keep(&mut self, fields: Fields, kept: &mut Kept) -> Result<(), StripeError> {
        for (name, shape) in fields {
            self.keep_one(name, shape, kept)?;
        }
        Ok(())
    }

    /// Keeps them as the hash `name`, for parameters that were taken out of theirs already.
    pub(crate) fn keep_under(
        &mut self,
        name: &str,
        fields: Fields,
        kept: &mut Kept,
    ) -> Result<(), StripeError> {
        let mut inner = kept.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        self.keep(fields, &mut inner)?;
        kept.insert(name.to_owned(), Value::Object(inner));
        Ok(())
    }

    fn keep_one(&mut self, name: &str, shape: &Shape, kept: &mut Kept) -> Result<(), StripeError> {
        if !self.has(name) {
            return Ok(());
        }
        let value = match shape {
            Shape::Text => match self.change(name)? {
                Change::Set(text) => Some(Value::from(text)),
                Change::Keep | Change::Unset => None,
            },
            Shape::Int => self.int(name)?.map(Value::from),
            Shape::Bool => self.boolean(name)?.map(Value::from),
            Shape::One(known) => self.choice(name, known)?.map(Value::from),
            Shape::Texts => self.texts(name)?.map(Value::from),
            Shape::Hash(fields) => self.keep_hash(name, kept, |hash, inner| hash.keep(fields, inner))?,
            Shape::Whole(fields) => self.keep_hash(name, kept, |hash, inner| {
                hash.keep(fields, inner)?;
                for (field, shape) in *fields {
                    let empty =
                        if matches!(shape, Shape::Texts) { Value::Array(Vec::new()) } else { Value::Null };
                    inner.or_insert((*field).into(), empty);
                }
                Ok(())
            })?,
            Shape::Complete(fields) => self.keep_hash(name, kept, |hash, inner| {
                let missing = fields.iter().find(|(field, _)| !hash.has(field));
                if let Some((field, _)) = missing {
                    return Err(StripeError::missing(&hash.name_of(field)));
                }
                hash.keep(fields, inner)
            })?,
            Shape::Each(shape) => self.keep_hash(name, kept, |hash, inner| {
                hash.names().iter().try_for_each(|name| hash.keep_one(name, shape, inner))
            })?,
        };
        match value {
            Some(value) => drop(kept.insert(name.to_owned(), value)),
            None => drop(kept.remove(name)),
        }
        Ok(())
    }

    /// A hash changes only what it names.
    fn keep_hash(
        &mut self,
        name: &str,
        kept: &Kept,
        read: impl FnOnce(&mut Params, &mut Kept) -> Result<(), StripeError>,
    ) -> Result<Option<Value>, StripeError> {
        let Some(mut hash) = self.hash(name)? else { return Ok(None) };
        let mut inner = kept.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        read(&mut hash, &mut inner)?;
        hash.finish()?;
        Ok(Some(Value::Object(inner)))
    }

    /// A number with or without decimals, as text: the sandbox does not calculate with it.
    pub(crate) fn decimal(&mut self, name: &str) -> Result<Option<String>, StripeError> {
        let full = self.name_of(name);
        let Some(text) = self.text(name)? else { return Ok(None) };
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let (whole, rest) = text.split_once('.').unwrap_or((&text, "0"));
        if digits(whole) && digits(rest) && text.len() <= 15 {
            return Ok(Some(text));
        }
        Err(StripeError::invalid(format!("Invalid decimal: {text}"), &full))
    }
}

/// A checked decimal as JSON writes numbers.
pub(crate) fn decimal_json(text: &str) -> Value {
    serde_json::from_str(text.trim_start_matches('0'))
        .or_else(|_| serde_json::from_str(text))
        .unwrap_or_default()
}

/// Shows what was kept in an object: hashes field by field, everything else in place of what is there.
pub(crate) fn overlay(target: &mut Value, kept: &Kept) {
    let Value::Object(fields) = target else { return };
    for (name, value) in kept {
        match (fields.get_mut(name), value) {
            (Some(inner @ Value::Object(_)), Value::Object(kept)) => overlay(inner, kept),
            _ => drop(fields.insert(name.clone(), value.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;

    const FIELDS: Fields = &[
        ("name", Shape::Text),
        ("declared", Shape::Whole(&[("date", Shape::Int), ("ip", Shape::Text)])),
        ("minimum", Shape::Each(&Shape::Int)),
        ("revenue", Shape::Complete(&[("amount", Shape::Int), ("currency", Shape::Text)])),
    ];

    fn read(text: &str, kept: &mut Kept) -> Result<(), StripeError> {
        let mut params = Params::parse(&[text.as_bytes()])?;
        params.keep(FIELDS, kept)?;
        params.finish()
    }

    #[test]
    fn what_is_kept_is_merged_and_shown_over_what_is_there() {
        let mut kept = Kept::new();
        read("name=A&declared[date]=5&minimum[usd]=7", &mut kept).unwrap();
        assert_eq!(kept.get("declared"), Some(&json!({ "date": 5, "ip": null })));
        read("name=&declared[ip]=::1", &mut kept).unwrap();
        assert_eq!(json!(kept), json!({ "declared": { "date": 5, "ip": "::1" }, "minimum": { "usd": 7 } }));
        let mut shown = json!({ "name": null, "declared": { "date": null, "agent": null } });
        overlay(&mut shown, &kept);
        assert_eq!(shown["declared"], json!({ "date": 5, "agent": null, "ip": "::1" }));
    }

    #[test]
    fn what_has_another_type_or_name_is_refused() {
        let refused = |text: &str| read(text, &mut Kept::new()).unwrap_err().param().map(str::to_owned);
        assert_eq!(refused("declared[date]=soon").as_deref(), Some("declared[date]"));
        assert_eq!(refused("declared[who]=me").as_deref(), Some("declared[who]"));
        assert_eq!(refused("declared=1").as_deref(), Some("declared"));
        assert_eq!(refused("revenue[amount]=1").as_deref(), Some("revenue[currency]"));
    }

    #[test]
    fn decimals_are_numbers_again() {
        assert_eq!(decimal_json("25.5").to_string(), "25.5");
        assert_eq!(decimal_json("0").to_string(), "0");
    }
}
