//! The pages that people see: onboarding, the payment page, and the bank's question. Plain HTML forms; no script is
//! needed. Beside them, the stand-in for Stripe.js that pages of others load.

mod authenticate;
mod authorize;
mod checkout;
mod checkout_form;
mod form;
mod onboarding;
mod page;
mod stripe_js;

use poem::{
    Request, Response,
    http::{StatusCode, header},
};

use crate::{due, protocol::params::Params, server::Shared};

/// The largest form that is read.
const FORM_LIMIT: usize = 64 * 1024;

/// What a page answers.
enum Reply {
    Page(StatusCode, String),
    /// A page that others may hold in a frame, as Stripe.js does with the bank's question.
    Framed(StatusCode, String),
    /// 303: what was posted is not posted again.
    SeeOther(String),
}

/// Answers a browser.
pub(crate) async fn answer(shared: &Shared, mut request: Request) -> Response {
    let method = request.method().as_str().to_owned();
    let path = request.uri().path().to_owned();
    if let Some(file) = stripe_js::answer(&path) {
        return file;
    }
    let ip = request.remote_addr().as_socket_addr().map(|addr| addr.ip().to_string()).unwrap_or_default();
    let body = request.take_body().into_bytes_limit(FORM_LIMIT).await.unwrap_or_default();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let form = Params::parse(&[query.as_bytes(), &body]).unwrap_or_default();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let mut world = shared.world();
    due::catch_up(&mut world);
    let reply = world.quietly(|tx| match (method.as_str(), parts.as_slice()) {
        ("GET", [""]) => Reply::Page(StatusCode::OK, page::welcome(shared.public_url())),
        ("GET", ["setup", _, account, token]) => onboarding::open(tx, account, token),
        ("GET", ["onboarding", session]) => onboarding::show(tx, session),
        ("POST", ["onboarding", session]) => onboarding::submit(tx, session, form, &ip),
        ("GET", ["hosted", "authenticate", intent, token]) => authenticate::show(tx, intent, token),
        ("POST", ["hosted", "authenticate", intent, token]) => authenticate::decide(tx, intent, token, form),
        ("GET", ["c", "pay", session]) => checkout::show(tx, session),
        ("POST", ["c", "pay", session]) => checkout::submit(tx, session, form, shared.public_url()),
        ("GET", ["c", "pay", session, "return"]) => checkout::come_back(tx, session),
        ("GET", ["oauth", "authorize"]) => authorize::show(tx, form),
        ("POST", ["oauth", "authorize"]) => authorize::decide(tx, form),
        ("GET", ["express", account, _]) => Reply::Page(StatusCode::OK, page::dashboard(account)),
        _ => Reply::Page(
            StatusCode::NOT_FOUND,
            page::message("Nothing here", "The Stripe sandbox has no page at this address."),
        ),
    });
    drop(world);
    shared.wake_deliveries();
    respond(reply, &shared.clock().http_date())
}

fn respond(reply: Reply, date: &str) -> Response {
    let framed = matches!(reply, Reply::Framed(..));
    let mut builder = Response::builder()
        .header(header::DATE, date)
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::REFERRER_POLICY, "no-referrer");
    if !framed {
        builder = builder.header(header::X_FRAME_OPTIONS, "DENY");
    }
    match reply {
        Reply::Page(status, html) | Reply::Framed(status, html) => builder
            .status(status)
            .content_type("text/html; charset=utf-8")
            .header(
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'",
            )
            .body(html),
        Reply::SeeOther(url) => builder.status(StatusCode::SEE_OTHER).header(header::LOCATION, url).finish(),
    }
}
