//! The operations that read the books, for finance.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, Utc};
use poem::web::Data;
use poem_openapi::{
    Enum, Object, OpenApi,
    param::{Path, Query},
    payload::Json,
};
use souk_entity::{
    LedgerAccountId, LedgerTransactionId, Scope, ledger_account, ledger_entry, ledger_transaction,
};

use super::{
    Asked, before,
    statement::{Line, Statement, StatementError, statement},
    store::{self, Accounts, Transactions},
};
use crate::{
    api::{Cursor, Id, Limit, Money, OperatorOnly, Page, Problem, Sheet, SheetFormat},
    context::Context,
    ledger::{
        api::Tag,
        balances,
        chart::{Account, Nature},
    },
};

/// The operations that read the books.
#[derive(Clone, Copy, Debug)]
pub struct BooksApi;

/// What kind of thing an account measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "AccountNature", rename_all = "snake_case")]
enum NatureView {
    /// What the owner of the book has, or is owed.
    Asset,
    /// What the owner of the book owes.
    Liability,
    /// What the owner of the book earned.
    Income,
    /// What the owner of the book spent.
    Expense,
    /// Where what we say and what Stripe says of the same object meet: zero in the end.
    Clearing,
    /// What is held against something outside of the chart; it may be on either side.
    Position,
}

impl From<Nature> for NatureView {
    fn from(nature: Nature) -> Self {
        match nature {
            Nature::Asset => Self::Asset,
            Nature::Liability => Self::Liability,
            Nature::Income => Self::Income,
            Nature::Expense => Self::Expense,
            Nature::Clearing => Self::Clearing,
            Nature::Position => Self::Position,
        }
    }
}

/// An account of a book, in one currency.
#[derive(Debug, Object)]
#[oai(rename = "LedgerAccount", skip_serializing_if_is_none)]
struct AccountView {
    /// `lacct_...`
    id: Id<LedgerAccountId>,
    /// Whose book: `platform`, or a seller's Stripe account.
    scope: String,
    /// Which account of the chart.
    code: String,
    /// What it measures; absent if this version's chart doesn't know it.
    nature: Option<NatureView>,
    /// The same in words.
    meaning: Option<String>,
    /// Debits less credits.
    balance: Money,
    /// When it was first posted to.
    created_at: DateTime<Utc>,
}

/// An entry of a transaction.
#[derive(Debug, Object)]
#[oai(rename = "LedgerEntry", skip_serializing_if_is_none)]
struct EntryView {
    /// Which account of the chart.
    account: String,
    /// The object that it stands under, on accounts that are kept by object.
    key: Option<String>,
    /// A debit is positive, a credit negative.
    amount: Money,
}

/// A transaction of a book; its entries sum to zero in each currency.
#[derive(Debug, Object)]
#[oai(rename = "LedgerTransaction", skip_serializing_if_is_none)]
struct TransactionView {
    /// `ltxn_...`
    id: Id<LedgerTransactionId>,
    /// Whose book.
    scope: String,
    /// Which posting, as docs/MONEY.md names it.
    kind: String,
    /// What it was posted from: a balance transaction (`txn_...`), or a fact of ours (`sale:order_...`).
    source: String,
    /// The transaction that it takes back.
    reverses: Option<Id<LedgerTransactionId>>,
    /// When the fact occurred.
    occurred_at: DateTime<Utc>,
    /// When it was written down.
    posted_at: DateTime<Utc>,
    /// Its entries.
    entries: Vec<EntryView>,
}

/// A line of a statement.
#[derive(Debug, Object)]
#[oai(rename = "StatementLine", skip_serializing_if_is_none)]
struct LineView {
    /// When the fact occurred.
    occurred_at: DateTime<Utc>,
    /// Its transaction.
    transaction_id: Id<LedgerTransactionId>,
    /// Which posting.
    kind: String,
    /// What it was posted from.
    source: String,
    /// The object that it stands under.
    key: Option<String>,
    /// A debit is positive, a credit negative.
    amount: Money,
    /// What the account held after it.
    balance: Money,
}

