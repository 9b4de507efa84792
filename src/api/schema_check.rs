//! Checks a JSON value against the schema that the specification publishes for it, and names *every* field
//! that is wrong; the framework's own parser stops at the first and seldom says where it is.

use std::{cell::RefCell, collections::HashMap};

use chrono::{DateTime, NaiveDate};
use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef, Registry},
    types::Type,
};
use regex::Regex;
use serde_json::{Map, Value};

use super::{money::CURRENCY_FORMAT, problem::FieldError};

/// More errors than this help nobody, and finding them all could be made to cost us.
const MOST_ERRORS: usize = 50;

/// JSON can carry it, PostgreSQL can't store it: what one database takes and the other doesn't, neither takes.
const NUL: char = '\0';
const NO_NUL: &str = "must not contain NUL characters";

/// What is wrong with `json`, as a `T`; empty if nothing is that the schema can tell.
pub(super) fn check<T: Type>(json: &Value) -> Vec<FieldError> {
    // Built anew for each body: some microseconds, next to a call to Stripe.
    let mut registry = Registry::new();
    T::register(&mut registry);
    let mut check = Check { registry: &registry, errors: Vec::new() };
    check.reference(&T::schema_ref(), json, "");
    check.errors
}

thread_local! {
    /// Patterns of schemas, compiled once a thread. There are as many as the specification has.
    static PATTERNS: RefCell<HashMap<String, Option<Regex>>> = RefCell::default();
}

fn fits_pattern(text: &str, pattern: &str) -> bool {
    PATTERNS.with_borrow_mut(|compiled| {
        if !compiled.contains_key(pattern) {
            compiled.insert(pattern.to_owned(), Regex::new(pattern).ok());
        }
        // A pattern that can't be compiled is the parser's to judge.
        compiled.get(pattern).and_then(Option::as_ref).is_none_or(|regex| regex.is_match(text))
    })
}

struct Check<'r> {
    registry: &'r Registry,
    errors: Vec<FieldError>,
}

