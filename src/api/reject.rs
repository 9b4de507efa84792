//! Turns what the framework rejects into problems: routes that don't exist, methods, parameters, bodies,
//! panics. Nothing leaves the service as plain text.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use poem::{
    Endpoint, IntoResponse, Middleware, Request, Response, Result,
    error::{MethodNotAllowedError, NotFoundError, ReadBodyError},
    http::{HeaderValue, StatusCode, header},
};
use poem_openapi::error::{
    AuthorizationError, ContentTypeError, ParseMultipartError, ParseParamError, ParsePathError,
    ParseRequestPayloadError,
};
use serde_json::Value;

use super::problem::Problem;

/// Turns every error of what it wraps into a [`Problem`], and a panic into a 500.
#[derive(Clone, Debug, Default)]
pub struct Rejections {
    routes: Arc<Vec<Route>>,
}

/// A path template and its methods: what `Allow` says after a 405.
#[derive(Clone, Debug)]
struct Route {
    template: String,
    methods: Vec<String>,
}

impl Rejections {
    /// Learns from the specification which methods each path has.
    #[must_use]
    pub fn of_spec(spec_json: &str) -> Self {
        let spec: Value = serde_json::from_str(spec_json).unwrap_or_default();
        let paths = spec["paths"].as_object().into_iter().flatten();
        let routes = paths.map(|(template, operations)| Route {
            template: template.clone(),
            methods: operations.as_object().into_iter().flatten().map(|(m, _)| m.to_uppercase()).collect(),
        });
        Self { routes: Arc::new(routes.collect()) }
    }

    /// Adds a route that the specification doesn't have.
    #[must_use]
    pub fn and_route(mut self, template: &str, method: &str) -> Self {
        let route = Route { template: template.to_owned(), methods: vec![method.to_owned()] };
        Arc::make_mut(&mut self.routes).push(route);
        self
    }

    fn allow(&self, path: &str) -> Option<HeaderValue> {
        let route = self.routes.iter().find(|route| route.matches(path))?;
        // The router answers HEAD wherever there is a GET.
        let methods = route.methods.join(", ").replace("GET", "GET, HEAD");
        HeaderValue::try_from(methods).ok()
    }
}

impl Route {
    fn matches(&self, path: &str) -> bool {
        let mut given = path.split('/');
        let fits = self
            .template
            .split('/')
            .all(|wanted| given.next().is_some_and(|part| wanted.starts_with('{') || wanted == part));
        fits && given.next().is_none()
    }
}

impl<E: Endpoint> Middleware<E> for Rejections {
    type Output = WithRejections<E>;

    fn transform(&self, inner: E) -> Self::Output {
        WithRejections { inner, rejections: self.clone() }
    }
}

/// The endpoint that [`Rejections`] makes.
#[derive(Debug)]
pub struct WithRejections<E> {
    inner: E,
    rejections: Rejections,
}

impl<E: Endpoint> Endpoint for WithRejections<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let path = request.uri().path().to_owned();
        // Unwinding is safe: a request's state dies with it, and transactions roll back when dropped.
        Ok(match AssertUnwindSafe(self.inner.call(request)).catch_unwind().await {
            Ok(Ok(output)) => output.into_response(),
            Ok(Err(error)) if error.is_from_response() => error.into_response(),
            Ok(Err(error)) => {
                let problem = problem_of(&error);
                match self.rejections.allow(&path).filter(|_| error.is::<MethodNotAllowedError>()) {
                    Some(allow) => problem.with_header(header::ALLOW, allow).into_response(),
                    None => problem.into_response(),
                }
            }
            // What it said went through the panic hook to the log already.
            Err(_) => Problem::internal("a request panicked").into_response(),
        })
    }
}

fn problem_of(error: &poem::Error) -> Problem {
    if let Some(ParseParamError { name, reason }) = error.downcast_ref() {
        return Problem::invalid_parameter(name, plain(reason));
    }
    // A path that doesn't parse names nothing: the same answer as for an id that doesn't exist.
    if error.is::<ParsePathError>() || error.is::<poem::error::ParsePathError>() {
        return Problem::not_found();
    }
    if let Some(ParseRequestPayloadError { reason }) = error.downcast_ref() {
        return Problem::invalid_request(plain(reason));
    }
    if let Some(ParseMultipartError { reason }) = error.downcast_ref() {
        return Problem::invalid_request(plain(reason));
    }
    if let Some(error) = error.downcast_ref::<ReadBodyError>() {
        return unreadable_body(error);
    }
    if error.is::<AuthorizationError>() {
        return Problem::unauthenticated();
    }
    let status = error.status();
    if error.is::<ContentTypeError>() || status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        return Problem::new(status, "unsupported_media_type", "Send another Content-Type.");
    }
    if error.is::<NotFoundError>() {
        return Problem::new(status, "route_not_found", "There is no such path in this API.");
    }
    if error.is::<MethodNotAllowedError>() {
        return Problem::new(status, "method_not_allowed", "This path has other methods: see Allow.");
    }
    if status.is_server_error() {
        return Problem::internal(error);
    }
    tracing::debug!(%error, "rejected by the framework");
    Problem::new(status, "rejected", status.canonical_reason().unwrap_or("Rejected"))
}

/// What to say about a body that could not be read.
pub(super) fn unreadable_body(error: &ReadBodyError) -> Problem {
    match error {
        ReadBodyError::PayloadTooLarge => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large.")
        }
        ReadBodyError::BodyHasBeenTaken => Problem::internal(error),
        ReadBodyError::Utf8(_) | ReadBodyError::Io(_) => {
            Problem::bad_request("body_unreadable", "The body did not arrive whole.")
        }
    }
}

/// The framework's reasons begin or end with the name of a type of its own; callers need only the rest.
pub(super) fn plain(reason: &str) -> &str {
    let reason = reason.split_once(" (occurred while parsing ").map_or(reason, |(reason, _)| reason);
    let nested = reason.strip_prefix("failed to parse \"").and_then(|rest| rest.split_once("\": "));
    match nested {
        Some((_, reason)) => plain(reason),
        None if reason.ends_with("expects an input value.") => "it is missing",
        None => reason,
    }
}
