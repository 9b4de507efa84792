//! The banks that connected accounts are paid out to.
//!
//! Only the last four digits of a number are kept; the test numbers of Stripe's documentation decide at once how
//! payouts to the bank will end.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{self, Account};
use crate::{
    ids,
    money::Currency,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        list::Page,
        params::{Metadata, Params},
        route::Route,
    },
    store::{Record, Tables, Tx},
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/accounts/{account}/external_accounts", list),
    Route::post("/v1/accounts/{account}/external_accounts", create),
    Route::get("/v1/accounts/{account}/external_accounts/{id}", retrieve),
];

/// How payouts to a bank end; the code of a failure is Stripe's.
const FAILING_NUMBERS: &[(&str, &str)] = &[
    ("000111111116", "no_account"),
    ("000111111113", "account_closed"),
    ("000222222227", "insufficient_funds"),
    ("000333333335", "debit_not_authorized"),
    ("000444444440", "invalid_currency"),
    ("DE62370400440532013001", "no_account"),
    ("DE86370400440532013002", "account_closed"),
    ("GB82WEST12345698765433", "no_account"),
];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BankAccount {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) country: String,
    pub(crate) currency: Currency,
    pub(crate) holder_name: Option<String>,
    pub(crate) holder_type: Option<String>,
    pub(crate) last4: String,
    pub(crate) routing_number: Option<String>,
    pub(crate) fingerprint: String,
    pub(crate) is_default: bool,
    pub(crate) metadata: Metadata,
    /// Why payouts to it will fail.
    pub(crate) fails_with: Option<String>,
    /// No payout failed yet.
    pub(crate) works: bool,
}

impl Record for BankAccount {
    const NOUN: &'static str = "external account";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.account
    }
}

/// A bank that a request describes.
pub(crate) struct NewBank {
    country: String,
    currency: Currency,
    holder_name: Option<String>,
    holder_type: Option<String>,
    routing_number: Option<String>,
    number: String,
    metadata: Metadata,
    default: bool,
}

impl BankAccount {
    pub(crate) fn render(&self, _: &Tables) -> Value {
        json!({
            "id": self.id,
            "object": "bank_account",
            "account": self.account,
            "account_holder_name": self.holder_name,
            "account_holder_type": self.holder_type,
            "account_type": null,
            "available_payout_methods": ["standard", "instant"],
            "bank_name": "STRIPE TEST BANK",
            "country": self.country,
            "currency": self.currency,
            "default_for_currency": self.is_default,
            "fingerprint": self.fingerprint,
            "future_requirements": { "currently_due": [], "errors": [], "past_due": [], "pending_verification": [] },
            "last4": self.last4,
            "metadata": self.metadata,
            "requirements": { "currently_due": [], "errors": [], "past_due": [], "pending_verification": [] },
            "routing_number": self.routing_number,
            "status": if self.works { "new" } else { "errored" },
        })
    }
}

/// Reads `external_account`: a token such as `btok_us`, or a hash.
pub(crate) fn read_new(params: &mut Params, account: &Account) -> Result<Option<NewBank>, StripeError> {
    if let Ok(Some(token)) = params.clone().text("external_account") {
        params.ignore(&["external_account"]);
        return of_token(&token, account).map(Some);
    }
    let Some(mut hash) = params.hash("external_account")? else { return Ok(None) };
    hash.choice("object", &["bank_account", "card"])?;
    let bank = NewBank {
        country: hash.text("country")?.unwrap_or_else(|| account.country.clone()),
        currency: hash.currency("currency")?.unwrap_or(account.default_currency),
        holder_name: hash.text("account_holder_name")?,
        holder_type: hash.choice("account_holder_type", &["individual", "company"])?,
        routing_number: hash.text("routing_number")?,
        number: hash.required("account_number")?,
        metadata: Metadata::new(),
        default: false,
    };
    hash.finish()?;
    check(&bank.country, bank.routing_number.as_deref(), &bank.number)
        .map_err(|(field, message)| StripeError::invalid(message, &format!("external_account[{field}]")))?;
    Ok(Some(bank))
}

