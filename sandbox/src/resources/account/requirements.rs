//! What an account still owes before it may do what it wants to.
//!
//! Most follows from what is missing; some was raised (`raised`). What is `past_due` stops the account.

use super::{Account, AccountType, RaisedAs};
use crate::{
    json::{Value, json},
    resources::{
        external_account::ExternalAccount,
        person::{Person, representative},
    },
    store::Tables,
};

/// The requirement that only stops payouts.
pub(crate) const BANK: &str = "external_account";

/// Stripe's lists of what is due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Requirements {
    /// Seconds since 1970.
    pub(crate) current_deadline: Option<i64>,
    pub(crate) currently_due: Vec<String>,
    pub(crate) eventually_due: Vec<String>,
    pub(crate) past_due: Vec<String>,
    pub(crate) pending_verification: Vec<String>,
    pub(crate) disabled_reason: Option<String>,
}

impl Requirements {
    /// Computed from what the account gave so far.
    pub(crate) fn of(account: &Account, tables: &Tables) -> Self {
        let mut all = Self::default();
        if account.is_platform() {
            return all;
        }
        // 1. What is missing. It is overdue until the account is complete for the first time.
        let missing = missing(account, tables);
        if !account.details_submitted {
            all.past_due.extend(missing.iter().cloned());
        }
        all.currently_due = missing;
        let has_bank = tables.list::<ExternalAccount>(&account.id).any(|bank| bank.works);
        // Standard accounts without capabilities are not paid out yet, so nothing is due for it.
        let needs_bank = account.kind != AccountType::Standard || !account.capabilities.is_empty();
        if needs_bank && !has_bank {
            all.currently_due.push(BANK.to_owned());
            all.past_due.push(BANK.to_owned());
        }

        // 2. What was raised.
        all.add_raised(account, &[RaisedAs::EventuallyDue, RaisedAs::CurrentlyDue, RaisedAs::PastDue]);

        // 3. What Stripe looks at.
        if account.capabilities.values().any(|capability| capability.is_verifying()) {
            let company = account.business_type.as_deref() == Some("company");
            let looked_at = if company { "company.tax_id" } else { "individual.id_number" };
            all.pending_verification.push(looked_at.to_owned());
        }
        let pending = account.raised.iter().filter(|raised| raised.state == RaisedAs::PendingVerification);
        all.pending_verification.extend(pending.map(|raised| raised.name.clone()));
        all.finish();
        all.disabled_reason = all.why_disabled(account);
        all
    }

    /// What will be due once rules change.
    pub(crate) fn future(account: &Account) -> Self {
        let mut all = Self::default();
        all.add_raised(account, &[RaisedAs::Future]);
        all.finish();
        all
    }

    fn add_raised(&mut self, account: &Account, states: &[RaisedAs]) {
        for raised in account.raised.iter().filter(|raised| states.contains(&raised.state)) {
            self.eventually_due.push(raised.name.clone());
            if raised.state == RaisedAs::EventuallyDue {
                continue;
            }
            self.currently_due.push(raised.name.clone());
            if raised.state == RaisedAs::PastDue {
                self.past_due.push(raised.name.clone());
            } else if let Some(at_ms) = raised.deadline_ms {
                let at = at_ms.div_euclid(1000);
                self.current_deadline = Some(self.current_deadline.map_or(at, |known| known.min(at)));
            }
        }
    }

    /// Stripe's lists contain each other: past due in currently due in eventually due.
    fn finish(&mut self) {
        self.eventually_due.extend(self.currently_due.iter().cloned());
        let lists = [
            &mut self.currently_due,
            &mut self.eventually_due,
            &mut self.past_due,
            &mut self.pending_verification,
        ];
        for list in lists {
            list.sort();
            list.dedup();
        }
    }

    fn why_disabled(&self, account: &Account) -> Option<String> {
        let requested = account.capabilities.values().any(|capability| capability.requested);
        let reason = match &account.rejected {
            Some(reason) => return Some(reason.clone()),
            None if !self.past_due.is_empty() => "requirements.past_due",
            None if !requested => "action_required.requested_capabilities",
            None if account.charges_enabled() => return None,
            None if !self.pending_verification.is_empty() => "requirements.pending_verification",
            None => return None,
        };
        Some(reason.to_owned())
    }

    pub(crate) fn has_bank_due(&self) -> bool {
        self.currently_due.iter().any(|name| name == BANK)
    }

    /// Something but a bank is overdue.
    pub(crate) fn has_details_past_due(&self) -> bool {
        self.past_due.iter().any(|name| name != BANK)
    }

    pub(crate) fn render(&self) -> Value {
        json!({
            "alternatives": [],
            "current_deadline": self.current_deadline,
            "currently_due": self.currently_due,
            "disabled_reason": self.disabled_reason,
            "errors": [],
            "eventually_due": self.eventually_due,
            "past_due": self.past_due,
            "pending_verification": self.pending_verification,
        })
    }

    /// The part that is about one person, whose names begin with `prefix`.
    pub(crate) fn of_person(&self, prefix: &str) -> Value {
        let part = |list: &[String]| {
            list.iter().filter_map(|name| name.strip_prefix(prefix)).map(str::to_owned).collect()
        };
        let lists: [Vec<String>; 4] = [
            part(&self.currently_due),
            part(&self.eventually_due),
            part(&self.past_due),
            part(&self.pending_verification),
        ];
        let [currently, eventually, past, pending] = lists;
        json!({
            "alternatives": [],
            "currently_due": currently,
            "errors": [],
            "eventually_due": eventually,
            "past_due": past,
            "pending_verification": pending,
        })
    }
}

/// Whether everything but a bank is there.
pub(super) fn is_complete(account: &Account, tables: &Tables) -> bool {
    missing(account, tables).is_empty()
}

fn missing(account: &Account, tables: &Tables) -> Vec<String> {
    let mut missing = Vec::new();
    // What an account was complete with is not asked for again.
    if !account.details_submitted {
        missing.extend(missing_of_account(account).into_iter().map(str::to_owned));
    }
    let individual = account.is_of_one_person();
    let persons = tables.list::<Person>(&account.id);
    for person in persons.filter(|person| !individual || person.relationship.representative) {
        let prefix = if individual { "individual" } else { &person.id };
        missing.extend(person.missing().into_iter().map(|name| format!("{prefix}.{name}")));
    }
    if representative(tables, &account.id).is_none() && !account.details_submitted {
        let prefix = if individual { "individual" } else { "representative" };
        let nobody = Person::representing(String::new(), &account.id, 0);
        missing.extend(nobody.missing().into_iter().map(|name| format!("{prefix}.{name}")));
    }
    missing
}

fn missing_of_account(account: &Account) -> Vec<&'static str> {
    let (profile, company) = (&account.business_profile, &account.company);
    let mut checks = vec![
        ("business_profile.mcc", profile.mcc.is_some()),
        ("business_profile.url", profile.url.is_some() || profile.product_description.is_some()),
        ("business_type", account.business_type.is_some()),
        ("tos_acceptance.date", account.tos.date.is_some()),
        ("tos_acceptance.ip", account.tos.ip.is_some()),
    ];
    if account.business_type.as_deref() == Some("company") {
        checks.extend([
            ("company.name", company.name.is_some()),
            ("company.tax_id", company.tax_id_provided),
            ("company.address.line1", company.address.is_some()),
            ("company.owners_provided", company.owners_provided),
        ]);
    }
    checks.into_iter().filter(|(_, given)| !given).map(|(name, _)| name).collect()
}