/// An account over a period: opening balance, each entry, closing balance.
#[derive(Debug, Object)]
#[oai(rename = "AccountStatement")]
struct StatementView {
    /// Whose book.
    scope: String,
    /// Which account of the chart.
    code: String,
    /// The first moment of the period.
    from: DateTime<Utc>,
    /// The first moment after it.
    to: DateTime<Utc>,
    /// What the account held before the period: debits less credits.
    opening_balance: Money,
    /// The entries, in the order of their occurrence.
    lines: Vec<LineView>,
    /// What the account held after the period.
    closing_balance: Money,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Ledger")]
impl BooksApi {
    /// List the accounts of the books with their balances, the last to be opened first.
    #[oai(path = "/ledger/accounts", method = "get", operation_id = "listLedgerAccounts")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn accounts(
        &self,
        _caller: OperatorOnly,
        ctx: Data<&Context>,
        /// Only this book: `platform`, or a seller's Stripe account.
        scope: Query<Option<String>>,
        /// Only this account of the chart.
        code: Query<Option<String>>,
        /// Only this currency.
        currency: Query<Option<String>>,
        /// Balances of what occurred before this time (RFC 3339, or a date); now if not given.
        as_of: Query<Option<String>>,
        limit: Limit,
        cursor: Cursor<LedgerAccountId>,
    ) -> Result<Json<Page<AccountView>>, Problem> {
        let which = Accounts {
            book: scope.0.as_deref().map(Asked::scope).transpose()?,
            code: code.0.as_deref().map(Asked::account).transpose()?,
            currency: currency.0.as_deref().map(Asked::currency).transpose()?,
        };
        let as_of = as_of.0.as_deref().map(|text| before(&ctx, text)).transpose()?;
        let accounts = store::accounts(&ctx.db, &which, cursor.0, limit.rows_to_fetch()).await?;
        let mut rows = Vec::with_capacity(accounts.len());
        for account in accounts {
            let balance = balance_of(&ctx, &account, as_of).await?;
            rows.push((account, balance));
        }
        Ok(Json(Page::new(rows, limit, |(account, _)| account.id, account_view)))
    }

    /// List the transactions of the books with their entries, the last to be posted first.
    #[oai(path = "/ledger/transactions", method = "get", operation_id = "listLedgerTransactions")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn transactions(
        &self,
        _caller: OperatorOnly,
        ctx: Data<&Context>,
        /// Only of this book: `platform`, or a seller's Stripe account.
        scope: Query<Option<String>>,
        /// Only what was posted from this.
        source: Query<Option<String>>,
        /// Only what is about this object of Stripe's (`ch_...`, `tr_...`, `po_...`), or stands under this key.
        object: Query<Option<String>>,
        /// Only what occurred at this time (RFC 3339, or a date) or later.
        occurred_after: Query<Option<String>>,
        /// Only what occurred before this time.
        occurred_before: Query<Option<String>>,
        limit: Limit,
        cursor: Cursor<LedgerTransactionId>,
    ) -> Result<Json<Page<TransactionView>>, Problem> {
        let time = |text: Option<&str>| text.map(Asked::time).transpose();
        let which = Transactions {
            book: scope.0.as_deref().map(Asked::scope).transpose()?,
            source: source.0,
            object: object.0,
            from: time(occurred_after.0.as_deref())?,
            to: time(occurred_before.0.as_deref())?,
        };
        let rows = store::transactions(&ctx.db, &which, cursor.0, limit.rows_to_fetch()).await?;
        let mut entries: HashMap<LedgerTransactionId, Vec<EntryView>> = HashMap::new();
        for (entry, account) in store::entries(&ctx.db, &rows).await? {
            let Some(account) = account else { continue };
            entries.entry(entry.transaction_id).or_default().push(entry_view(entry, account));
        }
        let view = |row: ledger_transaction::Model| {
            let of_row = entries.remove(&row.id).unwrap_or_default();
            transaction_view(row, of_row)
        };
        Ok(Json(Page::new(rows, limit, |row| row.id, view)))
    }

    /// Read the statement of an account over a period, as JSON or CSV.
    #[oai(path = "/ledger/accounts/:code/statement", method = "get", operation_id = "getAccountStatement")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn statement(
        &self,
        _caller: OperatorOnly,
        ctx: Data<&Context>,
        code: Path<String>,
        /// Whose book: `platform` if not given, or a seller's Stripe account.
        scope: Query<Option<String>>,
        /// In which currency.
        currency: Query<String>,
        /// The first moment of the period: RFC 3339, or a date.
        from: Query<String>,
        /// The first moment after it; the period must be over.
        to: Query<String>,
        /// `json` if not given.
        format: Query<Option<SheetFormat>>,
    ) -> Result<Sheet<StatementView>, Problem> {
        let account = Asked::account(&code.0)?;
        let scope = scope.0.as_deref().map_or(Ok(Scope::Platform), Asked::scope)?;
        let currency = Asked::currency(&currency.0)?;
        let (from, to) = (Asked::time(&from.0)?, before(&ctx, &to.0)?);
        if from >= to {
            return Err(Problem::bad_request("invalid_period", "A period begins before it ends."));
        }
        if !store::is_known(&ctx.db, &scope).await? {
            return Err(Problem::bad_request("unknown_scope", "There is no book of this Stripe account."));
        }
        let statement = statement(&ctx.db, &scope, account, currency, (from, to)).await?;
        match format.0.unwrap_or_default() {
            SheetFormat::Json => Ok(Sheet::Json(statement.into())),
            SheetFormat::Csv => as_csv(&statement),
        }
    }
}

