//! The example shop that `souk dev` serves at `/shop/`: the page of `openapi/examples/web`, what it must be told, and
//! something to buy.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use poem::{
    Body, Endpoint, Response, Route,
    endpoint::{make, make_sync},
    get,
    http::{StatusCode, header},
    web::Redirect,
};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{
    client::{Client, text},
    dev_state::DevFile,
    dev_stripe::DevStripe,
};

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Title, category, and price in cents.
type Ware = (&'static str, &'static str, i64);

/// Who sells what: e-mail, name, and wares. The last is made first, as the newest stands on top.
const SELLERS: [(&str, &str, &[Ware]); 2] = [
    (
        "ada@example.com",
        "Ada's Ceramics",
        &[
            ("Blue bowl", "tableware", 5_000),
            ("Tea cup, ash glaze", "tableware", 2_800),
            ("Speckled dinner plate", "tableware", 3_400),
        ],
    ),
    ("omar@example.com", "Omar's Glass", &[("Glass carafe", "glass", 9_200)]),
];

struct Shop {
    data_dir: PathBuf,
    /// Where the browser gets Stripe.js.
    stripe_js: String,
    open: OnceCell<()>,
}

/// Why the shop is not open.
enum Closed {
    /// The seller has to fill in Stripe's form first, which is here.
    NotOnboarded(String),
    Failed(Failed),
}

