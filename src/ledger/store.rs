//! The ledger's queries. Every statement is the same text on SQLite and PostgreSQL, but for the one that posts.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, FromQueryResult,
    QueryFilter, QueryOrder, Statement, Value,
    sea_query::{ArrayType, OnConflict},
};
use souk_entity::{
    Currency, LedgerAccountId, LedgerTransactionId, Money, Scope, SellerId, ledger_account, ledger_entry,
    ledger_transaction,
};
use uuid::{NoContext, Timestamp, Uuid};

use super::{
    chart::Account,
    posting::{Leg, Posting},
};

/// The accounts of the books at hand, by book, code and currency.
pub(super) type OpenAccounts = HashMap<(Scope, String, Currency), LedgerAccountId>;

/// What stands in a book under a source.
pub(super) struct Found {
    pub(super) id: LedgerTransactionId,
    pub(super) reverses: Option<LedgerTransactionId>,
    kind: String,
    legs: BTreeMap<(String, Currency, String, i64), usize>,
}

impl Found {
    /// Whether it is this posting, leg by leg; the order of the legs says nothing.
    pub(super) fn is_same_as(&self, posting: &Posting) -> bool {
        let legs = posting.legs.iter().map(|leg| {
            let Leg { account, key, amount } = leg;
            (account.code().to_owned(), amount.currency, key.clone(), amount.amount)
        });
        self.kind == posting.kind && self.reverses == posting.reverses && self.legs == counted(legs)
    }

    /// Its legs as account's code, key and amount.
    pub(super) fn legs(&self) -> impl Iterator<Item = (&str, &str, Money)> {
        self.legs.iter().flat_map(|((code, currency, key, amount), count)| {
            std::iter::repeat_n((code.as_str(), key.as_str(), Money::new(*amount, *currency)), *count)
        })
    }
}

fn counted<T: Ord>(items: impl Iterator<Item = T>) -> BTreeMap<T, usize> {
    items.fold(BTreeMap::new(), |mut counts, item| {
        *counts.entry(item).or_default() += 1;
        counts
    })
}

/// A row's new id: it sorts by `now`, which is wall time.
pub(super) fn new_uuid(now: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos()))
}

/// Inserts postings; tells the id of each, or nothing if its source is in the book already or an account is not open
/// yet. Another replica that is about to insert the same source is waited for.
///
/// One statement on PostgreSQL, however many they are: postings cost one round trip and hold no lock that others
/// need.
pub(super) async fn insert_postings(
    tx: &DatabaseTransaction,
    now: DateTime<Utc>,
    postings: &[&Posting],
) -> Result<Vec<Option<LedgerTransactionId>>, DbErr> {
    let ids = postings.iter().map(|_| LedgerTransactionId::from_uuid(new_uuid(now)));
    let new: Vec<(LedgerTransactionId, &Posting)> = ids.zip(postings.iter().copied()).collect();
    if tx.get_database_backend() == DbBackend::Postgres {
        return insert_at_once(tx, now, &new).await;
    }
    let mut inserted = Vec::with_capacity(new.len());
    for (id, posting) in new {
        inserted.push(insert_legs_first(tx, now, id, posting).await?.then_some(id));
    }
    Ok(inserted)
}

/// The text is the same for any number of postings and legs, so that PostgreSQL plans it once.
const INSERT_AT_ONCE: &str = "\
    WITH heads AS (SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[]) \
        AS head (id, book, source, kind, occurred_at, reverses)), \
    legs AS (SELECT * FROM unnest($7::uuid[], $8::int[], $9::text[], $10::text[], $11::text[], $12::bigint[]) \
        AS leg (transaction_id, position, code, currency, key, amount)), \
    placed AS (SELECT l.transaction_id, l.position, a.id AS account_id, l.key, l.amount FROM legs l \
        JOIN heads h ON h.id = l.transaction_id LEFT JOIN ledger_accounts a \
        ON a.book = h.book AND a.code = l.code AND a.currency = CAST(l.currency AS char(3))), \
    new AS (INSERT INTO ledger_transactions (id, book, source, kind, occurred_at, posted_at, reverses) \
        SELECT id, book, source, kind, occurred_at, $13, CAST(NULLIF(reverses, '') AS uuid) FROM heads \
        WHERE id NOT IN (SELECT transaction_id FROM placed WHERE account_id IS NULL) \
        ORDER BY book, source ON CONFLICT (book, source) DO NOTHING RETURNING id), \
    entries AS (INSERT INTO ledger_entries (transaction_id, position, account_id, key, amount) \
        SELECT placed.* FROM placed JOIN new ON new.id = placed.transaction_id) \
    SELECT id FROM new";

