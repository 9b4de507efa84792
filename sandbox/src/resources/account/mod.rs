//! Accounts: the platform's own, and those connected to it.
//!
//! A connected account starts restricted. What it still owes is computed from what it gave (`requirements`), and
//! what it may do follows from that: nothing is switched on by hand.

mod activate;
mod details;
mod render;
mod requirements;
mod write;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use self::{
    activate::{Onboarding, complete, has_bank, refresh},
    requirements::Requirements,
};
use super::{address::Address, capability::Capability};
use crate::{
    config::PayoutInterval,
    money::Currency,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        list::{Page, Range},
        params::Metadata,
        route::Route,
    },
    store::Record,
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/account", retrieve_own),
    Route::get("/v1/accounts", list),
    Route::post("/v1/accounts", write::create),
    Route::get("/v1/accounts/{id}", retrieve),
    Route::post("/v1/accounts/{id}", write::update),
    Route::delete("/v1/accounts/{id}", delete),
    Route::post("/v1/accounts/{id}/reject", reject),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AccountType {
    Express,
    Standard,
    Custom,
    /// Described by its controller alone.
    None,
}

/// Who controls what; older `type`s are names for some combinations of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Controller {
    /// `account | application | application_custom | application_express`
    pub(crate) fees_payer: String,
    /// `application | stripe`
    pub(crate) losses: String,
    /// `application | stripe`
    pub(crate) requirement_collection: String,
    /// `express | full | none`
    pub(crate) dashboard: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BusinessProfile {
    pub(crate) mcc: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) product_description: Option<String>,
    pub(crate) support_email: Option<String>,
    pub(crate) support_phone: Option<String>,
    pub(crate) support_url: Option<String>,
    pub(crate) url: Option<String>,
}

/// The person behind an account of one person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Individual {
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    /// Day, month, year.
    pub(crate) dob: Option<(i64, i64, i64)>,
    pub(crate) address: Option<Address>,
    pub(crate) id_number_provided: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Company {
    pub(crate) name: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) address: Option<Address>,
    pub(crate) tax_id_provided: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TosAcceptance {
    pub(crate) date: Option<i64>,
    pub(crate) ip: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) service_agreement: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PayoutSchedule {
    pub(crate) interval: PayoutInterval,
    pub(crate) delay_days: i64,
    pub(crate) weekly_anchor: Option<String>,
    pub(crate) monthly_anchor: Option<i64>,
}

/// What `settings` holds of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccountSettings {
    pub(crate) schedule: PayoutSchedule,
    pub(crate) debit_negative_balances: bool,
    pub(crate) payout_descriptor: Option<String>,
    pub(crate) payments_descriptor: Option<String>,
    pub(crate) card_descriptor_prefix: Option<String>,
    pub(crate) display_name: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) id: String,
    /// The platform's account: its own id, if this is it.
    pub(crate) platform: String,
    pub(crate) kind: AccountType,
    pub(crate) controller: Controller,
    pub(crate) country: String,
    pub(crate) default_currency: Currency,
    pub(crate) email: Option<String>,
    pub(crate) business_type: Option<String>,
    pub(crate) business_profile: BusinessProfile,
    pub(crate) individual: Individual,
    pub(crate) company: Company,
    pub(crate) capabilities: BTreeMap<String, Capability>,
    pub(crate) settings: AccountSettings,
    pub(crate) tos: TosAcceptance,
    pub(crate) metadata: Metadata,
    pub(crate) details_submitted: bool,
    /// `rejected.fraud` and the like.
    pub(crate) rejected: Option<String>,
    pub(crate) deleted: bool,
    pub(crate) created: i64,
}

impl Record for Account {
    const NOUN: &'static str = "account";

    fn id(&self) -> &str {
        &self.id
    }

    /// The platform's own account is in nobody's list.
    fn owner(&self) -> &str {
        if self.is_platform() || self.deleted { "" } else { &self.platform }
    }
}

impl Account {
    /// The account of a platform: complete from the start.
    pub(crate) fn of_platform(id: &str, name: &str, now: i64) -> Self {
        let capability = Capability { requested: true, requested_at: Some(now), active: true };
        Self {
            id: id.to_owned(),
            platform: id.to_owned(),
            kind: AccountType::Standard,
            controller: Controller {
                fees_payer: "account".into(),
                losses: "stripe".into(),
                requirement_collection: "stripe".into(),
                dashboard: "full".into(),
            },
            country: "US".into(),
            default_currency: Currency::USD,
            email: Some(format!("{name}@platform.test")),
            business_type: Some("company".into()),
            business_profile: BusinessProfile { name: Some(name.to_owned()), ..BusinessProfile::default() },
            individual: Individual::default(),
            company: Company { name: Some(name.to_owned()), ..Company::default() },
            capabilities: ["card_payments", "transfers"]
                .map(|name| (name.to_owned(), capability.clone()))
                .into(),
            settings: AccountSettings::new(PayoutInterval::Manual, Some(name.to_owned())),
            tos: TosAcceptance { date: Some(now), ..TosAcceptance::default() },
            metadata: Metadata::new(),
            details_submitted: true,
            rejected: None,
            deleted: false,
            created: now,
        }
    }

