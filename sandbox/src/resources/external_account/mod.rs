//! Where connected accounts are paid out to: banks, and debit cards.
//!
//! Only the last four digits of a number are kept; the test numbers of Stripe's documentation decide at once how
//! payouts to it will end.

mod operations;
mod read;
mod test_numbers;

use serde::{Deserialize, Serialize};

pub(crate) use self::{
    operations::ROUTES,
    read::{NewAccount, check, read_new},
};
use crate::{
    ids,
    json::{Value, json},
    money::Currency,
    protocol::{
        params::Metadata,
        shape::{Kept, overlay},
    },
    store::{Record, Tables, Tx},
};

/// What a debit card has and a bank has not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DebitCard {
    pub(crate) brand: String,
    pub(crate) exp_month: i64,
    pub(crate) exp_year: i64,
    /// Name and billing address, as they came.
    pub(crate) kept: Kept,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ExternalAccount {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) country: String,
    pub(crate) currency: Currency,
    pub(crate) holder_name: Option<String>,
    pub(crate) holder_type: Option<String>,
    /// `checking`, `savings` and the like.
    #[serde(default)]
    pub(crate) account_type: Option<String>,
    pub(crate) last4: String,
    pub(crate) routing_number: Option<String>,
    pub(crate) fingerprint: String,
    pub(crate) is_default: bool,
    pub(crate) metadata: Metadata,
    /// Why payouts to it will fail.
    pub(crate) fails_with: Option<String>,
    /// No payout failed yet.
    pub(crate) works: bool,
    /// It is a debit card.
    #[serde(default)]
    pub(crate) card: Option<DebitCard>,
}

impl Record for ExternalAccount {
    const NOUN: &'static str = "external account";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.account
    }
}

impl ExternalAccount {
    pub(crate) fn render(&self, _: &Tables) -> Value {
        match &self.card {
            Some(card) => self.render_card(card),
            None => self.render_bank(),
        }
    }

    /// Whether money can be there within the hour: debit cards, and banks in the United States.
    pub(crate) fn takes_instant(&self) -> bool {
        self.card.is_some() || self.country == "US"
    }

    fn payout_methods(&self) -> Value {
        if self.takes_instant() { json!(["standard", "instant"]) } else { json!(["standard"]) }
    }

    fn render_bank(&self) -> Value {
        let nothing_due =
            || json!({ "currently_due": [], "errors": [], "past_due": [], "pending_verification": [] });
        json!({
            "id": self.id,
            "object": "bank_account",
            "account": self.account,
            "account_holder_name": self.holder_name,
            "account_holder_type": self.holder_type,
            "account_type": self.account_type,
            "available_payout_methods": self.payout_methods(),
            "bank_name": "STRIPE TEST BANK",
            "country": self.country,
            "currency": self.currency,
            "default_for_currency": self.is_default,
            "fingerprint": self.fingerprint,
            "future_requirements": nothing_due(),
            "last4": self.last4,
            "metadata": self.metadata,
            "requirements": nothing_due(),
            "routing_number": self.routing_number,
            "status": if self.works { "new" } else { "errored" },
        })
    }

    fn render_card(&self, card: &DebitCard) -> Value {
        let mut shown = json!({
            "id": self.id,
            "object": "card",
            "account": self.account,
            "address_city": null,
            "address_country": null,
            "address_line1": null,
            "address_line1_check": null,
            "address_line2": null,
            "address_state": null,
            "address_zip": null,
            "address_zip_check": null,
            "allow_redisplay": "unspecified",
            "available_payout_methods": self.payout_methods(),
            "brand": card.brand,
            "country": self.country,
            "currency": self.currency,
            "cvc_check": "pass",
            "default_for_currency": self.is_default,
            "dynamic_last4": null,
            "exp_month": card.exp_month,
            "exp_year": card.exp_year,
            "fingerprint": self.fingerprint,
            "funding": "debit",
            "last4": self.last4,
            "metadata": self.metadata,
            "name": null,
            "regulated_status": "unregulated",
            "status": if self.works { "new" } else { "errored" },
            "tokenization_method": null,
        });
        overlay(&mut shown, &card.kept);
        shown
    }
}

/// Adds a bank or card; the first of a currency, and one that is wanted so, is its default.
pub(crate) fn add(tx: &mut Tx<'_>, account: &str, new: NewAccount) -> ExternalAccount {
    let number = read::compact(&new.number);
    // A bank whose payout failed stands back for a new one.
    let taken = |other: &ExternalAccount| other.currency == new.currency && other.works && other.is_default;
    let is_default = new.default || !tx.tables.list::<ExternalAccount>(account).any(taken);
    let prefix = if new.card.is_some() { "card" } else { "ba" };
    let added = ExternalAccount {
        id: tx.new_id(prefix),
        account: account.to_owned(),
        country: new.country,
        currency: new.currency,
        holder_name: new.holder_name,
        holder_type: new.holder_type,
        account_type: None,
        last4: number.chars().skip(number.chars().count().saturating_sub(4)).collect(),
        routing_number: new.routing_number,
        fingerprint: ids::derive(tx.seed(), &format!("bank {number}"), 0, 16),
        is_default,
        metadata: new.metadata,
        fails_with: test_numbers::failure(&number).map(str::to_owned),
        works: true,
        card: new.card,
    };
    if is_default {
        displace_default(tx, account, added.currency);
    }
    tx.put(added.clone());
    let object = added.render(tx.tables);
    tx.emit(account, "account.external_account.created", &object);
    added
}

/// Each currency has one default: the one that there was steps back.
fn displace_default(tx: &mut Tx<'_>, account: &str, currency: Currency) {
    let is_default = |other: &&ExternalAccount| other.currency == currency && other.is_default;
    let defaults: Vec<ExternalAccount> =
        tx.tables.list::<ExternalAccount>(account).filter(is_default).cloned().collect();
    for other in defaults {
        let before = other.render(tx.tables);
        let other = ExternalAccount { is_default: false, ..other };
        let after = other.render(tx.tables);
        tx.put(other);
        tx.emit_change(account, "account.external_account.updated", &before, &after);
    }
}

/// The bank of the onboarding page: it becomes the one that is paid out to.
pub(crate) fn replace_default(
    tx: &mut Tx<'_>,
    account: &str,
    country: &str,
    currency: Currency,
    routing_number: Option<String>,
    number: &str,
) {
    let bank = NewAccount::bank(country, currency, routing_number, number).into_default();
    add(tx, account, bank);
}
