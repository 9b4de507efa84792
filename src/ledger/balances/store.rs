//! The queries of balances.

use chrono::{DateTime, NaiveTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, FromQueryResult, Value};
use souk_entity::{Currency, LedgerTransactionId, Scope};

use super::super::{chart::Account, store::statement};
use crate::invariants::Query;

/// Any number will do, as long as nothing else in the database uses it.
const SUMMING_LOCK: i64 = 0x53_55_4D;

/// An entry's amount as debit and credit, each without sign.
const SIDES: &str = "CASE WHEN e.amount > 0 THEN e.amount ELSE 0 END AS debit, \
     CASE WHEN e.amount < 0 THEN -e.amount ELSE 0 END AS credit";

/// Debits and credits of an account, each as a sum without sign, in minor units.
#[derive(Clone, Debug, FromQueryResult, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ledger) struct AccountTotal {
    pub(in crate::ledger) book: Scope,
    pub(in crate::ledger) currency: Currency,
    pub(in crate::ledger) code: String,
    pub(in crate::ledger) debit: i64,
    pub(in crate::ledger) credit: i64,
}

#[derive(FromQueryResult)]
struct Amount {
    amount: i64,
}

/// The totals of every account, in no order: databases don't agree on how to sort text.
pub(in crate::ledger) async fn totals<C: ConnectionTrait>(db: &C) -> Result<Vec<AccountTotal>, DbErr> {
    let parts = format!(
        "SELECT account_id, debit, credit FROM ledger_balances UNION ALL \
         SELECT e.account_id, {SIDES} FROM ledger_unsummed u \
         JOIN ledger_entries e ON e.transaction_id = u.transaction_id"
    );
    AccountTotal::find_by_statement(statement(db, &totals_of(&parts), [])).all(db).await
}

/// The totals of every account that had any, of what occurred before `time`.
pub(in crate::ledger) async fn totals_before<C: ConnectionTrait>(
    db: &C,
    time: DateTime<Utc>,
) -> Result<Vec<AccountTotal>, DbErr> {
    let sql = totals_of(&parts_before());
    AccountTotal::find_by_statement(statement(db, &sql, values_before(time))).all(db).await
}

// A sum of bigints is NUMERIC on PostgreSQL, hence the casts.
fn totals_of(parts: &str) -> String {
    format!(
        "SELECT a.book, a.currency, a.code, CAST(SUM(p.debit) AS BIGINT) AS debit, \
         CAST(SUM(p.credit) AS BIGINT) AS credit \
         FROM ({parts}) AS p JOIN ledger_accounts a ON a.id = p.account_id GROUP BY a.book, a.currency, a.code"
    )
}

/// Whole days from their sums; the day of `time` from its transactions, summed or not; and of the days before it
/// what was not summed yet.
fn parts_before() -> String {
    format!(
        "SELECT account_id, debit, credit FROM ledger_days WHERE day < $1 UNION ALL \
         SELECT e.account_id, {SIDES} FROM ledger_transactions t \
         JOIN ledger_entries e ON e.transaction_id = t.id WHERE t.occurred_at >= $2 AND t.occurred_at < $3 \
         UNION ALL SELECT e.account_id, {SIDES} FROM ledger_unsummed u \
         JOIN ledger_transactions t ON t.id = u.transaction_id \
         JOIN ledger_entries e ON e.transaction_id = t.id WHERE t.occurred_at < $2"
    )
}

/// The day of `time`, its beginning, and `time`.
fn values_before(time: DateTime<Utc>) -> [Value; 3] {
    let date = time.date_naive();
    let day = date.signed_duration_since(DateTime::UNIX_EPOCH.date_naive()).num_days();
    [day.into(), date.and_time(NaiveTime::MIN).and_utc().into(), time.into()]
}

/// Debits less credits of an account. What was not summed is found by its transactions, however many entries the
/// account has.
pub(super) async fn balance<C: ConnectionTrait>(
    db: &C,
    book: &Scope,
    account: Account,
    currency: Currency,
) -> Result<i64, DbErr> {
    const BALANCE: &str = "SELECT CAST( \
         COALESCE((SELECT b.debit - b.credit FROM ledger_balances b WHERE b.account_id = a.id), 0) + \
         COALESCE((SELECT SUM((SELECT SUM(e.amount) FROM ledger_entries e \
         WHERE e.transaction_id = u.transaction_id AND e.account_id = a.id)) FROM ledger_unsummed u), 0) \
         AS BIGINT) AS amount FROM ledger_accounts a WHERE a.book = $1 AND a.code = $2 AND a.currency = $3";
    let values = [book.clone().into(), account.code().into(), currency.into()];
    one(db, BALANCE, values).await
}

pub(super) async fn balance_before<C: ConnectionTrait>(
    db: &C,
    book: &Scope,
    account: Account,
    currency: Currency,
    time: DateTime<Utc>,
) -> Result<i64, DbErr> {
    let sql = format!(
        "SELECT CAST(COALESCE(SUM(p.debit - p.credit), 0) AS BIGINT) AS amount FROM ({}) AS p \
         JOIN ledger_accounts a ON a.id = p.account_id WHERE a.book = $4 AND a.code = $5 AND a.currency = $6",
        parts_before()
    );
    let mut values = values_before(time).to_vec();
    values.extend([book.clone().into(), account.code().into(), currency.into()]);
    one(db, &sql, values).await
}

