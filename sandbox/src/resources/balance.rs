//! The balance of an account: what its balance transactions sum to.

use super::account::Account;
use crate::{
    books,
    json::{Value, json},
    money::Currency,
    protocol::{
        call::{Answer, Call},
        route::Route,
    },
    store::Tx,
};

pub(crate) const ROUTES: &[Route] = &[Route::get("/v1/balance", retrieve)];

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    Ok(render(call.tx, &call.scope))
}

pub(crate) fn render(tx: &Tx<'_>, account: &str) -> Value {
    let mut totals = books::totals(tx, account);
    let found = tx.get::<Account>(account);
    // An account that never held anything shows a zero in its own currency.
    totals.entry(found.map_or(Currency::USD, |account| account.default_currency)).or_default();
    let amounts = |of: fn((i64, i64)) -> i64| -> Vec<Value> {
        let amount = |(currency, held): (&Currency, &(i64, i64))| {
            let amount = of(*held);
            json!({ "amount": amount, "currency": currency, "source_types": { "card": amount } })
        };
        totals.iter().map(amount).collect()
    };
    let mut balance = json!({
        "object": "balance",
        "available": amounts(|(available, _)| available),
        "instant_available": amounts(|(available, _)| available.max(0)),
        "livemode": false,
        "pending": amounts(|(_, pending)| pending),
        "refund_and_dispute_prefunding": { "available": amounts(|_| 0), "pending": amounts(|_| 0) },
    });
    if found.is_some_and(Account::is_platform) {
        let reserved = |currency| books::reserved(tx, account, currency);
        let reserved: Vec<Value> = totals
            .keys()
            .map(|currency| json!({ "amount": reserved(*currency), "currency": currency }))
            .collect();
        balance["connect_reserved"] = json!(reserved);
    }
    balance
}
