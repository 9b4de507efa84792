//! Payment methods: cards, bank debits, and a redirect to a bank.

mod instrument;
mod operations;

use serde::{Deserialize, Serialize};

pub(crate) use self::{
    instrument::Instrument,
    operations::{attach_to, detach_from},
};
use super::{
    address::Address,
    bank_method::{Ideal, SepaDebit, UsBankAccount},
    card::{Card, is_luhn},
};
use crate::{
    ids,
    json::{Value, json},
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
    /// In the journal it stands under its own name: `card`, for one.
    #[serde(flatten)]
    pub(crate) instrument: Instrument,
    pub(crate) billing: BillingDetails,
    /// Whether it may be shown to its customer again: `always | limited | unspecified`.
    #[serde(default)]
    pub(crate) allow_redisplay: Option<String>,
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
            "address": move self.address.as_ref().map_or_else(|| Address::default().render(), Address::render),
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
        let mut method = json!({
            "id": self.id,
            "object": "payment_method",
            "allow_redisplay": self.allow_redisplay.as_deref().unwrap_or("unspecified"),
            "billing_details": move self.billing.render(),
            "created": self.created,
            "customer": self.customer,
            "customer_account": null,
            "livemode": false,
            "metadata": self.metadata,
        });
        if let Value::Object(fields) = &mut method {
            self.instrument.render_into(fields);
        }
        method
    }

    /// Before a card is saved, its bank is asked whether it is good.
    pub(crate) fn check_saving(&self) -> Result<(), StripeError> {
        match &self.instrument {
            Instrument::Card(card) => card.refuses_saving().map_or(Ok(()), |reason| Err(reason.into_error())),
            _ => Ok(()),
        }
    }

    /// Debits need to know their payer: a name, and for SEPA an e-mail address.
    fn check_payer_is_named(&self, param: &str) -> Result<(), StripeError> {
        let missing = match &self.instrument {
            Instrument::SepaDebit(_) if self.billing.email.is_none() => "email",
            Instrument::SepaDebit(_) | Instrument::UsBankAccount(_) if self.billing.name.is_none() => "name",
            _ => return Ok(()),
        };
        Err(StripeError::missing(&format!("{param}[{missing}]")))
    }

    /// The method that a parameter names; `pm_card_visa` and the like become one of their own.
    pub(crate) fn usable(call: &mut Call<'_, '_>, id: &str, param: &str) -> Result<Self, StripeError> {
        let Some(instrument) = instrument_of_token(call.tx, id) else {
            return call.referenced::<Self>(id, param);
        };
        let billing = BillingDetails { name: Some("Jenny Rosen".to_owned()), ..BillingDetails::default() };
        let billing = if instrument.debit().is_some() { billing } else { BillingDetails::default() };
        Ok(add(call, instrument, billing, Metadata::new(), None))
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
        let param = params.name_of("type");
        let kind = params.required("type")?;
        let billing = BillingDetails::read(params)?;
        let mut metadata = Metadata::new();
        params.metadata(&mut metadata)?;
        let allow_redisplay = params.choice("allow_redisplay", REDISPLAY)?;
        params.ignore(&["customer", "radar_options"]);
        let billing_param = params.name_of("billing_details");
        let full = params.name_of(&kind);
        let hash = params.hash(&kind)?;
        params.ignore(Instrument::KINDS);
        params.ignore(instrument::OTHER_KINDS);
        let given = |hash: Option<Params>| hash.ok_or_else(|| StripeError::missing(&full));
        let seed = call.tx.seed();
        let (instrument, rest) = match kind.as_str() {
            "card" => {
                let mut hash = given(hash)?;
                (Instrument::Card(read_card(call.tx, &mut hash)?), hash)
            }
            "sepa_debit" => {
                let mut hash = given(hash)?;
                (Instrument::SepaDebit(SepaDebit::read(&mut hash, seed)?), hash)
            }
            "us_bank_account" => {
                let mut hash = given(hash)?;
                (Instrument::UsBankAccount(UsBankAccount::read(&mut hash, seed)?), hash)
            }
            "ideal" => {
                let mut hash = hash.unwrap_or_default();
                (Instrument::Ideal(Ideal::read(&mut hash)?), hash)
            }
            _ => {
                let message = format!(
                    "The payment method type \"{kind}\" is invalid. The sandbox has {}.",
                    Instrument::KINDS.join(", ")
                );
                return Err(StripeError::invalid(message, &param));
            }
        };
        rest.finish()?;
        let method = add(call, instrument, billing, metadata, allow_redisplay);
        method.check_payer_is_named(&billing_param)?;
        Ok(method)
    }
}

const REDISPLAY: &[&str] = &["always", "limited", "unspecified"];

/// What Stripe's names for test methods stand for: `pm_card_visa`, `pm_usBankAccount_success`.
fn instrument_of_token(tx: &Tx<'_>, token: &str) -> Option<Instrument> {
    if let Some(number) = Card::number_of_token(token) {
        return card(tx, number, 12, 2034).map(Instrument::Card);
    }
    if token == "pm_ideal" {
        return Some(Instrument::Ideal(Ideal::any()));
    }
    SepaDebit::of_token(token, tx.seed())
        .map(Instrument::SepaDebit)
        .or_else(|| UsBankAccount::of_token(token, tx.seed()).map(Instrument::UsBankAccount))
}

fn read_card(tx: &Tx<'_>, hash: &mut Params) -> Result<Card, StripeError> {
    hash.ignore(&["cvc", "networks"]);
    let number_param = hash.name_of("number");
    if let Some(token) = hash.text("token")? {
        hash.ignore(&["exp_month", "exp_year", "number"]);
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
    call: &mut Call<'_, '_>,
    instrument: Instrument,
    billing: BillingDetails,
    metadata: Metadata,
    allow_redisplay: Option<String>,
) -> PaymentMethod {
    let method = PaymentMethod {
        id: call.tx.new_id("pm"),
        account: call.scope.clone(),
        customer: None,
        instrument,
        billing,
        allow_redisplay,
        metadata,
        created: call.tx.now(),
    };
    call.tx.put(method.clone());
    method
}
