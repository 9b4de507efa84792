//! JSON as objects are rendered: fields stand in the order in which they were written, and what the source says
//! literally is not copied.
//!
//! It is `serde_json::Value` for that one use, under the same names. A payment renders some ten objects of fifty
//! fields each, nearly all of whose names and many of whose texts are literals: a sorted map that owns them all was
//! most of what a request cost (`./scripts/bench sandbox`).

mod to_json;

use std::{
    borrow::Cow,
    fmt,
    ops::{Index, IndexMut},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
use serde_json::{Number, value::RawValue};

pub(crate) use to_json::{ToJson, as_serde, json};

/// A text that is a literal of the source, or was made.
type Text = Cow<'static, str>;

/// A value of JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Value {
    #[default]
    Null,
    Bool(bool),
    Number(Number),
    String(Text),
    Array(Vec<Value>),
    Object(Map),
}

/// The fields of an object, in the order in which they were written. Two are equal if they have the same fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Map(Vec<(Text, Value)>);

static NULL: Value = Value::Null;

impl Value {
    /// Whatever serde can write.
    pub(crate) fn of<T: Serialize>(value: &T) -> Self {
        serde_json::to_value(value).map(Self::from).unwrap_or_default()
    }

    /// It as text.
    pub(crate) fn text(&self) -> String {
        let mut out = Vec::with_capacity(4096);
        self.write(&mut out);
        String::from_utf8(out).unwrap_or_default()
    }

    /// The same text as serde makes: objects are written so often that it counts.
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Self::String(text) => write_text(text, out),
            Self::Array(items) => {
                out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Self::Object(fields) => {
                out.push(b'{');
                for (at, (name, value)) in fields.0.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    write_text(name, out);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(crate) fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    pub(crate) fn is_string(&self) -> bool {
        matches!(self, Self::String(_))
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    pub(crate) fn as_i64(&self) -> Option<i64> {
        if let Self::Number(number) = self { number.as_i64() } else { None }
    }

    pub(crate) fn as_array(&self) -> Option<&Vec<Value>> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    pub(crate) fn as_object(&self) -> Option<&Map> {
        if let Self::Object(fields) = self { Some(fields) } else { None }
    }

    /// A field, if this is an object that has it.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.as_object().and_then(|fields| fields.get(name))
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        if let Self::Object(fields) = self { fields.get_mut(name) } else { None }
    }

    /// Leaves null behind.
    pub(crate) fn take(&mut self) -> Value {
        std::mem::take(self)
    }
}

/// Most texts are written as they are; serde knows how the others are.
fn write_text(text: &str, out: &mut Vec<u8>) {
    if text.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        let _ = serde_json::to_writer(out, text);
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// An object as it was at some moment, written once.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot(Box<str>);

impl Snapshot {
    pub(crate) fn of(value: &Value) -> Self {
        Self(value.text().into())
    }
}

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<&RawValue>(&self.0).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Snapshot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(|raw| Self(raw.get().into()))
    }
}

impl Index<&str> for Value {
    type Output = Value;

    /// A field; null if there is none.
    fn index(&self, name: &str) -> &Value {
        self.get(name).unwrap_or(&NULL)
    }
}

impl IndexMut<&'static str> for Value {
    /// A field to be set; what is no object becomes one.
    fn index_mut(&mut self, name: &'static str) -> &mut Value {
        if !self.is_object() {
            *self = Self::Object(Map::new());
        }
        match self {
            Self::Object(fields) => fields.or_insert(name.into(), Self::Null),
            other => other,
        }
    }
}

impl Map {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// With room for so many fields.
    pub(crate) fn with_capacity(fields: usize) -> Self {
        Self(Vec::with_capacity(fields))
    }

