//! Transfers that are asked for.

use super::{Sending, Transfer, send};
use crate::{
    books,
    money::Currency,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        params::Metadata,
    },
    resources::{account::Account, balance_transaction::BalanceTransaction, charge::Charge},
};

pub(super) fn create(call: &mut Call<'_, '_>) -> Answer {
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
        return Err(StripeError::too_small("amount"));
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
    // What counts is what the charge brought, in the currency in which it is held.
    let (settled, brought) = charge.brought(call.tx);
    if settled != currency {
        let message = format!(
            "The currency of source_transaction's balance transaction ({settled}) must be the same as the transfer currency \
             ({currency})"
        );
        return Err(
            StripeError::refused("balance_transaction_currency_mismatch", message).with_param("currency")
        );
    }
    let sent: i64 = call.tx.tables.list::<Transfer>(id).map(|transfer| transfer.amount).sum();
    if sent + amount > brought {
        let message = format!(
            "Transfers using this transaction as a source must not exceed the source amount of {}. (Note: this is \
             charge's amount in the settled currency: {}.)",
            settled.display(brought),
            settled.display(brought - sent),
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
