//! The queries of the reconciliation. They read the entries as a whole; see [`super`].

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DbBackend, DbErr,
    EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
};
use souk_entity::{
    Currency, LedgerTransactionId, Money, ReconciliationId, Scope, StripeAccountId, balance_transaction,
    reconciliation, seller,
};

use super::{
    super::{
        chart::Account,
        postings::ForeignActivity,
        store::{new_uuid, statement},
    },
    Counts, ReconcileError, Report, State,
    keys::cleared,
};
use crate::db;

/// Whose balances there are to compare: the platform's, and those of all sellers that are still connected.
pub(super) async fn scopes(db: &DatabaseConnection) -> Result<Vec<Scope>, DbErr> {
    let accounts: Vec<Option<StripeAccountId>> = seller::Entity::find()
        .select_only()
        .column(seller::Column::StripeAccountId)
        .filter(seller::Column::StripeAccountId.is_not_null())
        // Stripe refuses every call for an account that was disconnected.
        .filter(seller::Column::Status.ne(seller::Status::Disconnected))
        .order_by_asc(seller::Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    let accounts = accounts.into_iter().flatten().map(Scope::Connected);
    Ok(std::iter::once(Scope::Platform).chain(accounts).collect())
}

/// What a book holds in one currency, in minor units, debits less credits.
#[derive(Clone, Debug, FromQueryResult, PartialEq, Eq)]
pub(super) struct BookTotals {
    pub(super) currency: Currency,
    /// The account that mirrors the Stripe balance.
    pub(super) mirrored: i64,
    /// All accounts: zero, unless someone changed the tables.
    pub(super) sum: i64,
}

/// The totals of a book, by currency.
pub(super) async fn book_totals<C: ConnectionTrait>(db: &C, book: &Scope) -> Result<Vec<BookTotals>, DbErr> {
    const TOTALS: &str = "SELECT a.currency, \
         CAST(SUM(CASE WHEN a.code = $1 THEN e.amount ELSE 0 END) AS BIGINT) AS mirrored, \
         CAST(SUM(e.amount) AS BIGINT) AS sum \
         FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id \
         WHERE a.book = $2 GROUP BY a.currency";
    let values = [Account::Stripe.code().into(), book.clone().into()];
    BookTotals::find_by_statement(statement(db, TOTALS, values)).all(db).await
}

/// What the imported balance transactions of a scope sum to, in minor units.
#[derive(FromQueryResult)]
struct ImportedSum {
    currency: Currency,
    net: i64,
}

/// The sum of a scope's imported balance transactions, by currency.
pub(super) async fn imported_sums<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
) -> Result<BTreeMap<Currency, i64>, DbErr> {
    const SUMS: &str = "SELECT currency, CAST(SUM(net) AS BIGINT) AS net FROM balance_transactions \
         WHERE scope = $1 GROUP BY currency";
    let sums = ImportedSum::find_by_statement(statement(db, SUMS, [scope.clone().into()])).all(db).await?;
    Ok(sums.into_iter().map(|sum| (sum.currency, sum.net)).collect())
}

/// A scope's imported balance transactions that are among `ids`, or were created after `after` and not after
/// `until`.
pub(super) async fn imported(
    db: &DatabaseConnection,
    scope: &Scope,
    ids: impl Iterator<Item = &str>,
    after: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
) -> Result<Vec<balance_transaction::Model>, DbErr> {
    let mut window = Condition::all();
    if let Some(after) = after {
        window = window.add(balance_transaction::Column::StripeCreatedAt.gt(after));
    }
    if let Some(until) = until {
        window = window.add(balance_transaction::Column::StripeCreatedAt.lte(until));
    }
    balance_transaction::Entity::find()
        .filter(balance_transaction::Column::Scope.eq(scope.clone()))
        .filter(Condition::any().add(balance_transaction::Column::Id.is_in(ids)).add(window))
        .all(db)
        .await
}

