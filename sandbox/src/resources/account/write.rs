//! Creating and updating accounts.

use super::{
    Account, AccountSettings, AccountType, BusinessProfile, Company, Controller, Individual, TosAcceptance,
    activate, rendered,
};
use crate::{
    config::PayoutInterval,
    money::Currency,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        params::{Metadata, Params},
    },
    resources::{address::Address, capability::Capability, external_account, payout},
};

const WEEKDAYS: &[&str] = &["friday", "monday", "saturday", "sunday", "thursday", "tuesday", "wednesday"];

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

/// Everything that both a new account and an update may say.
fn read_details(params: &mut Params, account: &mut Account, now: i64) -> Result<(), StripeError> {
    params.change("email")?.apply(&mut account.email);
    if let Some(kind) =
        params.choice("business_type", &["company", "government_entity", "individual", "non_profit"])?
    {
        account.business_type = Some(kind);
    }
    params.metadata(&mut account.metadata)?;
    if let Some(hash) = params.hash("business_profile")? {
        read_business_profile(hash, &mut account.business_profile)?;
    }
    if let Some(hash) = params.hash("individual")? {
        read_individual(hash, &mut account.individual)?;
    }
    if let Some(hash) = params.hash("company")? {
        read_company(hash, &mut account.company)?;
    }
    if let Some(hash) = params.hash("capabilities")? {
        read_capabilities(hash, account, now)?;
    }
    if let Some(mut hash) = params.hash("tos_acceptance")? {
        account.tos.date = hash.int("date")?.or(account.tos.date);
        hash.change("ip")?.apply(&mut account.tos.ip);
        hash.change("user_agent")?.apply(&mut account.tos.user_agent);
        hash.change("service_agreement")?.apply(&mut account.tos.service_agreement);
        hash.finish()?;
    }
    if let Some(hash) = params.hash("settings")? {
        read_settings(hash, &mut account.settings)?;
    }
    params.ignore(&["documents", "groups", "account_token"]);
    if let Some(currency) = params.currency("default_currency")? {
        account.default_currency = currency;
    }
    Ok(())
}

fn read_business_profile(mut hash: Params, profile: &mut BusinessProfile) -> Result<(), StripeError> {
    hash.change("mcc")?.apply(&mut profile.mcc);
    hash.change("name")?.apply(&mut profile.name);
    hash.change("product_description")?.apply(&mut profile.product_description);
    hash.change("support_email")?.apply(&mut profile.support_email);
    hash.change("support_phone")?.apply(&mut profile.support_phone);
    hash.change("support_url")?.apply(&mut profile.support_url);
    hash.change("url")?.apply(&mut profile.url);
    hash.ignore(&[
        "annual_revenue",
        "estimated_worker_count",
        "minority_owned_business_designation",
        "monthly_estimated_revenue",
        "specified_commercial_transactions_act_url",
        "support_address",
    ]);
    hash.finish()
}

fn read_individual(mut hash: Params, person: &mut Individual) -> Result<(), StripeError> {
    hash.change("first_name")?.apply(&mut person.first_name);
    hash.change("last_name")?.apply(&mut person.last_name);
    hash.change("email")?.apply(&mut person.email);
    hash.change("phone")?.apply(&mut person.phone);
    if let Some(mut dob) = hash.hash("dob")? {
        person.dob = Some((dob.required_int("day")?, dob.required_int("month")?, dob.required_int("year")?));
        dob.finish()?;
    }
    if let Some(address) = Address::read(&mut hash, "address")? {
        person.address = Some(address);
    }
    let id_number = hash.text("id_number")?.is_some();
    person.id_number_provided |= id_number | hash.text("ssn_last_4")?.is_some();
    hash.ignore(&[
        "address_kana",
        "address_kanji",
        "first_name_kana",
        "first_name_kanji",
        "full_name_aliases",
        "gender",
        "id_number_secondary",
        "last_name_kana",
        "last_name_kanji",
        "maiden_name",
        "metadata",
        "political_exposure",
        "registered_address",
        "relationship",
        "verification",
    ]);
    hash.finish()
}

