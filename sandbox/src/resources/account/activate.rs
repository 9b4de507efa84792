//! How an account becomes able to charge and be paid out, and who hears of it.

use serde_json::Value;

use super::{Account, Requirements};
use crate::{
    resources::{
        address::Address,
        capability::{self, Capability},
        external_account::{self, BankAccount},
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

/// The seller submitted everything: details are taken, the bank is added, capabilities become active.
pub(crate) fn complete(tx: &mut Tx<'_>, id: &str, given: Onboarding) {
    let Some(mut account) = tx.get::<Account>(id).cloned() else { return };
    let before = account.render(tx.tables);

    // 1. What was given.
    let now = tx.now();
    account.details_submitted = true;
    account.business_type.get_or_insert_with(|| "individual".to_owned());
    account.business_profile.mcc.get_or_insert_with(|| "5734".to_owned());
    if account.business_profile.url.is_none() && account.business_profile.product_description.is_none() {
        account.business_profile.product_description = Some("Sells on a marketplace".to_owned());
    }
    account.individual.first_name = Some(given.first_name);
    account.individual.last_name = Some(given.last_name);
    account.individual.dob = Some(given.dob);
    account.individual.address = Some(given.address);
    account.individual.id_number_provided = true;
    account.tos.date = Some(now);
    account.tos.ip = Some(given.ip);
    if account.capabilities.is_empty() {
        for name in ["card_payments", "transfers"] {
            account.capabilities.insert(name.to_owned(), Capability::requested_at(now));
        }
    }
    let (country, currency) = (account.country.clone(), account.default_currency);
    tx.put(account);

    // 2. The bank.
    if let Some(number) = given.account_number {
        external_account::replace_default(tx, id, &country, currency, given.routing_number, &number);
    }

    // 3. What it may do now.
    refresh(tx, id, &before);
}

/// Recomputes what an account may do, and tells those who listen. `before` is the account as it was shown.
pub(crate) fn refresh(tx: &mut Tx<'_>, id: &str, before: &Value) {
    let Some(mut account) = tx.get::<Account>(id).cloned() else { return };
    let requirements = Requirements::of(&account, tx.tables);
    // A missing bank stops payouts, not payments.
    let details_due = requirements.currently_due.iter().any(|name| name != "external_account");
    let mut changed = Vec::new();
    let able = account.details_submitted && !details_due && account.rejected.is_none();
    for (name, capability) in &mut account.capabilities {
        let active = able && capability.requested;
        if capability.active != active {
            capability.active = active;
            changed.push(name.clone());
        }
    }
    tx.put(account.clone());
    for name in changed {
        let after = capability::render(&account, &name, tx.tables);
        let mut earlier = after.clone();
        earlier["status"] = if after["status"] == "active" { "inactive".into() } else { "active".into() };
        tx.emit_change(id, "capability.updated", &earlier, &after);
    }
    announce(tx, id, before);
}

/// `account.updated`, if anything that is shown changed.
pub(super) fn announce(tx: &mut Tx<'_>, id: &str, before: &Value) {
    let Some(after) = tx.get::<Account>(id).map(|account| account.render(tx.tables)) else { return };
    tx.emit_change(id, "account.updated", before, &after);
}

/// Whether the account has a bank to be paid out to.
pub(crate) fn has_bank(tx: &Tx<'_>, id: &str) -> bool {
    tx.tables.list::<BankAccount>(id).any(|bank| bank.works)
}
