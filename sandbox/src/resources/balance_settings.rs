//! Balance settings: when and how the balance of an account goes out to its bank.
//!
//! They are another door to what accounts carry under `settings.payouts`, for the platform itself too.

use super::{
    account::{self, Account, read_schedule},
    payout,
};
use crate::{
    config::PayoutInterval,
    json::{Value, json},
    money::Currency,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        params::Params,
        route::Route,
        shape::{Fields, Shape},
    },
    store::Tables,
};

pub(crate) const ROUTES: &[Route] =
    &[Route::get("/v1/balance_settings", retrieve), Route::post("/v1/balance_settings", update)];

/// What is shown again and changes nothing.
const PAYOUTS: Fields = &[(
    "automatic_transfer_rules_by_currency",
    Shape::Each(&Shape::Each(&Shape::Hash(&[
        ("payout_method", Shape::Text),
        ("transfer_up_to_amount", Shape::Int),
        ("type", Shape::Text),
    ]))),
)];

const TIMING: Fields = &[
    ("delay_days_override", Shape::Int),
    (
        "start_of_day",
        Shape::Hash(&[("hour", Shape::Int), ("minutes", Shape::Int), ("timezone", Shape::Text)]),
    ),
];

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let account = call.account(&call.scope.clone())?;
    Ok(render(&account, call.tx.tables))
}

fn update(call: &mut Call<'_, '_>) -> Answer {
    let mut account = call.account(&call.scope.clone())?;
    let (shown, before) = (account.render(call.tx.tables), render(&account, call.tx.tables));
    if let Some(mut payments) = call.params.hash("payments")? {
        let settings = &mut account.settings;
        let debit = payments.boolean("debit_negative_balances")?;
        settings.debit_negative_balances = debit.unwrap_or(settings.debit_negative_balances);
        if let Some(payouts) = payments.hash("payouts")? {
            read_payouts(payouts, &mut account)?;
        }
        if let Some(mut timing) = payments.hash("settlement_timing")? {
            timing.keep(TIMING, &mut account.settings.kept_of_balance)?;
            timing.finish()?;
        }
        payments.finish()?;
    }
    call.finish()?;
    payout::schedule(call.tx, &account);
    call.tx.put(account.clone());
    let after = render(&account, call.tx.tables);
    call.tx.emit_change(&account.id, "balance_settings.updated", &before, &after);
    if !account.is_platform() {
        account::announce(call.tx, &account.id, &shown);
    }
    Ok(after)
}

fn read_payouts(mut hash: Params, account: &mut Account) -> Result<(), StripeError> {
    let settings = &mut account.settings;
    hash.change("statement_descriptor")?.apply(&mut settings.payout_descriptor);
    if let Some(schedule) = hash.hash("schedule")? {
        read_schedule(schedule, &mut settings.schedule)?;
    }
    if hash.has("minimum_balance_by_currency") {
        match hash.hash("minimum_balance_by_currency")? {
            None => settings.minimum_balances.clear(),
            Some(mut minimums) => {
                for name in minimums.names() {
                    let full = minimums.name_of(&name);
                    let currency = Currency::parse(&name).ok_or_else(|| StripeError::unknown(&full))?;
                    match minimums.int(&name)? {
                        Some(amount) => drop(settings.minimum_balances.insert(currency, amount.max(0))),
                        None => drop(settings.minimum_balances.remove(&currency)),
                    }
                }
            }
        }
    }
    hash.keep(PAYOUTS, &mut settings.kept_of_balance)?;
    hash.finish()
}

fn render(account: &Account, tables: &Tables) -> Value {
    let settings = &account.settings;
    let kept = |name: &str| settings.kept_of_balance.get(name).cloned().unwrap_or_default();
    let mut schedule = json!({ "interval": settings.schedule.interval.as_str() });
    match settings.schedule.interval {
        PayoutInterval::Weekly => schedule["weekly_payout_days"] = json!(settings.schedule.weekly_days),
        PayoutInterval::Monthly => schedule["monthly_payout_days"] = json!(settings.schedule.monthly_days),
        PayoutInterval::Manual | PayoutInterval::Daily => {}
    }
    let minimums: crate::json::Map = settings
        .minimum_balances
        .iter()
        .map(|(currency, amount)| (currency.to_string(), json!(amount)))
        .collect();
    let mut timing = json!({
        "delay_days": settings.schedule.delay_days,
        "start_of_day": kept("start_of_day"),
    });
    if let Some(days) = kept("delay_days_override").as_i64() {
        timing["delay_days"] = json!(days);
        timing["delay_days_override"] = json!(days);
    }
    json!({
        "object": "balance_settings",
        "payments": {
            "debit_negative_balances": settings.debit_negative_balances,
            "payouts": {
                "automatic_transfer_rules_by_currency": kept("automatic_transfer_rules_by_currency"),
                "minimum_balance_by_currency": (!minimums.is_empty()).then_some(minimums),
                "schedule": schedule,
                "statement_descriptor": settings.payout_descriptor,
                "status": if account.payouts_enabled(tables) { "enabled" } else { "disabled" },
            },
            "settlement_timing": timing,
        },
    })
}
