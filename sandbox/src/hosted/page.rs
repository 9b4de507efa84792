//! The frame around every page.

use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = "
:root { color-scheme: light; --ink: #1a1f36; --soft: #5c6780; --line: #d5dbe6; --accent: #4a3fd6; --bad: #b3093c; }
* { box-sizing: border-box; }
body { margin: 0; background: #f4f6fa; color: var(--ink); font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; }
main { max-width: 35rem; margin: 0 auto; padding: 1.25rem 1rem 3rem; }
.test { display: inline-block; background: #ffe9c7; color: #6b3d00; border-radius: 999px; padding: .1rem .7rem; font-size: .8125rem; font-weight: 600; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .75rem 0 .25rem; }
h2 { font-size: 1.0625rem; margin: 0 0 .75rem; }
p { margin: 0 0 1rem; color: var(--soft); }
.card { background: #fff; border: 1px solid var(--line); border-radius: 12px; padding: 1.25rem; margin: 1rem 0; }
.row { display: grid; gap: 0 1rem; grid-template-columns: 1fr; }
.dob { display: grid; gap: 0 .75rem; grid-template-columns: 1fr 1fr 1.4fr; }
.field { margin-bottom: 1rem; }
.card > .field:last-child, .card > fieldset:last-child { margin-bottom: 0; }
label, legend { display: block; font-weight: 600; font-size: .9375rem; margin-bottom: .25rem; padding: 0; }
fieldset { border: 0; margin: 0; padding: 0; min-width: 0; }
.hint { color: var(--soft); font-size: .875rem; margin: .25rem 0 0; }
input[type=text], input[type=email], input[type=number], select { width: 100%; min-height: 2.75rem; padding: .5rem .75rem; font: inherit; color: inherit; background: #fff; border: 1px solid #8792a8; border-radius: 8px; }
input:focus, select:focus, button:focus, a:focus { outline: 3px solid #b5b0f5; outline-offset: 1px; }
.bad input { border-color: var(--bad); }
.error { color: var(--bad); font-size: .875rem; margin: .25rem 0 0; }
.summary { background: #fdeef3; border: 1px solid #eeb4c6; color: var(--bad); border-radius: 12px; padding: .75rem 1rem; margin: 1rem 0; }
.check { display: flex; gap: .75rem; align-items: flex-start; font-weight: 400; }
.check input { width: 1.25rem; height: 1.25rem; margin: .15rem 0 0; flex: none; }
.actions { display: grid; gap: .75rem; grid-template-columns: 1fr; }
button { width: 100%; min-height: 3rem; font: inherit; font-weight: 600; border-radius: 8px; border: 1px solid var(--accent); background: var(--accent); color: #fff; cursor: pointer; }
button.quiet { background: #fff; color: var(--accent); }
code { background: #eef1f7; border-radius: 4px; padding: .05rem .3rem; font-size: .875em; overflow-wrap: anywhere; }
@media (min-width: 40rem) { main { padding-top: 3rem; } .row { grid-template-columns: 1fr 1fr; } .actions { grid-template-columns: 1fr 1fr; } .actions button.first { order: 2; } }
";

/// A whole page.
pub(super) fn frame(title: &str, content: &Markup) -> String {
    frame_in(title, "", content)
}

/// A whole page with more style than the others.
pub(super) fn frame_in(title: &str, style: &'static str, content: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) " · Stripe sandbox" }
                style { (PreEscaped(STYLE)) (PreEscaped(style)) }
            }
            body {
                main {
                    span.test { "Test mode" }
                    (content)
                }
            }
        }
    }
    .into_string()
}

/// A page with nothing to do.
pub(super) fn message(title: &str, text: &str) -> String {
    frame(title, &html! { h1 { (title) } p { (text) } })
}

pub(super) fn welcome(url: &str) -> String {
    frame(
        "Running",
        &html! {
            h1 { "The Stripe sandbox is running" }
            p { "Point a Stripe client at this address, with any key that begins with " code { "sk_test_" } "." }
            div.card {
                p { code { "curl " (url) "/v1/balance -u sk_test_shop:" } }
                p.hint { "What stands after " code { "sk_test_" } " names the platform; platforms see nothing of each other." }
            }
        },
    )
}

pub(super) fn dashboard(account: &str) -> String {
    frame(
        "Express dashboard",
        &html! {
            h1 { "Express dashboard" }
            p { "On Stripe, the seller " code { (account) } " would see balance and payouts here. The sandbox has no dashboard." }
        },
    )
}
