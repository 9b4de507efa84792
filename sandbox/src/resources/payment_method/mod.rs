//! Payment methods: cards, for now.

mod operations;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use self::operations::attach_to;
use super::{
    address::Address,
    card::{Card, is_luhn},
};
use crate::{
    ids,
    protocol::{
        call::Call,
        error::StripeError,
        params::{Metadata, Params},
        route::Route,
    },
    store::{Record, Tables, Tx},
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/payment_methods", operations::list),
    Route::post("/v1/payment_methods", operations::create).also_publishable(),
    Route::get("/v1/payment_methods/{id}", operations::retrieve),
    Route::post("/v1/payment_methods/{id}", operations::update),
    Route::post("/v1/payment_methods/{id}/attach", operations::attach),
    Route::post("/v1/payment_methods/{id}/detach", operations::detach),
    Route::get("/v1/customers/{customer}/payment_methods", operations::list_of_customer),
    Route::get("/v1/customers/{customer}/payment_methods/{id}", operations::retrieve_of_customer),
];

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct BillingDetails {
    address: Option<Address>,
    email: Option<String>,
    name: Option<String>,
    phone: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PaymentMethod {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) customer: Option<String>,
    pub(crate) card: Card,
    pub(crate) billing: BillingDetails,
    pub(crate) metadata: Metadata,
    pub(crate) created: i64,
}

impl Record for PaymentMethod {
    const NOUN: &'static str = "PaymentMethod";

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

impl BillingDetails {
    pub(crate) fn render(&self) -> Value {
        json!({
            "address": self.address.clone().unwrap_or_default(),
            "email": self.email,
            "name": self.name,
            "phone": self.phone,
            "tax_id": null,
        })
    }

    fn read(params: &mut Params) -> Result<Self, StripeError> {
        let Some(mut hash) = params.hash("billing_details")? else { return Ok(Self::default()) };
        let billing = Self {
            address: Address::read(&mut hash, "address")?,
            email: hash.text("email")?,
            name: hash.text("name")?,
            phone: hash.text("phone")?,
        };
        hash.ignore(&["tax_id"]);
        hash.finish()?;
        Ok(billing)
    }
}

impl PaymentMethod {
    pub(crate) fn render(&self, _: &Tables) -> Value {
        json!({
            "id": self.id,
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": self.billing.render(),
            "card": self.card.render(),
            "created": self.created,
            "customer": self.customer,
            "customer_account": null,
            "livemode": false,
            "metadata": self.metadata,
            "type": "card",
        })
    }

    /// The method that a parameter names; `pm_card_visa` and the like become one of their own.
    pub(crate) fn usable(call: &mut Call<'_, '_>, id: &str, param: &str) -> Result<Self, StripeError> {
        match Card::number_of_token(id) {
            Some(number) => {
                let scope = call.scope.clone();
                let card = card(call.tx, number, 12, 2034).ok_or_else(|| no_such(id, param))?;
                Ok(add(call.tx, &scope, card, BillingDetails::default(), Metadata::new()))
            }
            None => call.referenced::<Self>(id, param),
        }
    }

    /// Refuses a method that is another customer's, or a customer's while none is named.
    pub(crate) fn check_payer(&self, customer: Option<&str>) -> Result<(), StripeError> {
        let Some(own) = self.customer.as_deref().filter(|own| Some(*own) != customer) else { return Ok(()) };
        let message = match customer {
            None => format!(
                "The provided PaymentMethod was previously used with a Customer ({own}). Please include the Customer in \
                 the `customer` parameter."
            ),
            Some(customer) => {
                format!("The customer {customer} does not have a payment method with the ID {}.", self.id)
            }
        };
        Err(StripeError::refused("payment_method_customer_mismatch", message).with_param("payment_method"))
    }

    /// Reads `payment_method_data`, or the parameters of a new method.
    pub(crate) fn read_new(call: &mut Call<'_, '_>, params: &mut Params) -> Result<Self, StripeError> {
        let kind = params.required("type")?;
        if kind != "card" {
            let message =
                format!("The payment method type \"{kind}\" is invalid. The sandbox has cards only.");
            return Err(StripeError::invalid(message, &params.name_of("type")));
        }
        let billing = BillingDetails::read(params)?;
        let mut metadata = Metadata::new();
        params.metadata(&mut metadata)?;
        params.ignore(&["allow_redisplay", "radar_options"]);
        let full = params.name_of("card");
        let mut hash = params.hash("card")?.ok_or_else(|| StripeError::missing(&full))?;
        let card = read_card(call.tx, &mut hash)?;
        hash.finish()?;
        let scope = call.scope.clone();
        Ok(add(call.tx, &scope, card, billing, metadata))
    }
}

fn no_such(id: &str, param: &str) -> StripeError {
    StripeError::no_such_param(PaymentMethod::NOUN, id, param)
}

fn read_card(tx: &Tx<'_>, hash: &mut Params) -> Result<Card, StripeError> {
    hash.ignore(&["cvc", "networks"]);
    let number_param = hash.name_of("number");
    if let Some(token) = hash.text("token")? {
        let number = Card::number_of_token(&token);
        return number
            .and_then(|number| card(tx, number, 12, 2034))
            .ok_or_else(|| StripeError::no_such_param("token", &token, &hash.name_of("token")));
    }
    let number = hash.required("number")?;
    let exp_month = hash.required_int("exp_month")?;
    let exp_year = hash.required_int("exp_year")?;
    let exp_year = if exp_year < 100 { exp_year + 2000 } else { exp_year };
    if !(1..=12).contains(&exp_month) {
        let message = "Your card's expiration month is invalid.";
        return Err(StripeError::card("invalid_expiry_month", message).with_param(&hash.name_of("exp_month")));
    }
    if is_past(tx.now(), exp_month, exp_year) {
        let message = "Your card's expiration year is invalid.";
        return Err(StripeError::card("invalid_expiry_year", message).with_param(&hash.name_of("exp_year")));
    }
    if !is_luhn(&number) {
        return Err(
            StripeError::card("incorrect_number", "Your card number is incorrect.").with_param(&number_param)
        );
    }
    card(tx, &number, exp_month, exp_year).ok_or_else(|| {
        let message = "Your card was declined. Your request was in test mode, but used a non test card. For a list of \
                       valid test cards, visit: https://stripe.com/docs/testing.";
        StripeError::card("card_declined", message)
            .with("decline_code", json!("test_mode_live_card"))
            .with_param(&number_param)
    })
}

fn is_past(now: i64, month: i64, year: i64) -> bool {
    use chrono::Datelike;
    let today = chrono::DateTime::from_timestamp(now, 0).unwrap_or_default();
    (year, month) < (i64::from(today.year()), i64::from(today.month()))
}

fn card(tx: &Tx<'_>, number: &str, exp_month: i64, exp_year: i64) -> Option<Card> {
    let fingerprint = ids::derive(tx.seed(), &format!("card {number}"), 0, 16);
    Card::of_number(number, exp_month, exp_year, fingerprint)
}

fn add(
    tx: &mut Tx<'_>,
    account: &str,
    card: Card,
    billing: BillingDetails,
    metadata: Metadata,
) -> PaymentMethod {
    let method = PaymentMethod {
        id: tx.new_id("pm"),
        account: account.to_owned(),
        customer: None,
        card,
        billing,
        metadata,
        created: tx.now(),
    };
    tx.put(method.clone());
    method
}
