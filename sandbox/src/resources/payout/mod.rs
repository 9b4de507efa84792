//! Payouts: from a balance to a bank. They take days, and some banks send the money back.

mod automatic;
mod progress;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::progress::book;
pub(crate) use self::{
    automatic::{run, schedule},
    progress::move_on,
};
use super::{
    account::Account, balance_transaction::Kind, external_account::BankAccount, transfer::insufficient_funds,
};
use crate::{
    books,
    config::DAY_MS,
    money::Currency,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        list::{Page, Range},
        params::Metadata,
        route::Route,
    },
    store::{Record, Tables, Tx},
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/payouts", list),
    Route::post("/v1/payouts", create),
    Route::get("/v1/payouts/{id}", retrieve),
    Route::post("/v1/payouts/{id}", update),
    Route::post("/v1/payouts/{id}/cancel", cancel),
];

/// How long an instant payout takes.
const INSTANT_MS: i64 = 30 * 60 * 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Pending,
    InTransit,
    Paid,
    Failed,
    Canceled,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Payout {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    pub(crate) status: Status,
    pub(crate) instant: bool,
    pub(crate) automatic: bool,
    pub(crate) destination: Option<String>,
    pub(crate) balance_transaction: Option<String>,
    pub(crate) failure_balance_transaction: Option<String>,
    pub(crate) failure_code: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) statement_descriptor: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) created_ms: i64,
    pub(crate) arrival_ms: i64,
}

impl Record for Payout {
    const NOUN: &'static str = "payout";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.account
    }

    fn due_ms(&self) -> Option<i64> {
        match self.status {
            // It leaves half-way, a day after it was made at the latest; until then it can be canceled.
            Status::Pending => Some(self.created_ms + ((self.arrival_ms - self.created_ms) / 2).min(DAY_MS)),
            Status::InTransit => Some(self.arrival_ms),
            Status::Paid | Status::Failed | Status::Canceled => None,
        }
    }
}

impl Payout {
    pub(crate) fn render(&self, _: &Tables) -> Value {
        json!({
            "id": self.id,
            "object": "payout",
            "amount": self.amount,
            "application_fee": null,
            "application_fee_amount": null,
            "arrival_date": self.arrival_ms.div_euclid(1000),
            "automatic": self.automatic,
            "balance_transaction": self.balance_transaction,
            "created": self.created_ms.div_euclid(1000),
            "currency": self.currency,
            "description": self.description,
            "destination": self.destination,
            "failure_balance_transaction": self.failure_balance_transaction,
            "failure_code": self.failure_code,
            "failure_message": self.failure_code.as_deref().map(failure_message),
            "livemode": false,
            "metadata": self.metadata,
            "method": if self.instant { "instant" } else { "standard" },
            "original_payout": null,
            "payout_method": null,
            "reconciliation_status": if self.automatic { "completed" } else { "not_applicable" },
            "reversed_by": null,
            "source_type": "card",
            "statement_descriptor": self.statement_descriptor,
            "status": self.status,
            "trace_id": match self.status {
                Status::Paid => json!({ "status": "supported", "value": self.id }),
                _ => json!({ "status": "pending", "value": null }),
            },
            "type": "bank_account",
        })
    }
}

fn failure_message(code: &str) -> &'static str {
    match code {
        "no_account" => {
            "The bank account details on file are probably incorrect. No bank account could be located with those details."
        }
        "account_closed" => "The bank account has been closed.",
        "insufficient_funds" => "Your Stripe account has insufficient funds to cover the payout.",
        "debit_not_authorized" => "Debit transactions are not approved on your bank account.",
        "invalid_currency" => "The bank was unable to process this payout because of its currency.",
        _ => "The bank returned the payout.",
    }
}

fn create(call: &mut Call<'_, '_>) -> Answer {
    // 1. How much, to which bank.
    let amount = call.params.required_int("amount")?;
    let currency = call.params.required_currency("currency")?;
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(StripeError::invalid(message, "amount").with_code("parameter_invalid_integer"));
    }
    let instant = call.params.choice("method", &["standard", "instant"])?.as_deref() == Some("instant");
    let destination = call.params.text("destination")?;
    let description = call.params.text("description")?;
    let statement_descriptor = call.params.text("statement_descriptor")?;
    call.params.choice("source_type", &["card", "bank_account", "fpx"])?;
    let mut metadata = Metadata::new();
    call.params.metadata(&mut metadata)?;
    call.params.ignore(&["payout_method"]);
    call.finish()?;
    let account = call.account(&call.scope.clone())?;
    let bank = bank_for(call, &account, currency, destination)?;
    if !account.payouts_enabled(call.tx.tables) {
        let message =
            "Your account must have payouts enabled before it can make a payout. Look at its requirements.";
        return Err(StripeError::refused("payouts_not_allowed", message));
    }

    // 2. It leaves the balance at once.
    if books::available(call.tx, &account.id, currency) < amount {
        return Err(insufficient_funds());
    }
    let payout = Payout {
        instant,
        description,
        statement_descriptor,
        metadata,
        ..new(call.tx, &account.id, amount, currency, bank)
    };
    let payout = begin(call.tx, payout)?;
    Ok(payout.render(call.tx.tables))
}

