//! Where money that moved came from: the object behind a balance transaction, the objects behind that one, and whether
//! any of them carries a name of ours. Every kind of object is read by the same few fields.
//!
//! Source: the references between objects in <https://docs.stripe.com/api>.

use serde::Deserialize;
use souk_entity::Scope;
use stripe_core::balance_transaction::RetrieveBalanceTransaction;

use super::{Expandable, Identified, Metadata, ObjectRef, frozen::path_of};

/// Every key of metadata that this service writes begins so; callers can't write one.
const OURS: &str = "souk_";

/// Where a balance transaction is read with the object that moved the money. Some of these objects (reversals, refunds
/// of fees) can be read in no other way without knowing what they belong to.
#[must_use]
pub fn path(balance_transaction: &str) -> String {
    path_of(&RetrieveBalanceTransaction::new(balance_transaction).expand(["source".to_owned()]))
}

/// A balance transaction, as far as it names what moved the money.
#[derive(Clone, Debug, Deserialize)]
pub struct Movement {
    /// The object; none where Stripe moved it by itself.
    pub source: Option<Expandable<Origin>>,
}

/// An object of any kind, as far as it says whose it is.
#[derive(Clone, Debug, Deserialize)]
pub struct Origin {
    /// Stripe's id.
    id: String,
    /// Stripe's name of its kind: `charge`, `refund`, ...
    object: String,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    account: Option<Expandable<ObjectRef>>,
    #[serde(default)]
    charge: Option<Expandable<ObjectRef>>,
    #[serde(default)]
    fee: Option<Expandable<ObjectRef>>,
    #[serde(default)]
    originating_transaction: Option<Expandable<ObjectRef>>,
    #[serde(default)]
    payment_intent: Option<Expandable<ObjectRef>>,
    #[serde(default)]
    source_transaction: Option<Expandable<ObjectRef>>,
    #[serde(default)]
    source_transfer: Option<Expandable<ObjectRef>>,
    #[serde(default)]
    transfer: Option<Expandable<ObjectRef>>,
}

impl Identified for Origin {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Origin {
    /// Whether it carries a name of ours. That it carries none says nothing yet: what Stripe makes by itself (the
    /// transfer of a destination charge, say) has no metadata; see [`Self::behind`].
    #[must_use]
    pub fn is_named_by_us(&self) -> bool {
        self.metadata.iter().flatten().any(|(key, _)| key.starts_with(OURS))
    }

    /// The objects that it was made for, each as the scope and the path where it is read; `scope` is where this one
    /// was. None if there is nothing behind it.
    #[must_use]
    pub fn behind(&self, scope: &Scope) -> Vec<(Scope, String)> {
        let id = |reference: &Option<Expandable<ObjectRef>>| {
            reference.as_ref().map(|reference| reference.id().to_owned())
        };
        let here = |kind, reference| id(reference).map(|id| (scope.clone(), format!("/v1/{kind}/{id}")));
        let at_platform =
            |kind, reference| id(reference).map(|id| (Scope::Platform, format!("/v1/{kind}/{id}")));
        let behind = match self.object.as_str() {
            "charge" => [
                here("payment_intents", &self.payment_intent),
                // What a transfer became on the account that got it: the transfer is the platform's.
                at_platform("transfers", &self.source_transfer),
            ],
            "refund" | "dispute" => [here("charges", &self.charge), None],
            "transfer" => [here("charges", &self.source_transaction), None],
            "transfer_reversal" => [here("transfers", &self.transfer), None],
            "application_fee" => match at_platform("charges", &self.originating_transaction) {
                None => [self.charge_of_account(), None],
                originating => [originating, None],
            },
            "fee_refund" => [at_platform("application_fees", &self.fee), None],
            _ => [None, None],
        };
        behind.into_iter().flatten().collect()
    }