impl Check<'_> {
    fn reference(&mut self, schema: &MetaSchemaRef, value: &Value, at: &str) {
        match schema {
            MetaSchemaRef::Inline(schema) => self.schema(schema, value, at),
            MetaSchemaRef::Reference(name) => {
                let registry = self.registry;
                if let Some(schema) = registry.schemas.get(name) {
                    self.schema(schema, value, at);
                }
            }
        }
    }

    fn schema(&mut self, schema: &MetaSchema, value: &Value, at: &str) {
        for part in &schema.all_of {
            self.reference(part, value, at);
        }
        match (schema.ty, value) {
            ("object", Value::Object(object)) => self.object(schema, object, at),
            ("array", Value::Array(items)) => self.array(schema, items, at),
            ("string", Value::String(text)) => self.string(schema, text, at),
            ("integer", Value::Number(_)) if !is_integer(schema.format, value) => {
                self.invalid(at, "not an integer in the range of its type");
            }
            ("integer" | "number", Value::Number(_)) => self.range(schema, value, at),
            ("boolean", Value::Bool(_)) | ("", _) => {}
            (wanted, _) => self.invalid(at, &format!("must be {}", with_article(wanted))),
        }
        if !schema.enum_items.is_empty() && !schema.enum_items.contains(value) {
            let known = schema.enum_items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
            self.invalid(at, &format!("must be one of: {known}"));
        }
    }

    fn object(&mut self, schema: &MetaSchema, object: &Map<String, Value>, at: &str) {
        for name in &schema.required {
            // `null` for a field that is required is as good as nothing.
            if object.get(*name).is_none_or(Value::is_null) {
                self.report(&join(at, name), "required", "must be given");
            }
        }
        for (name, value) in object {
            let field = join(at, name);
            let known = schema.properties.iter().find(|(known, _)| known == name);
            match (known, &schema.additional_properties) {
                (Some(_), _) if value.is_null() => {}
                (Some((_, schema)), _) => self.reference(schema, value, &field),
                (None, Some(_)) if name.contains(NUL) => self.invalid(&field, NO_NUL),
                (None, Some(schema)) => self.reference(schema, value, &field),
                (None, None) if is_free_form(schema) => {}
                (None, None) => self.report(&field, "unknown_field", "there is no such field"),
            }
        }
        self.bounds(object.len(), schema.min_properties, schema.max_properties, "entries", at);
    }

    fn array(&mut self, schema: &MetaSchema, items: &[Value], at: &str) {
        self.bounds(items.len(), schema.min_items, schema.max_items, "items", at);
        let Some(schema) = &schema.items else { return };
        for (index, item) in items.iter().enumerate() {
            self.reference(schema, item, &format!("{at}[{index}]"));
        }
    }

    fn string(&mut self, schema: &MetaSchema, text: &str, at: &str) {
        if text.contains(NUL) {
            return self.invalid(at, NO_NUL);
        }
        if schema.format == Some(CURRENCY_FORMAT) {
            if let Err(error) = text.parse::<souk_entity::Currency>() {
                self.report(at, "unknown_currency", &error.to_string());
            }
            return;
        }
        let fits = match schema.format {
            Some("date-time") => DateTime::parse_from_rfc3339(text).is_ok(),
            Some("date" | "naive-date") => NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok(),
            Some("uuid") => uuid::Uuid::try_parse(text).is_ok(),
            _ => true,
        };
        if !fits {
            self.invalid(at, &format!("must be a {}", schema.format.unwrap_or_default()));
        }
        if let Some(pattern) = &schema.pattern
            && !fits_pattern(text, pattern)
        {
            self.invalid(at, &format!("must fit the pattern {pattern}"));
        }
        self.bounds(text.chars().count(), schema.min_length, schema.max_length, "characters", at);
    }

    fn range(&mut self, schema: &MetaSchema, value: &Value, at: &str) {
        let Some(number) = value.as_f64() else { return };
        if let Some(minimum) = schema.minimum {
            if schema.exclusive_minimum == Some(true) && number <= minimum {
                self.invalid(at, &format!("must be above {minimum}"));
            } else if number < minimum {
                self.invalid(at, &format!("must be at least {minimum}"));
            }
        }
        if let Some(maximum) = schema.maximum {
            if schema.exclusive_maximum == Some(true) && number >= maximum {
                self.invalid(at, &format!("must be below {maximum}"));
            } else if number > maximum {
                self.invalid(at, &format!("must be at most {maximum}"));
            }
        }
    }

    fn bounds(&mut self, count: usize, least: Option<usize>, most: Option<usize>, of: &str, at: &str) {
        if let Some(least) = least.filter(|least| count < *least) {
            self.invalid(at, &format!("must have at least {least} {of}"));
        }
        if let Some(most) = most.filter(|most| count > *most) {
            self.invalid(at, &format!("must have at most {most} {of}"));
        }
    }

    fn invalid(&mut self, at: &str, detail: &str) {
        self.report(at, "invalid", detail);
    }

    fn report(&mut self, at: &str, code: &str, detail: &str) {
        // An `allOf` can say the same thing twice.
        let said = self.errors.iter().any(|error| error.field == at && error.code == code);
        if said || self.errors.len() >= MOST_ERRORS {
            return;
        }
        let (field, code, detail) = (at.to_owned(), code.to_owned(), detail.to_owned());
        self.errors.push(FieldError { field, code, detail });
    }
}

/// `metadata`-like objects of any shape; an object type of ours has a title, even when it has no fields.
fn is_free_form(schema: &MetaSchema) -> bool {
    schema.properties.is_empty() && schema.title.is_none()
}

