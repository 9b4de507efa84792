//! Setup intents: a method is checked and kept for later, and no money moves.

mod confirm;
mod render;
mod write;

use serde::{Deserialize, Serialize};

pub(crate) use self::{
    confirm::{authenticated, authentication_failed, try_once},
    write::new,
};
use super::{
    card::Decline,
    payment_intent::{AutomaticMethods, NextAction},
};
use crate::{
    json::Value,
    protocol::{
        call::{Answer, Call},
        client_secret,
        error::StripeError,
        list::{Page, Range},
        params::Metadata,
        route::Route,
    },
    store::Record,
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/setup_intents", list),
    Route::post("/v1/setup_intents", write::create),
    Route::get("/v1/setup_intents/{id}", retrieve).also_publishable(),
    Route::post("/v1/setup_intents/{id}", write::update),
    Route::post("/v1/setup_intents/{id}/confirm", confirm::confirm).also_publishable(),
    Route::post("/v1/setup_intents/{id}/cancel", confirm::cancel),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Succeeded,
    Canceled,
}

crate::json::as_serde!(Status);

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

/// Why the last attempt failed; with the method that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Failure {
    Declined { decline: Decline, method: String },
    NotAuthenticated { method: String },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SetupIntent {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) client_secret: String,
    pub(crate) status: Status,
    /// `off_session | on_session`
    pub(crate) usage: String,
    pub(crate) automatic_methods: Option<AutomaticMethods>,
    pub(crate) allowed_methods: Option<Vec<String>>,
    pub(crate) excluded_methods: Option<Vec<String>>,
    pub(crate) attach_to_self: Option<bool>,
    /// `inbound`, `outbound`, or both.
    pub(crate) flow_directions: Option<Vec<String>>,
    pub(crate) payment_method: Option<String>,
    pub(crate) customer: Option<String>,
    pub(crate) application: Option<String>,
    pub(crate) on_behalf_of: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) metadata: Metadata,
    /// `any | automatic | challenge`
    pub(crate) three_d_secure: Option<String>,
    pub(crate) failure: Option<Failure>,
    pub(crate) next_action: Option<NextAction>,
    pub(crate) cancellation_reason: Option<String>,
    /// The Checkout Session that it was made for.
    pub(crate) checkout_session: Option<String>,
    pub(crate) created: i64,
}

impl Record for SetupIntent {
    const NOUN: &'static str = "setup_intent";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.account
    }

    fn keys(&self) -> Vec<String> {
        self.customer.iter().chain(&self.payment_method).cloned().collect()
    }
}

impl SetupIntent {
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.status, Status::Succeeded | Status::Canceled)
    }
}

/// Refuses because of the state that the intent is in; it comes along.
fn unexpected_state(call: &Call<'_, '_>, intent: &SetupIntent, message: String) -> StripeError {
    StripeError::refused("setup_intent_unexpected_state", message).with("setup_intent", shown(call, intent))
}

/// The intent of the URL; a publishable key must know its secret.
fn named(call: &mut Call<'_, '_>) -> Result<SetupIntent, StripeError> {
    let intent = call.owned::<SetupIntent>(&call.arg(0));
    client_secret::check(call, intent, |intent| &intent.client_secret, "SetupIntent")
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    let intent = named(call)?;
    call.finish()?;
    Ok(shown(call, &intent))
}

/// What a buyer's app sees of an intent; the rest is between the platform and Stripe. Source: "Retrievable with
/// publishable key" at <https://docs.stripe.com/api/setup_intents/object>.
const SHOWN_TO_APPS: &[&str] = &[
    "id",
    "object",
    "automatic_payment_methods",
    "cancellation_reason",
    "client_secret",
    "created",
    "description",
    "last_setup_error",
    "livemode",
    "next_action",
    "payment_method",
    "payment_method_configuration_details",
    "payment_method_types",
    "status",
    "usage",
];

/// What the caller may see.
fn shown(call: &Call<'_, '_>, intent: &SetupIntent) -> Value {
    client_secret::shown(call, intent.render(call.tx.tables), SHOWN_TO_APPS)
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let created = Range::read(&mut call.params, "created")?;
    let customer = call.params.text("customer")?;
    let method = call.params.text("payment_method")?;
    let to_self = call.params.boolean("attach_to_self")?;
    call.params.ignore(&["customer_account"]);
    let page = Page::read(&mut call.params)?;
    let scope = call.scope.clone();
    let key = customer.clone().or_else(|| method.clone()).unwrap_or_else(|| scope.clone());
    page.of::<SetupIntent>(
        call,
        &key,
        |intent| {
            intent.account == scope
                && created.holds(intent.created)
                && (method.is_none() || method == intent.payment_method)
                && to_self.is_none_or(|wanted| wanted == intent.attach_to_self.unwrap_or(false))
        },
        |tables, intent| intent.render(tables),
    )
}
