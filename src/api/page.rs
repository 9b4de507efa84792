//! Lists: newest first, in pages, by a cursor that names the last row that was seen. Ids are UUIDv7, so the
//! order of ids is the order of creation, and a page stays put while rows are added before it.

use std::{borrow::Cow, fmt::Display, str::FromStr};

use poem::{Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaParamIn, MetaSchema, MetaSchemaRef, Registry},
    types::{ToJSON, Type},
};
use serde_json::{Map, Value};

use super::problem::Problem;

const MOST_ROWS: u64 = 100;
const DEFAULT_ROWS: u64 = 20;

/// How many rows a page may have: `limit`, 1 to 100, 20 if not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(u64);

impl Limit {
    /// How many rows to ask the database for: one more than the page has, to know whether there are more.
    #[must_use]
    pub const fn rows_to_fetch(self) -> u64 {
        self.0 + 1
    }
}

/// After which row the page begins: `cursor`, as the page before gave it in `next_cursor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor<K>(pub Option<K>);

fn query_value(request: &Request, name: &str) -> Option<String> {
    let query: Vec<(String, String)> = request.params().unwrap_or_default();
    query.into_iter().find(|(given, _)| given == name).map(|(_, value)| value)
}

impl<'a> ApiExtractor<'a> for Limit {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = u64;
    type ParamRawType = u64;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Query)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(MetaSchemaRef::Inline(Box::new(MetaSchema {
            description: Some("How many rows the page may have."),
            default: Some(DEFAULT_ROWS.into()),
            minimum: Some(1.0),
            maximum: Some(100.0),
            ..MetaSchema::new_with_format("integer", "int32")
        })))
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        options: ExtractParamOptions<u64>,
    ) -> poem::Result<Self> {
        let limit = query_value(request, options.name).map_or(Ok(DEFAULT_ROWS), |text| text.parse());
        match limit {
            Ok(limit) if (1..=MOST_ROWS).contains(&limit) => Ok(Self(limit)),
            _ => Err(Problem::invalid_parameter(options.name, "must be a number from 1 to 100").into()),
        }
    }
}

impl<'a, K: FromStr + Send> ApiExtractor<'a> for Cursor<K> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = String;
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Query)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(MetaSchemaRef::Inline(Box::new(MetaSchema {
            description: Some("The `next_cursor` of the page before; opaque."),
            ..MetaSchema::new("string")
        })))
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        options: ExtractParamOptions<String>,
    ) -> poem::Result<Self> {
        let invalid = || Problem::bad_request("invalid_cursor", "Take the cursor from a page's next_cursor.");
        match query_value(request, options.name) {
            None => Ok(Self(None)),
            Some(text) => Ok(Self(Some(text.parse().map_err(|_| invalid())?))),
        }
    }
}

/// One page of a list. In the specification it is named after its rows: a page of `SellerView` (or of what is
/// published as `Seller`) is a `SellerPage`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, newest first.
    pub data: Vec<T>,
    /// Where the next page begins; none if this is the last.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page of what [`Limit::rows_to_fetch`] brought: `key` is what the cursor names of a row, `view`
    /// what the API shows of it.
    pub fn new<R, K: Display>(
        mut rows: Vec<R>,
        limit: Limit,
        key: impl Fn(&R) -> K,
        view: impl FnMut(R) -> T,
    ) -> Self {
        let size = usize::try_from(limit.0).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        let next_cursor = rows.last().filter(|_| more).map(|last| key(last).to_string());
        Self { data: rows.into_iter().map(view).collect(), next_cursor }
    }
}

impl<T: Type> Type for Page<T> {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        let rows = T::name();
        format!("{}Page", rows.strip_suffix("View").unwrap_or(&rows)).into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Reference(Self::name().into_owned())
    }

    fn register(registry: &mut Registry) {
        registry.create_schema::<Self, _>(Self::name().into_owned(), |registry| {
            T::register(registry);
            let cursor = MetaSchema {
                description: Some("Where the next page begins; absent on the last one."),
                ..MetaSchema::new("string")
            };
            let rows = MetaSchema { description: Some("The rows, newest first."), ..MetaSchema::ANY };
            MetaSchema {
                description: Some("One page of a list, newest first."),
                required: vec!["data"],
                properties: vec![
                    ("data", Vec::<T>::schema_ref().merge(rows)),
                    ("next_cursor", MetaSchemaRef::Inline(Box::new(cursor))),
                ],
                ..MetaSchema::new("object")
            }
        });
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl<T: ToJSON> ToJSON for Page<T> {
    fn to_json(&self) -> Option<Value> {
        let mut page = Map::new();
        page.insert("data".to_owned(), self.data.to_json().unwrap_or_default());
        if let Some(next_cursor) = &self.next_cursor {
            page.insert("next_cursor".to_owned(), next_cursor.as_str().into());
        }
        Some(Value::Object(page))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_ends_with_a_cursor_only_if_there_are_more_rows() {
        let page = |rows: Vec<i32>| Page::new(rows, Limit(2), |row| *row, |row| row);
        assert_eq!(page(vec![9, 8, 7]).to_json(), Some(json!({"data": [9, 8], "next_cursor": "8"})));
        assert_eq!(page(vec![9, 8]).to_json(), Some(json!({"data": [9, 8]})));
        assert_eq!(page(vec![]).to_json(), Some(json!({"data": []})));
        assert_eq!(Limit(2).rows_to_fetch(), 3);
    }
}