async fn balance_of(
    ctx: &Context,
    account: &ledger_account::Model,
    as_of: Option<DateTime<Utc>>,
) -> Result<souk_entity::Money, Problem> {
    let ledger_account::Model { book, code, currency, .. } = account;
    let of_chart =
        Account::from_code(code).ok_or_else(|| Problem::internal(format!("`{code}` is not in the chart")))?;
    Ok(match as_of {
        Some(time) => balances::balance_before(&ctx.db, book, of_chart, *currency, time).await?,
        None => balances::balance(&ctx.db, book, of_chart, *currency).await?,
    })
}

fn account_view((account, balance): (ledger_account::Model, souk_entity::Money)) -> AccountView {
    let of_chart = Account::from_code(&account.code);
    AccountView {
        id: Id(account.id),
        scope: account.book.to_string(),
        nature: of_chart.map(|account| account.nature().into()),
        meaning: of_chart.map(|account| account.meaning().to_owned()),
        code: account.code,
        balance: balance.into(),
        created_at: account.created_at,
    }
}

fn entry_view(entry: ledger_entry::Model, account: ledger_account::Model) -> EntryView {
    EntryView {
        account: account.code,
        key: given(entry.key),
        amount: souk_entity::Money::new(entry.amount, account.currency).into(),
    }
}

fn transaction_view(row: ledger_transaction::Model, entries: Vec<EntryView>) -> TransactionView {
    TransactionView {
        id: Id(row.id),
        scope: row.book.to_string(),
        kind: row.kind,
        source: row.source,
        reverses: row.reverses.map(Id),
        occurred_at: row.occurred_at,
        posted_at: row.posted_at,
        entries,
    }
}

fn given(key: String) -> Option<String> {
    Some(key).filter(|key| !key.is_empty())
}

impl From<StatementError> for Problem {
    fn from(error: StatementError) -> Self {
        match error {
            StatementError::TooLong => Self::unprocessable("period_too_long", error.to_string()),
            StatementError::Money(error) => Self::internal(error),
            StatementError::Database(error) => error.into(),
        }
    }
}

impl From<Statement> for StatementView {
    fn from(statement: Statement) -> Self {
        let line = |line: Line| LineView {
            occurred_at: line.occurred_at,
            transaction_id: Id(line.transaction),
            kind: line.kind,
            source: line.source,
            key: given(line.key),
            amount: line.amount.into(),
            balance: line.balance.into(),
        };
        Self {
            scope: statement.scope.to_string(),
            code: statement.account.code().to_owned(),
            from: statement.from,
            to: statement.to,
            opening_balance: statement.opening.into(),
            lines: statement.lines.into_iter().map(line).collect(),
            closing_balance: statement.closing.into(),
        }
    }
}

/// A line for each entry between the two balances; amounts are minor units.
fn as_csv(statement: &Statement) -> Result<Sheet<StatementView>, Problem> {
    let Statement { scope, account, from, to, opening, lines, closing } = statement;
    let time = |time: &DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let balance = |at: &DateTime<Utc>, kind: &str, balance: &souk_entity::Money| {
        let (currency, balance) = (balance.currency.code().to_owned(), balance.amount.to_string());
        let none = String::new;
        [time(at), none(), kind.to_owned(), none(), none(), none(), none(), balance, currency]
    };
    let entry = |line: &Line| {
        let amount = line.amount.amount;
        let side = |is_it: bool| if is_it { amount.unsigned_abs().to_string() } else { String::new() };
        [
            time(&line.occurred_at),
            line.transaction.to_string(),
            line.kind.clone(),
            line.source.clone(),
            line.key.clone(),
            side(amount > 0),
            side(amount < 0),
            line.balance.amount.to_string(),
            line.balance.currency.code().to_owned(),
        ]
    };
    let names =
        ["occurred_at", "transaction", "kind", "source", "key", "debit", "credit", "balance", "currency"];
    let rows = std::iter::once(balance(from, "opening_balance", opening))
        .chain(lines.iter().map(entry))
        .chain(std::iter::once(balance(to, "closing_balance", closing)));
    let name = format!(
        "{scope}-{account}-{}-{}-{}",
        opening.currency.code(),
        from.format("%Y%m%d"),
        to.format("%Y%m%d")
    );
    Sheet::csv(name, names, rows)
}
