//! Payouts from a Stripe balance to a bank. Source: <https://docs.stripe.com/api/payouts>.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use souk_entity::{Currency, Money};
use stripe_core::payout::{CreatePayout, CreatePayoutMethod, ListPayout, RetrievePayout};

use super::{
    Expandable, Frozen, Identified, Metadata, ObjectRef, Window,
    balance_transactions::BalanceTransaction,
    expandable::LONGEST_PAGE,
    frozen::{currency, hash_map, path_of},
};

/// How fast a payout goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Some business days; free of charge.
    Standard,
    /// Within the hour, at a fee, from `instant_available`.
    Instant,
}

/// Pays `amount` out of the balance of the scope that the call is made in.
#[must_use]
pub fn create(amount: Money, method: Method, metadata: &Metadata) -> Frozen {
    let method = match method {
        Method::Standard => CreatePayoutMethod::Standard,
        Method::Instant => CreatePayoutMethod::Instant,
    };
    let request = CreatePayout::new(amount.amount, currency(amount.currency))
        .method(method)
        .metadata(hash_map(metadata));
    Frozen::of(&request)
}

/// Where a payout is read, in the scope whose balance it left.
#[must_use]
pub fn path(payout: &str) -> String {
    path_of(&RetrievePayout::new(payout))
}

/// Where a page of up to 100 payouts of a window is read, newest first; `after` is the last id of the page before.
#[must_use]
pub fn list_path(window: Window, after: Option<&str>) -> String {
    let request = ListPayout::new().created(window.created()).limit(LONGEST_PAGE);
    path_of(&match after {
        Some(id) => request.starting_after(id),
        None => request,
    })
}

/// What we read of a payout.
#[derive(Clone, Debug, Deserialize)]
pub struct Payout {
    /// `po_...`.
    pub id: String,
    /// Minor units.
    pub amount: i64,
    /// Their currency.
    pub currency: Currency,
    /// `pending`, `in_transit`, `paid`, `failed` or `canceled`; `paid` may still become `failed`.
    pub status: String,
    /// When the bank should have it.
    #[serde(with = "chrono::serde::ts_seconds_option", default)]
    pub arrival_date: Option<DateTime<Utc>>,
    /// `standard` or `instant`.
    pub method: Option<String>,
    /// <https://docs.stripe.com/api/payouts/failures>.
    pub failure_code: Option<String>,
    /// A sentence for people.
    pub failure_message: Option<String>,
    /// What gave the money back to the balance.
    pub failure_balance_transaction: Option<Expandable<BalanceTransaction>>,
    /// What took it from the balance.
    pub balance_transaction: Option<Expandable<BalanceTransaction>>,
    /// The bank account or card (`ba_...`, `card_...`).
    pub destination: Option<Expandable<ObjectRef>>,
    /// Our ids.
    #[serde(default)]
    pub metadata: Metadata,
}

impl Identified for Payout {
    fn id(&self) -> &str {
        &self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payout_names_amount_and_method() {
        let metadata: Metadata = [("souk_request".to_owned(), "0192".to_owned())].into();
        let frozen = create(Money::new(5_000, "jpy".parse().unwrap()), Method::Instant, &metadata);
        assert_eq!((frozen.method.as_str(), frozen.path.as_str()), ("POST", "/v1/payouts"));
        assert_eq!(
            String::from_utf8(frozen.body).unwrap(),
            "amount=5000&currency=jpy&metadata[souk_request]=0192&method=instant"
        );
    }

    #[test]
    fn a_failed_payout_says_why() {
        let payout: Payout = serde_json::from_str(
            r#"{"id": "po_1", "amount": 5000, "currency": "jpy", "status": "failed", "arrival_date": 1795241400,
                "failure_code": "account_closed", "failure_balance_transaction": "txn_2", "new": 1}"#,
        )
        .unwrap();
        assert_eq!(payout.failure_code.as_deref(), Some("account_closed"));
        assert_eq!(payout.failure_balance_transaction.as_ref().map(Expandable::id), Some("txn_2"));
        assert_eq!(path(&payout.id), "/v1/payouts/po_1");
    }

    #[test]
    fn payouts_of_a_window_are_listed_page_by_page() {
        let second = |second| chrono::DateTime::from_timestamp(second, 0).unwrap();
        let window = Window { from: second(5), to: Some(second(9)) };
        assert_eq!(list_path(window, None), "/v1/payouts?created[gte]=5&created[lte]=9&limit=100");
        assert_eq!(
            list_path(Window { to: None, ..window }, Some("x_1")),
            "/v1/payouts?created[gte]=5&limit=100&starting_after=x_1"
        );
    }
}
