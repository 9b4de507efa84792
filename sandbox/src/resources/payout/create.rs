//! Payouts that are asked for, and what all payouts begin with.

use super::{Payout, Status, progress};
use crate::{
    books,
    config::DAY_MS,
    money::Currency,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        params::Metadata,
    },
    resources::{account::Account, external_account::ExternalAccount, transfer::insufficient_funds},
    store::Tx,
};

/// How long an instant payout takes.
const INSTANT_MS: i64 = 30 * 60 * 1000;

pub(super) fn create(call: &mut Call<'_, '_>) -> Answer {
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
    let source_type = call.params.choice("source_type", &["card", "bank_account", "fpx"])?;
    let mut metadata = Metadata::new();
    call.params.metadata(&mut metadata)?;
    call.params.text("payout_method")?;
    call.finish()?;
    let account = call.account(&call.scope.clone())?;
    let bank = bank_for(call, &account, currency, destination, instant)?;
    if !account.payouts_enabled(call.tx.tables) {
        let message =
            "Your account must have payouts enabled before it can make a payout. Look at its requirements.";
        return Err(StripeError::refused("payouts_not_allowed", message));
    }

    // 2. It leaves the balance at once, and so does the fee if the account bears it.
    let payout = Payout {
        instant,
        description,
        statement_descriptor,
        source_type,
        metadata,
        ..new(call.tx, &account.id, amount, currency, bank)
    };
    let fee = progress::fee_of(call.tx, &payout);
    let needed = if account.bears_payout_fees() { amount + fee } else { amount };
    if books::available(call.tx, &account.id, currency) < needed {
        return Err(insufficient_funds());
    }
    let payout = begin(call.tx, payout)?;
    Ok(payout.render(call.tx.tables))
}

/// A standard payout that nobody said anything special about.
pub(super) fn new(
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
        source_type: None,
        original: None,
        reversed_by: None,
    }
}

/// Takes the money out of the balance, and sets off.
pub(super) fn begin(tx: &mut Tx<'_>, mut payout: Payout) -> Result<Payout, StripeError> {
    let takes_ms = if payout.instant { INSTANT_MS } else { tx.settings().payout_days * DAY_MS };
    payout.arrival_ms = payout.created_ms + takes_ms;
    payout.balance_transaction = Some(progress::book_start(tx, &payout)?);
    tx.put(payout.clone());
    let object = payout.render(tx.tables);
    tx.emit(&payout.account, "payout.created", &object);
    Ok(payout)
}

impl Account {
    /// Stripe's fees on instant payouts fall on accounts that pay their own fees; for all others the platform pays.
    pub(super) fn bears_payout_fees(&self) -> bool {
        self.is_platform() || self.controller.fees_payer == "account"
    }
}

/// The bank that is asked for, or the default one of the currency. The platform's own bank has no object.
fn bank_for(
    call: &Call<'_, '_>,
    account: &Account,
    currency: Currency,
    destination: Option<String>,
    instant: bool,
) -> Result<Option<String>, StripeError> {
    if account.is_platform() && destination.is_none() {
        return Ok(None);
    }
    let bank = match destination {
        Some(id) => {
            let found = call.tx.get::<ExternalAccount>(&id).filter(|bank| bank.account == account.id);
            found.ok_or_else(|| StripeError::no_such_param("external account", &id, "destination"))?
        }
        None => default_bank(call.tx, &account.id, currency).ok_or_else(|| {
            let message =
                format!("Sorry, you don't have any external accounts in that currency ({currency}).");
            StripeError::refused("payouts_not_allowed", message)
        })?,
    };
    if instant && !bank.takes_instant() {
        let message =
            "This destination is not eligible for instant payouts. Use a debit card or another bank account.";
        return Err(StripeError::refused("instant_payouts_unsupported", message).with_param("method"));
    }
    Ok(Some(bank.id.clone()))
}

pub(super) fn default_bank<'t>(
    tx: &'t Tx<'_>,
    account: &str,
    currency: Currency,
) -> Option<&'t ExternalAccount> {
    tx.tables.list::<ExternalAccount>(account).find(|bank| bank.currency == currency && bank.is_default)
}
