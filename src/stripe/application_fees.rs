//! Application fees: what the platform takes of a charge. They live on the platform, whoever's charge it was.
//! Source: <https://docs.stripe.com/api/application_fees>.

use serde::Deserialize;
use souk_entity::Currency;
use stripe_connect::application_fee::RetrieveApplicationFee;

use super::{Expandable, Identified, balance_transactions::BalanceTransaction, frozen::path_of};

/// Where a fee is read on the platform, with what it did to the platform's balance.
#[must_use]
pub fn path(fee: &str) -> String {
    path_of(&RetrieveApplicationFee::new(fee).expand(["balance_transaction".to_owned()]))
}

/// What we read of a fee.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ApplicationFee {
    /// `fee_...`.
    pub id: String,
    /// Minor units.
    pub amount: i64,
    /// Their currency.
    pub currency: Currency,
    /// What it did to the platform's balance.
    pub balance_transaction: Option<Expandable<BalanceTransaction>>,
}

impl Identified for ApplicationFee {
    fn id(&self) -> &str {
        &self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_read_with_its_movement() {
        assert_eq!(path("fee_1"), "/v1/application_fees/fee_1?expand[0]=balance_transaction");
        let fee: ApplicationFee = serde_json::from_str(
            r#"{"id": "fee_1", "amount": 105, "currency": "usd", "charge": "ch_1", "balance_transaction": {
                "id": "txn_1", "amount": 105, "net": 105, "currency": "usd", "type": "application_fee",
                "source": "fee_1", "created": 1795241400, "available_on": 1795241400, "status": "pending"}}"#,
        )
        .unwrap();
        let moved = fee.balance_transaction.as_ref().and_then(Expandable::object).unwrap();
        assert_eq!(moved.without_application_fee(), 105);
    }
}
