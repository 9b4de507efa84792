//! Creating and updating accounts.

use std::collections::BTreeMap;

use super::{
    Account, AccountSettings, AccountType, BusinessProfile, Company, Controller, TosAcceptance, activate,
    details::read_details, rendered, requirements, satisfy,
};
use crate::{
    money::Currency,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        params::{Metadata, Params},
    },
    resources::{capability::Capability, external_account, payout, person},
    store::Tx,
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
    let (platform, now) = (call.platform.clone(), call.tx.now());
    let mut account = new(call.tx, &platform, kind, controller, country);

    // 2. What is given of it.
    let individual = read_details(&mut call.params, &mut account, call.tx)?;
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

    // 3. It is there, restricted, unless it brought everything along.
    let id = account.id.clone();
    payout::schedule(call.tx, &account);
    call.tx.put(account.clone());
    let before = account.render(call.tx.tables);
    if let Some(individual) = individual {
        person::save(call.tx, individual);
    }
    if let Some(bank) = bank {
        external_account::add(call.tx, &id, bank);
    }
    if call.tx.get::<Account>(&id).is_some_and(|account| requirements::is_complete(account, call.tx.tables)) {
        activate::refresh(call.tx, &id, &before);
    }
    rendered(call, &id)
}

/// An account of which nothing is known but what it is.
fn new(
    tx: &mut Tx<'_>,
    platform: &str,
    kind: AccountType,
    controller: Controller,
    country: String,
) -> Account {
    let mut settings = AccountSettings::new(tx.settings().default_payout_schedule, None);
    // Stripe debits the banks only of sellers whose details it collects itself, unless the platform wants it.
    settings.debit_negative_balances = controller.requirement_collection == "stripe";
    Account {
        id: tx.new_id("acct"),
        platform: platform.to_owned(),
        kind,
        controller,
        default_currency: Currency::of_country(&country),
        country,
        email: None,
        business_type: None,
        business_profile: BusinessProfile::default(),
        company: Company::default(),
        capabilities: BTreeMap::new(),
        settings,
        tos: TosAcceptance::default(),
        metadata: Metadata::new(),
        details_submitted: false,
        rejected: None,
        deleted: false,
        created: tx.now(),
        deauthorized: false,
        raised: Vec::new(),
        payments_pricing: None,
    }
}

/// A seller's own account, as Stripe has it before a platform is connected.
pub(super) fn new_standard(tx: &mut Tx<'_>, platform: &str) -> Account {
    new(tx, platform, AccountType::Standard, standard(), "US".to_owned())
}

pub(super) fn update(call: &mut Call<'_, '_>) -> Answer {
    let mut account = call.account(&call.arg(0))?;
    if account.is_platform() {
        let message = "You cannot perform this request on your own account.";
        return Err(StripeError::forbidden("account_invalid", message));
    }
    let before = account.render(call.tx.tables);
    let given = call.params.dotted();
    let individual = read_details(&mut call.params, &mut account, call.tx)?;
    let bank = external_account::read_new(&mut call.params, &account)?;
    call.finish()?;

    let id = account.id.clone();
    payout::schedule(call.tx, &account);
    call.tx.put(account);
    satisfy(call.tx, &id, &given);
    if let Some(individual) = individual {
        person::save(call.tx, individual);
    }
    if let Some(bank) = bank {
        external_account::add(call.tx, &id, bank.into_default());
    }
    activate::refresh(call.tx, &id, &before);
    rendered(call, &id)
}

fn controller(fees_payer: &str, losses: &str, collection: &str, dashboard: &str) -> Controller {
    Controller {
        fees_payer: fees_payer.to_owned(),
        losses: losses.to_owned(),
        requirement_collection: collection.to_owned(),
        dashboard: dashboard.to_owned(),
    }
}

fn standard() -> Controller {
    controller("account", "stripe", "stripe", "full")
}

/// The older types are names for combinations of the controller's properties, as Stripe's guide to them lists.
fn read_kind(params: &mut Params) -> Result<(AccountType, Controller), StripeError> {
    let named = params.choice("type", &["custom", "express", "standard"])?;
    match (named.as_deref(), params.hash("controller")?) {
        (Some(_), Some(_)) => Err(StripeError::invalid(
            "You may only specify one of these parameters: type, controller.",
            "controller",
        )),
        (Some("express"), None) => {
            Ok((AccountType::Express, controller("application_express", "application", "stripe", "express")))
        }
        (Some("custom"), None) => {
            Ok((AccountType::Custom, controller("application_custom", "application", "application", "none")))
        }
        (Some(_) | None, None) => Ok((AccountType::Standard, standard())),
        (None, Some(hash)) => Ok((AccountType::None, read_controller(hash)?)),
    }
}

fn read_controller(mut hash: Params) -> Result<Controller, StripeError> {
    let fees = read_one(&mut hash, "fees", "payer", &["account", "application"])?;
    let losses = read_one(&mut hash, "losses", "payments", &["application", "stripe"])?;
    let dashboard = read_one(&mut hash, "stripe_dashboard", "type", &["express", "full", "none"])?;
    let collection = hash.choice("requirement_collection", &["application", "stripe"])?;
    hash.finish()?;
    let text = |value: Option<String>, default: &str| value.unwrap_or_else(|| default.to_owned());
    let controller = Controller {
        fees_payer: text(fees, "account"),
        losses: text(losses, "stripe"),
        requirement_collection: text(collection, "stripe"),
        dashboard: text(dashboard, "full"),
    };
    // Stripe: a platform that collects the requirements bears the losses, and there is no dashboard to do it in.
    if controller.requirement_collection == "application"
        && (controller.losses != "application" || controller.dashboard != "none")
    {
        let message = "When `controller[requirement_collection]` is `application`, `controller[losses][payments]` must be \
                       `application` and `controller[stripe_dashboard][type]` must be `none`.";
        return Err(StripeError::invalid(message, "controller[requirement_collection]"));
    }
    Ok(controller)
}

/// A hash with one choice in it.
fn read_one(
    hash: &mut Params,
    name: &str,
    field: &str,
    known: &[&str],
) -> Result<Option<String>, StripeError> {
    let Some(mut inner) = hash.hash(name)? else { return Ok(None) };
    let value = inner.choice(field, known)?;
    inner.finish()?;
    Ok(value)
}