    /// The charge that a fee was taken of, on the account that paid it.
    fn charge_of_account(&self) -> Option<(Scope, String)> {
        let account = self.account.as_ref()?.id().parse().ok()?;
        Some((Scope::Connected(account), format!("/v1/charges/{}", self.charge.as_ref()?.id())))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn origin(object: Value) -> Origin {
        serde_json::from_value(object).unwrap()
    }

    fn seller() -> Scope {
        Scope::Connected("acct_1".parse().unwrap())
    }

    #[test]
    fn a_balance_transaction_is_read_with_what_moved_the_money() {
        assert_eq!(path("txn_1"), "/v1/balance_transactions/txn_1?expand[0]=source");
        let movement: Movement = serde_json::from_value(json!({
            "id": "txn_1", "amount": 100, "source": {"id": "re_1", "object": "refund", "charge": "ch_1"},
        }))
        .unwrap();
        let source = movement.source.unwrap();
        assert_eq!((source.id(), source.object().is_some()), ("re_1", true));
    }

    #[test]
    fn only_metadata_of_ours_makes_an_object_ours() {
        let of = |metadata: Value| origin(json!({"id": "ch_1", "object": "charge", "metadata": metadata}));
        assert!(of(json!({"souk_order": "order_1", "colour": "blue"})).is_named_by_us());
        assert!(!of(json!({"colour": "blue", "my_souk_order": "1"})).is_named_by_us());
        assert!(!of(Value::Null).is_named_by_us());
        assert!(!origin(json!({"id": "fee_1", "object": "application_fee"})).is_named_by_us());
    }

    #[test]
    fn each_kind_of_object_names_what_it_was_made_for_and_where_that_is() {
        let platform = Scope::Platform;
        for (scope, object, behind) in [
            (
                &platform,
                json!({"id": "ch_1", "object": "charge", "payment_intent": "pi_1"}),
                Some((&platform, "payment_intents/pi_1")),
            ),
            (&platform, json!({"id": "ch_1", "object": "charge", "payment_intent": null}), None),
            (
                &seller(),
                json!({"id": "py_1", "object": "charge", "source_transfer": "tr_1"}),
                Some((&platform, "transfers/tr_1")),
            ),
            (
                &seller(),
                json!({"id": "pyr_1", "object": "refund", "charge": "py_1"}),
                Some((&seller(), "charges/py_1")),
            ),
            (
                &platform,
                json!({"id": "du_1", "object": "dispute", "charge": {"id": "ch_1"}}),
                Some((&platform, "charges/ch_1")),
            ),
            (
                &platform,
                json!({"id": "tr_1", "object": "transfer", "source_transaction": "ch_1"}),
                Some((&platform, "charges/ch_1")),
            ),
            (&platform, json!({"id": "tr_1", "object": "transfer", "source_transaction": null}), None),
            (
                &platform,
                json!({"id": "trr_1", "object": "transfer_reversal", "transfer": "tr_1"}),
                Some((&platform, "transfers/tr_1")),
            ),
            (
                &platform,
                json!({"id": "fee_1", "object": "application_fee", "account": "acct_1", "charge": "py_1", "originating_transaction": "ch_1"}),
                Some((&platform, "charges/ch_1")),
            ),
            (
                &platform,
                json!({"id": "fee_1", "object": "application_fee", "account": "acct_1", "charge": "ch_2", "originating_transaction": null}),
                Some((&seller(), "charges/ch_2")),
            ),
            (
                &seller(),
                json!({"id": "fr_1", "object": "fee_refund", "fee": "fee_1"}),
                Some((&platform, "application_fees/fee_1")),
            ),
            (&platform, json!({"id": "pi_1", "object": "payment_intent"}), None),
        ] {
            let expected: Vec<_> =
                behind.into_iter().map(|(scope, path)| (scope.clone(), format!("/v1/{path}"))).collect();
            assert_eq!(origin(object.clone()).behind(scope), expected, "{object}");
        }
    }
}
