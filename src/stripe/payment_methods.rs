//! Payment methods that customers keep. Source: <https://docs.stripe.com/api/payment_methods>.
//!
//! They live on the platform. A direct charge needs a copy on the seller's account
//! (<https://docs.stripe.com/connect/direct-charges-multiple-accounts>).

use serde::Deserialize;
use stripe_payment::payment_method::{CreatePaymentMethod, DetachPaymentMethod, RetrievePaymentMethod};

use super::{Expandable, Frozen, ObjectRef, frozen::path_of};

/// Copies a customer's payment method of the platform's to the account that the call is made for. The copy belongs to no
/// customer there, and pays once.
#[must_use]
pub fn copy(customer: &str, payment_method: &str) -> Frozen {
    Frozen::of(&CreatePaymentMethod::new().customer(customer).payment_method(payment_method))
}

/// Takes a payment method from its customer, for good.
#[must_use]
pub fn detach(payment_method: &str) -> Frozen {
    Frozen::of(&DetachPaymentMethod::new(payment_method))
}

/// Where a payment method is read.
#[must_use]
pub fn path(payment_method: &str) -> String {
    path_of(&RetrievePaymentMethod::new(payment_method))
}

/// What we read of a payment method.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PaymentMethod {
    /// `pm_...`.
    pub id: String,
    /// `card`, `sepa_debit`, `us_bank_account`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// Whose it is; none before it is attached, and once it is detached.
    pub customer: Option<Expandable<ObjectRef>>,
    /// Of a card.
    pub card: Option<Card>,
    /// Of a SEPA debit.
    pub sepa_debit: Option<BankAccount>,
    /// Of an ACH debit.
    pub us_bank_account: Option<BankAccount>,
}

/// What may be shown of a card.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Card {
    /// `visa`, `mastercard`, ...
    pub brand: Option<String>,
    /// The number's end.
    pub last4: Option<String>,
    /// 1 to 12.
    pub exp_month: Option<i32>,
    /// Four digits.
    pub exp_year: Option<i32>,
    /// The wallet that it is in.
    pub wallet: Option<Wallet>,
}

/// A wallet.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Wallet {
    /// `apple_pay`, `google_pay`, ...
    #[serde(rename = "type")]
    pub kind: String,
}

/// What may be shown of a bank account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct BankAccount {
    /// The number's end.
    pub last4: Option<String>,
}

impl PaymentMethod {
    /// The end of the number of the card or account.
    #[must_use]
    pub fn last4(&self) -> Option<&str> {
        let account = self.sepa_debit.as_ref().or(self.us_bank_account.as_ref());
        let last4 = match &self.card {
            Some(card) => card.last4.as_ref(),
            None => account.and_then(|account| account.last4.as_ref()),
        };
        last4.map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_names_the_customer_and_their_card() {
        let frozen = copy("cus_1", "pm_1");
        assert_eq!((frozen.method.as_str(), frozen.path.as_str()), ("POST", "/v1/payment_methods"));
        assert_eq!(String::from_utf8(frozen.body).unwrap(), "customer=cus_1&payment_method=pm_1");
    }

    #[test]
    fn a_detachment_carries_no_parameters() {
        let frozen = detach("pm_1");
        assert_eq!(
            (frozen.method.as_str(), frozen.path.as_str()),
            ("POST", "/v1/payment_methods/pm_1/detach")
        );
        assert_eq!(frozen.body, b"");
        assert_eq!(path("pm_1"), "/v1/payment_methods/pm_1");
    }

    #[test]
    fn cards_and_accounts_are_read_as_far_as_they_may_be_shown() {
        let card: PaymentMethod = serde_json::from_str(
            r#"{"id": "pm_1", "type": "card", "customer": "cus_1", "new": 1,
                "card": {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2034,
                         "wallet": {"type": "apple_pay", "apple_pay": {}}, "fingerprint": "x"}}"#,
        )
        .unwrap();
        assert_eq!(card.customer.as_ref().map(Expandable::id), Some("cus_1"));
        assert_eq!(card.last4(), Some("4242"));
        assert_eq!(card.card.unwrap().wallet.unwrap().kind, "apple_pay");
        let debit: PaymentMethod = serde_json::from_str(
            r#"{"id": "pm_2", "type": "sepa_debit", "customer": null, "sepa_debit": {"last4": "3000"}}"#,
        )
        .unwrap();
        assert_eq!((debit.last4(), &debit.customer), (Some("3000"), &None));
    }
}
