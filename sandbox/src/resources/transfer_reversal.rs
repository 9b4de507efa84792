//! Reversals: money of a transfer comes back to the platform.

use serde::{Deserialize, Serialize};

use super::{
    balance_transaction::{BalanceTransaction, Kind},
    charge::Charge,
    fee_refund,
    refund::{Refund, RefundOf},
    transfer::{self, Transfer},
};
use crate::{
    books::{self, Draft},
    json::{Value, json},
    money::{Currency, proportion},
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        list::Page,
        params::Metadata,
        route::Route,
    },
    store::{Record, Tables, Tx},
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/transfers/{transfer}/reversals", list),
    Route::post("/v1/transfers/{transfer}/reversals", create),
    Route::get("/v1/transfers/{transfer}/reversals/{id}", retrieve),
    Route::post("/v1/transfers/{transfer}/reversals/{id}", update),
];

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct TransferReversal {
    pub(crate) id: String,
    pub(crate) platform: String,
    pub(crate) transfer: String,
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    pub(crate) balance_transaction: Option<String>,
    pub(crate) destination_payment_refund: String,
    /// The refund that asked for it.
    pub(crate) source_refund: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) created: i64,
}

impl Record for TransferReversal {
    const NOUN: &'static str = "transfer_reversal";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.platform
    }

    fn keys(&self) -> Vec<String> {
        vec![self.transfer.clone()]
    }
}

impl TransferReversal {
    pub(crate) fn render(&self, _: &Tables) -> Value {
        json!({
            "id": self.id,
            "object": "transfer_reversal",
            "amount": self.amount,
            "balance_transaction": self.balance_transaction,
            "created": self.created,
            "currency": self.currency,
            "destination_payment_refund": self.destination_payment_refund,
            "metadata": self.metadata,
            "source_refund": self.source_refund,
            "transfer": self.transfer,
        })
    }
}

/// Takes money of a transfer back. The seller's balance may go below zero for a destination charge only.
pub(crate) fn reverse(
    tx: &mut Tx<'_>,
    mut transfer: Transfer,
    amount: i64,
    source_refund: Option<String>,
    metadata: Metadata,
) -> Result<TransferReversal, StripeError> {
    // 1. There must be that much left of it, and at the seller's.
    let left = transfer.amount - transfer.amount_reversed;
    if amount < 1 {
        return Err(StripeError::too_small("amount"));
    }
    if amount > left {
        let message = format!(
            "Transfer reversal amount ({}) is greater than the unreversed amount ({})",
            transfer.currency.display(amount),
            transfer.currency.display(left)
        );
        return Err(StripeError::refused("transfer_reversal_amount_too_large", message).with_param("amount"));
    }
    if !transfer.automatic && !books::holds(tx, &transfer.destination, transfer.currency, amount) {
        return Err(transfer::insufficient_funds());
    }

    // 2. The money, pending as long as the transfer's.
    let (id, payment_refund) = (tx.new_id("trr"), tx.new_id("pyr"));
    let transaction = transfer.balance_transaction.as_deref().and_then(|id| tx.get::<BalanceTransaction>(id));
    let available_ms = transaction.map_or(tx.now_ms, |found| found.available_ms);
    let draft =
        |account: &str, kind, amount, source: &str| Draft::new(account, kind, amount, source, available_ms);
    let drafts = vec![
        draft(&transfer.platform, Kind::TransferRefund, amount, &id),
        draft(&transfer.destination, Kind::PaymentRefund, -amount, &payment_refund),
    ];
    let mut written = books::post(tx, &id, &transfer.platform, transfer.currency, drafts, &[])?.into_iter();
    let (back, gone) = (written.next(), written.next());

    // 3. What stands for it on both sides.
    let now = tx.now();
    let reversal = TransferReversal {
        id,
        platform: transfer.platform.clone(),
        transfer: transfer.id.clone(),
        amount,
        currency: transfer.currency,
        balance_transaction: back,
        destination_payment_refund: payment_refund.clone(),
        source_refund,
        metadata,
        created: now,
    };
    tx.put(reversal.clone());
    transfer.amount_reversed += amount;
    tx.put(transfer.clone());
    if let Some(payment) = tx.get::<Charge>(&transfer.destination_payment).cloned() {
        tx.put(Charge { amount_refunded: payment.amount_refunded + amount, ..payment });
    }
    tx.put(Refund::of_reversal(payment_refund, &transfer, &reversal, gone));
    let object = transfer.render(tx.tables);
    tx.emit(&transfer.platform, "transfer.reversed", &object);
    Ok(reversal)
}

fn create(call: &mut Call<'_, '_>) -> Answer {
    let transfer = call.owned::<Transfer>(&call.arg(0))?;
    let left = transfer.amount - transfer.amount_reversed;
    let amount = call.params.int("amount")?.unwrap_or(left);
    let with_fee = call.params.boolean("refund_application_fee")?.unwrap_or(false);
    let mut metadata = Metadata::new();
    call.params.metadata(&mut metadata)?;
    call.params.ignore(&["description"]);
    call.finish()?;
    if left == 0 {
        let message = format!("Transfer {} has already been fully reversed.", transfer.id);
        return Err(StripeError::refused("transfer_already_reversed", message));
    }
    let (whole, payment) = (transfer.amount, transfer.destination_payment.clone());
    let reversal = reverse(call.tx, transfer, amount, None, metadata)?;
    if with_fee
        && let Some(fee) = call.tx.get::<Charge>(&payment).and_then(|found| found.application_fee.clone())
    {
        fee_refund::proportionally(
            call.tx,
            &fee,
            |total| proportion(total, amount, whole),
            &RefundOf::Transfer,
        )?;
    }
    Ok(reversal.render(call.tx.tables))
}

fn named(call: &Call<'_, '_>) -> Result<TransferReversal, StripeError> {
    let (transfer, id) = (call.owned::<Transfer>(&call.arg(0))?, call.arg(1));
    let reversal = call.owned::<TransferReversal>(&id)?;
    if reversal.transfer == transfer.id {
        Ok(reversal)
    } else {
        Err(StripeError::no_such(TransferReversal::NOUN, &id))
    }
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let reversal = named(call)?;
    Ok(reversal.render(call.tx.tables))
}

fn update(call: &mut Call<'_, '_>) -> Answer {
    let mut reversal = named(call)?;
    call.params.metadata(&mut reversal.metadata)?;
    call.finish()?;
    call.tx.put(reversal.clone());
    Ok(reversal.render(call.tx.tables))
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let page = Page::read(&mut call.params)?;
    let transfer = call.owned::<Transfer>(&call.arg(0))?;
    page.of::<TransferReversal>(call, &transfer.id, |_| true, |tables, reversal| reversal.render(tables))
}