pub(super) async fn balance_of_key<C: ConnectionTrait>(
    db: &C,
    book: &Scope,
    account: Account,
    currency: Currency,
    key: &str,
) -> Result<i64, DbErr> {
    const OF_KEY: &str = "SELECT CAST(COALESCE(SUM(e.amount), 0) AS BIGINT) AS amount FROM ledger_entries e \
         WHERE e.account_id = (SELECT id FROM ledger_accounts WHERE book = $1 AND code = $2 AND currency = $3) \
         AND e.key = $4";
    let values = [book.clone().into(), account.code().into(), currency.into(), key.into()];
    one(db, OF_KEY, values).await
}

async fn one<C: ConnectionTrait>(
    db: &C,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<i64, DbErr> {
    let row = Amount::find_by_statement(statement(db, sql, values)).one(db).await?;
    Ok(row.map_or(0, |row| row.amount))
}

/// How many transactions are not summed yet; counts no further than `most`.
pub(super) async fn unsummed<C: ConnectionTrait>(db: &C, most: i64) -> Result<i64, DbErr> {
    const UNSUMMED: &str =
        "SELECT COUNT(*) AS amount FROM (SELECT transaction_id FROM ledger_unsummed LIMIT $1) AS waiting";
    one(db, UNSUMMED, [most.into()]).await
}

/// Whether nobody else is summing up; nobody will be until the transaction ends.
pub(super) async fn has_turn(tx: &DatabaseTransaction) -> Result<bool, DbErr> {
    if tx.get_database_backend() != DbBackend::Postgres {
        return Ok(true);
    }
    let sql = "SELECT CASE WHEN pg_try_advisory_xact_lock($1) THEN CAST(1 AS BIGINT) ELSE 0 END AS amount";
    Ok(one(tx, sql, [SUMMING_LOCK.into()]).await? == 1)
}

#[derive(FromQueryResult)]
struct Last {
    transaction_id: LedgerTransactionId,
}

/// Moves transactions from `ledger_unsummed` into the sums; tells how many.
pub(super) async fn sum_up(tx: &DatabaseTransaction, most: i64) -> Result<u64, DbErr> {
    // 1. Which ones.
    const LAST: &str = "SELECT transaction_id FROM \
         (SELECT transaction_id FROM ledger_unsummed ORDER BY transaction_id LIMIT $1) AS batch \
         ORDER BY transaction_id DESC LIMIT 1";
    let Some(last) = Last::find_by_statement(statement(tx, LAST, [most.into()])).one(tx).await? else {
        return Ok(0);
    };
    let last: Value = last.transaction_id.into();
    // 2. Into the sums of their days, and those of their accounts.
    let day = match tx.get_database_backend() {
        DbBackend::Postgres => "CAST(FLOOR(EXTRACT(EPOCH FROM t.occurred_at) / 86400) AS INTEGER)",
        _ => "unixepoch(t.occurred_at) / 86400",
    };
    for (table, key, values) in [
        ("ledger_days", "account_id, day", format!("e.account_id, {day} AS day")),
        ("ledger_balances", "account_id", "e.account_id".to_owned()),
    ] {
        let sql = format!(
            "INSERT INTO {table} ({key}, debit, credit) SELECT {key}, SUM(debit), SUM(credit) FROM \
             (SELECT {values}, {SIDES} FROM ledger_unsummed u \
             JOIN ledger_transactions t ON t.id = u.transaction_id \
             JOIN ledger_entries e ON e.transaction_id = t.id WHERE u.transaction_id <= $1) AS legs \
             WHERE true GROUP BY {key} \
             ON CONFLICT ({key}) DO UPDATE SET debit = {table}.debit + excluded.debit, \
             credit = {table}.credit + excluded.credit"
        );
        tx.execute_raw(statement(tx, &sql, [last.clone()])).await?;
    }
    // 3. Out of what waits.
    const TAKE: &str = "DELETE FROM ledger_unsummed WHERE transaction_id <= $1";
    Ok(tx.execute_raw(statement(tx, TAKE, [last])).await?.rows_affected())
}

/// Accounts whose sums are not those of their entries: by account, or by day. Reads every entry once.
pub(in crate::ledger) fn drifted() -> Query {
    let sums = |columns: &str, from: &str| {
        format!(
            "(SELECT account_id, SUM(debit) AS debit, SUM(credit) AS credit FROM (SELECT {columns} FROM {from}) AS legs GROUP BY account_id)"
        )
    };
    let entries = sums(&format!("e.account_id, {SIDES}"), "ledger_entries e");
    let waiting = sums(
        &format!("e.account_id, {SIDES}"),
        "ledger_unsummed u JOIN ledger_entries e ON e.transaction_id = u.transaction_id",
    );
    let days = sums("account_id, debit, credit", "ledger_days");
    let differs = |sum: &str| {
        let side = |side: &str| {
            format!("COALESCE({sum}.{side}, 0) + COALESCE(w.{side}, 0) <> COALESCE(e.{side}, 0)")
        };
        format!("{} OR {}", side("debit"), side("credit"))
    };
    let told = |sum: &str| format!("COALESCE({sum}.debit, 0) || ' and ' || COALESCE({sum}.credit, 0)");
    let sql = format!(
        "SELECT a.book || ' ' || a.code || ' ' || a.currency AS object, \
         'debit and credit: ' || {} || ' by account, ' || {} || ' by day, ' || {} || ' not summed yet, ' || {} || \
         ' by entries' AS detail FROM ledger_accounts a LEFT JOIN {entries} AS e ON e.account_id = a.id \
         LEFT JOIN ledger_balances b ON b.account_id = a.id LEFT JOIN {days} AS d ON d.account_id = a.id \
         LEFT JOIN {waiting} AS w ON w.account_id = a.id WHERE {} OR {}",
        told("b"),
        told("d"),
        told("w"),
        told("e"),
        differs("b"),
        differs("d")
    );
    Query { sql, times: Vec::new() }
}
