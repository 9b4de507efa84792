//! The ledger's queries. Every statement is the same text on SQLite and PostgreSQL.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, FromQueryResult,
    QueryFilter, QueryOrder, Statement, Value, sea_query::OnConflict,
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
        self.kind == posting.kind && self.legs == counted(legs)
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

/// Inserts the head of a posting. `None` if its source is in the book already; another replica that is about
/// to insert the same one is waited for.
pub(super) async fn insert_transaction(
    tx: &DatabaseTransaction,
    now: DateTime<Utc>,
    posting: &Posting,
) -> Result<Option<LedgerTransactionId>, DbErr> {
    let id = LedgerTransactionId::from_uuid(new_uuid(now));
    let row = ledger_transaction::ActiveModel {
        id: Set(id),
        book: Set(posting.book.clone()),
        source: Set(posting.source.clone()),
        kind: Set(posting.kind.to_owned()),
        occurred_at: Set(posting.occurred_at),
        posted_at: Set(now),
    };
    let unique = [ledger_transaction::Column::Book, ledger_transaction::Column::Source];
    let inserted = ledger_transaction::Entity::insert(row)
        .on_conflict(OnConflict::columns(unique).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok((inserted == 1).then_some(id))
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

/// Inserts a posting's legs.
pub(super) async fn insert_entries(
    tx: &DatabaseTransaction,
    id: LedgerTransactionId,
    posting: &Posting,
    accounts: &OpenAccounts,
) -> Result<(), DbErr> {
    let mut rows = Vec::with_capacity(posting.legs.len());
    for (leg, position) in posting.legs.iter().zip(0..) {
        let account = (posting.book.clone(), leg.account.code().to_owned(), leg.amount.currency);
        let account_id = accounts
            .get(&account)
            .ok_or_else(|| DbErr::RecordNotFound(format!("account {} of {}", account.1, account.0)))?;
        rows.push(ledger_entry::ActiveModel {
            transaction_id: Set(id),
            position: Set(position),
            account_id: Set(*account_id),
            key: Set(leg.key.clone()),
            amount: Set(leg.amount.amount),
        });
    }
    ledger_entry::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
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
    Ok(Some(Found { id: head.id, kind: head.kind, legs: counted(legs) }))
}

/// Debits and credits of an account, each as a sum without sign, in minor units.
#[derive(Clone, Debug, FromQueryResult, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AccountTotal {
    pub(super) book: Scope,
    pub(super) currency: Currency,
    pub(super) code: String,
    pub(super) debit: i64,
    pub(super) credit: i64,
}

/// The totals of every account, in no order: databases don't agree on how to sort text.
pub(super) async fn account_totals<C: ConnectionTrait>(db: &C) -> Result<Vec<AccountTotal>, DbErr> {
    // A sum of bigints is NUMERIC on PostgreSQL, hence the casts.
    const TOTALS: &str = "SELECT a.book, a.currency, a.code, \
         CAST(SUM(CASE WHEN e.amount > 0 THEN e.amount ELSE 0 END) AS BIGINT) AS debit, \
         CAST(SUM(CASE WHEN e.amount < 0 THEN -e.amount ELSE 0 END) AS BIGINT) AS credit \
         FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id \
         GROUP BY a.book, a.currency, a.code";
    AccountTotal::find_by_statement(statement(db, TOTALS, [])).all(db).await
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