/// A key of an account that is not zero.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub(super) struct OpenKey {
    /// The account's code.
    pub(super) code: String,
    /// The Stripe object's id.
    pub(super) key: String,
    pub(super) currency: Currency,
    /// Debits less credits, in minor units.
    pub(super) amount: i64,
    /// How many of its entries are from our facts; foreign activity is none of them.
    pub(super) ours: i64,
    /// How many are from Stripe's balance transactions.
    pub(super) theirs: i64,
    /// How many of Stripe's events say that the object is not ours.
    pub(super) strangers: i64,
    /// When the first of its facts happened.
    pub(super) first: DateTime<Utc>,
    /// When the last of its facts happened.
    pub(super) last: DateTime<Utc>,
    /// How many keys are open in this currency, this one among them.
    pub(super) open: i64,
}

/// The keys of a book that must be zero and aren't, by account and key; at most `limit`. A payout may be
/// underway: a debit of `in_transit` counts only if nothing was posted under its key since `underway_since`.
pub(super) async fn open_keys<C: ConnectionTrait>(
    db: &C,
    book: &Scope,
    underway_since: DateTime<Utc>,
    limit: u16,
) -> Result<Vec<OpenKey>, DbErr> {
    let codes: Vec<String> = cleared().map(|account| format!("'{}'", account.code())).collect();
    let open_keys = format!(
        "WITH keys AS (SELECT e.account_id, e.key FROM ledger_entries e \
         JOIN ledger_accounts a ON a.id = e.account_id WHERE a.book = $1 AND a.code IN ({}) \
         GROUP BY e.account_id, e.key HAVING SUM(e.amount) <> 0) \
         SELECT a.code, e.key, a.currency, CAST(SUM(e.amount) AS BIGINT) AS amount, \
         CAST(SUM(CASE WHEN b.id IS NULL AND $5 NOT IN (t.kind, COALESCE(r.kind, '')) THEN 1 ELSE 0 END) \
         AS BIGINT) AS ours, COUNT(b.id) AS theirs, \
         (SELECT COUNT(*) FROM stripe_events s \
         WHERE s.scope = a.book AND s.object_id = e.key AND s.state = 'foreign') AS strangers, \
         MIN(t.occurred_at) AS first, MAX(t.occurred_at) AS last, \
         COUNT(*) OVER (PARTITION BY a.currency) AS open \
         FROM keys JOIN ledger_entries e ON e.account_id = keys.account_id AND e.key = keys.key \
         JOIN ledger_accounts a ON a.id = e.account_id JOIN ledger_transactions t ON t.id = e.transaction_id \
         LEFT JOIN balance_transactions b ON b.scope = t.book AND b.id = t.source \
         LEFT JOIN ledger_transactions r ON r.id = t.reverses \
         GROUP BY a.book, a.code, e.key, a.currency \
         HAVING NOT (a.code = $2 AND SUM(e.amount) > 0 AND MAX(t.occurred_at) >= $3) \
         ORDER BY a.code, e.key, a.currency LIMIT $4",
        codes.join(", ")
    );
    let values = [
        book.clone().into(),
        Account::InTransit.code().into(),
        underway_since.into(),
        i64::from(limit).into(),
        ForeignActivity::KIND.into(),
    ];
    OpenKey::find_by_statement(statement(db, &open_keys, values)).all(db).await
}

/// A transaction that isn't whole.
#[derive(Debug)]
pub(super) struct Unbalanced {
    pub(super) id: LedgerTransactionId,
    pub(super) book: Scope,
    pub(super) source: String,
    /// Debits less credits; none if there are no entries.
    pub(super) amount: Option<Money>,
}

#[derive(FromQueryResult)]
struct UnbalancedRow {
    id: LedgerTransactionId,
    book: Scope,
    source: String,
    currency: Option<Currency>,
    amount: Option<i64>,
}

