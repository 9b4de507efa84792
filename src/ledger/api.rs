//! The operations on the books, for finance.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::{Enum, Object, OpenApi, Tags, param::Query, payload::Json};
use souk_entity::ReconciliationId;

use super::{
    books::{Asked, before},
    reconcile::{self, Report},
    trial_balance::{self, TrialBalance},
};
use crate::{
    api::{Currency, Cursor, Done, Id, Limit, Money, OperatorOnly, Page, Problem},
    context::Context,
};

/// The ledger's operations.
#[derive(Clone, Copy, Debug)]
pub struct LedgerApi;

#[derive(Tags)]
pub(super) enum Tag {
    /// The books, and whether Stripe's own agree.
    Ledger,
}

/// What was posted to an account, in minor units.
#[derive(Debug, Object)]
#[oai(rename = "TrialBalanceAccount")]
struct AccountView {
    /// Which account of the chart.
    code: String,
    /// The sum of its debits.
    debit: i64,
    /// The sum of its credits.
    credit: i64,
}

/// What a book holds in one currency, in minor units.
#[derive(Debug, Object)]
#[oai(rename = "TrialBalanceCurrency")]
struct CurrencyView {
    /// Lower-case ISO 4217.
    currency: Currency,
    /// The sum of all debits.
    debit: i64,
    /// The sum of all credits.
    credit: i64,
    /// Its accounts, by code.
    accounts: Vec<AccountView>,
}

/// One book.
#[derive(Debug, Object)]
#[oai(rename = "TrialBalanceBook")]
struct BookView {
    /// `platform`, or a seller's Stripe account.
    scope: String,
    /// Its currencies, by code.
    currencies: Vec<CurrencyView>,
}

/// All books.
#[derive(Debug, Object)]
#[oai(rename = "TrialBalance")]
struct TrialBalanceView {
    /// The platform's book, then each seller's.
    books: Vec<BookView>,
    /// Whether debits equal credits in each currency of each book.
    balanced: bool,
}

/// Whether the books agree with Stripe's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "ReconciliationState", rename_all = "snake_case")]
enum StateView {
    /// To the cent.
    Clean,
    /// Not: see the differences.
    Differences,
}

/// One balance, compared; minor units.
#[derive(Debug, Object)]
#[oai(rename = "ReconciledScope")]
struct ScopeView {
    /// `platform`, or a seller's Stripe account.
    scope: String,
    /// Lower-case ISO 4217.
    currency: Currency,
    /// The balance by our books.
    ours: i64,
    /// The balance by Stripe's.
    stripe: i64,
    /// Clearing keys that aren't zero.
    open_keys: i64,
}

/// One thing that differs.
#[derive(Debug, Object)]
#[oai(rename = "Difference", skip_serializing_if_is_none)]
struct DifferenceView {
    /// `missing_here`, `missing_there`, `amount`, `currency`, `timing`, `foreign`, `suspense`, `balance`,
    /// `unreadable`, `import`, `unbalanced_book` or `unbalanced_transaction`; others may come.
    kind: String,
    /// What it is about: an id of Stripe's, a scope, a transaction.
    object: String,
    /// Whose book: `platform`, or a seller's Stripe account.
    scope: Option<String>,
    /// Since when it differs.
    since: Option<DateTime<Utc>>,
    /// By how much.
    amount: Option<Money>,
    /// What differs, in words.
    detail: String,
    /// What to do about it.
    action: String,
}

/// How many differences of one kind there are.
#[derive(Debug, Object)]
#[oai(rename = "DifferenceCount")]
struct CountView {
    /// Which kind of difference.
    kind: String,
    /// How many.
    count: i64,
}

/// An earlier comparison, in short.
#[derive(Debug, Object)]
#[oai(rename = "ReconciliationSummary")]
struct SummaryView {
    /// `recon_...`
    id: Id<ReconciliationId>,
    /// Whether they agreed.
    state: StateView,
    /// When the balances were read.
    as_of: DateTime<Utc>,
    /// How many balances were compared.
    balances: i64,
    /// How many differences there were, by kind.
    differences: Vec<CountView>,
}