fn read_company(mut hash: Params, company: &mut Company) -> Result<(), StripeError> {
    hash.change("name")?.apply(&mut company.name);
    hash.change("phone")?.apply(&mut company.phone);
    company.tax_id_provided |= hash.text("tax_id")?.is_some();
    if let Some(address) = Address::read(&mut hash, "address")? {
        company.address = Some(address);
    }
    hash.ignore(&[
        "address_kana",
        "address_kanji",
        "directors_provided",
        "directorship_declaration",
        "executives_provided",
        "export_license_id",
        "export_purpose_code",
        "name_kana",
        "name_kanji",
        "owners_provided",
        "ownership_declaration",
        "ownership_exemption_reason",
        "registration_date",
        "registration_number",
        "representative_declaration",
        "structure",
        "tax_id_registrar",
        "vat_id",
        "verification",
    ]);
    hash.finish()
}

fn read_capabilities(hash: Params, account: &mut Account, now: i64) -> Result<(), StripeError> {
    let mut hash = hash;
    for name in Capability::NAMES {
        let Some(mut wanted) = hash.hash(name)? else { continue };
        let requested = wanted.boolean("requested")?;
        wanted.finish()?;
        if let Some(requested) = requested {
            account.request_capability(name, requested, now);
        }
    }
    hash.finish()
}

fn read_settings(mut hash: Params, settings: &mut AccountSettings) -> Result<(), StripeError> {
    if let Some(mut payouts) = hash.hash("payouts")? {
        if let Some(debit) = payouts.boolean("debit_negative_balances")? {
            settings.debit_negative_balances = debit;
        }
        payouts.change("statement_descriptor")?.apply(&mut settings.payout_descriptor);
        if let Some(schedule) = payouts.hash("schedule")? {
            read_schedule(schedule, settings)?;
        }
        payouts.finish()?;
    }
    if let Some(mut payments) = hash.hash("payments")? {
        payments.change("statement_descriptor")?.apply(&mut settings.payments_descriptor);
        payments.ignore(&["statement_descriptor_kana", "statement_descriptor_kanji"]);
        payments.finish()?;
    }
    if let Some(mut cards) = hash.hash("card_payments")? {
        cards.change("statement_descriptor_prefix")?.apply(&mut settings.card_descriptor_prefix);
        cards.ignore(&[
            "decline_on",
            "statement_descriptor_prefix_kana",
            "statement_descriptor_prefix_kanji",
        ]);
        cards.finish()?;
    }
    hash.ignore(&[
        "bacs_debit_payments",
        "branding",
        "card_issuing",
        "invoices",
        "paypay_payments",
        "sepa_debit_payments",
        "treasury",
    ]);
    hash.finish()
}

fn read_schedule(mut hash: Params, settings: &mut AccountSettings) -> Result<(), StripeError> {
    let schedule = &mut settings.schedule;
    if let Some(days) = hash.text("delay_days")? {
        // `minimum` is what the country allows at best: two days here.
        schedule.delay_days = if days == "minimum" { 2 } else { days.parse().unwrap_or(2) };
    }
    let weekly = hash.choice("weekly_anchor", WEEKDAYS)?;
    let weekly_days = hash.texts("weekly_payout_days")?.and_then(|days| days.first().cloned());
    let monthly = hash.int("monthly_anchor")?;
    let monthly_days = hash.texts("monthly_payout_days")?.and_then(|days| days.first()?.parse().ok());
    schedule.weekly_anchor = weekly.or(weekly_days).or(schedule.weekly_anchor.take());
    schedule.monthly_anchor = monthly.or(monthly_days).or(schedule.monthly_anchor);
    let interval =
        hash.choice("interval", PayoutInterval::NAMES)?.and_then(|name| PayoutInterval::parse(&name));
    schedule.set_interval(interval.unwrap_or(schedule.interval));
    hash.finish()
}
