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
};

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Title, category, and price in cents; the last is made first, as the newest stands on top.
const WARES: [(&str, &str, i64); 4] = [
    ("Blue bowl", "tableware", 5_000),
    ("Tea cup, ash glaze", "tableware", 2_800),
    ("Speckled dinner plate", "tableware", 3_400),
    ("Tall vase", "vases", 9_200),
];

struct Shop {
    data_dir: PathBuf,
    /// Where the browser gets Stripe.js.
    stripe_js: String,
    stocked: OnceCell<()>,
}

/// The pages for a service whose Stripe is the sandbox at `sandbox_url`.
pub(crate) fn pages(data_dir: &Path, sandbox_url: &str) -> Route {
    let shop = Arc::new(Shop {
        data_dir: data_dir.to_owned(),
        stripe_js: format!("{sandbox_url}/v3/"),
        stocked: OnceCell::new(),
    });
    let policy = format!(
        "default-src 'none'; script-src 'self' {sandbox_url}; connect-src 'self' {sandbox_url}; frame-src {sandbox_url}; \
         style-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
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
        self.stocked.get_or_try_init(|| stock(&dev)).await?;
        Ok(json!({"api": "/", "token": dev.tokens.buyer, "stripe_js": self.stripe_js}))
    }
}

/// Sees to it that something is on sale: if nothing is, a seller of the shop's own comes, under keys that find them
/// again.
async fn stock(dev: &DevFile) -> Result<(), Failed> {
    let (client, service) = (Client::of(dev), &dev.tokens.service);
    let on_sale = client.call(reqwest::Method::GET, &dev.tokens.buyer, "/v1/listings?limit=1", None).await?;
    if on_sale["data"].as_array().is_some_and(|listings| !listings.is_empty()) {
        return Ok(());
    }
    let seller = json!({"email": "ada@example.com", "country": "US", "display_name": "Ada's Ceramics"});
    let seller = client.create(service, "/v1/sellers", "dev-shop-seller", &seller).await?;
    let (id, account) = (text(&seller, "id")?, text(&seller, "stripe_account_id")?);
    client.control(&format!("/_sandbox/accounts/{account}/complete-onboarding"), &json!({})).await?;
    let active = |seller: &Value| seller["status"] == "active";
    client.wait(service, &format!("/v1/sellers/{id}"), "the shop's seller is active", active).await?;
    for (index, (title, category, cents)) in WARES.iter().enumerate().rev() {
        let price = json!({"amount": cents, "currency": "usd"});
        let listing = json!({"title": title, "category": category, "price": price});
        let key = format!("dev-shop-listing-{index}");
        client.create(service, &format!("/v1/sellers/{id}/listings"), &key, &listing).await?;
    }
    Ok(())
}
