//! Transfers: from the platform's balance to a connected account's, where they arrive as a payment (`py_`).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    account::Account,
    application_fee::{self, ApplicationFee},
    application_of,
    balance_transaction::{BalanceTransaction, FeeDetail, Kind},
    charge::Charge,
    transfer_reversal::TransferReversal,
};
use crate::{
    books::{self, Draft, Unbalanced},
    money::Currency,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        list::{Page, Range, embedded},
        params::Metadata,
        route::Route,
    },
    store::{Record, Tables, Tx},
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/transfers", list),
    Route::post("/v1/transfers", create),
    Route::get("/v1/transfers/{id}", retrieve),
    Route::post("/v1/transfers/{id}", update),
];

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Transfer {
    pub(crate) id: String,
    pub(crate) platform: String,
    pub(crate) amount: i64,
    pub(crate) amount_reversed: i64,
    pub(crate) currency: Currency,
    pub(crate) balance_transaction: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) destination: String,
    pub(crate) destination_payment: String,
    pub(crate) source_transaction: Option<String>,
    pub(crate) transfer_group: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) created: i64,
    /// Stripe made it for a destination charge.
    pub(crate) automatic: bool,
}

impl Record for Transfer {
    const NOUN: &'static str = "transfer";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.platform
    }

    fn keys(&self) -> Vec<String> {
        let mut keys = vec![format!("to {}", self.destination)];
        keys.extend(self.source_transaction.clone());
        keys.extend(self.transfer_group.as_ref().map(|group| format!("group {group}")));
        keys
    }
}

impl Transfer {
    pub(crate) fn render(&self, tables: &Tables) -> Value {
        let reversals =
            tables.list::<TransferReversal>(&self.id).rev().map(|found| found.render(tables)).collect();
        json!({
            "id": self.id,
            "object": "transfer",
            "amount": self.amount,
            "amount_reversed": self.amount_reversed,
            "balance_transaction": self.balance_transaction,
            "created": self.created,
            "currency": self.currency,
            "description": self.description,
            "destination": self.destination,
            "destination_payment": self.destination_payment,
            "livemode": false,
            "metadata": self.metadata,
            "reversals": embedded(format!("/v1/transfers/{}/reversals", self.id), reversals),
            "reversed": self.amount_reversed == self.amount,
            "source_transaction": self.source_transaction,
            "source_type": "card",
            "transfer_group": self.transfer_group,
        })
    }
}

/// What is sent, and under which terms.
pub(crate) struct Sending {
    pub(crate) platform: String,
    pub(crate) destination: String,
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    /// What the platform takes back of it at once.
    pub(crate) application_fee: Option<i64>,
    pub(crate) source_transaction: Option<String>,
    pub(crate) transfer_group: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) available_ms: i64,
    pub(crate) automatic: bool,
}

/// Moves the money, and leaves a transfer, a payment and perhaps a fee behind.
pub(crate) fn send(tx: &mut Tx<'_>, sending: Sending) -> Result<Transfer, Unbalanced> {
    let (id, payment) = (tx.new_id("tr"), tx.new_id("py"));
    let fee = sending.application_fee.filter(|amount| *amount > 0).map(|amount| (tx.new_id("fee"), amount));
    let application = application_of(&sending.platform);
    let draft = |account: &str, kind, amount, source: &str, fees| Draft {
        account: account.to_owned(),
        kind,
        amount,
        fees,
        source: source.to_owned(),
        available_ms: sending.available_ms,
        description: sending.description.clone(),
    };

    // 1. The money: out of the platform, into the seller, and the fee back.
    let fees = fee.iter().map(|(_, amount)| FeeDetail::application(*amount, application.clone())).collect();
    let mut drafts = vec![
        draft(&sending.platform, Kind::Transfer, -sending.amount, &id, Vec::new()),
        draft(&sending.destination, Kind::Payment, sending.amount, &payment, fees),
    ];
    if let Some((fee_id, amount)) = &fee {
        drafts.push(draft(&sending.platform, Kind::ApplicationFee, *amount, fee_id, Vec::new()));
    }
    let mut written = books::post(tx, &id, &sending.platform, sending.currency, drafts, &[])?.into_iter();
    let (out, arrived, earned) = (written.next(), written.next(), written.next());

    // 2. The objects that stand for it.
    let now = tx.now();
    let transfer = Transfer {
        id,
        platform: sending.platform.clone(),
        amount: sending.amount,
        amount_reversed: 0,
        currency: sending.currency,
        balance_transaction: out,
        description: sending.description,
        destination: sending.destination.clone(),
        destination_payment: payment.clone(),
        source_transaction: sending.source_transaction.clone(),
        transfer_group: sending.transfer_group,
        metadata: sending.metadata,
        created: now,
        automatic: sending.automatic,
    };
    tx.put(transfer.clone());
    tx.put(Charge::of_transfer(&transfer, arrived, fee.clone()));
    let object = transfer.render(tx.tables);
    tx.emit(&transfer.platform, "transfer.created", &object);
    if let Some((fee_id, amount)) = fee {
        let fee = ApplicationFee {
            id: fee_id,
            platform: sending.platform,
            account: sending.destination,
            amount,
            amount_refunded: 0,
            currency: sending.currency,
            balance_transaction: earned,
            charge: payment,
            originating_transaction: sending.source_transaction,
            created: now,
        };
        application_fee::add(tx, fee);
    }
    Ok(transfer)
}

