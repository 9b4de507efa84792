//! Creating and updating accounts.

use super::{
    Account, AccountSettings, AccountType, BusinessProfile, Company, Controller, Individual, TosAcceptance,
    activate, details::read_details, rendered,
};
use crate::{
    money::Currency,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        params::{Metadata, Params},
    },
    resources::{capability::Capability, external_account, payout},
};

pub(super) fn create(call: &mut Call<'_, '_>) -> Answer {
    // 1. Which kind of account, and where.
    let (kind, controller) = read_kind(&mut call.params)?;
    let country = call.params.text("country")?.unwrap_or_else(|| "US".to_owned()).to_ascii_uppercase();
    if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        let message =
            format!("Country '{country}' is unknown. Try using a 2-character alphanumeric country code.");
        return Err(StripeError::invalid(message, "country").with_code("country_unsupported"));
    }
    if call.scope != call.platform {
        let message = "Connected accounts cannot create accounts of their own.";
        return Err(StripeError::forbidden("platform_account_required", message));
    }
    let now = call.tx.now();
    let interval = call.tx.settings().default_payout_schedule;
    let mut account = Account {
        id: call.tx.new_id("acct"),
        platform: call.platform.clone(),
        kind,
        controller,
        default_currency: Currency::of_country(&country),
        country,
        email: None,
        business_type: None,
        business_profile: BusinessProfile::default(),
        individual: Individual::default(),
        company: Company::default(),
        capabilities: std::collections::BTreeMap::new(),
        settings: AccountSettings::new(interval, None),
        tos: TosAcceptance::default(),
        metadata: Metadata::new(),
        details_submitted: false,
        rejected: None,
        deleted: false,
        created: now,
    };

    // 2. What is given of it.
    read_details(&mut call.params, &mut account, now)?;
    if account.capabilities.is_empty()
        && kind != AccountType::Standard
        && account.controller.dashboard != "full"
    {
        for name in ["card_payments", "transfers"] {
            account.capabilities.insert(name.to_owned(), Capability::requested_at(now));
        }
    }
    let bank = external_account::read_new(&mut call.params, &account)?;
    call.finish()?;

    // 3. It is there, restricted.
    let id = account.id.clone();
    payout::schedule(call.tx, &account);
    call.tx.put(account);
    if let Some(bank) = bank {
        external_account::add(call.tx, &id, bank);
    }
    rendered(call, &id)
}

pub(super) fn update(call: &mut Call<'_, '_>) -> Answer {
    let mut account = call.account(&call.arg(0))?;
    if account.is_platform() {
        let message = "You cannot perform this request on your own account.";
        return Err(StripeError::forbidden("account_invalid", message));
    }
    let before = account.render(call.tx.tables);
    let now = call.tx.now();
    if let Some(currency) = call.params.currency("default_currency")? {
        account.default_currency = currency;
    }
    read_details(&mut call.params, &mut account, now)?;
    let bank = external_account::read_new(&mut call.params, &account)?;
    call.finish()?;

    let id = account.id.clone();
    // The platform submits the details of an account whose requirements it collects.
    let collects = account.controller.requirement_collection == "application";
    payout::schedule(call.tx, &account);
    call.tx.put(account);
    if let Some(bank) = bank {
        external_account::add(call.tx, &id, bank);
    }
    if collects {
        submit_if_complete(call, &id);
    }
    activate::refresh(call.tx, &id, &before);
    rendered(call, &id)
}

fn submit_if_complete(call: &mut Call<'_, '_>, id: &str) {
    let Some(account) = call.tx.get::<Account>(id).cloned() else { return };
    let due = super::Requirements::of(&account, call.tx.tables).currently_due;
    if due.iter().all(|name| name == "external_account") {
        call.tx.put(Account { details_submitted: true, ..account });
    }
}

fn read_kind(params: &mut Params) -> Result<(AccountType, Controller), StripeError> {
    let named = params.choice("type", &["custom", "express", "standard"])?;
    let controller = params.hash("controller")?;
    let of = |fees_payer: &str, losses: &str, collection: &str, dashboard: &str| Controller {
        fees_payer: fees_payer.to_owned(),
        losses: losses.to_owned(),
        requirement_collection: collection.to_owned(),
        dashboard: dashboard.to_owned(),
    };
    match (named.as_deref(), controller) {
        (Some(_), Some(_)) => Err(StripeError::invalid(
            "You may only specify one of these parameters: type, controller.",
            "controller",
        )),
        (Some("express"), None) => {
            Ok((AccountType::Express, of("application_express", "application", "stripe", "express")))
        }
        (Some("custom"), None) => {
            Ok((AccountType::Custom, of("application_custom", "application", "application", "none")))
        }
        (Some(_) | None, None) => Ok((AccountType::Standard, of("account", "stripe", "stripe", "full"))),
        (None, Some(mut hash)) => {
            let fees = match hash.hash("fees")? {
                Some(mut fees) => {
                    let payer = fees.choice("payer", &["account", "application"])?;
                    fees.finish()?;
                    payer
                }
                None => None,
            };
            let losses = match hash.hash("losses")? {
                Some(mut losses) => {
                    let payments = losses.choice("payments", &["application", "stripe"])?;
                    losses.finish()?;
                    payments
                }
                None => None,
            };
            let dashboard = match hash.hash("stripe_dashboard")? {
                Some(mut dashboard) => {
                    let kind = dashboard.choice("type", &["express", "full", "none"])?;
                    dashboard.finish()?;
                    kind
                }
                None => None,
            };
            let collection = hash.choice("requirement_collection", &["application", "stripe"])?;
            hash.finish()?;
            let text = |value: Option<String>, default: &str| value.unwrap_or_else(|| default.to_owned());
            let controller = Controller {
                fees_payer: text(fees, "account"),
                losses: text(losses, "stripe"),
                requirement_collection: text(collection, "stripe"),
                dashboard: text(dashboard, "full"),
            };
            Ok((AccountType::None, controller))
        }
    }
}