impl<E: Into<Failed>> From<E> for Closed {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Where Stripe.js is, and which origins a page must let it use. Source: <https://docs.stripe.com/security/guide>.
fn stripe_js(stripe: &DevStripe) -> (String, String) {
    let from = |scripts: &str, calls: &str, frames: &str| {
        format!("script-src 'self' {scripts}; connect-src 'self' {calls}; frame-src {frames}")
    };
    match stripe.sandbox_url() {
        Some(url) => (format!("{url}/v3/"), from(url, url, url)),
        None => {
            let scripts = "https://js.stripe.com https://*.js.stripe.com";
            let policy = from(scripts, &stripe.base, &format!("{scripts} https://hooks.stripe.com"));
            ("https://js.stripe.com/v3/".to_owned(), policy)
        }
    }
}

/// The pages for a service with this Stripe.
pub(crate) fn pages(data_dir: &Path, stripe: &DevStripe) -> Route {
    let (stripe_js, allowed) = stripe_js(stripe);
    let shop = Arc::new(Shop { data_dir: data_dir.to_owned(), stripe_js, open: OnceCell::new() });
    let policy = format!(
        "default-src 'none'; {allowed}; style-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    );
    let script = "text/javascript; charset=utf-8";
    let file = |content_type, text| get(file(content_type, text, &policy));
    Route::new()
        .at("/shop", get(make_sync(|_| Redirect::permanent("/shop/"))))
        .at("/shop/", file("text/html; charset=utf-8", include_str!("../../openapi/examples/web/index.html")))
        .at(
            "/shop/shop.css",
            file("text/css; charset=utf-8", include_str!("../../openapi/examples/web/shop.css")),
        )
        .at("/shop/shop.js", file(script, include_str!("../../openapi/examples/web/shop.js")))
        .at("/shop/souk.js", file(script, include_str!("../../openapi/examples/web/souk.js")))
        .at("/shop/config.json", get(make(move |_| answer(Arc::clone(&shop)))))
}

fn file(content_type: &'static str, text: &'static str, policy: &str) -> impl Endpoint + use<> {
    let policy = policy.to_owned();
    make_sync(move |_| {
        Response::builder()
            .content_type(content_type)
            .header(header::CACHE_CONTROL, "no-cache")
            .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
            .header(header::CONTENT_SECURITY_POLICY, &policy)
            .body(text)
    })
}

async fn answer(shop: Arc<Shop>) -> Response {
    let (status, body) = match shop.config().await {
        Ok(config) => (StatusCode::OK, config),
        Err(error) => {
            tracing::warn!(%error, "the example shop is not open");
            let detail = "The shop is not open yet. Reload this page in a moment.";
            (StatusCode::SERVICE_UNAVAILABLE, json!({"detail": detail}))
        }
    };
    let builder = Response::builder().status(status).content_type("application/json");
    builder.header(header::CACHE_CONTROL, "no-store").body(Body::from(body.to_string()))
}

impl Shop {
    /// What the page must know: where Souk is, who buys, and where Stripe.js is.
    async fn config(&self) -> Result<Value, Failed> {
        let dev = DevFile::read(&self.data_dir)?;
        let mut config = json!({"api": "/", "token": dev.tokens.buyer, "stripe_js": self.stripe_js});
        match self.open.get_or_try_init(|| stock(&dev)).await {
            Ok(()) => Ok(config),
            Err(Closed::NotOnboarded(url)) => {
                config["onboarding_url"] = url.into();
                Ok(config)
            }
            Err(Closed::Failed(error)) => Err(error),
        }
    }
}

/// Sees to it that something is on sale: if nothing is, sellers of the shop's own come, under keys that find them
/// again. At Stripe itself a person has to onboard each of them, so there is one.
async fn stock(dev: &DevFile) -> Result<(), Closed> {
    let (client, service) = (Client::of(dev), &dev.tokens.service);
    let on_sale = client.call(reqwest::Method::GET, &dev.tokens.buyer, "/v1/listings?limit=1", None).await?;
    if on_sale["data"].as_array().is_some_and(|listings| !listings.is_empty()) {
        return Ok(());
    }
    let count = if dev.sandbox.is_some() { SELLERS.len() } else { 1 };
    for (email, name, wares) in SELLERS.iter().take(count).rev() {
        let seller = json!({"email": email, "country": "US", "display_name": name});
        let key = format!("dev-shop-{email}");
        let seller = client.create(service, "/v1/sellers", &key, &seller).await?;
        let id = text(&seller, "id")?;
        onboard(dev, &client, &id, &text(&seller, "stripe_account_id")?).await?;
        for (title, category, cents) in wares.iter().rev() {
            let price = json!({"amount": cents, "currency": "usd"});
            let listing = json!({"title": title, "category": category, "price": price});
            let key = format!("dev-shop-{title}");
            client.create(service, &format!("/v1/sellers/{id}/listings"), &key, &listing).await?;
        }
    }
    Ok(())
}

/// Makes the seller active: at the sandbox by its controls; at Stripe, a person must.
async fn onboard(dev: &DevFile, client: &Client, id: &str, account: &str) -> Result<(), Closed> {
    let (service, seller) = (&dev.tokens.service, format!("/v1/sellers/{id}"));
    let active = |seller: &Value| seller["status"] == "active";
    if dev.sandbox.is_some() {
        client.control(&format!("/_sandbox/accounts/{account}/complete-onboarding"), &json!({})).await?;
        client.wait(service, &seller, "a seller of the shop is active", active).await?;
        return Ok(());
    }
    if active(&client.call(reqwest::Method::GET, service, &seller, None).await?) {
        return Ok(());
    }
    let back = json!({"return_url": format!("{}/shop/", dev.api)});
    let path = format!("{seller}/onboarding-links");
    let link = client.call(reqwest::Method::POST, service, &path, Some(&back)).await?;
    Err(Closed::NotOnboarded(text(&link, "url")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::dev_stripe::StripeArgs;

    #[tokio::test]
    async fn with_stripe_itself_the_page_loads_stripes_own_script_and_calls_nobody_else() {
        let args = StripeArgs {
            stripe: true,
            stripe_secret_key: Some("sk_test_1".into()),
            stripe_publishable_key: Some("pk_test_1".to_owned()),
            ..StripeArgs::sandbox_on(([127, 0, 0, 1], 0).into())
        };
        let stripe = DevStripe::start(&args, Path::new("/nowhere")).await.unwrap();
        let (script, policy) = stripe_js(&stripe);
        assert_eq!(script, "https://js.stripe.com/v3/");
        assert_eq!(
            policy,
            "script-src 'self' https://js.stripe.com https://*.js.stripe.com; connect-src 'self' \
             https://api.stripe.com; frame-src https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com"
        );
    }
}
