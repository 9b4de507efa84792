//! Webhook endpoints: who is told what.

use serde::{Deserialize, Serialize};

use crate::{
    config::API_VERSION,
    json::{Value, json},
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        list::Page,
        params::Metadata,
        route::Route,
    },
    store::{Record, Tables},
    webhooks::{Delivery, is_private_url},
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/webhook_endpoints", list),
    Route::post("/v1/webhook_endpoints", create),
    Route::get("/v1/webhook_endpoints/{id}", retrieve),
    Route::post("/v1/webhook_endpoints/{id}", update),
    Route::delete("/v1/webhook_endpoints/{id}", delete),
];

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct WebhookEndpoint {
    pub(crate) id: String,
    pub(crate) platform: String,
    pub(crate) url: String,
    pub(crate) secret: String,
    enabled_events: Vec<String>,
    /// It hears of connected accounts, and not of the platform.
    connect: bool,
    api_version: Option<String>,
    description: Option<String>,
    pub(crate) disabled: bool,
    metadata: Metadata,
    created: i64,
}

impl Record for WebhookEndpoint {
    const NOUN: &'static str = "webhook endpoint";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.platform
    }
}

impl WebhookEndpoint {
    pub(crate) fn wants(&self, kind: &str, connected: bool) -> bool {
        !self.disabled
            && self.connect == connected
            && self.enabled_events.iter().any(|wanted| wanted == "*" || wanted == kind)
    }

    pub(crate) fn render(&self, _: &Tables) -> Value {
        json!({
            "id": self.id,
            "object": "webhook_endpoint",
            "api_version": self.api_version,
            "application": self.connect.then(|| super::application_of(&self.platform)),
            "created": self.created,
            "description": self.description,
            "enabled_events": self.enabled_events,
            "livemode": false,
            "metadata": self.metadata,
            "status": if self.disabled { "disabled" } else { "enabled" },
            "url": self.url,
        })
    }
}

fn create(call: &mut Call<'_, '_>) -> Answer {
    let url = call.params.required("url")?;
    check_url(&url)?;
    let enabled_events =
        call.params.texts("enabled_events")?.ok_or_else(|| StripeError::missing("enabled_events"))?;
    if enabled_events.is_empty() {
        return Err(StripeError::empty("enabled_events"));
    }
    let connect = call.params.boolean("connect")?.unwrap_or(false);
    let api_version = call.params.text("api_version")?;
    if api_version.as_deref().is_some_and(|version| version != API_VERSION) {
        let message = format!("Invalid API version: the sandbox speaks {API_VERSION} only.");
        return Err(StripeError::invalid(message, "api_version"));
    }
    let description = call.params.text("description")?;
    let mut metadata = Metadata::new();
    call.params.metadata(&mut metadata)?;
    call.finish()?;

    let id = call.tx.new_id("we");
    let secret = format!("whsec_{}", call.tx.secret_for(&id, 32));
    let endpoint = WebhookEndpoint {
        id,
        platform: call.platform.clone(),
        url,
        secret: secret.clone(),
        enabled_events,
        connect,
        api_version,
        description,
        disabled: false,
        metadata,
        created: call.tx.now(),
    };
    call.tx.put(endpoint.clone());
    // The only answer that tells the secret.
    let mut object = endpoint.render(call.tx.tables);
    object["secret"] = json!(secret);
    Ok(object)
}

fn check_url(url: &str) -> Result<(), StripeError> {
    if is_private_url(url) {
        return Ok(());
    }
    let message = "Invalid URL: the sandbox delivers to http URLs on loopback and private addresses only.";
    Err(StripeError::invalid(message, "url").with_code("url_invalid"))
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let endpoint = call.owned::<WebhookEndpoint>(&call.arg(0))?;
    Ok(endpoint.render(call.tx.tables))
}

fn update(call: &mut Call<'_, '_>) -> Answer {
    let mut endpoint = call.owned::<WebhookEndpoint>(&call.arg(0))?;
    if let Some(url) = call.params.text("url")? {
        check_url(&url)?;
        endpoint.url = url;
    }
    if let Some(events) = call.params.texts("enabled_events")?.filter(|events| !events.is_empty()) {
        endpoint.enabled_events = events;
    }
    call.params.change("description")?.apply(&mut endpoint.description);
    endpoint.disabled = call.params.boolean("disabled")?.unwrap_or(endpoint.disabled);
    call.params.metadata(&mut endpoint.metadata)?;
    call.finish()?;
    call.tx.put(endpoint.clone());
    Ok(endpoint.render(call.tx.tables))
}

fn delete(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let endpoint = call.owned::<WebhookEndpoint>(&call.arg(0))?;
    let waiting: Vec<String> =
        call.tx.tables.list::<Delivery>(&endpoint.id).map(|delivery| delivery.id().to_owned()).collect();
    for id in waiting {
        call.tx.remove::<Delivery>(&id);
    }
    call.tx.remove::<WebhookEndpoint>(&endpoint.id);
    Ok(json!({ "id": endpoint.id, "object": "webhook_endpoint", "deleted": true }))
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let page = Page::read(&mut call.params)?;
    let scope = call.scope.clone();
    page.of::<WebhookEndpoint>(call, &scope, |_| true, |tables, endpoint| endpoint.render(tables))
}
