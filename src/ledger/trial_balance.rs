//! The trial balance: every account of every book with its debits and credits.

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use souk_entity::Currency;

use super::{
    balances::{self, AccountTotal},
    posting::LedgerError,
};

/// All books. Amounts are minor units of the currency that they stand under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialBalance {
    /// The platform's book, then each seller's by their Stripe account.
    pub books: Vec<Book>,
    /// Whether debits equal credits in each currency of each book.
    pub balanced: bool,
}

/// One book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// `platform`, or the seller's Stripe account.
    pub scope: String,
    /// Its currencies, by code.
    pub currencies: Vec<CurrencyTotals>,
}

/// What a book holds in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrencyTotals {
    /// Lower-case ISO 4217.
    pub currency: Currency,
    /// The sum of all debits.
    pub debit: i64,
    /// The sum of all credits.
    pub credit: i64,
    /// Its accounts, by code.
    pub accounts: Vec<AccountTotals>,
}

/// What was posted to an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountTotals {
    /// See the chart.
    pub code: String,
    /// The sum of its debits.
    pub debit: i64,
    /// The sum of its credits.
    pub credit: i64,
}

/// All books as they are now.
pub async fn trial_balance<C: ConnectionTrait>(db: &C) -> Result<TrialBalance, LedgerError> {
    in_books(balances::totals(db).await?)
}

/// All books as of `time`: with everything that occurred before it, whenever it was written down. So the end of
/// a period is asked for by the first moment of the next.
pub async fn trial_balance_before<C: ConnectionTrait>(
    db: &C,
    time: DateTime<Utc>,
) -> Result<TrialBalance, LedgerError> {
    in_books(balances::totals_before(db, time).await?)
}

fn in_books(mut account_totals: Vec<AccountTotal>) -> Result<TrialBalance, LedgerError> {
    let mut books: Vec<Book> = Vec::new();
    account_totals.sort_unstable();
    for total in account_totals {
        // The totals are ordered by book and currency, so each belongs to the last or begins the next.
        let scope = total.book.to_string();
        if books.last().is_none_or(|book| book.scope != scope) {
            books.push(Book { scope, currencies: Vec::new() });
        }
        let Some(book) = books.last_mut() else { continue };
        if book.currencies.last().is_none_or(|totals| totals.currency != total.currency) {
            let currency = total.currency;
            book.currencies.push(CurrencyTotals { currency, debit: 0, credit: 0, accounts: Vec::new() });
        }
        let Some(totals) = book.currencies.last_mut() else { continue };
        totals.debit = totals.debit.checked_add(total.debit).ok_or_else(overflow)?;
        totals.credit = totals.credit.checked_add(total.credit).ok_or_else(overflow)?;
        let (code, debit, credit) = (total.code, total.debit, total.credit);
        totals.accounts.push(AccountTotals { code, debit, credit });
    }
    let balanced = books.iter().flat_map(|book| &book.currencies).all(|totals| totals.debit == totals.credit);
    Ok(TrialBalance { books, balanced })
}

fn overflow() -> LedgerError {
    LedgerError::Posting(souk_entity::MoneyError::Overflow.into())
}
