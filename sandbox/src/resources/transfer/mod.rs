//! Transfers: from the platform's balance to a connected account's, where they arrive as a payment (`py_`).

mod create;
mod send;

use serde::{Deserialize, Serialize};

pub(crate) use self::{
    create::{insufficient_funds, must_take_transfers},
    send::{Sending, send},
};
use super::transfer_reversal::TransferReversal;
use crate::{
    json::{Value, json},
    money::Currency,
    protocol::{
        call::{Answer, Call},
        list::{Page, Range, embedded},
        params::Metadata,
        route::Route,
    },
    store::{Record, Tables},
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/transfers", list),
    Route::post("/v1/transfers", create::create),
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
