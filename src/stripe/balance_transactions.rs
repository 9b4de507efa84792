//! Balance transactions: every movement of a Stripe balance.
//! Source: <https://docs.stripe.com/api/balance_transactions>.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use souk_entity::Currency;
use stripe_core::balance_transaction::ListBalanceTransaction;
use stripe_types::RangeQueryTs;

use super::{Expandable, Identified, ObjectRef, frozen::path_of};

/// Where in the list a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page<'a> {
    /// The newest.
    Newest,
    /// Those that are older than this id.
    OlderThan(&'a str),
    /// Those that are newer than this id: the ones next to it, still newest first within the page.
    NewerThan(&'a str),
    /// The newest of those that were created at this second or before.
    Until(DateTime<Utc>),
}

/// Where a page of at most `limit` (up to 100) is read, in the call's scope.
#[must_use]
pub fn list_path(page: Page<'_>, limit: u8) -> String {
    let request = ListBalanceTransaction::new().limit(i64::from(limit));
    path_of(&match page {
        Page::Newest => request,
        Page::OlderThan(id) => request.starting_after(id),
        Page::NewerThan(id) => request.ending_before(id),
        Page::Until(time) => request.created(RangeQueryTs::lte(time.timestamp())),
    })
}

/// A movement of the balance; `net` is `amount` less `fee`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct BalanceTransaction {
    /// `txn_...`.
    pub id: String,
    /// Minor units; negative where money left.
    pub amount: i64,
    /// Minor units that Stripe, the platform or a tax took; see `fee_details`.
    #[serde(default)]
    pub fee: i64,
    /// What the balance moved by, in minor units.
    pub net: i64,
    /// The currency of the balance, which need not be that of the charge.
    pub currency: Currency,
    /// `charge`, `payment`, `transfer`, `application_fee`, `payout`, ... New ones may come.
    #[serde(rename = "type")]
    pub kind: String,
    /// What moved it.
    pub source: Option<Expandable<ObjectRef>>,
    /// What the fee is made of.
    #[serde(default)]
    pub fee_details: Vec<FeeDetail>,
    /// When it came about.
    #[serde(with = "chrono::serde::ts_seconds")]
    pub created: DateTime<Utc>,
    /// When the money can be used.
    #[serde(with = "chrono::serde::ts_seconds")]
    pub available_on: DateTime<Utc>,
    /// `available` or `pending`.
    pub status: String,
    /// What one unit of the source's currency was worth in this one. Kept as the text that Stripe sent: for
    /// people to read, never to compute with.
    #[serde(default)]
    pub exchange_rate: Option<serde_json::Number>,
    /// Stripe's coarser kind, for reports.
    #[serde(default)]
    pub reporting_category: String,
}

/// A part of a fee.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct FeeDetail {
    /// Minor units.
    pub amount: i64,
    /// Its currency.
    pub currency: Currency,
    /// `application_fee`, `payment_method_passthrough_fee`, `stripe_fee`, `tax` or `withheld_tax`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whose application took it (`ca_...`).
    pub application: Option<String>,
}

impl BalanceTransaction {
    /// What it moved besides the application fee that it names, in minor units of its currency.
    #[must_use]
    pub fn without_application_fee(&self) -> i64 {
        let fees = self.fee_details.iter().filter(|fee| fee.kind == "application_fee");
        self.amount - fees.filter(|fee| fee.currency == self.currency).map(|fee| fee.amount).sum::<i64>()
    }
}

impl Identified for BalanceTransaction {
    fn id(&self) -> &str {
        &self.id
    }
}

#[cfg(test)]
mod tests {
    use super::{super::List, *};

    #[test]
    fn pages_are_asked_for_in_either_direction() {
        assert_eq!(list_path(Page::Newest, 100), "/v1/balance_transactions?limit=100");
        assert_eq!(
            list_path(Page::OlderThan("txn_1"), 9),
            "/v1/balance_transactions?limit=9&starting_after=txn_1"
        );
        assert_eq!(
            list_path(Page::NewerThan("txn_1"), 9),
            "/v1/balance_transactions?ending_before=txn_1&limit=9"
        );
        let second = DateTime::from_timestamp(1_795_241_400, 0).unwrap();
        assert_eq!(
            list_path(Page::Until(second), 9),
            "/v1/balance_transactions?created[lte]=1795241400&limit=9"
        );
    }

    #[test]
    fn a_page_is_read_with_the_parts_of_each_fee() {
        let page: List<BalanceTransaction> = serde_json::from_str(
            r#"{"object": "list", "has_more": true, "data": [{"id": "txn_1", "amount": 1050, "fee": 60, "net": 990,
                "currency": "usd", "type": "charge", "source": "ch_1", "created": 1795241400,
                "available_on": 1795241400, "status": "pending", "exchange_rate": 1.0871, "new": null,
                "fee_details": [{"amount": 60, "currency": "usd", "type": "stripe_fee", "application": null}]}]}"#,
        )
        .unwrap();
        assert!(page.has_more);
        assert_eq!(page.data[0].without_application_fee(), 1_050);
        assert_eq!(page.data[0].fee_details[0].kind, "stripe_fee");
        assert_eq!(page.data[0].source.as_ref().map(Expandable::id), Some("ch_1"));
    }
}
