//! Answers that can be stored and sent again byte for byte.

use std::{fmt, marker::PhantomData};

use bytes::Bytes;
use poem::{
    IntoResponse, Response,
    http::{HeaderValue, StatusCode},
};
use poem_openapi::{
    ApiResponse,
    registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::{ToJSON, Type},
};

use super::problem::{CARD_DECLINED, PROBLEM_JSON, Problem, document};

/// The header of an answer that was given before.
pub const IDEMPOTENT_REPLAYED: &str = "idempotent-replayed";

const JSON: &str = "application/json";

/// An answer as bytes, documented as `DOCUMENTED_STATUS` with a `T`: stored with its idempotency key, sent
/// again byte for byte. A stored refusal is one too: a status from 400 on is sent as a problem.
pub struct Replayable<T, const DOCUMENTED_STATUS: u16> {
    status: u16,
    bytes: Bytes,
    replayed: bool,
    documented: PhantomData<fn() -> T>,
}

/// The answer of an operation that creates something: 201.
pub type Created<T> = Replayable<T, 201>;
/// The answer of an operation that changes something: 200.
pub type Done<T> = Replayable<T, 200>;

/// The answer of an operation that creates something and may charge a card for it: 201, or 402 if the card was
/// declined.
#[derive(Debug)]
pub struct Charged<T>(pub Created<T>);

impl<T, const DOCUMENTED_STATUS: u16> Replayable<T, DOCUMENTED_STATUS> {
    /// An answer that is given for the first time.
    #[must_use]
    pub fn fresh(status: u16, bytes: impl Into<Bytes>) -> Self {
        Self { status, bytes: bytes.into(), replayed: false, documented: PhantomData }
    }

    /// An answer that was given before.
    #[must_use]
    pub fn replayed(status: u16, bytes: impl Into<Bytes>) -> Self {
        Self { replayed: true, ..Self::fresh(status, bytes) }
    }

    /// An answer of the documented status that needs no storing, or not yet.
    #[must_use]
    pub fn of(value: &T) -> Self
    where
        T: ToJSON,
    {
        Self::fresh(DOCUMENTED_STATUS, to_bytes(value))
    }
}

/// A wire type as the bytes that are sent and stored.
#[must_use]
pub fn to_bytes<T: ToJSON>(value: &T) -> Bytes {
    value.to_json_string().into()
}

impl<T, const DOCUMENTED_STATUS: u16> fmt::Debug for Replayable<T, DOCUMENTED_STATUS> {
    // The bytes may hold a client secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replayable")
            .field("status", &self.status)
            .field("replayed", &self.replayed)
            .finish_non_exhaustive()
    }
}

impl<T: Send, const DOCUMENTED_STATUS: u16> IntoResponse for Replayable<T, DOCUMENTED_STATUS> {
    fn into_response(self) -> Response {
        let Ok(status) = StatusCode::from_u16(self.status) else {
            return Problem::internal(format!("{} is no HTTP status", self.status)).into_response();
        };
        let media_type =
            if status.is_client_error() || status.is_server_error() { PROBLEM_JSON } else { JSON };
        let mut response = Response::builder().status(status).content_type(media_type).body(self.bytes);
        if self.replayed {
            response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

impl<T: Type, const DOCUMENTED_STATUS: u16> ApiResponse for Replayable<T, DOCUMENTED_STATUS> {
    fn meta() -> MetaResponses {
        let replayed = MetaHeader {
            name: "Idempotent-Replayed".to_owned(),
            description: Some(
                "`true` if this answer was given before to the same `Idempotency-Key`.".to_owned(),
            ),
            required: false,
            deprecated: false,
            schema: bool::schema_ref(),
        };
        MetaResponses {
            responses: vec![MetaResponse {
                description: if DOCUMENTED_STATUS == 201 { "Created." } else { "Done." },
                status: Some(DOCUMENTED_STATUS),
                status_range: None,
                content: vec![MetaMediaType { content_type: JSON, schema: T::schema_ref() }],
                headers: vec![replayed],
            }],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Send> IntoResponse for Charged<T> {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl<T: Type> ApiResponse for Charged<T> {
    fn meta() -> MetaResponses {
        let mut meta = Created::<T>::meta();
        meta.responses.push(document(CARD_DECLINED));
        meta
    }

    fn register(registry: &mut Registry) {
        Created::<T>::register(registry);
        Problem::register(registry);
    }
}
