//! How records become JSON: the macro `json!`, and what it takes.

use std::collections::BTreeMap;

use super::{Map, Value};

/// What `json!` takes as a value; it is borrowed, as records are when they are rendered.
pub(crate) trait ToJson {
    fn to_json(&self) -> Value;
}

macro_rules! copied {
    ($($variant:ident: $($kind:ty),+;)+) => { $($(
        impl From<$kind> for Value {
            fn from(value: $kind) -> Self { Self::$variant(value.into()) }
        }

        impl ToJson for $kind {
            fn to_json(&self) -> Value { (*self).into() }
        }
    )+)+ };
}

copied! {
    Bool: bool;
    Number: i32, i64, u16, u32, u64, usize;
}

impl ToJson for str {
    fn to_json(&self) -> Value {
        Value::String(self.to_owned().into())
    }
}

impl ToJson for String {
    fn to_json(&self) -> Value {
        self.as_str().to_json()
    }
}

/// Kinds that are written as serde writes them.
macro_rules! as_serde {
    ($($kind:ty),+) => { $(
        impl $crate::json::ToJson for $kind {
            fn to_json(&self) -> $crate::json::Value { $crate::json::Value::of(self) }
        }
    )+ };
}

pub(crate) use as_serde;

impl ToJson for Value {
    fn to_json(&self) -> Value {
        self.clone()
    }
}

impl ToJson for Map {
    fn to_json(&self) -> Value {
        Value::Object(self.clone())
    }
}

impl<T: ToJson + ?Sized> ToJson for &T {
    fn to_json(&self) -> Value {
        (**self).to_json()
    }
}

impl<T: ToJson> ToJson for Option<T> {
    fn to_json(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_json)
    }
}

impl<T: ToJson> ToJson for [T] {
    fn to_json(&self) -> Value {
        Value::Array(self.iter().map(T::to_json).collect())
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn to_json(&self) -> Value {
        self.as_slice().to_json()
    }
}

impl<T: ToJson> ToJson for BTreeMap<String, T> {
    fn to_json(&self) -> Value {
        Value::Object(self.iter().map(|(name, value)| (name.clone(), value.to_json())).collect())
    }
}

/// `json!({ "id": self.id, "object": "charge", "amounts": [1, 2], "none": null, "inner": { ... } })`. Values are
/// borrowed and copied; `"card": move self.render_card()` takes one that was made for this.
macro_rules! json {
    // An object, field by field.
    (@fields $fields:ident) => {};
    (@fields $fields:ident $name:literal: null $(, $($rest:tt)*)?) => {
        $fields.push($name, $crate::json::Value::Null);
        $($crate::json::json!(@fields $fields $($rest)*);)?
    };
    (@fields $fields:ident $name:literal: { $($inner:tt)* } $(, $($rest:tt)*)?) => {
        $fields.push($name, $crate::json::json!({ $($inner)* }));
        $($crate::json::json!(@fields $fields $($rest)*);)?
    };
    (@fields $fields:ident $name:literal: [ $($inner:tt)* ] $(, $($rest:tt)*)?) => {
        $fields.push($name, $crate::json::json!([ $($inner)* ]));
        $($crate::json::json!(@fields $fields $($rest)*);)?
    };
    (@fields $fields:ident $name:literal: move $value:expr $(, $($rest:tt)*)?) => {
        $fields.push($name, $crate::json::Value::from($value));
        $($crate::json::json!(@fields $fields $($rest)*);)?
    };
    (@fields $fields:ident $name:literal: $value:expr $(, $($rest:tt)*)?) => {
        $fields.push($name, $crate::json::json!($value));
        $($crate::json::json!(@fields $fields $($rest)*);)?
    };

    // A value.
    (null) => { $crate::json::Value::Null };
    ([ $($item:expr),* $(,)? ]) => { $crate::json::Value::Array(vec![$($crate::json::json!($item)),*]) };
    ({}) => { $crate::json::Value::Object($crate::json::Map::new()) };
    ({ $($inner:tt)+ }) => {{
        let mut fields = $crate::json::Map::with_capacity(16);
        $crate::json::json!(@fields fields $($inner)+);
        $crate::json::Value::Object(fields)
    }};
    ($value:literal) => { $crate::json::Value::from($value) };
    ($value:expr) => { $crate::json::ToJson::to_json(&$value) };
}

pub(crate) use json;