/// A standard payout that nobody said anything special about.
fn new(
    tx: &mut Tx<'_>,
    account: &str,
    amount: i64,
    currency: Currency,
    destination: Option<String>,
) -> Payout {
    Payout {
        id: tx.new_id("po"),
        account: account.to_owned(),
        amount,
        currency,
        status: Status::Pending,
        instant: false,
        automatic: false,
        destination,
        balance_transaction: None,
        failure_balance_transaction: None,
        failure_code: None,
        description: None,
        statement_descriptor: None,
        metadata: Metadata::new(),
        created_ms: tx.now_ms,
        arrival_ms: tx.now_ms,
    }
}

/// Takes the money out of the balance, and sets off.
fn begin(tx: &mut Tx<'_>, mut payout: Payout) -> Result<Payout, StripeError> {
    let takes_ms = if payout.instant { INSTANT_MS } else { tx.settings().payout_days * DAY_MS };
    payout.arrival_ms = payout.created_ms + takes_ms;
    payout.balance_transaction = Some(book(tx, &payout, Kind::Payout, -payout.amount)?);
    tx.put(payout.clone());
    let object = payout.render(tx.tables);
    tx.emit(&payout.account, "payout.created", &object);
    Ok(payout)
}

/// The bank that is asked for, or the default one of the currency. The platform's own bank has no object.
fn bank_for(
    call: &Call<'_, '_>,
    account: &Account,
    currency: Currency,
    destination: Option<String>,
) -> Result<Option<String>, StripeError> {
    if account.is_platform() && destination.is_none() {
        return Ok(None);
    }
    let missing = match destination {
        Some(id) => {
            let found = call.tx.get::<BankAccount>(&id).filter(|bank| bank.account == account.id);
            if found.is_some() {
                return Ok(Some(id));
            }
            StripeError::no_such_param("external account", &id, "destination")
        }
        None => {
            if let Some(bank) = default_bank(call.tx, &account.id, currency) {
                return Ok(Some(bank));
            }
            let message =
                format!("Sorry, you don't have any external accounts in that currency ({currency}).");
            StripeError::refused("payouts_not_allowed", message)
        }
    };
    Err(missing)
}

fn default_bank(tx: &Tx<'_>, account: &str, currency: Currency) -> Option<String> {
    let mut banks = tx.tables.list::<BankAccount>(account);
    banks.find(|bank| bank.currency == currency && bank.is_default).map(|bank| bank.id.clone())
}

fn cancel(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let payout = call.owned::<Payout>(&call.arg(0))?;
    if payout.status != Status::Pending {
        let message = "Payouts can only be canceled while they are pending.";
        return Err(StripeError::refused("payout_not_cancelable", message));
    }
    let returned = book(call.tx, &payout, Kind::PayoutCancel, payout.amount)?;
    let canceled = Payout { status: Status::Canceled, failure_balance_transaction: Some(returned), ..payout };
    call.tx.put(canceled.clone());
    let object = canceled.render(call.tx.tables);
    call.tx.emit(&canceled.account, "payout.canceled", &object);
    Ok(object)
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let payout = call.owned::<Payout>(&call.arg(0))?;
    Ok(payout.render(call.tx.tables))
}

fn update(call: &mut Call<'_, '_>) -> Answer {
    let mut payout = call.owned::<Payout>(&call.arg(0))?;
    let before = payout.render(call.tx.tables);
    call.params.metadata(&mut payout.metadata)?;
    call.finish()?;
    call.tx.put(payout.clone());
    let after = payout.render(call.tx.tables);
    call.tx.emit_change(&payout.account, "payout.updated", &before, &after);
    Ok(after)
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let created = Range::read(&mut call.params, "created")?;
    let arrival = Range::read(&mut call.params, "arrival_date")?;
    let destination = call.params.text("destination")?;
    let status = call.params.choice("status", &["canceled", "failed", "in_transit", "paid", "pending"])?;
    let page = Page::read(&mut call.params)?;
    let scope = call.scope.clone();
    page.of::<Payout>(
        call,
        &scope,
        |payout| {
            created.holds(payout.created_ms.div_euclid(1000))
                && arrival.holds(payout.arrival_ms.div_euclid(1000))
                && (destination.is_none() || destination == payout.destination)
                && status.as_deref().is_none_or(|status| json!(payout.status) == status)
        },
        |tables, payout| payout.render(tables),
    )
}
