//! One API request from bytes to bytes.

use poem::{
    Request, Response,
    http::{HeaderMap, HeaderValue, StatusCode, header},
};

use super::{
    call::{Call, Download, usable_account},
    error::StripeError,
    expand::expand,
    faults::{Fault, FaultKind},
    idempotency::KeyUse,
    keys::{Key, platform_account},
    multipart::{self, Sent},
    params::Params,
    rate_limit,
    route::{self, Route},
};
use crate::{
    config::API_VERSION,
    due,
    resources::oauth,
    server::Shared,
    store::{Cause, Outcome, Tx},
    webhooks::Delivery,
};

/// The largest body that is read.
const BODY_LIMIT: usize = 1 << 20;

/// The largest body with files in it.
const UPLOAD_LIMIT: usize = 20 << 20;

/// What a browser may send along.
const ALLOWED_HEADERS: &str = "authorization, content-type, idempotency-key, stripe-account, stripe-version, x-stripe-client-user-agent";

/// What goes back, before it is HTTP.
struct Reply {
    status: StatusCode,
    body: String,
    /// Bytes that go back instead of the body.
    download: Option<Download>,
    /// The request that was really executed, if this answer repeats it.
    original_request: Option<String>,
    replayed: bool,
}

/// A request whose form is right: it may be executed.
struct Admitted {
    key: Key,
    route: Route,
    args: Vec<String>,
    params: Params,
    expand: Vec<String>,
    account: Option<String>,
    idempotency: Option<KeyUse>,
    path: String,
}

/// Answers a browser that asks whether it may call: as with Stripe, apps confirm payments from any origin.
pub(crate) fn preflight() -> Response {
    Response::builder()
        .header("access-control-allow-origin", "*")
        .header("access-control-allow-methods", "GET, HEAD, PUT, PATCH, POST, DELETE")
        .header("access-control-allow-headers", ALLOWED_HEADERS)
        .header("access-control-max-age", "300")
        .finish()
}

/// Answers one request to `/v1`. `None` means: drop the connection.
pub(crate) async fn answer(shared: &Shared, mut request: Request) -> Option<Response> {
    let request_id = shared.next_request_id();
    let uploads = request.content_type().is_some_and(|kind| kind.starts_with("multipart/"));
    let limit = if uploads { UPLOAD_LIMIT } else { BODY_LIMIT };
    let body = match request.take_body().into_bytes_limit(limit).await {
        Ok(body) => multipart::read(request.content_type(), body).await,
        Err(_) => Err(unreadable()),
    };
    let echoed = echoed_headers(&request);
    let (method, path) = (request.method().as_str().to_owned(), request.uri().path().to_owned());

    // 1. A fault that was ordered comes before everything else.
    let fault = shared.meet_fault(&method, &path);
    if fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::CutBefore) {
        return None;
    }

    // 2. Form: key, path, parameters.
    let admitted = body.and_then(|body| admit(&request, body));
    let reply = match admitted {
        Ok(admitted) if is_too_fast(shared, &admitted.key) => {
            refuse(&rate_limit::refusal(), None, &request_id)
        }
        Ok(admitted) => execute_once(shared, admitted, fault.as_ref(), &request_id).await,
        Err(error) => refuse(&error, None, &request_id),
    };

    // 3. Answer, or not.
    match fault.map(|fault| fault.kind) {
        Some(FaultKind::CutAfter) => None,
        Some(FaultKind::Malformed) => {
            let reply = Reply { body: "<html>Bad gateway".to_owned(), ..reply };
            Some(respond(shared, reply, echoed, &request_id))
        }
        _ => Some(respond(shared, reply, echoed, &request_id)),
    }
}

fn is_too_fast(shared: &Shared, key: &Key) -> bool {
    let limit = shared.world().settings().requests_per_second;
    shared.is_too_fast(&key.platform, limit)
}