async fn insert_at_once(
    tx: &DatabaseTransaction,
    now: DateTime<Utc>,
    new: &[(LedgerTransactionId, &Posting)],
) -> Result<Vec<Option<LedgerTransactionId>>, DbErr> {
    let of_heads = |value: fn(&Posting) -> Value| -> Vec<Value> {
        new.iter().map(|(_, posting)| value(posting)).collect()
    };
    let of_legs = |value: fn(&Leg) -> Value| -> Vec<Value> {
        new.iter().flat_map(|(_, posting)| &posting.legs).map(value).collect()
    };
    let reverses =
        |posting: &Posting| posting.reverses.map(|id| id.uuid().to_string()).unwrap_or_default().into();
    let legs =
        new.iter().flat_map(|(id, posting)| (0_i32..).zip(&posting.legs).map(move |(at, _)| (*id, at)));
    let (transactions, positions) = legs.map(|(id, at)| (Value::from(id), Value::from(at))).unzip();
    let values = [
        array(ArrayType::Uuid, new.iter().map(|(id, _)| Value::from(*id)).collect()),
        array(ArrayType::String, of_heads(|posting| posting.book.clone().into())),
        array(ArrayType::String, of_heads(|posting| posting.source.clone().into())),
        array(ArrayType::String, of_heads(|posting| posting.kind.to_owned().into())),
        array(ArrayType::ChronoDateTimeUtc, of_heads(|posting| posting.occurred_at.into())),
        array(ArrayType::String, of_heads(reverses)),
        array(ArrayType::Uuid, transactions),
        array(ArrayType::Int, positions),
        array(ArrayType::String, of_legs(|leg| leg.account.code().to_owned().into())),
        array(ArrayType::String, of_legs(|leg| leg.amount.currency.into())),
        array(ArrayType::String, of_legs(|leg| leg.key.clone().into())),
        array(ArrayType::BigInt, of_legs(|leg| leg.amount.amount.into())),
        now.into(),
    ];
    let mut inserted = HashSet::new();
    for row in tx.query_all_raw(statement(tx, INSERT_AT_ONCE, values)).await? {
        inserted.insert(row.try_get_by_index::<LedgerTransactionId>(0)?);
    }
    Ok(new.iter().map(|(id, _)| inserted.contains(id).then_some(*id)).collect())
}

fn array(of: ArrayType, values: Vec<Value>) -> Value {
    Value::Array(of, Some(Box::new(values)))
}

/// SQLite checks the legs when their transaction's row comes, so they come first.
async fn insert_legs_first(
    tx: &DatabaseTransaction,
    now: DateTime<Utc>,
    id: LedgerTransactionId,
    posting: &Posting,
) -> Result<bool, DbErr> {
    let head = [
        id.into(),
        posting.book.clone().into(),
        posting.source.clone().into(),
        posting.kind.to_owned().into(),
        posting.occurred_at.into(),
        now.into(),
        posting.reverses.map(LedgerTransactionId::uuid).into(),
    ];
    let (placed, count) = (placed_legs(posting.legs.len()), posting.legs.len());
    let mut values = head.to_vec();
    values.extend((0..).zip(&posting.legs).flat_map(|(position, leg)| leg_values(position, leg)));
    let legs = format!(
        "{placed} INSERT INTO ledger_entries (transaction_id, position, account_id, key, amount) \
         SELECT $1, position, account_id, key, amount FROM placed \
         WHERE (SELECT COUNT(*) FROM placed) = {count} \
         AND NOT EXISTS (SELECT 1 FROM ledger_transactions WHERE book = $2 AND source = $3)"
    );
    if tx.execute_raw(statement(tx, &legs, values)).await?.rows_affected() == 0 {
        return Ok(false);
    }
    let closing = "INSERT INTO ledger_transactions (id, book, source, kind, occurred_at, posted_at, reverses) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
    tx.execute_raw(statement(tx, closing, head)).await?;
    Ok(true)
}

/// The legs of a posting with their accounts, as far as those are open. The values of the posting's own row come
/// before theirs.
fn placed_legs(count: usize) -> String {
    const OF_THE_HEAD: usize = 7;
    const OF_A_LEG: usize = 5;
    let rows: Vec<String> = (0..count)
        .map(|leg| OF_THE_HEAD + leg * OF_A_LEG)
        .map(|n| format!("(${}, ${}, ${}, ${}, ${})", n + 1, n + 2, n + 3, n + 4, n + 5))
        .collect();
    format!(
        "WITH legs (position, code, currency, key, amount) AS (VALUES {}), \
         placed AS (SELECT l.position, a.id AS account_id, l.key, l.amount FROM legs l \
         JOIN ledger_accounts a ON a.book = $2 AND a.code = l.code AND a.currency = l.currency)",
        rows.join(", ")
    )
}

