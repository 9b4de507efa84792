//! The balance of a scope, as it is now. Source: <https://docs.stripe.com/api/balance>.

use serde::Deserialize;
use souk_entity::Money;
use stripe_core::balance::RetrieveForMyAccountBalance;

use super::frozen::path_of;

/// Where the balance of the call's scope is read.
#[must_use]
pub fn path() -> String {
    path_of(&RetrieveForMyAccountBalance::new())
}

/// A balance; one amount a currency in each list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Balance {
    /// Can be paid out or transferred.
    #[serde(default)]
    pub available: Vec<Money>,
    /// On its way.
    #[serde(default)]
    pub pending: Vec<Money>,
    /// Can be paid out instantly.
    #[serde(default)]
    pub instant_available: Vec<Money>,
    /// Held on the platform against negative balances of its connected accounts.
    #[serde(default)]
    pub connect_reserved: Vec<Money>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_balance_is_read_though_lists_are_missing_and_amounts_say_more() {
        let json =
            r#"{"object": "balance", "available": [{"amount": -5, "currency": "eur", "source_types": {}}]}"#;
        let balance: Balance = serde_json::from_str(json).unwrap();
        assert_eq!(balance.available, [Money::new(-5, "eur".parse().unwrap())]);
        assert!(balance.pending.is_empty() && balance.connect_reserved.is_empty());
        assert_eq!(path(), "/v1/balance");
    }
}
