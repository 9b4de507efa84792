//! Capabilities of accounts: what they asked to be able to do, and whether they are.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{self, Account, Requirements};
use crate::{
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        route::Route,
    },
    store::Tables,
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/accounts/{account}/capabilities", list),
    Route::get("/v1/accounts/{account}/capabilities/{capability}", retrieve),
    Route::post("/v1/accounts/{account}/capabilities/{capability}", update),
];

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Capability {
    pub(crate) requested: bool,
    pub(crate) requested_at: Option<i64>,
    pub(crate) active: bool,
}

impl Capability {
    /// Those that an account can ask for here.
    pub(crate) const NAMES: &'static [&'static str] = &[
        "acss_debit_payments",
        "affirm_payments",
        "afterpay_clearpay_payments",
        "amazon_pay_payments",
        "bancontact_payments",
        "card_payments",
        "cashapp_payments",
        "eps_payments",
        "ideal_payments",
        "klarna_payments",
        "legacy_payments",
        "link_payments",
        "p24_payments",
        "revolut_pay_payments",
        "sepa_debit_payments",
        "tax_reporting_us_1099_k",
        "tax_reporting_us_1099_misc",
        "transfers",
        "us_bank_account_ach_payments",
    ];

    pub(crate) fn requested_at(now: i64) -> Self {
        Self { requested: true, requested_at: Some(now), active: false }
    }
}

impl Account {
    pub(crate) fn request_capability(&mut self, name: &str, requested: bool, now: i64) {
        let capability = self.capabilities.entry(name.to_owned()).or_default();
        if requested && !capability.requested {
            capability.requested_at = Some(now);
        }
        capability.requested = requested;
    }
}

pub(crate) fn render(account: &Account, name: &str, tables: &Tables) -> Value {
    let capability = account.capabilities.get(name).cloned().unwrap_or_default();
    let status = match (capability.requested, account.is_active(name)) {
        (false, _) => "unrequested",
        (true, true) => "active",
        (true, false) => "inactive",
    };
    let mut requirements = Requirements::of(account, tables);
    if !capability.requested {
        requirements = Requirements::default();
    }
    // What stops a capability is told in its own words.
    requirements.disabled_reason = (status == "inactive").then(|| "requirements.fields_needed".to_owned());
    json!({
        "id": name,
        "object": "capability",
        "account": account.id,
        "future_requirements": Requirements::default().render(),
        "requested": capability.requested,
        "requested_at": capability.requested_at.filter(|_| capability.requested),
        "requirements": requirements.render(),
        "status": status,
    })
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let account = call.account(&call.arg(0))?;
    let data: Vec<Value> =
        account.capabilities.keys().map(|name| render(&account, name, call.tx.tables)).collect();
    Ok(json!({ "object": "list", "data": data, "has_more": false, "url": call.url }))
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let (account, name) = (call.account(&call.arg(0))?, known(&call.arg(1))?);
    Ok(render(&account, &name, call.tx.tables))
}

fn update(call: &mut Call<'_, '_>) -> Answer {
    let requested = call.params.boolean("requested")?;
    call.finish()?;
    let (mut account, name) = (call.account(&call.arg(0))?, known(&call.arg(1))?);
    let before = account.render(call.tx.tables);
    let (id, now) = (account.id.clone(), call.tx.now());
    if let Some(requested) = requested {
        account.request_capability(&name, requested, now);
    }
    call.tx.put(account);
    account::refresh(call.tx, &id, &before);
    let account = call.account(&id)?;
    Ok(render(&account, &name, call.tx.tables))
}

fn known(name: &str) -> Result<String, StripeError> {
    if Capability::NAMES.contains(&name) {
        return Ok(name.to_owned());
    }
    Err(StripeError::no_such("capability", name))
}
