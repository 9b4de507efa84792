//! Payment intents: a payment from the wish to the money, over as many attempts as it takes.

mod attempt;
mod cancel;
mod capture;
mod confirm;
mod create;
mod debit;
mod options;
mod render;

use serde::{Deserialize, Serialize};

pub(crate) use self::{
    attempt::{authenticated, authentication_failed},
    cancel::end,
    capture::{capture_charge, expire_authorisation},
    confirm::{Confirmation, try_once},
    create::{check_amount, check_parties, new, read_automatic, read_data},
    debit::finish_debit,
    options::check_types,
    render::{complete_shipping, render_failure},
};
use super::{card::Decline, charge::TransferData};
use crate::{
    json::Value,
    money::Currency,
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
    Route::get("/v1/payment_intents", list),
    Route::post("/v1/payment_intents", create::create),
    Route::get("/v1/payment_intents/{id}", retrieve).also_publishable(),
    Route::post("/v1/payment_intents/{id}", create::update),
    Route::post("/v1/payment_intents/{id}/confirm", confirm::confirm).also_publishable(),
    Route::post("/v1/payment_intents/{id}/capture", capture::capture),
    Route::post("/v1/payment_intents/{id}/cancel", cancel::cancel),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    /// The bank of a debit has not answered yet.
    Processing,
    RequiresCapture,
    Succeeded,
    Canceled,
}

crate::json::as_serde!(Status);

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::RequiresCapture => "requires_capture",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CaptureMethod {
    /// In the same moment.
    Automatic,
    /// A moment later.
    AutomaticAsync,
    /// When asked.
    Manual,
}

crate::json::as_serde!(CaptureMethod);

impl CaptureMethod {
    const NAMES: &'static [&'static str] = &["automatic", "automatic_async", "manual"];

    fn parse(name: &str) -> Self {
        match name {
            "manual" => Self::Manual,
            "automatic" => Self::Automatic,
            _ => Self::AutomaticAsync,
        }
    }
}

/// Why the last attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Failure {
    Declined {
        decline: Decline,
        charge: String,
        method: String,
    },
    /// The buyer did not confirm it with the bank.
    NotAuthenticated {
        method: String,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PaymentIntent {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) client_secret: String,
    pub(crate) amount: i64,
    pub(crate) amount_received: i64,
    pub(crate) currency: Currency,
    pub(crate) status: Status,
    pub(crate) capture_method: CaptureMethod,
    pub(crate) manual_confirmation: bool,
    pub(crate) automatic_methods: Option<AutomaticMethods>,
    pub(crate) allowed_methods: Option<Vec<String>>,
    pub(crate) excluded_methods: Option<Vec<String>>,
    pub(crate) payment_method: Option<String>,
    pub(crate) customer: Option<String>,
    pub(crate) application: Option<String>,
    pub(crate) application_fee_amount: Option<i64>,
    pub(crate) transfer_data: Option<TransferData>,
    pub(crate) transfer_group: Option<String>,
    pub(crate) on_behalf_of: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) receipt_email: Option<String>,
    pub(crate) setup_future_usage: Option<String>,
    pub(crate) shipping: Option<Value>,
    pub(crate) statement_descriptor: Option<String>,
    pub(crate) statement_descriptor_suffix: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) latest_charge: Option<String>,
    pub(crate) failure: Option<Failure>,
    pub(crate) next_action: Option<NextAction>,
    /// `any | automatic | challenge`
    #[serde(default)]
    pub(crate) three_d_secure: Option<String>,
    /// The buyer confirmed the present method with the bank.
    #[serde(default)]
    pub(crate) authenticated: bool,
    /// The Checkout Session that it was made for.
    #[serde(default)]
    pub(crate) checkout_session: Option<String>,
    pub(crate) canceled_at: Option<i64>,
    pub(crate) cancellation_reason: Option<String>,
    pub(crate) created: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AutomaticMethods {
    pub(crate) enabled: bool,
    pub(crate) allow_redirects: bool,
}

/// What the buyer has to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NextAction {
    /// The page where the bank asks.
    pub(crate) url: String,
    /// Where the buyer comes back to; without it the page is for an SDK.
    pub(crate) return_url: Option<String>,
}

impl Record for PaymentIntent {
    const NOUN: &'static str = "payment_intent";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.account
    }

    fn keys(&self) -> Vec<String> {
        self.customer.iter().cloned().collect()
    }
}

impl PaymentIntent {
    pub(crate) fn amount_capturable(&self) -> i64 {
        if self.status == Status::RequiresCapture { self.amount } else { 0 }
    }
}

/// Refuses because of the state that the intent is in; it comes along.
fn unexpected_state(call: &Call<'_, '_>, intent: &PaymentIntent, message: String) -> StripeError {
    StripeError::refused("payment_intent_unexpected_state", message)
        .with("payment_intent", shown(call, intent))
}

/// The intent of the URL; a publishable key must know its secret.
fn named(call: &mut Call<'_, '_>) -> Result<PaymentIntent, StripeError> {
    let intent = call.owned::<PaymentIntent>(&call.arg(0));
    client_secret::check(call, intent, |intent| &intent.client_secret, "PaymentIntent")
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    let intent = named(call)?;
    call.finish()?;
    Ok(shown(call, &intent))
}

/// What a buyer's app sees of an intent; the rest is between the platform and Stripe. Source: "Retrievable with
/// publishable key" at <https://docs.stripe.com/api/payment_intents/object>.
const SHOWN_TO_APPS: &[&str] = &[
    "id",
    "object",
    "amount",
    "amount_details",
    "automatic_payment_methods",
    "canceled_at",
    "cancellation_reason",
    "capture_method",
    "client_secret",
    "confirmation_method",
    "created",
    "currency",
    "description",
    "last_payment_error",
    "livemode",
    "next_action",
    "payment_method",
    "payment_method_configuration_details",
    "payment_method_types",
    "processing",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "source",
    "status",
];

/// What the caller may see.
fn shown(call: &Call<'_, '_>, intent: &PaymentIntent) -> Value {
    client_secret::shown(call, intent.render(call.tx.tables), SHOWN_TO_APPS)
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let created = Range::read(&mut call.params, "created")?;
    let customer = call.params.text("customer")?;
    call.params.ignore(&["customer_account"]);
    let page = Page::read(&mut call.params)?;
    let scope = call.scope.clone();
    let key = customer.clone().unwrap_or_else(|| scope.clone());
    page.of::<PaymentIntent>(
        call,
        &key,
        |intent| intent.account == scope && created.holds(intent.created),
        |tables, intent| intent.render(tables),
    )
}
