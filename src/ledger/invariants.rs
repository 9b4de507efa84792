//! What must hold of the books.

use chrono::{DateTime, Duration, Utc};
use souk_entity::LedgerTransactionId;

use super::{
    balances,
    chart::Account,
    reconcile::{cleared, may_be_open},
};
use crate::invariants::{Invariant, Objects, Query};

/// All of them; the worker has them checked.
pub const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "ledger_transactions_balance",
        meaning: "the entries of a transaction sum to zero in each currency, and are of its book",
        action: TOUCHED,
        objects: Objects::Rows(|id| LedgerTransactionId::from_uuid(id).to_string()),
        query: |_| TRANSACTIONS.into(),
    },
    Invariant {
        name: "ledger_books_balance",
        meaning: "the entries of a book sum to zero in each currency",
        action: TOUCHED,
        objects: Objects::Named,
        query: |_| BOOKS.into(),
    },
    Invariant {
        name: "clearing_keys_in_time",
        meaning: "no clearing key is open for longer than its kind may be",
        action: "reconcile: the report names each of these keys, which half is missing, and what to do",
        objects: Objects::Named,
        query: open_too_long,
    },
    Invariant {
        name: "ledger_sums_match_entries",
        meaning: "what is carried forward of an account is the sum of its entries",
        action: "find out who changed the tables of sums; they are made again from the entries as \
                 docs/OPERATIONS.md says, and nothing is lost",
        objects: Objects::Named,
        query: |_| balances::drifted(),
    },
];

const TOUCHED: &str =
    "someone changed the tables behind the ledger's back: find out who, restore the rows from a backup";

const TRANSACTIONS: &str = "SELECT t.id AS object, 'the entries of ' || t.source || ' in the book of ' || t.book || \
     ' sum to ' || COALESCE(SUM(e.amount), 0) || ' minor units' AS detail \
     FROM ledger_transactions t LEFT JOIN ledger_entries e ON e.transaction_id = t.id \
     LEFT JOIN ledger_accounts a ON a.id = e.account_id \
     GROUP BY t.id, t.book, t.source, a.currency \
     HAVING COUNT(e.amount) = 0 OR SUM(e.amount) <> 0 OR SUM(CASE WHEN a.book = t.book THEN 0 ELSE 1 END) > 0";

const BOOKS: &str = "SELECT a.book || ' ' || a.currency AS object, \
     'the book sums to ' || SUM(e.amount) || ' minor units' AS detail \
     FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id \
     GROUP BY a.book, a.currency HAVING SUM(e.amount) <> 0";

/// What Stripe alone knows of is taken for foreign after an hour, by the next reconciliation; and an hour to spare.
const UNTOLD_MAY_BE_OPEN: Duration = Duration::hours(3);

/// Keys that must be zero, aren't, and to which nothing was posted for longer than their account allows.
fn open_too_long(now: DateTime<Utc>) -> Query {
    let limits = (1..).zip(cleared());
    let late: Vec<String> = limits
        .map(|(n, account)| format!("(a.code = '{}' AND MAX(t.occurred_at) < ${n})", account.code()))
        .collect();
    let codes: Vec<String> = cleared().map(|account| format!("'{}'", account.code())).collect();
    let sql = format!(
        "SELECT a.book || ' ' || a.code || ' ' || e.key AS object, \
         'open by ' || SUM(e.amount) || ' minor units of ' || a.currency AS detail \
         FROM (SELECT e.account_id, e.key FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id \
         WHERE a.code IN ({}) GROUP BY e.account_id, e.key HAVING SUM(e.amount) <> 0) AS keys \
         JOIN ledger_entries e ON e.account_id = keys.account_id AND e.key = keys.key \
         JOIN ledger_accounts a ON a.id = e.account_id JOIN ledger_transactions t ON t.id = e.transaction_id \
         LEFT JOIN balance_transactions b ON b.scope = t.book AND b.id = t.source \
         GROUP BY a.book, a.code, a.currency, e.key HAVING ({}) \
         AND (a.code = '{}' OR COUNT(b.id) < COUNT(*) OR MAX(t.occurred_at) < ${})",
        codes.join(", "),
        late.join(" OR "),
        Account::Suspense.code(),
        late.len() + 1,
    );
    let limits = cleared().map(may_be_open).chain([UNTOLD_MAY_BE_OPEN]);
    Query { sql, times: limits.map(|limit| now - limit).collect() }
}