fn of_token(token: &str, account: &Account) -> Result<NewBank, StripeError> {
    let number = match token {
        "btok_us_verified" | "btok_us" => "000123456789",
        "btok_us_noAccount" | "btok_us_verified_noAccount" => "000111111116",
        "btok_us_accountClosed" | "btok_us_verified_accountClosed" => "000111111113",
        "btok_us_insufficientFunds" | "btok_us_verified_insufficientFunds" => "000222222227",
        "btok_us_debitNotAuthorized" | "btok_us_verified_debitNotAuthorized" => "000333333335",
        "btok_us_invalidCurrency" | "btok_us_verified_invalidCurrency" => "000444444440",
        _ => return Err(StripeError::no_such_param("token", token, "external_account")),
    };
    Ok(NewBank {
        country: account.country.clone(),
        currency: account.default_currency,
        holder_name: None,
        holder_type: None,
        routing_number: Some("110000000".into()),
        number: number.into(),
        metadata: Metadata::new(),
        default: false,
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
        if !(4..=17).contains(&number.len()) || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(("account_number", "Account number must have 4 to 17 digits".into()));
        }
    } else if !(4..=34).contains(&number.len()) || !number.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(("account_number", "Account number must have 4 to 34 letters and digits".into()));
    }
    Ok(())
}

fn compact(number: &str) -> String {
    number.chars().filter(|char| !char.is_whitespace() && *char != '-').collect()
}

/// Adds a bank; the first of a currency, and one that is wanted so, is its default.
pub(crate) fn add(tx: &mut Tx<'_>, account: &str, bank: NewBank) -> BankAccount {
    let number = compact(&bank.number);
    let others: Vec<BankAccount> = tx
        .tables
        .list::<BankAccount>(account)
        .filter(|other| other.currency == bank.currency)
        .cloned()
        .collect();
    // A bank whose payout failed stands back for a new one.
    let is_default = bank.default || others.iter().all(|other| !other.works || !other.is_default);
    for other in others.into_iter().filter(|other| is_default && other.is_default) {
        tx.put(BankAccount { is_default: false, ..other });
    }
    let fails_with =
        FAILING_NUMBERS.iter().find(|(failing, _)| *failing == number).map(|(_, code)| (*code).to_owned());
    let added = BankAccount {
        id: tx.new_id("ba"),
        account: account.to_owned(),
        country: bank.country,
        currency: bank.currency,
        holder_name: bank.holder_name,
        holder_type: bank.holder_type,
        last4: number.chars().skip(number.chars().count().saturating_sub(4)).collect(),
        routing_number: bank.routing_number,
        fingerprint: ids::derive(tx.seed(), &format!("bank {number}"), 0, 16),
        is_default,
        metadata: bank.metadata,
        fails_with,
        works: true,
    };
    tx.put(added.clone());
    let object = added.render(tx.tables);
    tx.emit(account, "account.external_account.created", &object);
    added
}

/// The bank of the onboarding page: it becomes the one that is paid out to.
pub(crate) fn replace_default(
    tx: &mut Tx<'_>,
    account: &str,
    country: &str,
    currency: Currency,
    routing_number: Option<String>,
    number: &str,
) {
    let bank = NewBank {
        country: country.to_owned(),
        currency,
        holder_name: None,
        holder_type: None,
        routing_number,
        number: number.to_owned(),
        metadata: Metadata::new(),
        default: true,
    };
    add(tx, account, bank);
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let kind = call.params.choice("object", &["bank_account", "card"])?;
    let page = Page::read(&mut call.params)?;
    let account = call.account(&call.arg(0))?;
    let banks_wanted = kind.as_deref() != Some("card");
    page.of::<BankAccount>(call, &account.id, |_| banks_wanted, |tables, bank| bank.render(tables))
}

fn create(call: &mut Call<'_, '_>) -> Answer {
    let account = call.account(&call.arg(0))?;
    let before = account.render(call.tx.tables);
    let default = call.params.boolean("default_for_currency")?.unwrap_or(false);
    let mut metadata = Metadata::new();
    call.params.metadata(&mut metadata)?;
    let bank =
        read_new(&mut call.params, &account)?.ok_or_else(|| StripeError::missing("external_account"))?;
    call.finish()?;
    let added = add(call.tx, &account.id, NewBank { metadata, default, ..bank });
    account::refresh(call.tx, &account.id, &before);
    Ok(added.render(call.tx.tables))
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let (account, id) = (call.account(&call.arg(0))?, call.arg(1));
    let bank = call.tx.get::<BankAccount>(&id).filter(|bank| bank.account == account.id);
    bank.map(|bank| bank.render(call.tx.tables)).ok_or_else(|| StripeError::no_such(BankAccount::NOUN, &id))
}
