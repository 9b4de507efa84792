//! The ledger's queries. Every statement is the same text on SQLite and PostgreSQL.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait,
    FromQueryResult, QueryFilter, QueryOrder, Statement, Value, sea_query::OnConflict,
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

/// Inserts a posting; tells its id, or nothing if its source is in the book already or an account is not open
/// yet. Another replica that is about to insert the same source is waited for.
///
/// One statement on PostgreSQL, so that a posting costs one round trip and holds no lock that another posting
/// needs. SQLite checks the legs when their transaction's row comes, so they come first.
pub(super) async fn insert_posting(
    tx: &DatabaseTransaction,
    now: DateTime<Utc>,
    posting: &Posting,
) -> Result<Option<LedgerTransactionId>, DbErr> {
    const HEAD: &str =
        "INSERT INTO ledger_transactions (id, book, source, kind, occurred_at, posted_at, reverses)";
    const LEGS: &str = "INSERT INTO ledger_entries (transaction_id, position, account_id, key, amount)";
    let id = LedgerTransactionId::from_uuid(new_uuid(now));
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
    if tx.get_database_backend() == DbBackend::Postgres {
        let all = format!(
            "{placed}, head AS ({HEAD} SELECT $1, $2, $3, $4, $5, $6, $7 \
             WHERE (SELECT COUNT(*) FROM placed) = {count} ON CONFLICT (book, source) DO NOTHING RETURNING id) \
             {LEGS} SELECT head.id, position, account_id, key, amount FROM head, placed"
        );
        let inserted = tx.execute_raw(statement(tx, &all, values)).await?;
        return Ok((inserted.rows_affected() > 0).then_some(id));
    }
    let legs = format!(
        "{placed} {LEGS} SELECT $1, position, account_id, key, amount FROM placed \
         WHERE (SELECT COUNT(*) FROM placed) = {count} \
         AND NOT EXISTS (SELECT 1 FROM ledger_transactions WHERE book = $2 AND source = $3)"
    );
    if tx.execute_raw(statement(tx, &legs, values)).await?.rows_affected() == 0 {
        return Ok(None);
    }
    tx.execute_raw(statement(tx, &format!("{HEAD} VALUES ($1, $2, $3, $4, $5, $6, $7)"), head)).await?;
    Ok(Some(id))
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