/// Transactions that have no entries, or entries that don't sum to zero or stand in another book.
pub(super) async fn unbalanced_transactions(
    db: &impl ConnectionTrait,
    limit: u16,
) -> Result<Vec<Unbalanced>, DbErr> {
    const UNBALANCED: &str = "SELECT t.id, t.book, t.source, a.currency, CAST(SUM(e.amount) AS BIGINT) AS amount \
         FROM ledger_transactions t LEFT JOIN ledger_entries e ON e.transaction_id = t.id \
         LEFT JOIN ledger_accounts a ON a.id = e.account_id \
         GROUP BY t.id, t.book, t.source, a.currency \
         HAVING COUNT(e.amount) = 0 OR SUM(e.amount) <> 0 \
         OR SUM(CASE WHEN a.book = t.book THEN 0 ELSE 1 END) > 0 \
         ORDER BY t.id LIMIT $1";
    let values = [i64::from(limit).into()];
    let rows = UnbalancedRow::find_by_statement(statement(db, UNBALANCED, values)).all(db).await?;
    let named = rows.into_iter().map(|UnbalancedRow { id, book, source, currency, amount }| {
        let amount = amount.zip(currency).map(|(amount, currency)| Money::new(amount, currency));
        Unbalanced { id, book, source, amount }
    });
    Ok(named.collect())
}

/// A balance transaction that its book does not show as it is.
#[derive(Debug)]
pub(super) struct NotPosted {
    pub(super) book: Scope,
    /// `txn_...`.
    pub(super) id: String,
    /// What the balance moved by.
    pub(super) net: Money,
    /// What the book says that it moved by.
    pub(super) posted: Money,
    /// How many entries move the mirrored balance in another currency.
    pub(super) elsewhere: i64,
}

#[derive(FromQueryResult)]
struct NotPostedRow {
    scope: Scope,
    id: String,
    currency: Currency,
    net: i64,
    posted: i64,
    elsewhere: i64,
}

/// Balance transactions whose posting is missing, or moves the mirrored balance by another amount.
pub(super) async fn not_posted(db: &impl ConnectionTrait, limit: u16) -> Result<Vec<NotPosted>, DbErr> {
    const NOT_POSTED: &str = "SELECT * FROM (SELECT b.scope, b.id, b.currency, b.net, \
         CAST(COALESCE(SUM(CASE WHEN a.code = $1 AND a.currency = b.currency THEN e.amount END), 0) AS BIGINT) \
         AS posted, \
         CAST(COALESCE(SUM(CASE WHEN a.code = $1 AND a.currency <> b.currency THEN 1 END), 0) AS BIGINT) \
         AS elsewhere FROM balance_transactions b \
         LEFT JOIN ledger_transactions t ON t.book = b.scope AND t.source = b.id \
         LEFT JOIN ledger_entries e ON e.transaction_id = t.id \
         LEFT JOIN ledger_accounts a ON a.id = e.account_id \
         GROUP BY b.scope, b.id, b.currency, b.net) AS mirrored \
         WHERE posted <> net ORDER BY scope, id LIMIT $2";
    let values = [Account::Stripe.code().into(), i64::from(limit).into()];
    let rows = NotPostedRow::find_by_statement(statement(db, NOT_POSTED, values)).all(db).await?;
    let named = rows.into_iter().map(|NotPostedRow { scope, id, currency, net, posted, elsewhere }| {
        let money = |amount| Money::new(amount, currency);
        NotPosted { book: scope, id, net: money(net), posted: money(posted), elsewhere }
    });
    Ok(named.collect())
}

/// A posting that touches the mirrored balance without a balance transaction.
#[derive(Debug)]
pub(super) struct ForeignPosting {
    pub(super) book: Scope,
    pub(super) source: String,
    pub(super) amount: Money,
}

#[derive(FromQueryResult)]
struct ForeignPostingRow {
    book: Scope,
    source: String,
    currency: Currency,
    amount: i64,
}

