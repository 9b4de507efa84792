//! The routes: the API, its specification and page, health, Stripe's webhooks, the sellers' pages.

use std::sync::Arc;

use poem::{Endpoint, EndpointExt, Response, Route, endpoint::make_sync, get, post};
use poem_openapi::{LicenseObject, OpenApi, OpenApiService};

use crate::{
    api::{
        self, EventGapsApi, EventsApi, Rejections, StripeEventsApi, StripeRequestsApi, TokenVerifier,
        auth::TokenKeyError, connect_webhook, docs_page, health::Health, metrics::Metrics, platform_webhook,
        spec,
    },
    attention::{self, AttentionApi},
    buyers::BuyersApi,
    catalog::CatalogApi,
    checkout::CheckoutApi,
    commissions::CommissionsApi,
    context::Context,
    ledger::{BooksApi, LedgerApi},
    payouts::PayoutsApi,
    sellers::{SellersApi, onboarding_refresh, onboarding_return},
    webhooks::Inbox,
    worker,
};

fn service() -> OpenApiService<impl OpenApi, ()> {
    let apis = (
        SellersApi,
        CatalogApi,
        CommissionsApi,
        BuyersApi,
        CheckoutApi,
        PayoutsApi,
        LedgerApi,
        BooksApi,
        AttentionApi,
        EventsApi,
        EventGapsApi,
        StripeEventsApi,
        StripeRequestsApi,
    );
    OpenApiService::new(apis, "Souk", env!("CARGO_PKG_VERSION"))
        .description("The payments side of a marketplace, on Stripe Connect.")
        .license(LicenseObject::new("Apache-2.0").identifier("Apache-2.0"))
}

/// The published specification, as `openapi/souk.json` holds it.
#[must_use]
pub fn specification() -> String {
    spec::render(service().spec())
}

/// All routes of the service.
pub fn routes(ctx: Context, inbox: Inbox) -> Result<impl Endpoint<Output = Response>, TokenKeyError> {
    let verifier = TokenVerifier::new(&ctx.config, ctx.clock.clone())?;
    let specification = specification();
    let rejections = Rejections::of_spec(&specification)
        .and_route("/webhooks/stripe/platform", "POST")
        .and_route("/webhooks/stripe/connect", "POST")
        .and_route("/health/live", "GET")
        .and_route("/health/ready", "GET")
        .and_route("/metrics", "GET")
        .and_route("/docs", "GET")
        .and_route("/openapi.json", "GET")
        .and_route("/onboarding/return", "GET")
        .and_route("/onboarding/refresh", "GET");
    let metrics = Metrics::new(ctx.clone(), &inbox, Arc::new(attention::Gauges::default()));
    let routes = Route::new()
        .nest("/", service())
        .at("/openapi.json", get(json(specification.clone())))
        .at("/docs", get(docs_page::endpoint(&specification)))
        .nest("/health", Health::new(ctx.db.clone(), &ctx.config).routes())
        .at("/metrics", get(metrics.endpoint()))
        .at("/webhooks/stripe/platform", post(platform_webhook))
        .at("/webhooks/stripe/connect", post(connect_webhook))
        .at("/onboarding/return", get(onboarding_return))
        .at("/onboarding/refresh", get(onboarding_refresh))
        .data(Arc::new(worker::actions()))
        .data(ctx)
        .data(inbox);
    Ok(api::serve(routes, verifier, rejections))
}

fn json(text: String) -> impl Endpoint<Output = Response> {
    make_sync(move |_| Response::builder().content_type("application/json").body(text.clone()))
}
