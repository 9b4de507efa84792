//! Shapes that many resources share: references that may be expanded, lists, and which part of one is read.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use stripe_types::{RangeBoundsTs, RangeQueryTs};

/// The longest page that Stripe gives.
pub(super) const LONGEST_PAGE: i64 = 100;

/// What has an id of Stripe's.
pub trait Identified {
    /// The id.
    fn id(&self) -> &str;
}

/// A reference to another object: its id, or the object itself if it was expanded.
/// Source: <https://docs.stripe.com/api/expanding_objects>.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Expandable<T> {
    /// Only its id.
    Id(String),
    /// The object.
    Object(Box<T>),
}

impl<T: Identified> Expandable<T> {
    /// The id, expanded or not.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Id(id) => id,
            Self::Object(object) => object.id(),
        }
    }
}

impl<T> Expandable<T> {
    /// The object, if it was expanded.
    #[must_use]
    pub const fn object(&self) -> Option<&T> {
        match self {
            Self::Id(_) => None,
            Self::Object(object) => Some(object),
        }
    }
}

/// An object of which we read nothing but the id.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ObjectRef {
    /// Stripe's id.
    pub id: String,
}

impl Identified for ObjectRef {
    fn id(&self) -> &str {
        &self.id
    }
}

/// One page of a list, newest first unless it was asked for with `ending_before`.
/// Source: <https://docs.stripe.com/api/pagination>.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct List<T> {
    /// The page.
    pub data: Vec<T>,
    /// Whether there is more in the direction that was asked for.
    #[serde(default)]
    pub has_more: bool,
}

/// When what is listed was created: both ends included, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Not before this.
    pub from: DateTime<Utc>,
    /// Not after this; until now if there is none.
    pub to: Option<DateTime<Utc>>,
}

impl Window {
    pub(super) fn created(self) -> RangeQueryTs {
        RangeQueryTs::Bounds(RangeBoundsTs {
            gte: Some(self.from.timestamp()),
            lte: self.to.map(|to| to.timestamp()),
            ..Default::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_tells_its_id_whether_or_not_it_was_expanded() {
        for json in [r#""ch_1""#, r#"{"id": "ch_1", "object": "charge"}"#] {
            let reference: Expandable<ObjectRef> = serde_json::from_str(json).unwrap();
            assert_eq!(reference.id(), "ch_1");
        }
    }
}
