//! Stripe's errors: status, type, code, and what comes along.

use poem::http::StatusCode;

use crate::{
    json::{Map, Value, json},
    store::Outcome,
};

/// The kind of errors that have OAuth's shape.
const OAUTH: &str = "oauth_error";

/// What a handler refuses with.
#[derive(Debug)]
pub(crate) struct StripeError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    status: StatusCode,
    kind: &'static str,
    code: Option<String>,
    message: String,
    param: Option<String>,
    extra: Map,
    /// The request got past validation, so the answer belongs to its idempotency key.
    executed: bool,
    /// What was done before the refusal stays: a declined charge exists.
    keeps_changes: bool,
}

impl StripeError {
    fn new(status: StatusCode, kind: &'static str, code: Option<&str>, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            status,
            kind,
            code: code.map(str::to_owned),
            message: message.into(),
            param: None,
            extra: Map::new(),
            executed: false,
            keeps_changes: false,
        }))
    }

    /// 400 for a parameter that makes no sense.
    pub(crate) fn invalid(message: impl Into<String>, param: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", None, message).with_param(param)
    }

    pub(crate) fn missing(param: &str) -> Self {
        Self::invalid(format!("Missing required param: {param}."), param).with_code("parameter_missing")
    }

    pub(crate) fn empty(param: &str) -> Self {
        let message = format!(
            "You passed an empty string for '{param}'. We assume empty values are an attempt to unset a parameter; \
             however '{param}' cannot be unset. You should remove '{param}' from your request or supply a non-empty value."
        );
        Self::invalid(message, param).with_code("parameter_invalid_empty")
    }

    /// 400 for an amount below one minor unit.
    pub(crate) fn too_small(param: &str) -> Self {
        let message = "This value must be greater than or equal to 1.";
        Self::invalid(message, param).with_code("parameter_invalid_integer")
    }

    pub(crate) fn unknown(param: &str) -> Self {
        Self::invalid(format!("Received unknown parameter: {param}"), param).with_code("parameter_unknown")
    }

    /// 400 because of the state that things are in; stored under the idempotency key.
    pub(crate) fn refused(code: &str, message: impl Into<String>) -> Self {
        let mut error = Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", Some(code), message);
        error.0.executed = true;
        error
    }

    /// 404 for the object that the URL names.
    pub(crate) fn no_such(noun: &str, id: &str) -> Self {
        let param = if noun == "payment_intent" { "intent" } else { "id" };
        let message = format!("No such {noun}: '{id}'");
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", Some("resource_missing"), message)
            .with_param(param)
    }

    /// 400 for an object that a parameter names.
    pub(crate) fn no_such_param(noun: &str, id: &str, param: &str) -> Self {
        Self::invalid(format!("No such {noun}: '{id}'"), param).with_code("resource_missing")
    }

    pub(crate) fn no_such_route(method: &str, path: &str) -> Self {
        let message = format!(
            "Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at \
             https://support.stripe.com/."
        );
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", None, message)
    }

    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_request_error", None, message)
    }

    pub(crate) fn forbidden(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "invalid_request_error", Some(code), message)
    }

    /// 403 for an account that is not there, or not the caller's.
    pub(crate) fn account_invalid(key: &str, account: &str) -> Self {
        let message = format!(
            "The provided key '{key}' does not have access to account '{account}' (or that account does not exist). \
             Application access may have been revoked."
        );
        Self::forbidden("account_invalid", message)
    }

    pub(crate) fn idempotency(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "idempotency_error", None, message)
    }

    pub(crate) fn conflict(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "idempotency_error", Some(code), message)
    }

    pub(crate) fn with_status(
        status: StatusCode,
        kind: &'static str,
        code: Option<&str>,
        message: &str,
    ) -> Self {
        Self::new(status, kind, code, message)
    }

    /// 402; what was done stays.
    pub(crate) fn card(code: &str, message: impl Into<String>) -> Self {
        let mut error = Self::new(StatusCode::PAYMENT_REQUIRED, "card_error", Some(code), message);
        error.0.executed = true;
        error.0.keeps_changes = true;
        error
    }

    /// 400 in OAuth's shape: `{error, error_description}`.
    pub(crate) fn oauth(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, OAUTH, Some(code), message)
    }

    /// The same refusal in OAuth's shape: wrong parameters are an `invalid_request`.
    pub(crate) fn into_oauth(self) -> Self {
        if self.0.kind == OAUTH { self } else { Self::oauth("invalid_request", self.0.message) }
    }

    pub(crate) fn with_code(mut self, code: &str) -> Self {
        self.0.code = Some(code.to_owned());
        self
    }

    pub(crate) fn with_param(mut self, param: &str) -> Self {
        self.0.param = Some(param.to_owned());
        self
    }

    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        self.0.extra.insert(name.to_owned(), value);
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.0.status
    }

    pub(crate) fn executed(&self) -> bool {
        self.0.executed
    }

    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    pub(crate) fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    pub(crate) fn param(&self) -> Option<&str> {
        self.0.param.as_deref()
    }

    pub(crate) fn body(&self, platform: Option<&str>, request_id: &str) -> Value {
        if self.0.kind == OAUTH {
            return json!({ "error": self.0.code, "error_description": self.0.message });
        }
        let mut error = self.0.extra.clone();
        if let Some(code) = &self.0.code {
            error.insert("code", json!(code));
            error.insert("doc_url", json!(doc_url(code)));
        }
        if let Some(param) = &self.0.param {
            error.insert("param", json!(param));
        }
        error.insert("message", json!(self.0.message));
        if let Some(platform) = platform {
            let url =
                format!("https://dashboard.stripe.com/{platform}/test/workbench/logs?object={request_id}");
            error.insert("request_log_url", json!(url));
        }
        error.insert("type", json!(self.0.kind));
        json!({ "error": error })
    }
}

impl Outcome for StripeError {
    fn keeps_changes(&self) -> bool {
        self.0.keeps_changes
    }
}

/// The page that explains a code.
pub(crate) fn doc_url(code: &str) -> String {
    format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-"))
}
