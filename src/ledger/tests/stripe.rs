//! A Stripe of a few lines: balance transactions that a test lines up, in pages as Stripe gives them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use serde_json::Value;

use super::*;
use crate::{
    ledger::feed::Feed,
    stripe::{
        Failure, List,
        balance_transactions::{BalanceTransaction, Page},
    },
};

/// Objects a page: few, so that a handful makes several.
const PAGE: usize = 2;

/// What one account has, oldest first.
#[derive(Default)]
struct Account {
    transactions: Vec<Value>,
}

/// The whole of it.
#[derive(Default)]
pub(super) struct FakeStripe {
    accounts: Mutex<BTreeMap<Scope, Account>>,
}

/// A balance transaction as Stripe sends it.
pub(super) fn wire(
    id: &str,
    transaction_type: &str,
    source: &str,
    amount: i64,
    fees: &[(&str, i64)],
) -> Value {
    let row = txn(Scope::Platform, id, transaction_type, source, amount, fees);
    json!({
        "id": id, "object": "balance_transaction", "type": transaction_type, "source": row.source,
        "amount": amount, "fee": row.fee, "net": row.net, "currency": "usd", "fee_details": row.fee_details,
        "created": at(0).timestamp(), "available_on": at(0).timestamp(), "status": "available",
        "reporting_category": transaction_type,
    })
}

impl FakeStripe {
    fn accounts(&self) -> MutexGuard<'_, BTreeMap<Scope, Account>> {
        self.accounts.lock().unwrap()
    }

    /// Something moves the balance of an account.
    pub(super) fn happens(&self, scope: &Scope, transaction: Value) {
        self.accounts().entry(scope.clone()).or_default().transactions.push(transaction);
    }
}

impl Feed for FakeStripe {
    async fn page(&self, scope: &Scope, page: Page<'_>) -> Result<List<BalanceTransaction>, Failure> {
        let accounts = self.accounts();
        let newest_first: Vec<&Value> =
            accounts.get(scope).into_iter().flat_map(|account| account.transactions.iter().rev()).collect();
        let place = |id: &str| newest_first.iter().position(|transaction| transaction["id"] == id).unwrap();
        let (from, to, has_more) = match page {
            Page::Newest => (0, PAGE.min(newest_first.len()), newest_first.len() > PAGE),
            Page::OlderThan(id) => {
                let from = place(id) + 1;
                let to = (from + PAGE).min(newest_first.len());
                (from, to, to < newest_first.len())
            }
            Page::NewerThan(id) => {
                let to = place(id);
                (to.saturating_sub(PAGE), to, to > PAGE)
            }
        };
        let data = newest_first[from..to].to_vec();
        Ok(serde_json::from_value(json!({"object": "list", "data": data, "has_more": has_more})).unwrap())
    }
}