fn is_integer(format: Option<&str>, value: &Value) -> bool {
    match format {
        Some("int8") => value.as_i64().is_some_and(|n| i8::try_from(n).is_ok()),
        Some("int16") => value.as_i64().is_some_and(|n| i16::try_from(n).is_ok()),
        Some("int32") => value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        Some("uint8") => value.as_u64().is_some_and(|n| u8::try_from(n).is_ok()),
        Some("uint16") => value.as_u64().is_some_and(|n| u16::try_from(n).is_ok()),
        Some("uint32") => value.as_u64().is_some_and(|n| u32::try_from(n).is_ok()),
        Some("uint64") => value.is_u64(),
        _ => value.is_i64(),
    }
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

fn with_article(ty: &str) -> String {
    let article = if matches!(ty, "array" | "integer" | "object") { "an" } else { "a" };
    format!("{article} {ty}")
}

#[cfg(test)]
mod tests {
    use poem_openapi::{Enum, Object};
    use serde_json::json;
    use souk_entity::SellerId;

    use super::*;
    use crate::api::{id::Id, money::Money};

    #[derive(Debug, Enum)]
    #[oai(rename_all = "snake_case")]
    enum Model {
        Direct,
        Separate,
    }

    #[derive(Object)]
    struct Line {
        seller_id: Id<SellerId>,
        unit_amount: Money,
        #[oai(validator(minimum(value = "1"), maximum(value = "99")))]
        quantity: i32,
    }

    #[derive(Object)]
    struct Cart {
        #[oai(validator(min_items = 1, max_items = 3))]
        lines: Vec<Line>,
        /// How it is charged.
        model: Option<Model>,
        until: Option<DateTime<chrono::Utc>>,
        #[oai(default, validator(max_properties = 2))]
        metadata: HashMap<String, String>,
        #[oai(validator(max_length = 5))]
        note: Option<String>,
    }

    fn wrong(cart: &Value) -> Vec<(String, String)> {
        check::<Cart>(cart).into_iter().map(|error| (error.field, error.code)).collect()
    }

    fn named<const N: usize>(errors: [(&str, &str); N]) -> Vec<(String, String)> {
        errors.map(|(field, code)| (field.to_owned(), code.to_owned())).to_vec()
    }

    fn line() -> Value {
        let seller = SellerId::from_uuid(uuid::Uuid::now_v7()).to_string();
        json!({"seller_id": seller, "unit_amount": {"amount": 1, "currency": "usd"}, "quantity": 1})
    }

    #[test]
    fn what_fits_has_no_errors() {
        let cart = json!({
            "lines": [line()], "model": "direct", "until": "2026-11-21T06:00:00Z",
            "metadata": {"a": "b"}, "note": null,
        });
        assert_eq!(wrong(&cart), []);
        assert_eq!(wrong(&json!({"lines": [line()]})), []);
    }

    #[test]
    fn every_unknown_missing_and_mistyped_field_is_named_wherever_it_is() {
        let cart = json!({
            "lines": [
                {"seller_id": 7, "unit_amount": {"amount": 1.5, "currency": "zzz", "cents": 3}, "quantity": 0},
                {"seller_id": "buyer_1", "quantity": null, "unit_amount": "1"},
                3,
            ],
            "modle": "direct",
            "note": 5,
        });
        let mut found = wrong(&cart);
        found.sort();
        assert_eq!(
            found,
            named([
                ("lines[0].quantity", "invalid"),
                ("lines[0].seller_id", "invalid"),
                ("lines[0].unit_amount.amount", "invalid"),
                ("lines[0].unit_amount.cents", "unknown_field"),
                ("lines[0].unit_amount.currency", "unknown_currency"),
                ("lines[1].quantity", "required"),
                ("lines[1].seller_id", "invalid"),
                ("lines[1].unit_amount", "invalid"),
                ("lines[2]", "invalid"),
                ("modle", "unknown_field"),
                ("note", "invalid"),
            ])
        );
    }

    #[test]
    fn limits_enums_and_formats_are_checked() {
        let cart = json!({
            "lines": [], "model": "barter", "until": "tomorrow", "note": "sixsix",
            "metadata": {"a": "1", "b": "2", "c": 3},
        });
        let mut found = wrong(&cart);
        found.sort();
        assert_eq!(
            found,
            named([
                ("lines", "invalid"),
                ("metadata", "invalid"),
                ("metadata.c", "invalid"),
                ("model", "invalid"),
                ("note", "invalid"),
                ("until", "invalid"),
            ])
        );
    }

    #[test]
    fn no_text_holds_nul_characters() {
        let cart = json!({"lines": [line()], "note": "a\0", "metadata": {"a": "b\0", "c\0": "d"}});
        let mut found = wrong(&cart);
        found.sort();
        assert_eq!(
            found,
            named([("metadata.a", "invalid"), ("metadata.c\0", "invalid"), ("note", "invalid")])
        );
    }

    #[test]
    fn a_body_that_is_no_object_is_named_as_a_whole() {
        assert_eq!(wrong(&json!([])), named([("", "invalid")]));
    }

    #[test]
    fn a_flood_of_errors_is_cut_off() {
        let flood: Map<String, Value> = (0..500).map(|n| (format!("x{n}"), Value::Null)).collect();
        assert_eq!(wrong(&Value::Object(flood)).len(), MOST_ERRORS);
    }
}
