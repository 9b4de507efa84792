//! Charges. Source: <https://docs.stripe.com/api/charges>.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use souk_entity::{Currency, Scope};
use stripe_core::charge::RetrieveCharge;

use super::{
    Expandable, Identified, Metadata, ObjectRef, application_fees::ApplicationFee,
    balance_transactions::BalanceTransaction, frozen::path_of,
};

/// What a charge on the platform moved, on either side.
const MOVED_BY_THE_PLATFORMS: [&str; 4] = [
    "balance_transaction",
    "application_fee.balance_transaction",
    "transfer.balance_transaction",
    "transfer.destination_payment.balance_transaction",
];
/// What a direct charge moved, as its account sees it: the fee's own movement is the platform's.
const MOVED_BY_A_DIRECT_ONE: [&str; 1] = ["balance_transaction"];

/// Where a charge is read.
#[must_use]
pub fn path(charge: &str) -> String {
    path_of(&RetrieveCharge::new(charge))
}

/// Where a charge of a scope is read, with all that it moved expanded.
#[must_use]
pub fn path_with_movements(scope: &Scope, charge: &str) -> String {
    let fields = match scope {
        Scope::Platform => &MOVED_BY_THE_PLATFORMS[..],
        Scope::Connected(_) => &MOVED_BY_A_DIRECT_ONE,
    };
    let fields: Vec<String> = fields.iter().copied().map(str::to_owned).collect();
    path_of(&RetrieveCharge::new(charge).expand(fields))
}

/// What we read of a charge.
#[derive(Clone, Debug, Deserialize)]
pub struct Charge {
    /// `ch_...` or `py_...`.
    pub id: String,
    /// Minor units that were authorised.
    pub amount: i64,
    /// Minor units that were captured.
    #[serde(default)]
    pub amount_captured: i64,
    /// The currency of both.
    pub currency: Currency,
    /// Whether it was paid, or authorised for a later capture.
    #[serde(default)]
    pub paid: bool,
    /// Whether it was captured.
    #[serde(default)]
    pub captured: bool,
    /// `succeeded`, `pending` or `failed`.
    pub status: String,
    /// The intent that it belongs to.
    pub payment_intent: Option<Expandable<ObjectRef>>,
    /// What it did to the balance; null until asynchronous capture is through.
    pub balance_transaction: Option<Expandable<BalanceTransaction>>,
    /// The transfer to the destination; null until asynchronous capture is through.
    pub transfer: Option<Expandable<Transfer>>,
    /// The fee that the platform took; null until asynchronous capture is through.
    pub application_fee: Option<Expandable<ApplicationFee>>,
    /// Minor units of that fee, in the charge's currency.
    pub application_fee_amount: Option<i64>,
    /// The payment intent's metadata, which Stripe copies to its charges.
    #[serde(default)]
    pub metadata: Metadata,
    /// When it was made.
    #[serde(with = "chrono::serde::ts_seconds")]
    pub created: DateTime<Utc>,
}

impl Identified for Charge {
    fn id(&self) -> &str {
        &self.id
    }
}

/// What we read of the transfer that a destination charge makes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Transfer {
    /// `tr_...`.
    pub id: String,
    /// Minor units.
    pub amount: i64,
    /// Their currency: that in which the platform holds the charge's money.
    pub currency: Currency,
    /// What it did to the platform's balance.
    pub balance_transaction: Option<Expandable<BalanceTransaction>>,
    /// The account that got it.
    pub destination: Option<Expandable<ObjectRef>>,
    /// The payment (`py_...`) that mirrors it on that account.
    pub destination_payment: Option<Expandable<DestinationPayment>>,
}

/// What we read of the payment that a transfer becomes on the account that gets it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DestinationPayment {
    /// `py_...`.
    pub id: String,
    /// What it did to that account's balance.
    pub balance_transaction: Option<Expandable<BalanceTransaction>>,
}

impl Identified for DestinationPayment {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Identified for Transfer {
    fn id(&self) -> &str {
        &self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_read_by_itself_or_with_what_its_scope_may_see_of_what_it_moved() {
        assert_eq!(path("ch_1"), "/v1/charges/ch_1");
        assert_eq!(
            path_with_movements(&Scope::Platform, "ch_1"),
            "/v1/charges/ch_1?expand[0]=balance_transaction&expand[1]=application_fee.balance_transaction\
             &expand[2]=transfer.balance_transaction&expand[3]=transfer.destination_payment.balance_transaction"
        );
        assert_eq!(
            path_with_movements(&Scope::Connected("acct_1".parse().unwrap()), "ch_1"),
            "/v1/charges/ch_1?expand[0]=balance_transaction"
        );
    }

    #[test]
    fn what_asynchronous_capture_has_not_brought_yet_is_none() {
        let charge: Charge = serde_json::from_str(
            r#"{"id": "ch_1", "amount": 1050, "currency": "usd", "status": "succeeded", "created": 1795241400,
                "balance_transaction": null, "application_fee_amount": 105}"#,
        )
        .unwrap();
        assert!(charge.balance_transaction.is_none() && charge.transfer.is_none());
        assert_eq!(charge.application_fee_amount, Some(105));
    }

    #[test]
    fn an_expanded_transfer_names_the_payment_that_mirrors_it() {
        let charge: Charge = serde_json::from_str(
            r#"{"id": "ch_1", "amount": 1050, "currency": "usd", "status": "succeeded", "created": 1795241400,
                "payment_intent": "pi_1", "balance_transaction": "txn_1", "application_fee": "fee_1",
                "transfer": {"id": "tr_1", "amount": 1050, "currency": "usd", "balance_transaction": "txn_2",
                             "destination": "acct_1", "destination_payment": "py_1", "reversed": false}}"#,
        )
        .unwrap();
        let transfer = charge.transfer.as_ref().and_then(Expandable::object).unwrap();
        assert_eq!(transfer.destination_payment.as_ref().map(Expandable::id), Some("py_1"));
        assert_eq!(charge.balance_transaction.as_ref().map(Expandable::id), Some("txn_1"));
    }
}
