//! What a request may say about an account.

use super::{Account, AccountSettings, BusinessProfile, Company, Individual};
use crate::{
    config::PayoutInterval,
    protocol::{error::StripeError, params::Params},
    resources::{address::Address, capability::Capability},
};

const WEEKDAYS: &[&str] = &["friday", "monday", "saturday", "sunday", "thursday", "tuesday", "wednesday"];

/// Everything that both a new account and an update may say.
pub(super) fn read_details(params: &mut Params, account: &mut Account, now: i64) -> Result<(), StripeError> {
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
