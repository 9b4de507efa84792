//! Accounts: the platform's own, and those connected to it.
//!
//! A connected account starts restricted. What it still owes is computed from what it gave (`requirements`), and
//! what it may do follows from that: nothing is switched on by hand.

mod activate;
mod close;
mod details;
mod fields;
mod raised;
mod render;
mod requirements;
mod settings;
mod write;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use self::{
    activate::{Onboarding, announce, complete, has_bank, refresh},
    close::{leave, open_standard, rejoin},
    raised::{Raised, RaisedAs, deadline_passed, raise, satisfy},
    requirements::Requirements,
    settings::read_schedule,
};
use super::{address::Address, capability::Capability};
use crate::{
    config::PayoutInterval,
    json::Value,
    money::Currency,
    protocol::{
        call::{Answer, Call},
        list::{Page, Range},
        params::Metadata,
        route::Route,
        shape::Kept,
    },
    store::Record,
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/account", retrieve_own),
    Route::get("/v1/accounts", list),
    Route::post("/v1/accounts", write::create),
    Route::get("/v1/accounts/{id}", retrieve),
    Route::post("/v1/accounts/{id}", write::update),
    Route::delete("/v1/accounts/{id}", close::delete),
    Route::post("/v1/accounts/{id}/reject", close::reject),
    Route::post("/v1/accounts/{id}/unreject", close::unreject),
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

crate::json::as_serde!(AccountType);

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
    /// Everything else that was given.
    #[serde(default)]
    pub(crate) kept: Kept,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Company {
    pub(crate) name: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) address: Option<Address>,
    pub(crate) tax_id_provided: bool,
    #[serde(default)]
    pub(crate) vat_id_provided: bool,
    /// All owners were named.
    #[serde(default)]
    pub(crate) owners_provided: bool,
    /// Everything else that was given.
    #[serde(default)]
    pub(crate) kept: Kept,
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
    /// All days of the week, the anchor first; empty stands for the anchor alone.
    #[serde(default)]
    pub(crate) weekly_days: Vec<String>,
    /// The same for the days of the month.
    #[serde(default)]
    pub(crate) monthly_days: Vec<i64>,
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
    /// What stays behind when money goes out by schedule, in minor units by currency.
    #[serde(default)]
    pub(crate) minimum_balances: BTreeMap<Currency, i64>,
    /// Everything else that was given under `settings`.
    #[serde(default)]
    pub(crate) kept: Kept,
    /// Everything else that was given as balance settings.
    #[serde(default)]
    pub(crate) kept_of_balance: Kept,
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
    /// Its owner took the platform's access away.
    #[serde(default)]
    pub(crate) deauthorized: bool,
    /// Requirements that came up besides those that follow from what is missing.
    #[serde(default)]
    pub(crate) raised: Vec<Raised>,
    #[serde(default)]
    pub(crate) payments_pricing: Option<String>,
}

impl Record for Account {
    const NOUN: &'static str = "account";

    fn id(&self) -> &str {
        &self.id
    }

    /// The platform's own account is in nobody's list.
    fn owner(&self) -> &str {
        if self.is_platform() || self.has_left() { "" } else { &self.platform }
    }

    fn keys(&self) -> Vec<String> {
        if self.deauthorized { vec![former_of(&self.platform)] } else { Vec::new() }
    }
}

/// The key of accounts whose owners took a platform's access away.
pub(crate) fn former_of(platform: &str) -> String {
    format!("left {platform}")
}

impl Account {
    /// The account of a platform: complete from the start.
    pub(crate) fn of_platform(id: &str, name: &str, now: i64) -> Self {
        let capability = Capability { active: true, ..Capability::requested_at(now) };
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
            deauthorized: false,
            raised: Vec::new(),
            payments_pricing: None,
        }
    }

    pub(crate) fn is_platform(&self) -> bool {
        self.id == self.platform
    }

    /// How buyers see it.
    pub(crate) fn shown_name(&self) -> Option<&str> {
        self.settings.display_name.as_deref().or(self.business_profile.name.as_deref())
    }

    /// It is one person's, as far as is known.
    pub(crate) fn is_of_one_person(&self) -> bool {
        self.business_type.as_deref().is_none_or(|kind| kind == "individual")
    }

    /// The platform has no access to it any more.
    pub(crate) fn has_left(&self) -> bool {
        self.deleted || self.deauthorized
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
        let mut schedule = PayoutSchedule {
            interval,
            delay_days: 2,
            weekly_anchor: None,
            monthly_anchor: None,
            weekly_days: Vec::new(),
            monthly_days: Vec::new(),
        };
        schedule.set_interval(interval);
        Self {
            schedule,
            debit_negative_balances: true,
            payout_descriptor: None,
            payments_descriptor: None,
            card_descriptor_prefix: None,
            display_name,
            minimum_balances: BTreeMap::new(),
            kept: Kept::new(),
            kept_of_balance: Kept::new(),
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
        if interval != PayoutInterval::Weekly || self.weekly_days.is_empty() {
            self.weekly_days = self.weekly_anchor.iter().cloned().collect();
        }
        if interval != PayoutInterval::Monthly || self.monthly_days.is_empty() {
            self.monthly_days = self.monthly_anchor.into_iter().collect();
        }
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

fn rendered(call: &Call<'_, '_>, id: &str) -> Answer {
    call.tx.get::<Account>(id).map(|account| account.render(call.tx.tables)).map_or(Ok(Value::Null), Ok)
}
