//! Checkout Sessions: Stripe's own payment page, opened for one buyer and one cart.
//!
//! A session in payment mode makes its payment intent when the buyer pays; one in setup mode has its setup intent
//! from the start. What becomes of the intent, the session follows (`progress`).

mod create;
mod line_item;
mod pay;
mod progress;
mod render;
mod update;

use serde::{Deserialize, Serialize};

pub(crate) use self::{
    line_item::LineItem,
    pay::{Buyer, Paying, Step, pay},
    progress::{expire_by_itself, follow, set_up},
};
use super::payment_intent::PaymentIntent;
use crate::{
    json::Value,
    money::Currency,
    protocol::{
        call::{Answer, Call},
        list::{Page, Range},
        params::Metadata,
        route::Route,
    },
    store::Record,
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/checkout/sessions", list),
    Route::post("/v1/checkout/sessions", create::create),
    Route::get("/v1/checkout/sessions/{id}", retrieve),
    Route::post("/v1/checkout/sessions/{id}", update::update),
    Route::post("/v1/checkout/sessions/{id}/expire", progress::expire),
    Route::get("/v1/checkout/sessions/{id}/line_items", line_item::list),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    Payment,
    Setup,
}

crate::json::as_serde!(Mode);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Open,
    Complete,
    Expired,
}

crate::json::as_serde!(Status);

impl Status {
    pub(crate) const NAMES: &'static [&'static str] = &["open", "complete", "expired"];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Complete => "complete",
            Self::Expired => "expired",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PaymentStatus {
    Unpaid,
    Paid,
    NoPaymentRequired,
}

crate::json::as_serde!(PaymentStatus);

/// What is kept and shown again, and changes nothing here.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Appearance {
    pub(crate) allow_promotion_codes: Option<bool>,
    /// `auto | required`
    pub(crate) billing_address_collection: Option<String>,
    pub(crate) locale: Option<String>,
    pub(crate) origin_context: Option<String>,
    pub(crate) phone_number_collection: bool,
    pub(crate) submit_type: Option<String>,
    /// `elements | embedded_page | form | hosted_page`
    pub(crate) ui_mode: String,
    pub(crate) redirect_on_completion: Option<String>,
    /// Where the goods go, as the server collected it.
    pub(crate) shipping_details: Option<Value>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) mode: Mode,
    pub(crate) status: Status,
    pub(crate) payment_status: PaymentStatus,
    /// The page, while it is open.
    pub(crate) url: Option<String>,
    /// For those who show the session in a page of their own.
    pub(crate) client_secret: Option<String>,
    pub(crate) items: Vec<LineItem>,
    pub(crate) currency: Option<Currency>,
    pub(crate) success_url: Option<String>,
    pub(crate) cancel_url: Option<String>,
    pub(crate) return_url: Option<String>,
    pub(crate) client_reference_id: Option<String>,
    pub(crate) customer: Option<String>,
    pub(crate) customer_email: Option<String>,
    /// `always | if_required`
    pub(crate) customer_creation: Option<String>,
    /// Who paid, as the page was told.
    pub(crate) payer: Option<Payer>,
    pub(crate) allowed_methods: Option<Vec<String>>,
    pub(crate) excluded_methods: Option<Vec<String>>,
    /// The payment intent as it will be: `payment_intent_data`. Its id is drawn when the buyer pays.
    pub(crate) terms: Option<Box<PaymentIntent>>,
    pub(crate) payment_intent: Option<String>,
    pub(crate) setup_intent: Option<String>,
    pub(crate) appearance: Appearance,
    pub(crate) metadata: Metadata,
    pub(crate) expires_at: i64,
    pub(crate) created: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Payer {
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
}

impl Record for Session {
    const NOUN: &'static str = "checkout.session";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.account
    }

    fn keys(&self) -> Vec<String> {
        let parents = [&self.customer, &self.payment_intent, &self.setup_intent];
        let mut keys: Vec<String> = parents.into_iter().flatten().cloned().collect();
        keys.extend(self.items.iter().map(|item| item.product.clone()));
        keys
    }
}

impl Session {
    /// What the buyer pays, in minor units.
    pub(crate) fn total(&self) -> i64 {
        self.items.iter().map(LineItem::total).sum()
    }

    /// The types of methods that the page offers.
    pub(crate) fn method_types(&self) -> Vec<String> {
        match &self.terms {
            Some(terms) => terms.method_types(),
            None => match &self.allowed_methods {
                Some(allowed) => allowed.clone(),
                None => vec!["card".to_owned()],
            },
        }
    }

    /// Where the buyer goes once it is complete.
    pub(crate) fn destination(&self) -> Option<String> {
        let url = self.success_url.as_ref().or(self.return_url.as_ref())?;
        Some(url.replace("{CHECKOUT_SESSION_ID}", &self.id))
    }
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let session = call.owned::<Session>(&call.arg(0))?;
    Ok(session.render(call.tx.tables))
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let created = Range::read(&mut call.params, "created")?;
    let customer = call.params.text("customer")?;
    let intent = call.params.text("payment_intent")?;
    let status = call.params.choice("status", Status::NAMES)?;
    // No session here comes of a link or pays a subscription.
    let never = call.params.text("payment_link")?.is_some() | call.params.text("subscription")?.is_some();
    let email = match call.params.hash("customer_details")? {
        Some(mut details) => {
            let email = details.required("email")?;
            details.finish()?;
            Some(email)
        }
        None => None,
    };
    call.params.ignore(&["customer_account"]);
    let page = Page::read(&mut call.params)?;
    let scope = call.scope.clone();
    let key = intent.clone().or_else(|| customer.clone()).unwrap_or_else(|| scope.clone());
    page.of::<Session>(
        call,
        &key,
        |session| {
            let paid_by = session.payer.as_ref().and_then(|payer| payer.email.as_ref());
            session.account == scope
                && !never
                && created.holds(session.created)
                && (customer.is_none() || customer == session.customer)
                && status.as_deref().is_none_or(|status| status == session.status.as_str())
                && (email.is_none() || email.as_ref() == paid_by)
        },
        |tables, session| session.render(tables),
    )
}