fn create(call: &mut Call<'_, '_>) -> Answer {
    // 1. What is wanted.
    let currency = call.params.required_currency("currency")?;
    let destination = call.params.required("destination")?;
    let amount = call.params.int("amount")?;
    let source = call.params.text("source_transaction")?;
    let group = call.params.text("transfer_group")?;
    let description = call.params.text("description")?;
    call.params.choice("source_type", &["card", "bank_account", "fpx"])?;
    let mut metadata = Metadata::new();
    call.params.metadata(&mut metadata)?;
    call.finish()?;
    let amount = amount.ok_or_else(|| StripeError::missing("amount"))?;
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(StripeError::invalid(message, "amount").with_code("parameter_invalid_integer"));
    }

    // 2. To whom: an account that can take transfers.
    let account = call.destination(&destination, "destination")?;
    must_take_transfers(&account)?;

    // 3. From what: the balance, or one charge.
    let (available_ms, group) = match &source {
        Some(id) => of_charge(call, id, amount, currency, group)?,
        None => {
            if books::available(call.tx, &call.scope, currency) < amount {
                return Err(insufficient_funds());
            }
            (call.tx.now_ms, group)
        }
    };

    // 4. Send it.
    let sending = Sending {
        platform: call.scope.clone(),
        destination,
        amount,
        currency,
        application_fee: None,
        source_transaction: source,
        transfer_group: group,
        description,
        metadata,
        available_ms,
        automatic: false,
    };
    let transfer = send(call.tx, sending)?;
    Ok(transfer.render(call.tx.tables))
}

/// A transfer out of a charge: at most what it brought, in its currency, and pending as long as it is.
fn of_charge(
    call: &mut Call<'_, '_>,
    id: &str,
    amount: i64,
    currency: Currency,
    group: Option<String>,
) -> Result<(i64, Option<String>), StripeError> {
    let mut charge = call.referenced::<Charge>(id, "source_transaction")?;
    if !charge.is_paid() || !charge.captured {
        let message = format!("The charge {id} has not succeeded, so it cannot be transferred.");
        return Err(StripeError::refused("charge_not_succeeded", message).with_param("source_transaction"));
    }
    if charge.currency != currency {
        let message = format!(
            "The currency of source_transaction's balance transaction ({}) must be the same as the transfer currency \
             ({currency})",
            charge.currency
        );
        return Err(
            StripeError::refused("balance_transaction_currency_mismatch", message).with_param("currency")
        );
    }
    let sent: i64 = call.tx.tables.list::<Transfer>(id).map(|transfer| transfer.amount).sum();
    if sent + amount > charge.amount_captured {
        let message = format!(
            "Transfers using this transaction as a source must not exceed the source amount of {}. (Note: this is \
             charge's amount in the charge's currency: {}.)",
            charge.currency.display(charge.amount_captured),
            charge.currency.display(charge.amount_captured - sent),
        );
        return Err(
            StripeError::refused("transfer_source_balance_insufficient", message).with_param("amount")
        );
    }
    let group = group.or_else(|| charge.transfer_group.clone()).unwrap_or_else(|| format!("group_{id}"));
    if charge.transfer_group.is_none() {
        charge.transfer_group = Some(group.clone());
        call.tx.put(charge.clone());
    }
    let transaction =
        charge.balance_transaction.as_deref().and_then(|id| call.tx.get::<BalanceTransaction>(id));
    // A charge whose capture is under way will be available when it says.
    let available_ms =
        transaction.map_or(call.tx.now_ms + call.tx.settings().settlement_ms(), |found| found.available_ms);
    Ok((available_ms, Some(group)))
}

/// Refuses accounts without the capability.
pub(crate) fn must_take_transfers(account: &Account) -> Result<(), StripeError> {
    if account.is_active("transfers") {
        return Ok(());
    }
    let message = "Your destination account needs to have at least one of the following capabilities enabled: transfers, \
                   crypto_transfers, legacy_payments";
    Err(StripeError::refused("insufficient_capabilities_for_transfer", message))
}

pub(crate) fn insufficient_funds() -> StripeError {
    let message = "You have insufficient available funds in your Stripe account. Try adding funds directly to your \
                   available balance by creating Charges using the 4000000000000077 test card. See: \
                   https://stripe.com/docs/testing#available-balance";
    StripeError::refused("balance_insufficient", message)
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let transfer = call.owned::<Transfer>(&call.arg(0))?;
    Ok(transfer.render(call.tx.tables))
}

fn update(call: &mut Call<'_, '_>) -> Answer {
    let mut transfer = call.owned::<Transfer>(&call.arg(0))?;
    let before = transfer.render(call.tx.tables);
    call.params.change("description")?.apply(&mut transfer.description);
    call.params.metadata(&mut transfer.metadata)?;
    call.finish()?;
    call.tx.put(transfer.clone());
    let after = transfer.render(call.tx.tables);
    call.tx.emit_change(&transfer.platform, "transfer.updated", &before, &after);
    Ok(after)
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let created = Range::read(&mut call.params, "created")?;
    let destination = call.params.text("destination")?;
    let group = call.params.text("transfer_group")?;
    let page = Page::read(&mut call.params)?;
    let scope = call.scope.clone();
    let key = match (&group, &destination) {
        (Some(group), _) => format!("group {group}"),
        (None, Some(destination)) => format!("to {destination}"),
        (None, None) => scope.clone(),
    };
    page.of::<Transfer>(
        call,
        &key,
        |transfer| {
            transfer.platform == scope
                && created.holds(transfer.created)
                && destination.as_deref().is_none_or(|destination| destination == transfer.destination)
        },
        |tables, transfer| transfer.render(tables),
    )
}