/// Postings to the mirrored balance that no balance transaction is behind.
pub(super) async fn foreign_postings(
    db: &impl ConnectionTrait,
    limit: u16,
) -> Result<Vec<ForeignPosting>, DbErr> {
    const FOREIGN: &str = "SELECT t.book, t.source, a.currency, CAST(SUM(e.amount) AS BIGINT) AS amount \
         FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id \
         JOIN ledger_transactions t ON t.id = e.transaction_id \
         LEFT JOIN balance_transactions b ON b.scope = t.book AND b.id = t.source \
         WHERE a.code = $1 AND b.id IS NULL \
         GROUP BY t.book, t.source, a.currency ORDER BY t.book, t.source LIMIT $2";
    let values = [Account::Stripe.code().into(), i64::from(limit).into()];
    let rows = ForeignPostingRow::find_by_statement(statement(db, FOREIGN, values)).all(db).await?;
    let named = rows.into_iter().map(|ForeignPostingRow { book, source, currency, amount }| ForeignPosting {
        book,
        source,
        amount: Money::new(amount, currency),
    });
    Ok(named.collect())
}

/// Keeps a report. `now` is wall time.
pub(super) async fn insert(
    db: &DatabaseConnection,
    now: DateTime<Utc>,
    report: &Report,
) -> Result<(), ReconcileError> {
    let row = reconciliation::ActiveModel {
        id: Set(ReconciliationId::from_uuid(new_uuid(now))),
        clean: Set(report.state == State::Clean),
        report: Set(serde_json::to_value(report)?),
        as_of: Set(report.as_of),
    };
    let tx = db::begin_write(db).await?;
    reconciliation::Entity::insert(row).exec_without_returning(&tx).await?;
    db::commit(tx, "reconciliation", "insert").await?;
    Ok(())
}

/// The row of the last reconciliation.
pub(super) async fn latest(db: &DatabaseConnection) -> Result<Option<reconciliation::Model>, DbErr> {
    // Ids sort by wall time; business time can be set back.
    reconciliation::Entity::find().order_by_desc(reconciliation::Column::Id).one(db).await
}

#[derive(FromQueryResult)]
struct KindCount {
    as_of: DateTime<Utc>,
    kind: Option<String>,
    count: i64,
}

/// How many differences the last reconciliation found, counted by the database: a report may be long. None if there
/// never was one.
pub async fn last_counts(db: &DatabaseConnection) -> Result<Option<Counts>, DbErr> {
    let (differences, kind) = match db.get_database_backend() {
        DbBackend::Postgres => {
            ("jsonb_array_elements(last.report -> 'differences')", "found.value ->> 'kind'")
        }
        _ => ("json_each(last.report, '$.differences')", "json_extract(found.value, '$.kind')"),
    };
    let counts = format!(
        "SELECT last.as_of, {kind} AS kind, COUNT(*) AS count FROM \
         (SELECT as_of, report FROM reconciliations ORDER BY id DESC LIMIT 1) AS last \
         LEFT JOIN {differences} AS found ON true GROUP BY last.as_of, {kind}"
    );
    let rows = KindCount::find_by_statement(statement(db, &counts, [])).all(db).await?;
    let Some(as_of) = rows.first().map(|row| row.as_of) else { return Ok(None) };
    let differences = rows.into_iter().filter_map(|row| Some((row.kind?, row.count))).collect();
    Ok(Some(Counts { as_of, differences }))
}

/// Earlier reconciliations, newest first.
pub(super) async fn page(
    db: &DatabaseConnection,
    after: Option<ReconciliationId>,
    limit: u64,
) -> Result<Vec<reconciliation::Model>, DbErr> {
    let mut query = reconciliation::Entity::find();
    if let Some(after) = after {
        query = query.filter(reconciliation::Column::Id.lt(after));
    }
    query.order_by_desc(reconciliation::Column::Id).limit(limit).all(db).await
}
