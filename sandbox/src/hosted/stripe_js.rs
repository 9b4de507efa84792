//! A small stand-in for Stripe.js, at `/v3/`, and the frame in which its Payment Element asks for the card.
//!
//! As with Stripe, what the buyer types stays in a frame of this origin: the shop's page never sees it, and learns by
//! messages only what Stripe's page would tell it. What the stand-in has, the sandbox's README lists.

use poem::{
    Response,
    http::{StatusCode, header},
};

/// A file as it is served.
struct File {
    path: &'static str,
    content_type: &'static str,
    text: &'static str,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

const FILES: &[File] = &[
    File { path: "/v3/", content_type: SCRIPT, text: include_str!("stripe_js/stripe.js") },
    File { path: "/v3/api.js", content_type: SCRIPT, text: include_str!("stripe_js/api.js") },
    File { path: "/v3/card.js", content_type: SCRIPT, text: include_str!("stripe_js/card.js") },
    File {
        path: "/v3/payment-element.js",
        content_type: SCRIPT,
        text: include_str!("stripe_js/payment-element.js"),
    },
    File {
        path: "/v3/payment-element.css",
        content_type: "text/css; charset=utf-8",
        text: include_str!("stripe_js/payment-element.css"),
    },
    File {
        path: "/v3/payment-element.html",
        content_type: "text/html; charset=utf-8",
        text: include_str!("stripe_js/payment-element.html"),
    },
];

/// The frame runs its own script and calls its own origin; any page may hold it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'";

/// Answers with a file, if the path is one.
pub(super) fn answer(path: &str) -> Option<Response> {
    // Pages ask for it with and without the slash.
    let path = if path == "/v3" { "/v3/" } else { path };
    let file = FILES.iter().find(|file| file.path == path)?;
    let response = Response::builder()
        .status(StatusCode::OK)
        .content_type(file.content_type)
        .header(header::CACHE_CONTROL, "no-cache")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::CONTENT_SECURITY_POLICY, POLICY)
        // A page of another origin loads its modules.
        .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")
        .body(file.text);
    Some(response)
}