/// 413 for a body that is larger than any of Stripe's, or that broke off.
fn unreadable() -> StripeError {
    let message = "The request body could not be read: it is too large, or it broke off.";
    StripeError::with_status(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error", None, message)
}

fn admit(request: &Request, body: Sent) -> Result<Admitted, StripeError> {
    let key = Key::read(request)?;
    let (method, path) = (request.method().as_str(), request.uri().path());
    let (route, args) = route::find(method, path).ok_or_else(|| StripeError::no_such_route(method, path))?;
    if !route.admits(key.kind) {
        let message = "This API call cannot be made with a publishable API key. Please use a secret API key.";
        return Err(StripeError::forbidden("secret_key_required", message));
    }
    let query = request.uri().query().unwrap_or_default();
    let mut params = Params::parse(&[query.as_bytes(), &body.form])?.with_files(body.files);
    let fingerprint = params.fingerprint();
    let expand = params.texts("expand")?.unwrap_or_default();
    let account = request.header("stripe-account").map(str::to_owned);
    let idempotency = match request.header("idempotency-key") {
        Some(text) if method == "POST" && !text.is_empty() => {
            Some(KeyUse::new(&key.platform, account.as_deref(), text, path, &fingerprint)?)
        }
        _ => None,
    };
    Ok(Admitted { key, route, args, params, expand, account, idempotency, path: path.to_owned() })
}

/// Executes under the idempotency key, if there is one, and never twice at the same time.
async fn execute_once(shared: &Shared, admitted: Admitted, fault: Option<&Fault>, request_id: &str) -> Reply {
    let held = match &admitted.idempotency {
        Some(key) => match shared.hold_key(key.id()) {
            Some(held) => Some(held),
            None => return refuse(&key.in_flight(), None, request_id),
        },
        None => None,
    };
    if let Some(fault) = fault.filter(|fault| fault.kind == FaultKind::Delay) {
        tokio::time::sleep(fault.delay()).await;
    }
    let reply = execute(shared, admitted, fault, request_id);
    drop(held);
    reply
}

fn execute(shared: &Shared, admitted: Admitted, fault: Option<&Fault>, request_id: &str) -> Reply {
    let mut world = shared.world();
    due::catch_up(&mut world);

    let idempotency = admitted.idempotency.clone();
    let cause = Cause {
        request_id: Some(request_id.to_owned()),
        idempotency_key: idempotency.as_ref().map(|key| key.key.clone()),
    };
    let mut platform = None;
    let result = world.transact(cause, |tx| {
        // 1. The platform and the account in whose scope it acts.
        let grant = oauth::of_key(tx, &admitted.key.platform);
        let account = match &grant {
            Some(grant) => grant.platform.clone(),
            None => platform_account(tx, &admitted.key.platform),
        };
        platform = Some(account.clone());
        let granted = grant.map(|grant| grant.account);
        let scope = scope_of(tx, &admitted, &account, granted)?;

        // 2. An answer that was given before is given again.
        if let Some(key) = &idempotency
            && let Some(stored) = key.earlier(tx)?
        {
            let status = StatusCode::from_u16(stored.status).unwrap_or(StatusCode::OK);
            let original_request = Some(stored.request_id);
            return Ok(Reply { status, body: stored.body, download: None, original_request, replayed: true });
        }
        if let Some(refusal) = fault.and_then(Fault::refusal) {
            return Err(refusal);
        }

        // 3. The work itself; its answer is stored together with what it did.
        let mut call = Call {
            tx,
            params: admitted.params,
            path: admitted.args,
            key: admitted.key,
            platform: account.clone(),
            scope,
            public_url: shared.public_url(),
            url: &admitted.path,
            download: None,
        };
        let outcome = (admitted.route.handler)(&mut call).and_then(|mut answer| {
            if call.is_publishable() {
                only_method(&admitted.expand)?;
            }
            expand(call.tx.tables, &mut answer, &admitted.expand)?;
            Ok(answer)
        });
        let original_request = idempotency.is_some().then(|| request_id.to_owned());
        let (reply, error) = match outcome {
            Ok(answer) => (done(&answer, call.download.take(), original_request), None),
            Err(error) => (refuse(&error, Some(&account), request_id), Some(error)),
        };
        let stays = error.as_ref().is_none_or(Outcome::keeps_changes);
        if let Some(key) = idempotency.as_ref().filter(|_| stays) {
            key.store(tx, reply.status.as_u16(), &reply.body, request_id);
        }
        error.map_or(Ok(reply), Err)
    });
    let reply = result.unwrap_or_else(|error| {
        // 4. A refusal on the facts, or a 500 that was ordered so, is remembered although nothing else stays.
        let reply = refuse(&error, platform.as_deref(), request_id);
        let remembered =
            error.executed() || fault.is_some_and(|fault| fault.stored && fault.refusal().is_some());
        if let Some(key) = idempotency.filter(|_| remembered && !error.keeps_changes()) {
            world.quietly(|tx| key.store(tx, reply.status.as_u16(), &reply.body, request_id));
        }
        reply
    });
    if !world.table::<Delivery>().is_empty() {
        shared.wake_deliveries();
    }
    reply
}

/// What was asked for was done.
fn done(answer: &crate::json::Value, download: Option<Download>, original_request: Option<String>) -> Reply {
    Reply { status: StatusCode::OK, body: answer.text(), download, original_request, replayed: false }
}

/// A buyer's app may look into the method that it gave, and into nothing else.
fn only_method(paths: &[String]) -> Result<(), StripeError> {
    match paths.iter().find(|path| *path != "payment_method") {
        None => Ok(()),
        Some(path) => {
            let message = format!("This property cannot be expanded with a publishable key ({path}).");
            Err(StripeError::invalid(message, "expand"))
        }
    }
}

/// The account that is named, or the one that an access token was granted for, or the platform itself.
fn scope_of(
    tx: &Tx<'_>,
    admitted: &Admitted,
    platform: &str,
    granted: Option<String>,
) -> Result<String, StripeError> {
    // A token reaches the account that it was granted for, and no other.
    let reach = |id: &String| granted.as_ref().is_none_or(|granted| granted == id);
    match admitted.account.as_ref().or(granted.as_ref()) {
        None => Ok(platform.to_owned()),
        Some(id) => usable_account(tx, platform, id)
            .filter(|account| reach(&account.id))
            .map(|account| account.id)
            .ok_or_else(|| StripeError::account_invalid(&admitted.key.shown, id)),
    }
}

fn refuse(error: &StripeError, platform: Option<&str>, request_id: &str) -> Reply {
    Reply {
        status: error.status(),
        body: error.body(platform, request_id).text(),
        download: None,
        original_request: None,
        replayed: false,
    }
}

/// Headers that come back as they were sent.
fn echoed_headers(request: &Request) -> HeaderMap {
    let mut echoed = HeaderMap::new();
    for name in ["idempotency-key", "stripe-account", "stripe-version"] {
        if let Some(value) = request.headers().get(name) {
            echoed.insert(name, value.clone());
        }
    }
    if !echoed.contains_key("stripe-version") {
        echoed.insert("stripe-version", HeaderValue::from_static(API_VERSION));
    }
    echoed
}

fn respond(shared: &Shared, reply: Reply, headers: HeaderMap, request_id: &str) -> Response {
    let builder = Response::builder().status(reply.status);
    let mut response = match reply.download {
        Some(file) => builder.content_type(file.content_type).body(file.bytes),
        None => builder.content_type("application/json").body(reply.body),
    };
    let out = response.headers_mut();
    out.extend(headers);
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            out.insert(name, value);
        }
    };
    set(header::DATE.as_str(), &shared.clock().http_date());
    set("request-id", request_id);
    set("cache-control", "no-cache, no-store");
    set("access-control-allow-origin", "*");
    set("access-control-expose-headers", "Request-Id, Stripe-Should-Retry, Idempotent-Replayed");
    if let Some(original) = reply.original_request {
        set("original-request", &original);
    }
    if reply.replayed {
        set("idempotent-replayed", "true");
    }
    if reply.status == StatusCode::TOO_MANY_REQUESTS {
        set("stripe-rate-limited-reason", "global-rate");
    }
    match reply.status {
        StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            set("stripe-should-retry", "true");
        }
        status if status.is_client_error() => set("stripe-should-retry", "false"),
        _ => {}
    }
    response
}
