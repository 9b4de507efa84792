//! Every request has an id: the caller's own if it is sane, else one of ours. It is on the response, in every
//! problem and on every log line that the request causes.

use std::time::Instant;

use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result, http::HeaderValue};
use tracing::{Instrument, Span, field::Empty};
use uuid::Uuid;

use crate::telemetry;

/// The header, in both directions.
pub const REQUEST_ID: &str = "x-request-id";

const LONGEST: usize = 64;

/// Gives every request its id and its span; the outermost middleware.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestIds;

impl<E: Endpoint> Middleware<E> for RequestIds {
    type Output = WithRequestId<E>;

    fn transform(&self, inner: E) -> Self::Output {
        WithRequestId { inner }
    }
}

/// The endpoint that [`RequestIds`] makes.
#[derive(Debug)]
pub struct WithRequestId<E> {
    inner: E,
}

impl<E: Endpoint> Endpoint for WithRequestId<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let id = inbound(&request).unwrap_or_else(|| format!("req_{}", Uuid::now_v7().simple()));
        // The path only: a query may hold what people search for, and neither headers nor bodies are logged.
        let span = tracing::info_span!(
            "http.request",
            request_id = %id,
            method = %request.method(),
            path = request.uri().path(),
            status = Empty,
            ms = Empty,
        );
        telemetry::serving(id.clone(), self.answer(request, id)).instrument(span).await
    }
}

impl<E: Endpoint> WithRequestId<E> {
    async fn answer(&self, request: Request, id: String) -> Result<Response> {
        let started = Instant::now();
        let probe = request.uri().path().starts_with("/health/") || request.uri().path() == "/metrics";
        let mut response = match self.inner.call(request).await {
            Ok(output) => output.into_response(),
            Err(error) => error.into_response(),
        };
        if let Ok(value) = HeaderValue::try_from(id) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        let span = Span::current();
        span.record("status", response.status().as_u16());
        span.record("ms", u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX));
        // Probes come every few seconds and would drown the rest.
        if probe {
            tracing::debug!("answered");
        } else {
            tracing::info!("answered");
        }
        Ok(response)
    }
}

/// The caller's id, if it can stand in a header and in a log line without doing harm.
fn inbound(request: &Request) -> Option<String> {
    let id = request.header(REQUEST_ID)?;
    let sane = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    ((1..=LONGEST).contains(&id.len()) && id.bytes().all(sane)).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use poem::{EndpointExt, endpoint::make_sync, http::StatusCode};

    use super::*;
    use crate::telemetry::tests::Captured;

    async fn answer_to(id: Option<&str>) -> (String, String) {
        let app = make_sync(|_| telemetry::request_id().unwrap_or_default()).with(RequestIds);
        let mut request = Request::builder();
        if let Some(id) = id {
            request = request.header(REQUEST_ID, id);
        }
        let response = app.call(request.finish()).await.unwrap();
        let header = response.header(REQUEST_ID).unwrap().to_owned();
        (header, response.into_body().into_string().await.unwrap())
    }

    #[tokio::test]
    async fn a_sane_id_of_the_callers_is_kept() {
        assert_eq!(answer_to(Some("cart-42.7_a")).await, ("cart-42.7_a".into(), "cart-42.7_a".into()));
    }

    #[tokio::test]
    async fn any_other_is_replaced_by_a_new_one() {
        let long = "x".repeat(65);
        for given in [None, Some(""), Some("two words"), Some("a\tb"), Some(long.as_str())] {
            let (header, inside) = answer_to(given).await;
            assert!(header.starts_with("req_") && header == inside, "{given:?} {header} {inside}");
        }
        assert_ne!(answer_to(None).await.0, answer_to(None).await.0);
    }

    #[tokio::test]
    async fn a_request_leaves_one_line_without_its_query_and_its_headers() {
        let captured = Captured::start();
        let app = make_sync(|_| StatusCode::NOT_FOUND).with(RequestIds);
        let request = Request::builder()
            .uri_str("/v1/sellers?email=secret-a")
            .header("Authorization", "Bearer secret-b")
            .header(REQUEST_ID, "r1")
            .body("secret-c");
        app.call(request).await.unwrap();
        assert!(!captured.text().contains("secret"));
        let line: serde_json::Value = serde_json::from_str(&captured.text()).unwrap();
        let span = &line["spans"][0];
        assert_eq!(
            (&span["request_id"], &span["method"], &span["path"], &span["status"]),
            (&"r1".into(), &"GET".into(), &"/v1/sellers".into(), &404.into())
        );
        assert!(span["ms"].is_u64());
    }

    #[test]
    fn outside_of_a_request_there_is_none() {
        assert_eq!(telemetry::request_id(), None);
    }
}
