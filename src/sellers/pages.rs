//! The two pages that a seller's browser comes back to from Stripe. The seller is known by the sealed state that
//! we sent along, never by an account id in the address.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use poem::{
    IntoResponse, Response, handler,
    http::StatusCode,
    web::{Data, Html, Query, Redirect},
};
use souk_entity::{Scope, seller};

use super::{
    error::SellerError,
    links::{self, State},
    requirements, store,
    view::RequirementsView,
};
use crate::{
    context::Context,
    db,
    stripe::accounts::{self, Account},
};

/// The query of an address that a browser came back to. Pairs, as they always parse: a browser is never shown JSON.
type Back = Vec<(String, String)>;

/// The one sealed state of it, as it came and opened.
fn state(ctx: &Context, back: &Back) -> Option<(String, State)> {
    let mut states = back.iter().filter(|(name, _)| name == "state").map(|(_, text)| text);
    let (text, None) = (states.next()?, states.next()) else { return None };
    Some((text.clone(), State::open(ctx, text)?))
}

/// `GET /onboarding/refresh`: Stripe's link was used or has expired; the same seller gets a new one.
#[handler]
pub(crate) async fn onboarding_refresh(ctx: Data<&Context>, Query(back): Query<Back>) -> Response {
    let Some((_, state)) = state(&ctx, &back) else { return expired() };
    if let Some(url) = state.refresh_url {
        return Redirect::see_other(url).into_response();
    }
    match links::onboarding(&ctx, state.seller, state.return_url, None).await {
        Ok(link) => Redirect::see_other(link.url).into_response(),
        Err(SellerError::Closed) => closed(),
        Err(error) => {
            tracing::warn!(seller = %state.seller, %error, "no new onboarding link");
            let text = "Please try again in a few minutes: reload this page.";
            page(StatusCode::SERVICE_UNAVAILABLE, "That did not work", html! { p { (text) } })
        }
    }
}

/// `GET /onboarding/return`: the seller left Stripe's form, finished or not.
#[handler]
pub(crate) async fn onboarding_return(ctx: Data<&Context>, Query(back): Query<Back>) -> Response {
    let Some((text, state)) = state(&ctx, &back) else { return expired() };
    let seller = match read_again(&ctx, &state).await {
        Ok(Some(seller)) => seller,
        Ok(None) => return expired(),
        Err(error) => {
            tracing::warn!(seller = %state.seller, %error, "the account could not be read again");
            let text = "We have your answers. Your status will be here in a few minutes: reload this page.";
            return page(StatusCode::SERVICE_UNAVAILABLE, "Almost there", html! { p { (text) } });
        }
    };
    match state.return_url {
        Some(url) => Redirect::see_other(url).into_response(),
        None => status_page(&seller, &text),
    }
}

/// Reads the account at Stripe: the seller is here before the webhook.
async fn read_again(
    ctx: &Context,
    state: &State,
) -> Result<Option<seller::Model>, Box<dyn std::error::Error + Send + Sync>> {
    let Some(seller) = store::find(&ctx.db, state.seller).await? else { return Ok(None) };
    let Some(account) = &seller.stripe_account_id else { return Ok(Some(seller)) };
    let account: Account = ctx.stripe.get(&Scope::Platform, &accounts::path(account)).await?;
    let tx = db::begin_write(&ctx.db).await?;
    let Some(seller) = store::lock(&tx, state.seller).await? else { return Ok(None) };
    let seller = store::apply_account(&tx, ctx, seller, &account).await?;
    db::commit(tx, "onboarding", "return").await?;
    Ok(Some(seller))
}

fn status_page(seller: &seller::Model, state: &str) -> Response {
    let missing = RequirementsView::from(&seller.requirements);
    let again = format!("/onboarding/refresh?state={state}");
    let (title, text, go_on) = match seller.status {
        seller::Status::Active => {
            ("You are ready to sell", "Stripe has all it needs. You can be paid.", false)
        }
        seller::Status::Pending => {
            ("Stripe is checking your details", "You need do nothing now. This usually takes minutes.", false)
        }
        seller::Status::Rejected | seller::Status::Disconnected => (CLOSED.0, CLOSED.1, false),
        seller::Status::Onboarding | seller::Status::Restricted => {
            ("A few things are still missing", "You can go on where you left off.", true)
        }
    };
    let fields = requirements::in_words(missing.past_due.iter().chain(&missing.currently_due));
    page(
        StatusCode::OK,
        title,
        html! {
            p { (text) }
            @if go_on && !fields.is_empty() {
                ul { @for field in fields { li { (field) } } }
            }
            @if go_on { a.button href=(again) { "Go on" } }
        },
    )
}

fn closed() -> Response {
    page(StatusCode::CONFLICT, CLOSED.0, html! { p { (CLOSED.1) } })
}

fn expired() -> Response {
    let text = "This link is not valid any more. Please open the onboarding again from the marketplace.";
    page(StatusCode::BAD_REQUEST, "This link has expired", html! { p { (text) } })
}

const CLOSED: (&str, &str) = ("Your account is closed", "Please ask the marketplace for help.");

const STYLE: &str = "
:root { color-scheme: light dark; font: 17px/1.5 system-ui, sans-serif;
  --paper: light-dark(#f6f7f4, #151917); --card: light-dark(#fff, #1f2522); --line: light-dark(#dde2de, #38413c);
  --ink: light-dark(#1f2421, #edf1ee); }
body { margin: 0; background: var(--paper); color: var(--ink); }
main { box-sizing: border-box; width: min(34rem, 100% - 2rem); margin: min(12vh, 6rem) auto 2rem; padding: 1.75rem;
  background: var(--card); border: 1px solid var(--line); border-radius: .75rem; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .75rem; }
p { margin: 0; }
ul { padding-left: 1.2rem; margin: .75rem 0 0; }
li { margin: .25rem 0; }
a.button { display: block; box-sizing: border-box; text-align: center; padding: .8rem 1rem; margin-top: 1.5rem;
  border-radius: .6rem; background: #0a5c4a; color: #fff; text-decoration: none; font-weight: 600; }
a.button:focus-visible { outline: 3px solid #79c7b4; outline-offset: 2px; }
";

fn page(status: StatusCode, title: &str, body: Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // The address carries the state: it must not travel on.
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { h1 { (title) } (body) } }
        }
    };
    Html(page.into_string())
        .with_status(status)
        .with_header("cache-control", "no-store")
        .with_header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'")
        .into_response()
}
