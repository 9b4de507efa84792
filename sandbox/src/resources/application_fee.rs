//! Application fees: what the platform keeps of a seller's payment.

use serde::{Deserialize, Serialize};

use super::{application_of, fee_refund::FeeRefund};
use crate::{
    json::{Value, json},
    money::Currency,
    protocol::{
        call::{Answer, Call},
        list::{Page, Range, embedded},
        route::Route,
    },
    store::{Record, Tables, Tx},
};

pub(crate) const ROUTES: &[Route] =
    &[Route::get("/v1/application_fees", list), Route::get("/v1/application_fees/{id}", retrieve)];

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ApplicationFee {
    pub(crate) id: String,
    pub(crate) platform: String,
    /// The account that paid it.
    pub(crate) account: String,
    pub(crate) amount: i64,
    pub(crate) amount_refunded: i64,
    pub(crate) currency: Currency,
    pub(crate) balance_transaction: Option<String>,
    /// The charge on the paying account: `ch_` for direct charges, `py_` for destination charges.
    pub(crate) charge: String,
    /// The charge on the platform, for destination charges.
    pub(crate) originating_transaction: Option<String>,
    pub(crate) created: i64,
}

impl Record for ApplicationFee {
    const NOUN: &'static str = "application_fee";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.platform
    }

    fn keys(&self) -> Vec<String> {
        let mut keys = vec![self.charge.clone()];
        keys.extend(self.originating_transaction.clone());
        keys
    }
}

impl ApplicationFee {
    pub(crate) fn render(&self, tables: &Tables) -> Value {
        let refunds = tables.list::<FeeRefund>(&self.id).rev().map(|refund| refund.render(tables)).collect();
        json!({
            "id": self.id,
            "object": "application_fee",
            "account": self.account,
            "amount": self.amount,
            "amount_refunded": self.amount_refunded,
            "application": application_of(&self.platform),
            "balance_transaction": self.balance_transaction,
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "fee_source": { "charge": self.charge, "type": "charge" },
            "livemode": false,
            "originating_transaction": self.originating_transaction,
            "refunded": self.amount_refunded == self.amount,
            "refunds": embedded(format!("/v1/application_fees/{}/refunds", self.id), refunds),
        })
    }
}

/// Keeps a new fee, and tells the platform.
pub(crate) fn add(tx: &mut Tx<'_>, fee: ApplicationFee) {
    let (platform, object) = (fee.platform.clone(), fee.render(tx.tables));
    tx.put(fee);
    tx.emit(&platform, "application_fee.created", &object);
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let fee = call.owned::<ApplicationFee>(&call.arg(0))?;
    Ok(fee.render(call.tx.tables))
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let created = Range::read(&mut call.params, "created")?;
    let charge = call.params.text("charge")?;
    let page = Page::read(&mut call.params)?;
    let scope = call.scope.clone();
    let key = charge.unwrap_or_else(|| scope.clone());
    page.of::<ApplicationFee>(
        call,
        &key,
        |fee| fee.platform == scope && created.holds(fee.created),
        |tables, fee| fee.render(tables),
    )
}