    pub(crate) fn is_platform(&self) -> bool {
        self.id == self.platform
    }

    /// How buyers see it.
    pub(crate) fn shown_name(&self) -> Option<&str> {
        self.settings.display_name.as_deref().or(self.business_profile.name.as_deref())
    }

    pub(crate) fn is_active(&self, capability: &str) -> bool {
        self.rejected.is_none() && self.capabilities.get(capability).is_some_and(|found| found.active)
    }

    pub(crate) fn charges_enabled(&self) -> bool {
        self.details_submitted
            && (self.is_active("card_payments") || self.is_active("transfers") && !self.is_recipient())
    }

    /// Accounts under the `recipient` agreement only receive transfers.
    pub(crate) fn is_recipient(&self) -> bool {
        self.tos.service_agreement.as_deref() == Some("recipient")
    }
}

impl AccountSettings {
    pub(crate) fn new(interval: PayoutInterval, display_name: Option<String>) -> Self {
        let mut schedule =
            PayoutSchedule { interval, delay_days: 2, weekly_anchor: None, monthly_anchor: None };
        schedule.set_interval(interval);
        Self {
            schedule,
            debit_negative_balances: true,
            payout_descriptor: None,
            payments_descriptor: None,
            card_descriptor_prefix: None,
            display_name,
        }
    }
}

impl PayoutSchedule {
    /// Each interval has its own anchor, and no other.
    pub(crate) fn set_interval(&mut self, interval: PayoutInterval) {
        self.interval = interval;
        self.weekly_anchor = (interval == PayoutInterval::Weekly)
            .then(|| self.weekly_anchor.take().unwrap_or_else(|| "monday".into()));
        self.monthly_anchor = (interval == PayoutInterval::Monthly).then(|| self.monthly_anchor.unwrap_or(1));
    }
}

fn retrieve_own(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let account = call.account(&call.scope.clone())?;
    Ok(account.render(call.tx.tables))
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let account = call.account(&call.arg(0))?;
    Ok(account.render(call.tx.tables))
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let created = Range::read(&mut call.params, "created")?;
    let page = Page::read(&mut call.params)?;
    let scope = call.scope.clone();
    page.of::<Account>(
        call,
        &scope,
        |account| created.holds(account.created),
        |tables, account| account.render(tables),
    )
}

fn delete(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let account = call.account(&call.arg(0))?;
    if account.is_platform() {
        return Err(StripeError::refused("account_invalid", "You cannot delete your own account."));
    }
    let held = crate::books::totals(call.tx, &account.id);
    if held.values().any(|(available, pending)| available + pending != 0) {
        let message = "This account cannot be deleted because its balance is not zero.";
        return Err(StripeError::refused("account_balance_not_zero", message));
    }
    let id = account.id.clone();
    call.tx.put(Account { deleted: true, ..account });
    Ok(json!({ "id": id, "object": "account", "deleted": true }))
}

fn reject(call: &mut Call<'_, '_>) -> Answer {
    let reason = call.params.required("reason")?;
    // Older clients say `fraud` for all kinds of it.
    let disabled = match reason.as_str() {
        fraud if fraud.starts_with("fraud") => "rejected.fraud",
        "terms_of_service" => "rejected.terms_of_service",
        "credit" | "other" => "rejected.other",
        _ => {
            let message = "Invalid reason: must be one of credit, fraud_other, terms_of_service or other";
            return Err(StripeError::invalid(message, "reason"));
        }
    };
    call.finish()?;
    let account = call.account(&call.arg(0))?;
    let before = account.render(call.tx.tables);
    let id = account.id.clone();
    call.tx.put(Account { rejected: Some(disabled.to_owned()), ..account });
    activate::announce(call.tx, &id, &before);
    rendered(call, &id)
}

fn rendered(call: &Call<'_, '_>, id: &str) -> Answer {
    call.tx.get::<Account>(id).map(|account| account.render(call.tx.tables)).map_or(Ok(Value::Null), Ok)
}