/// A comparison of the books with Stripe's.
#[derive(Debug, Object)]
#[oai(rename = "Reconciliation")]
struct ReconciliationView {
    /// Whether they agree.
    state: StateView,
    /// When the balances were read.
    as_of: DateTime<Utc>,
    /// Each balance.
    scopes: Vec<ScopeView>,
    /// Each difference.
    differences: Vec<DifferenceView>,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Ledger")]
impl LedgerApi {
    /// Read the trial balance: every account of every book.
    #[oai(path = "/ledger/trial-balance", method = "get", operation_id = "getTrialBalance")]
    async fn trial_balance(
        &self,
        _caller: OperatorOnly,
        ctx: Data<&Context>,
        /// As of this time (RFC 3339, or a date): what occurred before it. Now, if not given.
        as_of: Query<Option<String>>,
        /// Only this currency.
        currency: Query<Option<String>>,
    ) -> Result<Json<TrialBalanceView>, Problem> {
        let as_of = as_of.0.as_deref().map(|text| before(&ctx, text)).transpose()?;
        let currency = currency.0.as_deref().map(Asked::currency).transpose()?;
        let balance = match as_of {
            Some(time) => trial_balance::trial_balance_before(&ctx.db, time).await,
            None => trial_balance::trial_balance(&ctx.db).await,
        };
        let mut balance = balance.map_err(Problem::internal)?;
        if let Some(currency) = currency {
            for book in &mut balance.books {
                book.currencies.retain(|totals| totals.currency == currency);
            }
            balance.books.retain(|book| !book.currencies.is_empty());
        }
        Ok(Json(balance.into()))
    }

    /// List earlier reconciliations in short, newest first.
    #[oai(path = "/reconciliation/history", method = "get", operation_id = "listReconciliations")]
    async fn history(
        &self,
        _caller: OperatorOnly,
        ctx: Data<&Context>,
        limit: Limit,
        cursor: Cursor<ReconciliationId>,
    ) -> Result<Json<Page<SummaryView>>, Problem> {
        let rows =
            reconcile::history(&ctx, cursor.0, limit.rows_to_fetch()).await.map_err(Problem::internal)?;
        Ok(Json(Page::new(rows, limit, |(id, _)| *id, summary)))
    }

    /// Read the latest reconciliation.
    #[oai(path = "/reconciliation", method = "get", operation_id = "getReconciliation")]
    async fn latest(
        &self,
        _caller: OperatorOnly,
        ctx: Data<&Context>,
    ) -> Result<Json<ReconciliationView>, Problem> {
        let latest = reconcile::latest(&ctx).await.map_err(Problem::internal)?;
        latest.map(|report| Json(report.into())).ok_or_else(Problem::not_found)
    }

    /// Reconcile now: import Stripe's balance transactions and compare.
    #[oai(path = "/reconciliation", method = "post", operation_id = "reconcile")]
    async fn reconcile(
        &self,
        _caller: OperatorOnly,
        ctx: Data<&Context>,
    ) -> Result<Done<ReconciliationView>, Problem> {
        let report = reconcile::reconcile(&ctx).await.map_err(Problem::internal)?;
        Ok(Done::of(&report.into()))
    }
}

impl From<reconcile::State> for StateView {
    fn from(state: reconcile::State) -> Self {
        match state {
            reconcile::State::Clean => Self::Clean,
            reconcile::State::Differences => Self::Differences,
        }
    }
}

fn summary((id, report): (ReconciliationId, Report)) -> SummaryView {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for difference in report.differences {
        *counts.entry(difference.kind).or_default() += 1;
    }
    SummaryView {
        id: Id(id),
        state: report.state.into(),
        as_of: report.as_of,
        balances: i64::try_from(report.scopes.len()).unwrap_or(i64::MAX),
        differences: counts.into_iter().map(|(kind, count)| CountView { kind, count }).collect(),
    }
}

impl From<TrialBalance> for TrialBalanceView {
    fn from(balance: TrialBalance) -> Self {
        let account = |account: trial_balance::AccountTotals| AccountView {
            code: account.code,
            debit: account.debit,
            credit: account.credit,
        };
        let currency = |totals: trial_balance::CurrencyTotals| CurrencyView {
            currency: Currency(totals.currency),
            debit: totals.debit,
            credit: totals.credit,
            accounts: totals.accounts.into_iter().map(account).collect(),
        };
        let book = |book: trial_balance::Book| BookView {
            scope: book.scope,
            currencies: book.currencies.into_iter().map(currency).collect(),
        };
        Self { books: balance.books.into_iter().map(book).collect(), balanced: balance.balanced }
    }
}

impl From<Report> for ReconciliationView {
    fn from(report: Report) -> Self {
        let scope = |compared: reconcile::Compared| ScopeView {
            scope: compared.scope,
            currency: Currency(compared.currency),
            ours: compared.ours,
            stripe: compared.stripe,
            open_keys: compared.open_keys,
        };
        let difference = |difference: reconcile::Difference| DifferenceView {
            kind: difference.kind,
            object: difference.object,
            scope: Some(difference.scope).filter(|scope| !scope.is_empty()),
            since: difference.since,
            amount: difference.amount.map(Money::from),
            detail: difference.detail,
            action: difference.action,
        };
        Self {
            state: report.state.into(),
            as_of: report.as_of,
            scopes: report.scopes.into_iter().map(scope).collect(),
            differences: report.differences.into_iter().map(difference).collect(),
        }
    }
}
