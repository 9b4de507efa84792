//! Capabilities of accounts: what they asked to be able to do, and whether they are.

use serde::{Deserialize, Serialize};

use super::account::{self, Account, Requirements};
use crate::{
    json::{Value, json},
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
    /// When Stripe is through with verifying, once everything was given.
    #[serde(default)]
    pub(crate) ready_ms: Option<i64>,
    /// What a test wants it to be.
    #[serde(default)]
    pub(crate) forced: Option<Status>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Active,
    Inactive,
    Pending,
    Unrequested,
}

crate::json::as_serde!(Status);

impl Capability {
    /// Those that an account can ask for here.
    pub(crate) const NAMES: &'static [&'static str] = &[
        "acss_debit_payments",
        "affirm_payments",
        "afterpay_clearpay_payments",
        "alma_payments",
        "amazon_pay_payments",
        "app_distribution",
        "au_becs_debit_payments",
        "bacs_debit_payments",
        "bancontact_payments",
        "bank_transfer_payments",
        "billie_payments",
        "bizum_payments",
        "blik_payments",
        "blik_recurring_payments",
        "boleto_payments",
        "card_issuing",
        "card_payments",
        "cartes_bancaires_payments",
        "cashapp_payments",
        "crypto_payments",
        "eps_payments",
        "fpx_payments",
        "gb_bank_transfer_payments",
        "giropay_payments",
        "grabpay_payments",
        "ideal_payments",
        "india_international_payments",
        "jcb_payments",
        "jp_bank_transfer_payments",
        "kakao_pay_payments",
        "klarna_payments",
        "konbini_payments",
        "kr_card_payments",
        "legacy_payments",
        "link_payments",
        "mb_way_payments",
        "mobilepay_payments",
        "multibanco_payments",
        "mx_bank_transfer_payments",
        "naver_pay_payments",
        "nz_bank_account_becs_debit_payments",
        "oxxo_payments",
        "p24_payments",
        "pay_by_bank_payments",
        "payco_payments",
        "paynow_payments",
        "paypay_payments",
        "payto_payments",
        "pix_payments",
        "promptpay_payments",
        "revolut_pay_payments",
        "samsung_pay_payments",
        "satispay_payments",
        "scalapay_payments",
        "sepa_bank_transfer_payments",
        "sepa_debit_payments",
        "sequra_payments",
        "sofort_payments",
        "sunbit_payments",
        "swish_payments",
        "tax_reporting_us_1099_k",
        "tax_reporting_us_1099_misc",
        "transfers",
        "treasury",
        "twint_payments",
        "upi_payments",
        "us_bank_account_ach_payments",
        "us_bank_transfer_payments",
        "zip_payments",
    ];

    pub(crate) fn requested_at(now: i64) -> Self {
        Self { requested: true, requested_at: Some(now), ..Self::default() }
    }

    pub(crate) fn status(&self) -> Status {
        if !self.requested {
            Status::Unrequested
        } else if self.active {
            Status::Active
        } else if self.is_verifying() || self.forced == Some(Status::Pending) {
            Status::Pending
        } else {
            Status::Inactive
        }
    }

    /// Everything was given, and Stripe looks at it.
    pub(crate) fn is_verifying(&self) -> bool {
        self.requested && !self.active && self.ready_ms.is_some() && self.forced.is_none()
    }

    /// Inactive until the account is able, then pending for as long as verification takes, then active.
    pub(crate) fn move_on(&mut self, able: bool, now_ms: i64, verification_ms: i64) {
        if !self.requested || !able {
            (self.active, self.ready_ms) = (false, None);
            return;
        }
        // What is active already was verified.
        let wait_ms = if self.active { 0 } else { verification_ms };
        let ready_ms = *self.ready_ms.get_or_insert(now_ms + wait_ms);
        self.active = match self.forced {
            Some(forced) => forced == Status::Active,
            None => ready_ms <= now_ms,
        };
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
    let status = capability.status();
    let mut requirements = Requirements::of(account, tables);
    let mut future = Requirements::future(account);
    if !capability.requested {
        (requirements, future) = (Requirements::default(), Requirements::default());
    }
    // What stops a capability is told in its own words.
    let reason = match status {
        _ if account.rejected.is_some() => Some("rejected.other"),
        Status::Active | Status::Unrequested => None,
        Status::Pending => Some("pending.review"),
        Status::Inactive if capability.forced.is_some() => Some("other"),
        Status::Inactive => Some("requirements.fields_needed"),
    };
    requirements.disabled_reason = reason.filter(|_| capability.requested).map(str::to_owned);
    json!({
        "id": name,
        "object": "capability",
        "account": account.id,
        "future_requirements": future.render(),
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
