//! Refunds of application fees: the platform gives (a part of) its share back to the seller.

use serde::{Deserialize, Serialize};

use super::{
    application_fee::ApplicationFee,
    balance_transaction::{BalanceTransaction, Kind},
    refund::RefundOf,
};
use crate::{
    books::{self, Draft},
    json::{Value, json},
    money::Currency,
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
    Route::get("/v1/application_fees/{fee}/refunds", list),
    Route::post("/v1/application_fees/{fee}/refunds", create),
    Route::get("/v1/application_fees/{fee}/refunds/{id}", retrieve),
    Route::post("/v1/application_fees/{fee}/refunds/{id}", update),
];

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct FeeRefund {
    pub(crate) id: String,
    pub(crate) platform: String,
    pub(crate) fee: String,
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    pub(crate) balance_transaction: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) created: i64,
}

impl Record for FeeRefund {
    const NOUN: &'static str = "fee refund";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.platform
    }

    fn keys(&self) -> Vec<String> {
        vec![self.fee.clone()]
    }
}

impl FeeRefund {
    pub(crate) fn render(&self, _: &Tables) -> Value {
        json!({
            "id": self.id,
            "object": "fee_refund",
            "amount": self.amount,
            "balance_transaction": self.balance_transaction,
            "created": self.created,
            "currency": self.currency,
            "fee": self.fee,
            "metadata": self.metadata,
        })
    }
}

/// The share of a fee that goes back with a refund: `share` of the whole, at most what is left.
pub(crate) fn proportionally(
    tx: &mut Tx<'_>,
    fee: &str,
    share: impl FnOnce(i64) -> i64,
    cause: &RefundOf,
) -> Result<(), StripeError> {
    let Some(fee) = tx.get::<ApplicationFee>(fee).cloned() else { return Ok(()) };
    let left = fee.amount - fee.amount_refunded;
    // The last part takes what rounding left over.
    let amount = if matches!(cause, RefundOf::WholeRest) { left } else { share(fee.amount).min(left) };
    if amount > 0 {
        give_back(tx, fee, amount, Metadata::new())?;
    }
    Ok(())
}

fn give_back(
    tx: &mut Tx<'_>,
    mut fee: ApplicationFee,
    amount: i64,
    metadata: Metadata,
) -> Result<FeeRefund, StripeError> {
    let left = fee.amount - fee.amount_refunded;
    if left == 0 {
        let message = format!("Application fee {} has already been refunded.", fee.id);
        return Err(StripeError::refused("application_fee_already_refunded", message));
    }
    if amount < 1 {
        return Err(StripeError::too_small("amount"));
    }
    if amount > left {
        let message = format!(
            "Refund amount ({}) is greater than unrefunded amount on fee ({})",
            fee.currency.display(amount),
            fee.currency.display(left)
        );
        return Err(StripeError::refused("amount_too_large", message).with_param("amount"));
    }

    // 1. Out of the platform, into the seller.
    let id = tx.new_id("fr");
    let earned = fee.balance_transaction.as_deref().and_then(|id| tx.get::<BalanceTransaction>(id));
    let available_ms = earned.map_or(tx.now_ms, |found| found.available_ms);
    let draft = |account: &str, kind, amount| Draft::new(account, kind, amount, &id, available_ms);
    let drafts = vec![
        draft(&fee.platform, Kind::ApplicationFeeRefund, -amount),
        draft(&fee.account, Kind::Adjustment, amount),
    ];
    let written = books::post(tx, &id, &fee.platform, fee.currency, drafts, &[])?;

    // 2. What stands for it.
    let refund = FeeRefund {
        id,
        platform: fee.platform.clone(),
        fee: fee.id.clone(),
        amount,
        currency: fee.currency,
        balance_transaction: written.into_iter().next(),
        metadata,
        created: tx.now(),
    };
    fee.amount_refunded += amount;
    tx.put(refund.clone());
    tx.put(fee.clone());
    let object = fee.render(tx.tables);
    tx.emit(&fee.platform, "application_fee.refunded", &object);
    Ok(refund)
}

fn create(call: &mut Call<'_, '_>) -> Answer {
    let fee = call.owned::<ApplicationFee>(&call.arg(0))?;
    let amount = call.params.int("amount")?.unwrap_or(fee.amount - fee.amount_refunded);
    let mut metadata = Metadata::new();
    call.params.metadata(&mut metadata)?;
    call.finish()?;
    let refund = give_back(call.tx, fee, amount, metadata)?;
    Ok(refund.render(call.tx.tables))
}

fn named(call: &Call<'_, '_>) -> Result<FeeRefund, StripeError> {
    let (fee, id) = (call.owned::<ApplicationFee>(&call.arg(0))?, call.arg(1));
    let refund = call.owned::<FeeRefund>(&id)?;
    if refund.fee == fee.id { Ok(refund) } else { Err(StripeError::no_such(FeeRefund::NOUN, &id)) }
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let refund = named(call)?;
    Ok(refund.render(call.tx.tables))
}

fn update(call: &mut Call<'_, '_>) -> Answer {
    let mut refund = named(call)?;
    let before = refund.render(call.tx.tables);
    call.params.metadata(&mut refund.metadata)?;
    call.finish()?;
    call.tx.put(refund.clone());
    let after = refund.render(call.tx.tables);
    call.tx.emit_change(&refund.platform, "application_fee.refund.updated", &before, &after);
    Ok(after)
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let page = Page::read(&mut call.params)?;
    let fee = call.owned::<ApplicationFee>(&call.arg(0))?;
    page.of::<FeeRefund>(call, &fee.id, |_| true, |tables, refund| refund.render(tables))
}
