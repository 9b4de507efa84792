//! The queries of who reads the books.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, FromQueryResult,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use souk_entity::{
    Currency, LedgerAccountId, LedgerTransactionId, Scope, balance_transaction, ledger_account, ledger_entry,
    ledger_transaction, seller,
};

use super::super::{chart::Account, store::statement};

/// Which accounts.
#[derive(Clone, Debug, Default)]
pub(super) struct Accounts {
    pub(super) book: Option<Scope>,
    pub(super) code: Option<Account>,
    pub(super) currency: Option<Currency>,
}

/// Whether there is such a book, or an account that will have one.
pub(super) async fn is_known(db: &DatabaseConnection, scope: &Scope) -> Result<bool, DbErr> {
    let Some(account) = scope.account() else { return Ok(true) };
    let seller = seller::Entity::find().filter(seller::Column::StripeAccountId.eq(account.clone()));
    if seller.one(db).await?.is_some() {
        return Ok(true);
    }
    let book = ledger_account::Entity::find().filter(ledger_account::Column::Book.eq(scope.clone()));
    Ok(book.one(db).await?.is_some())
}

/// A page of accounts, the last to be opened first.
pub(super) async fn accounts(
    db: &DatabaseConnection,
    which: &Accounts,
    after: Option<LedgerAccountId>,
    limit: u64,
) -> Result<Vec<ledger_account::Model>, DbErr> {
    use ledger_account::Column::{Book, Code, Currency as InCurrency, Id};
    let filter = Condition::all()
        .add_option(which.book.clone().map(|book| Book.eq(book)))
        .add_option(which.code.map(|account| Code.eq(account.code())))
        .add_option(which.currency.map(|currency| InCurrency.eq(currency)))
        .add_option(after.map(|after| Id.lt(after)));
    ledger_account::Entity::find().filter(filter).order_by_desc(Id).limit(limit).all(db).await
}

/// An entry with its transaction.
#[derive(FromQueryResult)]
pub(super) struct LineRow {
    pub(super) occurred_at: DateTime<Utc>,
    pub(super) transaction_id: LedgerTransactionId,
    pub(super) kind: String,
    pub(super) source: String,
    pub(super) key: String,
    pub(super) amount: i64,
}

/// The entries of an account that occurred in a period, in order; at most `limit`.
pub(super) async fn lines<C: ConnectionTrait>(
    db: &C,
    book: &Scope,
    account: Account,
    currency: Currency,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    limit: u64,
) -> Result<Vec<LineRow>, DbErr> {
    const LINES: &str = "SELECT t.occurred_at, e.transaction_id, t.kind, t.source, e.key, e.amount \
         FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id \
         JOIN ledger_transactions t ON t.id = e.transaction_id \
         WHERE a.book = $1 AND a.code = $2 AND a.currency = $3 AND t.occurred_at >= $4 AND t.occurred_at < $5 \
         ORDER BY t.occurred_at, e.transaction_id, e.position LIMIT $6";
    let values = [
        book.clone().into(),
        account.code().into(),
        currency.into(),
        from.into(),
        to.into(),
        i64::try_from(limit).unwrap_or(i64::MAX).into(),
    ];
    LineRow::find_by_statement(statement(db, LINES, values)).all(db).await
}

/// Which transactions.
#[derive(Clone, Debug, Default)]
pub(super) struct Transactions {
    pub(super) book: Option<Scope>,
    pub(super) source: Option<String>,
    /// An entry stands under this key, or the balance transaction that it was posted from is about it.
    pub(super) object: Option<String>,
    pub(super) from: Option<DateTime<Utc>>,
    pub(super) to: Option<DateTime<Utc>>,
}

/// A page of transactions, the last to be posted first.
pub(super) async fn transactions(
    db: &DatabaseConnection,
    which: &Transactions,
    after: Option<LedgerTransactionId>,
    limit: u64,
) -> Result<Vec<ledger_transaction::Model>, DbErr> {
    use ledger_transaction::Column::{Book, Id, OccurredAt, Source};
    let filter = Condition::all()
        .add_option(which.book.clone().map(|book| Book.eq(book)))
        .add_option(which.source.clone().map(|source| Source.eq(source)))
        .add_option(which.object.as_deref().map(|object| about(object, which.book.as_ref())))
        .add_option(which.from.map(|from| OccurredAt.gte(from)))
        .add_option(which.to.map(|to| OccurredAt.lt(to)))
        .add_option(after.map(|after| Id.lt(after)));
    ledger_transaction::Entity::find().filter(filter).order_by_desc(Id).limit(limit).all(db).await
}

/// Transactions about an object. Keys are found by account, as the index has them.
fn about(object: &str, book: Option<&Scope>) -> Condition {
    use ledger_transaction::Column::{Id, Source};
    let accounts = ledger_account::Entity::find()
        .select_only()
        .column(ledger_account::Column::Id)
        .filter(Condition::all().add_option(book.map(|book| ledger_account::Column::Book.eq(book.clone()))));
    let entries = ledger_entry::Entity::find()
        .select_only()
        .column(ledger_entry::Column::TransactionId)
        .filter(ledger_entry::Column::AccountId.in_subquery(accounts.into_query()))
        .filter(ledger_entry::Column::Key.eq(object));
    let of_stripe = balance_transaction::Entity::find()
        .select_only()
        .column(balance_transaction::Column::Id)
        .filter(balance_transaction::Column::Source.eq(object))
        .filter(
            Condition::all().add_option(book.map(|book| balance_transaction::Column::Scope.eq(book.clone()))),
        );
    Condition::any().add(Id.in_subquery(entries.into_query())).add(Source.in_subquery(of_stripe.into_query()))
}

/// The entries of transactions in their order, each with its account.
pub(super) async fn entries(
    db: &DatabaseConnection,
    transactions: &[ledger_transaction::Model],
) -> Result<Vec<(ledger_entry::Model, Option<ledger_account::Model>)>, DbErr> {
    let ids = transactions.iter().map(|transaction| transaction.id);
    let entries = ledger_entry::Entity::find()
        .filter(ledger_entry::Column::TransactionId.is_in(ids))
        .order_by_asc(ledger_entry::Column::TransactionId)
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
    let with_account = |entry: ledger_entry::Model| {
        let account = accounts.get(&entry.account_id).cloned();
        (entry, account)
    };
    Ok(entries.into_iter().map(with_account).collect())
}
