//! The statement of an account: what it held when a period began, each entry of the period, what it held when the
//! period ended.

use chrono::{DateTime, Utc};
use sea_orm::{DatabaseConnection, DbErr};
use souk_entity::{Currency, LedgerTransactionId, Money, MoneyError, Scope};

use super::{
    super::{balances, chart::Account},
    store,
};
use crate::db;

/// Entries of one statement; a longer period is asked for in parts.
pub(super) const MOST_LINES: u64 = 10_000;

/// Why there is no statement.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// The period has more entries than a statement may.
    #[error("the period has more than {MOST_LINES} entries: ask for it in parts")]
    TooLong,
    /// The amounts don't fit.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// An account over a period. Balances are debits less credits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Whose book.
    pub scope: Scope,
    /// Which account.
    pub account: Account,
    /// Its first moment.
    pub from: DateTime<Utc>,
    /// The first moment after it.
    pub to: DateTime<Utc>,
    /// What the account held before the period.
    pub opening: Money,
    /// The entries, in the order of their occurrence.
    pub lines: Vec<Line>,
    /// What the account held when the period had ended.
    pub closing: Money,
}

/// An entry of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When the fact occurred.
    pub occurred_at: DateTime<Utc>,
    /// Its transaction.
    pub transaction: LedgerTransactionId,
    /// Which posting.
    pub kind: String,
    /// What it was posted from.
    pub source: String,
    /// The key that it stands under; empty on accounts without.
    pub key: String,
    /// A debit is positive, a credit negative.
    pub amount: Money,
    /// What the account held after it.
    pub balance: Money,
}

/// The statement of an account in one currency, from `from` up to and without `to`.
pub async fn statement(
    db: &DatabaseConnection,
    scope: &Scope,
    account: Account,
    currency: Currency,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Statement, StatementError> {
    // Balance and entries are of one moment, or they would not add up.
    let tx = db::begin_report(db).await?;
    let opening = balances::balance_before(&tx, scope, account, currency, from).await?;
    let rows = store::lines(&tx, scope, account, currency, (from, to), MOST_LINES + 1).await?;
    tx.rollback().await?;
    if u64::try_from(rows.len()).unwrap_or(u64::MAX) > MOST_LINES {
        return Err(StatementError::TooLong);
    }
    let mut balance = opening;
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        let amount = Money::new(row.amount, currency);
        balance = balance.checked_add(amount)?;
        let store::LineRow { occurred_at, transaction_id, kind, source, key, .. } = row;
        lines.push(Line { occurred_at, transaction: transaction_id, kind, source, key, amount, balance });
    }
    Ok(Statement { scope: scope.clone(), account, from, to, opening, lines, closing: balance })
}
