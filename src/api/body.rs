//! A JSON body of a request: bounded, checked against its own schema so that every field that is wrong is
//! named, and kept as bytes for the fingerprint of its idempotency key.

use std::{fmt, ops::Deref};

use bytes::Bytes;
use poem::{Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaMediaType, MetaRequest, MetaSchemaRef, Registry},
    types::ParseFromJSON,
};
use serde_json::Value;

use super::{
    problem::Problem,
    reject::{plain, unreadable_body},
    schema_check,
};

/// The largest body that is read; the framework itself has no limit.
pub const LARGEST_BODY_BYTES: usize = 256 * 1024;

const JSON: &str = "application/json";

/// A JSON body. No body at all stands for `{}`, so that an action whose fields are all optional needs none.
#[derive(Clone)]
pub struct Body<T> {
    /// What it says.
    pub value: T,
    /// The bytes as they came.
    pub raw: Bytes,
}

// Neither bytes nor fields: a body may hold what must not be logged.
impl<T> fmt::Debug for Body<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("bytes", &self.raw.len()).finish_non_exhaustive()
    }
}

impl<T> Deref for Body<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'a, T: ParseFromJSON> ApiExtractor<'a> for Body<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType { content_type: JSON, schema: T::schema_ref() }];
        Some(MetaRequest { description: None, content, required: needs_fields::<T>() })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let body = body.take().map_err(|error| unreadable_body(&error))?;
        let raw = body.into_bytes_limit(LARGEST_BODY_BYTES).await.map_err(|error| unreadable_body(&error))?;
        check_content_type(request, &raw)?;
        let value = parse(&raw)?;
        Ok(Self { value, raw })
    }
}

fn check_content_type(request: &Request, raw: &Bytes) -> Result<(), Problem> {
    let essence = request.content_type().and_then(|given| given.split(';').next()).map(str::trim);
    match essence {
        Some(essence) if essence.eq_ignore_ascii_case(JSON) => Ok(()),
        None if raw.is_empty() => Ok(()),
        _ => Err(Problem::new(
            poem::http::StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "Send the body as Content-Type: application/json.",
        )),
    }
}

/// Parses bytes as `T`, naming every field that is wrong.
fn parse<T: ParseFromJSON>(raw: &[u8]) -> Result<T, Problem> {
    let json: Value = match raw {
        [] => Value::Object(serde_json::Map::new()),
        raw => serde_json::from_slice(raw).map_err(|error| {
            Problem::bad_request("invalid_json", format!("The body is not JSON: {error}"))
        })?,
    };
    let errors = schema_check::check::<T>(&json);
    if let Some(first) = errors.first() {
        let detail = format!("`{}`: {}", first.field, first.detail);
        return Err(Problem::invalid_request(detail).with_fields(errors));
    }
    // Whatever the schema can't say is found here: first error only, field not always named.
    T::parse_from_json(Some(json))
        .map_err(|error| Problem::invalid_request(plain(&error.into_message()).to_owned()))
}

fn needs_fields<T: ParseFromJSON>() -> bool {
    let mut registry = Registry::new();
    T::register(&mut registry);
    match T::schema_ref() {
        MetaSchemaRef::Inline(_) => T::IS_REQUIRED,
        MetaSchemaRef::Reference(name) => {
            registry.schemas.get(&name).is_none_or(|schema| !schema.required.is_empty())
        }
    }
}
