//! What a request may say about an account.

use super::{Account, BusinessProfile, Company, fields, settings::read_settings};
use crate::{
    protocol::{error::StripeError, params::Params, shape::Kept},
    resources::{
        address::Address,
        capability::Capability,
        person::{self, Person},
    },
    store::Tx,
};

/// Everything that both a new account and an update may say. Answers with the `individual`, if that was given.
pub(super) fn read_details(
    params: &mut Params,
    account: &mut Account,
    tx: &mut Tx<'_>,
) -> Result<Option<Person>, StripeError> {
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
    if let Some(hash) = params.hash("company")? {
        read_company(hash, &mut account.company)?;
    }
    if let Some(hash) = params.hash("capabilities")? {
        read_capabilities(hash, account, tx.now())?;
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
    if let Some(mut hash) = params.hash("groups")? {
        hash.change("payments_pricing")?.apply(&mut account.payments_pricing);
        hash.finish()?;
    }
    params.keep(fields::HIDDEN, &mut Kept::new())?;
    if let Some(currency) = params.currency("default_currency")? {
        account.default_currency = currency;
    }
    let Some(hash) = params.hash("individual")? else { return Ok(None) };
    let known = person::representative(tx.tables, &account.id);
    let now = tx.now();
    let mut individual = known.unwrap_or_else(|| Person::representing(tx.new_id("person"), &account.id, now));
    person::read_individual(hash, &mut individual)?;
    Ok(Some(individual))
}

fn read_business_profile(mut hash: Params, profile: &mut BusinessProfile) -> Result<(), StripeError> {
    hash.change("mcc")?.apply(&mut profile.mcc);
    hash.change("name")?.apply(&mut profile.name);
    hash.change("product_description")?.apply(&mut profile.product_description);
    hash.change("support_email")?.apply(&mut profile.support_email);
    hash.change("support_phone")?.apply(&mut profile.support_phone);
    hash.change("support_url")?.apply(&mut profile.support_url);
    hash.change("url")?.apply(&mut profile.url);
    hash.keep(fields::PROFILE, &mut profile.kept)?;
    hash.finish()
}

fn read_company(mut hash: Params, company: &mut Company) -> Result<(), StripeError> {
    hash.change("name")?.apply(&mut company.name);
    hash.change("phone")?.apply(&mut company.phone);
    company.tax_id_provided |= hash.text("tax_id")?.is_some();
    company.vat_id_provided |= hash.text("vat_id")?.is_some();
    company.owners_provided = hash.boolean("owners_provided")?.unwrap_or(company.owners_provided);
    if let Some(address) = Address::read(&mut hash, "address")? {
        company.address = Some(address);
    }
    hash.keep(fields::COMPANY, &mut company.kept)?;
    hash.keep(fields::COMPANY_HIDDEN, &mut Kept::new())?;
    hash.finish()
}

fn read_capabilities(mut hash: Params, account: &mut Account, now: i64) -> Result<(), StripeError> {
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
