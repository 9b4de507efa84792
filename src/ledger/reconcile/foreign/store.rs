//! The queries of what others did.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};
use souk_entity::{Currency, Scope};

use crate::ledger::{chart::Account, postings::ForeignActivity, store::statement};

/// What a balance transaction moved under a key.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct Moved {
    /// `txn_...`.
    pub(super) txn: String,
    pub(super) currency: Currency,
    /// Debits less credits, in minor units.
    pub(super) amount: i64,
    pub(super) occurred_at: DateTime<Utc>,
}

/// What Stripe's balance transactions moved under a key of an account, oldest first.
pub(super) async fn moved_under<C: ConnectionTrait>(
    db: &C,
    book: &Scope,
    code: &str,
    key: &str,
) -> Result<Vec<Moved>, DbErr> {
    const MOVED: &str = "SELECT b.id AS txn, a.currency, e.amount, t.occurred_at FROM ledger_accounts a \
         JOIN ledger_entries e ON e.account_id = a.id JOIN ledger_transactions t ON t.id = e.transaction_id \
         JOIN balance_transactions b ON b.scope = t.book AND b.id = t.source \
         WHERE a.book = $1 AND a.code = $2 AND e.key = $3 ORDER BY t.id";
    let values = [book.clone().into(), code.into(), key.into()];
    Moved::find_by_statement(statement(db, MOVED, values)).all(db).await
}

#[derive(FromQueryResult)]
struct Source {
    source: String,
}

/// The postings that call an object foreign and were not taken back, by source.
pub(super) async fn told_foreign<C: ConnectionTrait>(
    db: &C,
    book: &Scope,
    key: &str,
) -> Result<Vec<String>, DbErr> {
    const TOLD: &str = "SELECT t.source FROM ledger_accounts a JOIN ledger_entries e ON e.account_id = a.id \
         JOIN ledger_transactions t ON t.id = e.transaction_id \
         WHERE a.book = $1 AND a.code = $2 AND e.key = $3 AND t.kind = $4 \
         AND NOT EXISTS (SELECT 1 FROM ledger_transactions r WHERE r.reverses = t.id) ORDER BY t.id";
    let values = [
        book.clone().into(),
        Account::ForeignActivity.code().into(),
        key.into(),
        ForeignActivity::KIND.into(),
    ];
    let told = Source::find_by_statement(statement(db, TOLD, values)).all(db).await?;
    Ok(told.into_iter().map(|row| row.source).collect())
}

/// What others did with one object.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct Foreign {
    /// The object's id.
    pub(super) key: String,
    pub(super) currency: Currency,
    /// Debits less credits of `foreign_activity`, in minor units.
    pub(super) amount: i64,
    /// When the first of it happened.
    pub(super) first: DateTime<Utc>,
}

/// What others did with objects that moved money since `since` and have not given it back; at most `limit`.
pub(super) async fn foreign_activity<C: ConnectionTrait>(
    db: &C,
    book: &Scope,
    since: DateTime<Utc>,
    limit: u16,
) -> Result<Vec<Foreign>, DbErr> {
    const FOREIGN: &str = "SELECT e.key, a.currency, CAST(SUM(e.amount) AS BIGINT) AS amount, \
         MIN(t.occurred_at) AS first FROM ledger_accounts a JOIN ledger_entries e ON e.account_id = a.id \
         JOIN ledger_transactions t ON t.id = e.transaction_id WHERE a.book = $1 AND a.code = $2 \
         GROUP BY e.key, a.currency HAVING SUM(e.amount) <> 0 AND MAX(t.occurred_at) >= $3 \
         ORDER BY e.key, a.currency LIMIT $4";
    let values =
        [book.clone().into(), Account::ForeignActivity.code().into(), since.into(), i64::from(limit).into()];
    Foreign::find_by_statement(statement(db, FOREIGN, values)).all(db).await
}
