//! A Stripe of a few lines: balance transactions that a test lines up, in pages as Stripe gives them.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
};

use serde_json::Value;

use super::*;
use crate::{
    ledger::feed::Feed,
    stripe::{
        Failure, List,
        balance::Balance,
        balance_transactions::{BalanceTransaction, Page},
        origins::{Movement, Origin},
    },
};

/// Objects a page: few, so that a handful makes several.
const PAGE: usize = 2;

/// What one account has, oldest first, and what its balance is said to be beside their sum.
#[derive(Default)]
struct Account {
    transactions: Vec<Value>,
    besides: i64,
    /// A transaction that comes about between two looks at the balance, as often as there are some.
    surprises: Vec<Value>,
    is_away: bool,
}

/// The whole of it.
#[derive(Default)]
pub(super) struct FakeStripe {
    accounts: Mutex<BTreeMap<Scope, Account>>,
    /// How many pages were read.
    pages: AtomicU32,
    /// What is behind balance transactions, by their ids, and the objects behind that, by their paths.
    origins: Mutex<BTreeMap<String, Value>>,
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

    /// A transaction comes about late: it stands in the list before the newest.
    pub(super) fn happens_late(&self, scope: &Scope, transaction: Value) {
        let mut accounts = self.accounts();
        let transactions = &mut accounts.entry(scope.clone()).or_default().transactions;
        let place = transactions.len() - 1;
        transactions.insert(place, transaction);
    }

    /// How many pages were read so far.
    pub(super) fn pages(&self) -> u32 {
        self.pages.load(Ordering::Relaxed)
    }

    /// A balance transaction has this object behind it, or this path leads to it.
    pub(super) fn is_behind(&self, what: &str, object: Value) {
        self.origins.lock().unwrap().insert(what.to_owned(), object);
    }

    /// As [`Self::happens`], but not before the balance is looked at once more.
    pub(super) fn surprises(&self, scope: &Scope, transaction: Value) {
        self.accounts().entry(scope.clone()).or_default().surprises.push(transaction);
    }

    /// The balance is said to be this much more than its transactions.
    pub(super) fn has_besides(&self, scope: &Scope, amount: i64) {
        self.accounts().entry(scope.clone()).or_default().besides = amount;
    }

    /// The account's balance can't be read.
    pub(super) fn is_away(&self, scope: &Scope) {
        self.accounts().entry(scope.clone()).or_default().is_away = true;
    }
}

impl Feed for FakeStripe {
    async fn page(&self, scope: &Scope, page: Page<'_>) -> Result<List<BalanceTransaction>, Failure> {
        self.pages.fetch_add(1, Ordering::Relaxed);
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
            Page::Until(time) => {
                let is_older = |one: &&Value| one["created"].as_i64().unwrap() <= time.timestamp();
                let from = newest_first.iter().position(is_older).unwrap_or(newest_first.len());
                let to = (from + PAGE).min(newest_first.len());
                (from, to, to < newest_first.len())
            }
        };
        let data = newest_first[from..to].to_vec();
        Ok(serde_json::from_value(json!({"object": "list", "data": data, "has_more": has_more})).unwrap())
    }

    async fn balance(&self, scope: &Scope) -> Result<Balance, Failure> {
        let mut accounts = self.accounts();
        let account = accounts.entry(scope.clone()).or_default();
        if account.is_away {
            return Err(Failure::Unavailable { reason: "away".to_owned(), request_id: None });
        }
        let sum: i64 =
            account.transactions.iter().map(|transaction| transaction["net"].as_i64().unwrap()).sum();
        account.transactions.extend(account.surprises.pop());
        let pending = json!([{"amount": 100, "currency": "usd"}]);
        let available = json!([{"amount": sum + account.besides - 100, "currency": "usd"}]);
        Ok(serde_json::from_value(json!({"available": available, "pending": pending})).unwrap())
    }

    async fn movement(&self, _: &Scope, transaction: &str) -> Result<Movement, Failure> {
        let source = self.origins.lock().unwrap().get(transaction).cloned();
        Ok(serde_json::from_value(json!({"source": source})).unwrap())
    }

    async fn origin(&self, _: &Scope, path: &str) -> Result<Origin, Failure> {
        match self.origins.lock().unwrap().get(path) {
            Some(object) => Ok(serde_json::from_value(object.clone()).unwrap()),
            None => Err(Failure::Unavailable { reason: "away".to_owned(), request_id: None }),
        }
    }
}
