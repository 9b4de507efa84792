//! The `Idempotency-Key` header of a request that changes something.

use poem::{Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaParamIn, MetaSchema, MetaSchemaRef},
};

use super::problem::Problem;

/// The header's name; `spec::render` gives it to every parameter of this format.
pub(super) const HEADER: &str = "Idempotency-Key";
/// The `format` that marks the header in the specification.
pub(super) const FORMAT: &str = "idempotency-key";

const LONGEST: usize = 255;

/// The key of a request that moves money: it must have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(pub String);

/// The key of a request that may have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionalIdempotencyKey(pub Option<String>);

/// Reads the header, if there is one: 1 to 255 printable ASCII characters.
fn read(request: &Request) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get(HEADER) else { return Ok(None) };
    let printable = |key: &&str| key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let key = value.to_str().ok().filter(printable).filter(|key| (1..=LONGEST).contains(&key.len()));
    match key {
        Some(key) => Ok(Some(key.to_owned())),
        None => Err(Problem::bad_request(
            "idempotency_key_invalid",
            "An Idempotency-Key has 1 to 255 printable ASCII characters.",
        )),
    }
}

fn required(key: Option<String>) -> Result<String, Problem> {
    key.ok_or_else(|| {
        Problem::bad_request(
            "idempotency_key_required",
            "This moves money: send an Idempotency-Key, and the same one when you try again.",
        )
    })
}

macro_rules! header_parameter {
    ($name:ident, required = $required:literal, $read:expr) => {
        impl<'a> ApiExtractor<'a> for $name {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
            const PARAM_IS_REQUIRED: bool = $required;

            type ParamType = String;
            type ParamRawType = String;

            fn param_in() -> Option<MetaParamIn> {
                Some(MetaParamIn::Header)
            }

            fn param_schema_ref() -> Option<MetaSchemaRef> {
                Some(schema_ref())
            }

            async fn from_request(
                request: &'a Request,
                _body: &mut RequestBody,
                _options: ExtractParamOptions<String>,
            ) -> poem::Result<Self> {
                let read: fn(&Request) -> Result<Self, Problem> = $read;
                Ok(read(request)?)
            }
        }
    };
}

header_parameter!(IdempotencyKey, required = true, |request| required(read(request)?).map(IdempotencyKey));
header_parameter!(OptionalIdempotencyKey, required = false, |request| {
    read(request).map(OptionalIdempotencyKey)
});

fn schema_ref() -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(MetaSchema {
        description: Some("Makes trying again safe: the same key and body get the stored answer."),
        min_length: Some(1),
        max_length: Some(LONGEST),
        ..MetaSchema::new_with_format("string", FORMAT)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(value: &[u8]) -> Result<String, &'static str> {
        let request = Request::builder().header(HEADER, value).finish();
        read(&request).and_then(required).map_err(|problem| problem.code())
    }

    #[test]
    fn a_key_is_printable_ascii_of_bounded_length() {
        assert_eq!(key(b"order 42/a"), Ok("order 42/a".to_owned()));
        assert_eq!(key(&[b'k'; 255]).map(|key| key.len()), Ok(255));
        for wrong in [b"".as_slice(), &[b'k'; 256], "schlüssel".as_bytes(), b"a\tb"] {
            assert_eq!(key(wrong), Err("idempotency_key_invalid"), "{wrong:?}");
        }
    }

    #[test]
    fn where_money_moves_a_key_is_required() {
        let request = Request::builder().finish();
        assert_eq!(read(&request), Ok(None));
        assert_eq!(required(None).unwrap_err().code(), "idempotency_key_required");
    }
}
