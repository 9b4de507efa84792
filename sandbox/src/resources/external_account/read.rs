//! What a request says about a bank or a debit card.

use super::{DebitCard, test_numbers};
use crate::{
    money::Currency,
    protocol::{
        error::StripeError,
        params::{Metadata, Params},
        shape::{Fields, Kept, Shape},
    },
    resources::account::Account,
};

/// What a card shows again.
pub(super) const CARD_HOLDER: Fields = &[
    ("address_city", Shape::Text),
    ("address_country", Shape::Text),
    ("address_line1", Shape::Text),
    ("address_line2", Shape::Text),
    ("address_state", Shape::Text),
    ("address_zip", Shape::Text),
    ("name", Shape::Text),
];

/// A bank or card that a request describes.
pub(crate) struct NewAccount {
    pub(super) country: String,
    pub(super) currency: Currency,
    pub(super) holder_name: Option<String>,
    pub(super) holder_type: Option<String>,
    pub(super) routing_number: Option<String>,
    pub(super) number: String,
    pub(super) metadata: Metadata,
    pub(super) default: bool,
    pub(super) card: Option<DebitCard>,
}

impl NewAccount {
    pub(super) fn bank(
        country: &str,
        currency: Currency,
        routing_number: Option<String>,
        number: &str,
    ) -> Self {
        Self {
            country: country.to_owned(),
            currency,
            holder_name: None,
            holder_type: None,
            routing_number,
            number: number.to_owned(),
            metadata: Metadata::new(),
            default: false,
            card: None,
        }
    }

    /// It becomes the default of its currency.
    pub(crate) fn into_default(self) -> Self {
        Self { default: true, ..self }
    }
}

/// Reads `external_account`: a token such as `btok_us`, or a hash.
pub(crate) fn read_new(params: &mut Params, account: &Account) -> Result<Option<NewAccount>, StripeError> {
    let name = "external_account";
    if let Ok(Some(token)) = params.clone().text(name) {
        params.ignore(&[name]);
        return of_token(&token, account, None, name).map(Some);
    }
    let Some(mut hash) = params.hash(name)? else { return Ok(None) };
    let object = hash.choice("object", &["bank_account", "card"])?;
    let object = object.ok_or_else(|| StripeError::missing(&hash.name_of("object")))?;
    let currency = hash.currency("currency")?.unwrap_or(account.default_currency);
    let new = if object == "card" { read_card(hash, account, currency)? } else { read_bank(hash, currency)? };
    Ok(Some(new))
}

fn read_bank(mut hash: Params, currency: Currency) -> Result<NewAccount, StripeError> {
    let bank = NewAccount {
        country: hash.required("country")?.to_ascii_uppercase(),
        currency,
        holder_name: hash.text("account_holder_name")?,
        holder_type: hash.choice("account_holder_type", &["individual", "company"])?,
        routing_number: hash.text("routing_number")?,
        number: hash.required("account_number")?,
        metadata: Metadata::new(),
        default: false,
        card: None,
    };
    hash.finish()?;
    check(&bank.country, bank.routing_number.as_deref(), &bank.number).map_err(|(field, message)| {
        let code =
            if field == "routing_number" { "routing_number_invalid" } else { "account_number_invalid" };
        StripeError::invalid(message, &format!("external_account[{field}]")).with_code(code)
    })?;
    Ok(bank)
}

fn read_card(mut hash: Params, account: &Account, currency: Currency) -> Result<NewAccount, StripeError> {
    if let Some(token) = hash.text("token")? {
        let param = hash.name_of("token");
        hash.finish()?;
        return of_token(&token, account, Some(currency), &param);
    }
    let param = hash.name_of("number");
    let number = compact(&hash.required("number")?);
    let (exp_month, exp_year) = (hash.required_int("exp_month")?, hash.required_int("exp_year")?);
    let default = hash.boolean("default_for_currency")?.unwrap_or(false);
    let (mut metadata, mut kept) = (Metadata::new(), Kept::new());
    hash.metadata(&mut metadata)?;
    hash.text("cvc")?;
    hash.keep(CARD_HOLDER, &mut kept)?;
    hash.finish()?;
    let card = DebitCard { brand: debit_brand(&number, &param)?, exp_month, exp_year, kept };
    let bank = NewAccount::bank(&account.country, currency, None, &number);
    Ok(NewAccount { metadata, default, card: Some(card), ..bank })
}

fn of_token(
    token: &str,
    account: &Account,
    currency: Option<Currency>,
    param: &str,
) -> Result<NewAccount, StripeError> {
    let currency = currency.unwrap_or(account.default_currency);
    let country = account.country.as_str();
    if let Some(number) = test_numbers::bank_of_token(token) {
        return Ok(NewAccount::bank(country, currency, Some("110000000".into()), number));
    }
    let number = test_numbers::card_of_token(token)
        .ok_or_else(|| StripeError::no_such_param("token", token, param))?;
    let card =
        DebitCard { brand: debit_brand(number, param)?, exp_month: 12, exp_year: 2034, kept: Kept::new() };
    Ok(NewAccount { card: Some(card), ..NewAccount::bank(country, currency, None, number) })
}

/// Stripe pays out to debit cards only.
fn debit_brand(number: &str, param: &str) -> Result<String, StripeError> {
    let brand = test_numbers::debit_brand(number).map(str::to_owned);
    brand.ok_or_else(|| {
        let message = "The card provided is not a debit card. Please provide a debit card instead.";
        StripeError::invalid(message, param).with_code("invalid_card_type")
    })
}

/// What is wrong with a bank's numbers: the field, and why.
pub(crate) fn check(
    country: &str,
    routing: Option<&str>,
    number: &str,
) -> Result<(), (&'static str, String)> {
    let number = compact(number);
    if country == "US" {
        let routing = routing.unwrap_or_default();
        if routing.len() != 9 || !routing.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(("routing_number", "Routing number must have 9 digits".into()));
        }
        if !has_checksum(routing) {
            return Err(("routing_number", "Invalid routing number: its check digit is wrong".into()));
        }
        if !(4..=17).contains(&number.len()) || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(("account_number", "Account number must have 4 to 17 digits".into()));
        }
    } else if !(4..=34).contains(&number.len()) || !number.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(("account_number", "Account number must have 4 to 34 letters and digits".into()));
    }
    Ok(())
}

/// The check digit of the American Bankers Association: weights 3, 7, 1.
fn has_checksum(routing: &str) -> bool {
    let weights = [3_u32, 7, 1].into_iter().cycle();
    let sum: u32 = routing.bytes().zip(weights).map(|(byte, weight)| u32::from(byte - b'0') * weight).sum();
    sum.is_multiple_of(10)
}

pub(super) fn compact(number: &str) -> String {
    number.chars().filter(|char| !char.is_whitespace() && *char != '-').collect()
}
