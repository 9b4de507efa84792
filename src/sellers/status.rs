//! One word and three booleans from what Stripe says of an account.

use souk_entity::seller::{self, Status};

use crate::stripe::accounts::Account;

/// For which charge models the seller can be paid. Never from `charges_enabled` alone: an account can have it
/// without being able to receive transfers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payable {
    /// Destination charges: `transfers` is active.
    pub destination: bool,
    /// Separate charges and transfers: `transfers` is active.
    pub separate: bool,
    /// Direct charges: `card_payments` is active as well.
    pub direct: bool,
}

/// What the seller can be paid by, as Stripe last told.
#[must_use]
pub fn payable(seller: &seller::Model) -> Payable {
    let connected = !matches!(seller.status, Status::Rejected | Status::Disconnected);
    let transfers = connected && seller.has_capability("transfers");
    Payable {
        destination: transfers,
        separate: transfers,
        direct: transfers && seller.charges_enabled && seller.has_capability("card_payments"),
    }
}

/// The status that an account's facts amount to.
pub(super) fn status(account: &Account) -> Status {
    let disabled_reason = account.requirements.get("disabled_reason").and_then(|reason| reason.as_str());
    if disabled_reason.is_some_and(|reason| reason.starts_with("rejected.")) {
        return Status::Rejected;
    }
    if !account.details_submitted {
        return Status::Onboarding;
    }
    let transfers = account.capabilities.get("transfers").map(String::as_str) == Some("active");
    if transfers && account.payouts_enabled {
        return Status::Active;
    }
    let nothing_asked = ["currently_due", "past_due"].iter().all(|list| {
        account.requirements.get(list).and_then(|items| items.as_array()).is_none_or(Vec::is_empty)
    });
    if nothing_asked { Status::Pending } else { Status::Restricted }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn account(facts: serde_json::Value) -> Account {
        let mut account = json!({
            "id": "acct_1", "charges_enabled": false, "payouts_enabled": false, "details_submitted": true,
            "capabilities": {}, "requirements": {},
        });
        account.as_object_mut().unwrap().extend(facts.as_object().unwrap().clone());
        serde_json::from_value(account).unwrap()
    }

    #[test]
    fn a_seller_is_active_when_transfers_and_payouts_are() {
        let transfers = json!({"transfers": "active"});
        let active = json!({"capabilities": transfers, "payouts_enabled": true});
        assert_eq!(status(&account(active)), Status::Active);
        // charges_enabled says nothing of it.
        let charges_only = json!({"charges_enabled": true, "payouts_enabled": true});
        assert_eq!(status(&account(charges_only)), Status::Pending);
        let no_bank = json!({"capabilities": transfers, "requirements": {"past_due": ["external_account"]}});
        assert_eq!(status(&account(no_bank)), Status::Restricted);
    }

    #[test]
    fn before_the_form_is_submitted_a_seller_is_onboarding() {
        let facts =
            json!({"details_submitted": false, "requirements": {"currently_due": ["external_account"]}});
        assert_eq!(status(&account(facts)), Status::Onboarding);
    }

    #[test]
    fn after_it_a_seller_is_pending_while_stripe_verifies_and_restricted_when_something_is_missing() {
        let verifying = json!({"requirements": {"pending_verification": ["individual.id_number"]}});
        assert_eq!(status(&account(verifying)), Status::Pending);
        let missing = json!({"requirements": {"currently_due": ["individual.id_number"]}});
        assert_eq!(status(&account(missing)), Status::Restricted);
    }

    #[test]
    fn a_rejected_account_is_rejected_whatever_else_it_says() {
        let facts =
            json!({"details_submitted": false, "requirements": {"disabled_reason": "rejected.fraud"}});
        assert_eq!(status(&account(facts)), Status::Rejected);
    }
}