fn leg_values(position: i32, leg: &Leg) -> [Value; 5] {
    let Leg { account, key, amount } = leg;
    [
        position.into(),
        account.code().to_owned().into(),
        amount.currency.into(),
        key.clone().into(),
        amount.amount.into(),
    ]
}

/// Finds the accounts that postings need and opens those that are missing. Replicas may do so side by side:
/// they insert in one order, so none waits for another in a circle, and a second insert does nothing.
pub(super) async fn open_accounts(
    tx: &DatabaseTransaction,
    now: DateTime<Utc>,
    postings: impl Iterator<Item = &Posting>,
) -> Result<OpenAccounts, DbErr> {
    let needed: BTreeSet<(Scope, &str, Currency)> = postings
        .flat_map(|posting| posting.legs.iter().map(move |leg| (posting, leg)))
        .map(|(posting, leg)| (posting.book.clone(), leg.account.code(), leg.amount.currency))
        .collect();
    let books: BTreeSet<Scope> = needed.iter().map(|(book, ..)| book.clone()).collect();
    let known = accounts_of(tx, &books).await?;
    let missing: Vec<_> = needed
        .into_iter()
        .filter(|(book, code, currency)| !known.contains_key(&(book.clone(), (*code).to_owned(), *currency)))
        .map(|(book, code, currency)| ledger_account::ActiveModel {
            id: Set(LedgerAccountId::from_uuid(new_uuid(now))),
            book: Set(book),
            code: Set(code.to_owned()),
            currency: Set(currency),
            created_at: Set(now),
        })
        .collect();
    if missing.is_empty() {
        return Ok(known);
    }
    use ledger_account::Column::{Book, Code, Currency as InCurrency};
    ledger_account::Entity::insert_many(missing)
        .on_conflict(OnConflict::columns([Book, Code, InCurrency]).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    accounts_of(tx, &books).await
}

async fn accounts_of(tx: &DatabaseTransaction, books: &BTreeSet<Scope>) -> Result<OpenAccounts, DbErr> {
    let rows = ledger_account::Entity::find()
        .filter(ledger_account::Column::Book.is_in(books.iter().cloned()))
        .all(tx)
        .await?;
    Ok(rows.into_iter().map(|row| ((row.book, row.code, row.currency), row.id)).collect())
}

/// What stands in a book under a source.
pub(super) async fn find_posted<C: ConnectionTrait>(
    db: &C,
    book: &Scope,
    source: &str,
) -> Result<Option<Found>, DbErr> {
    let head = ledger_transaction::Entity::find()
        .filter(ledger_transaction::Column::Book.eq(book.clone()))
        .filter(ledger_transaction::Column::Source.eq(source))
        .one(db)
        .await?;
    let Some(head) = head else { return Ok(None) };
    let entries = ledger_entry::Entity::find()
        .filter(ledger_entry::Column::TransactionId.eq(head.id))
        .order_by_asc(ledger_entry::Column::Position)
        .all(db)
        .await?;
    let accounts: HashMap<LedgerAccountId, ledger_account::Model> = ledger_account::Entity::find()
        .filter(ledger_account::Column::Id.is_in(entries.iter().map(|entry| entry.account_id)))
        .all(db)
        .await?
        .into_iter()
        .map(|account| (account.id, account))
        .collect();
    let legs = entries.into_iter().filter_map(|entry| {
        let account = accounts.get(&entry.account_id)?;
        Some((account.code.clone(), account.currency, entry.key, entry.amount))
    });
    Ok(Some(Found { id: head.id, reverses: head.reverses, kind: head.kind, legs: counted(legs) }))
}

/// What a seller owes to the platform, by currency; nothing where nothing is owed.
pub async fn owed_by<C: ConnectionTrait>(db: &C, seller: SellerId) -> Result<Vec<Money>, DbErr> {
    const OWED: &str = "SELECT a.currency, CAST(SUM(e.amount) AS BIGINT) AS amount \
         FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id \
         WHERE a.book = $1 AND a.code = $2 AND e.key = $3 \
         GROUP BY a.currency HAVING SUM(e.amount) <> 0";
    let values = [Scope::Platform.into(), Account::SellerDue.code().into(), seller.to_string().into()];
    let rows = CurrencySum::find_by_statement(statement(db, OWED, values)).all(db).await?;
    let mut owed: Vec<Money> = rows.iter().map(|row| Money::new(row.amount, row.currency)).collect();
    owed.sort_unstable_by_key(|money| money.currency);
    Ok(owed)
}

#[derive(FromQueryResult)]
struct CurrencySum {
    currency: Currency,
    amount: i64,
}

/// A statement for the database at hand.
pub(super) fn statement<C: ConnectionTrait>(
    db: &C,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
}
