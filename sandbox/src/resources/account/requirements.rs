//! What an account still owes before it may do what it wants to.

use serde_json::{Value, json};

use super::{Account, AccountType};
use crate::{resources::external_account::BankAccount, store::Tables};

/// Stripe's lists of what is due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Requirements {
    pub(crate) currently_due: Vec<String>,
    pub(crate) past_due: Vec<String>,
    pub(crate) disabled_reason: Option<String>,
}

impl Requirements {
    /// Computed from what the account gave so far.
    pub(crate) fn of(account: &Account, tables: &Tables) -> Self {
        if account.is_platform() {
            return Self::default();
        }
        let mut due = Vec::new();
        if !account.details_submitted {
            due.extend(missing_details(account).into_iter().map(str::to_owned));
        }
        let has_bank = tables.list::<BankAccount>(&account.id).any(|bank| bank.works);
        // Standard accounts without capabilities are not paid out yet, so nothing is due for it.
        let needs_bank = account.kind != AccountType::Standard || !account.capabilities.is_empty();
        if needs_bank && !has_bank {
            due.push("external_account".to_owned());
        }
        due.sort();
        let disabled_reason = match &account.rejected {
            Some(reason) => Some(reason.clone()),
            None => (!due.is_empty()).then(|| "requirements.past_due".to_owned()),
        };
        Self { past_due: due.clone(), currently_due: due, disabled_reason }
    }

    pub(crate) fn has_bank_due(&self) -> bool {
        self.currently_due.iter().any(|name| name == "external_account")
    }

    pub(crate) fn render(&self) -> Value {
        json!({
            "alternatives": [],
            "current_deadline": null,
            "currently_due": self.currently_due,
            "disabled_reason": self.disabled_reason,
            "errors": [],
            "eventually_due": self.currently_due,
            "past_due": self.past_due,
            "pending_verification": [],
        })
    }
}

fn missing_details(account: &Account) -> Vec<&'static str> {
    let (profile, person, company) = (&account.business_profile, &account.individual, &account.company);
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
        ]);
    } else {
        checks.extend([
            ("individual.first_name", person.first_name.is_some()),
            ("individual.last_name", person.last_name.is_some()),
            ("individual.dob.day", person.dob.is_some()),
            ("individual.dob.month", person.dob.is_some()),
            ("individual.dob.year", person.dob.is_some()),
            ("individual.address.line1", person.address.is_some()),
        ]);
    }
    checks.into_iter().filter(|(_, given)| !given).map(|(name, _)| name).collect()
}