    /// Adds a field whose name is new: the caller sees to that.
    #[inline]
    pub(crate) fn push(&mut self, name: &'static str, value: Value) {
        self.0.push((Text::Borrowed(name), value));
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.0.iter_mut().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets a field, in its place if it is there, and answers with what it was.
    pub(crate) fn insert(&mut self, name: impl Into<Text>, value: Value) -> Option<Value> {
        let name = name.into();
        match self.get_mut(&name) {
            Some(known) => Some(std::mem::replace(known, value)),
            None => {
                self.0.push((name, value));
                None
            }
        }
    }

    /// A field that is there in any case.
    pub(crate) fn or_insert(&mut self, name: Text, value: Value) -> &mut Value {
        let at = self.0.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            self.0.push((name, value));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(at).1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Text, &Value)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// The fields, each with the one of its name in `other`. Two objects of one kind mostly have the same places.
    pub(crate) fn beside<'a>(
        &'a self,
        other: &'a Self,
    ) -> impl Iterator<Item = (&'a Text, &'a Value, Option<&'a Value>)> {
        self.0.iter().enumerate().map(|(at, (name, value))| {
            let here = other.0.get(at).filter(|(known, _)| known == name);
            (name, value, here.map(|(_, value)| value).or_else(|| other.get(name)))
        })
    }
}

impl Eq for Map {}

impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.beside(other).all(|(_, value, beside)| beside == Some(value))
    }
}

impl<N: Into<Text>> FromIterator<(N, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(fields: I) -> Self {
        let mut map = Self::new();
        map.extend(fields);
        map
    }
}

impl<N: Into<Text>> Extend<(N, Value)> for Map {
    fn extend<I: IntoIterator<Item = (N, Value)>>(&mut self, fields: I) {
        for (name, value) in fields {
            self.insert(name, value);
        }
    }
}

impl IntoIterator for Map {
    type Item = (Text, Value);
    type IntoIter = std::vec::IntoIter<(Text, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = &'a (Text, Value);
    type IntoIter = std::slice::Iter<'a, (Text, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) => value.serialize(serializer),
            Self::String(value) => serializer.serialize_str(value),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Object(fields) => fields.serialize(serializer),
        }
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_json::Value::deserialize(deserializer).map(Self::from)
    }
}

impl<'de> Deserialize<'de> for Map {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = serde_json::Map::deserialize(deserializer)?;
        Ok(fields.into_iter().map(|(name, value)| (name, value.into())).collect())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        use serde_json::Value as Read;
        match value {
            Read::Null => Self::Null,
            Read::Bool(value) => Self::Bool(value),
            Read::Number(value) => Self::Number(value),
            Read::String(value) => Self::String(value.into()),
            Read::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Read::Object(fields) => {
                Self::Object(fields.into_iter().map(|(name, value)| (name, value.into())).collect())
            }
        }
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_the_order_of_the_source() {
        let made = "x".to_owned();
        let value = json!({ "b": 1, "a": { "d": null, "c": [made, "y"] }, "e": if made == "x" { Some(2_i64) } else { None } });
        assert_eq!(value.to_string(), r#"{"b":1,"a":{"d":null,"c":["x","y"]},"e":2}"#);
    }

    #[test]
    fn objects_are_equal_whatever_the_order_of_their_fields() {
        assert_eq!(json!({ "a": 1, "b": 2 }), json!({ "b": 2, "a": 1 }));
        assert_ne!(json!({ "a": 1, "b": 2 }), json!({ "a": 1, "c": 2 }));
        assert_ne!(json!({ "a": 1 }), json!({ "a": 1, "b": 2 }));
    }

    #[test]
    fn a_field_that_is_set_again_keeps_its_place() {
        let mut value = json!({ "a": 1, "b": 2 });
        value["a"] = json!("x");
        value["c"] = json!(null);
        assert_eq!(value.to_string(), r#"{"a":"x","b":2,"c":null}"#);
        assert_eq!(value["d"], Value::Null);
    }

    #[test]
    fn what_is_read_is_written_again() {
        let text = r#"{"a":[1,2.5,-3],"b\n":"\"\\","c":null,"d":true,"e":[],"f":{}}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(value.text(), text);
        assert_eq!(serde_json::to_string(&value).unwrap(), text);
    }
}
