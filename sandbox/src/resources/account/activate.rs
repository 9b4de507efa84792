//! How an account becomes able to charge and be paid out, and who hears of it.

use super::{Account, Requirements, raised, requirements};
use crate::{
    json::{Value, json},
    resources::{
        address::Address,
        capability::{self, Capability},
        external_account::{self, ExternalAccount},
        person::{self, Person},
    },
    store::Tx,
};

/// What the seller gave on the onboarding page.
pub(crate) struct Onboarding {
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) dob: (i64, i64, i64),
    pub(crate) address: Address,
    pub(crate) routing_number: Option<String>,
    /// Nothing, if the account has a bank already.
    pub(crate) account_number: Option<String>,
    pub(crate) ip: String,
}

impl Onboarding {
    /// What a made-up seller gives.
    pub(crate) fn example(country: &str, has_bank: bool) -> Self {
        let us = country == "US";
        let number = if us { "000123456789" } else { "DE89370400440532013000" };
        Self {
            first_name: "Jenny".into(),
            last_name: "Rosen".into(),
            dob: (1, 1, 1990),
            address: Address {
                city: Some("San Francisco".into()),
                country: Some(country.to_owned()),
                line1: Some("510 Townsend Street".into()),
                line2: None,
                postal_code: Some("94103".into()),
                state: Some("CA".into()).filter(|_| us),
            },
            routing_number: us.then(|| "110000000".into()),
            account_number: (!has_bank).then(|| number.into()),
            ip: "127.0.0.1".into(),
        }
    }
}

/// The seller submitted everything: details are taken, the bank is added, capabilities become active.
pub(crate) fn complete(tx: &mut Tx<'_>, id: &str, given: Onboarding) {
    let Some(mut account) = tx.get::<Account>(id).cloned() else { return };
    let before = account.render(tx.tables);

    // 1. What was given, which also meets everything that was raised.
    let now = tx.now();
    account.details_submitted = true;
    account.business_type.get_or_insert_with(|| "individual".to_owned());
    account.business_profile.mcc.get_or_insert_with(|| "5734".to_owned());
    if account.business_profile.url.is_none() && account.business_profile.product_description.is_none() {
        account.business_profile.product_description = Some("Sells on a marketplace".to_owned());
    }
    account.company.owners_provided = true;
    account.tos.date = Some(now);
    account.tos.ip = Some(given.ip);
    account.raised.clear();
    if account.capabilities.is_empty() {
        for name in ["card_payments", "transfers"] {
            account.capabilities.insert(name.to_owned(), Capability::requested_at(now));
        }
    }
    let (country, currency) = (account.country.clone(), account.default_currency);
    tx.put(account);

    // 2. Who represents it.
    let known = person::representative(tx.tables, id);
    let representative = known.unwrap_or_else(|| Person::representing(tx.new_id("person"), id, now));
    person::save(
        tx,
        Person {
            first_name: Some(given.first_name),
            last_name: Some(given.last_name),
            dob: Some(given.dob),
            address: Some(given.address),
            id_number_provided: true,
            ..representative
        },
    );

    // 3. The bank.
    if let Some(number) = given.account_number {
        external_account::replace_default(tx, id, &country, currency, given.routing_number, &number);
    }

    // 4. What it may do now.
    refresh(tx, id, &before);
}

/// Recomputes what an account may do, and tells those who listen. `before` is the account as it was shown.
pub(crate) fn refresh(tx: &mut Tx<'_>, id: &str, before: &Value) {
    let Some(mut account) = tx.get::<Account>(id).filter(|account| !account.is_platform()).cloned() else {
        return;
    };
    // 1. The platform submits the details of an account whose requirements it collects.
    if account.controller.requirement_collection == "application"
        && !account.details_submitted
        && requirements::is_complete(&account, tx.tables)
    {
        account.details_submitted = true;
    }

    // 2. A missing bank stops payouts, not payments; everything else that is overdue stops both.
    let requirements = Requirements::of(&account, tx.tables);
    let able =
        account.details_submitted && !requirements.has_details_past_due() && account.rejected.is_none();
    let (now_ms, wait_ms) = (tx.now_ms, tx.settings().verification_seconds * 1000);
    let mut changed = Vec::new();
    for (name, capability) in &mut account.capabilities {
        let was = capability.status();
        capability.move_on(able, now_ms, wait_ms);
        if capability.status() != was {
            changed.push((name.clone(), was));
        }
    }
    raised::schedule(tx, &account);
    tx.put(account.clone());

    // 3. Who hears of it.
    for (name, was) in changed {
        let after = capability::render(&account, &name, tx.tables);
        let mut earlier = after.clone();
        earlier["status"] = json!(was);
        tx.emit_change(id, "capability.updated", &earlier, &after);
    }
    announce(tx, id, before);
}

/// `account.updated`, if anything that is shown changed.
pub(crate) fn announce(tx: &mut Tx<'_>, id: &str, before: &Value) {
    let Some(after) = tx.get::<Account>(id).map(|account| account.render(tx.tables)) else { return };
    tx.emit_change(id, "account.updated", before, &after);
}

/// Whether the account has a bank to be paid out to.
pub(crate) fn has_bank(tx: &Tx<'_>, id: &str) -> bool {
    tx.tables.list::<ExternalAccount>(id).any(|bank| bank.works)
}
