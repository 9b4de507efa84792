//! The books: double entry, one book a scope. What a sale or a payout means is posted from our own facts;
//! what a Stripe balance did is posted from Stripe's balance transactions; the two meet on clearing accounts.
//!
//! A posting is made by a function of [`postings`] (our facts) or by [`mirror()`] (Stripe's), and written by
//! [`post`] in the transaction that records the fact. `docs/MONEY.md` shows each one with an example.
//! What was posted by mistake is taken back by [`reverse`]. [`import()`] fetches Stripe's balance transactions,
//! [`balance()`] and [`trial_balance()`] tell what the books hold, now or as of a time, [`reconcile()`] compares
//! them with Stripe's balances and names each difference.
//!
//! **Invariants**
//! - Append-only: the database refuses to change or delete an account, a transaction or an entry. A mistake is
//!   reversed, once.
//! - The legs of a transaction sum to zero in each currency; nothing else can be constructed, and the database
//!   refuses it too.
//! - A fact is posted once: its source is unique in its book. The same source with other legs is an alarm.
//! - One book a scope: a seller's Stripe balance is not the platform's asset, and no transaction spans two
//!   books.
//! - The account `stripe` is posted from balance transactions only, all others from our facts, except what
//!   only Stripe knows (fees, reserves). A clearing key is zero once both halves of its fact are posted.
//! - No row is updated by every payment: balances are sums of entries, carried forward by one writer
//!   (`balances`).
//!
//! The ledger never calls Stripe inside a transaction, never writes to Stripe at all, and never corrects
//! itself: what differs is shown to a person. One thing it decides alone: what others did on the Stripe account is
//! posted as foreign by a reconciliation, and taken back if it turns out to be ours.

pub mod postings;

mod api;
mod balances;
mod books;
mod chart;
mod feed;
mod import;
mod invariants;
mod mirror;
mod payouts;
mod posting;
mod reconcile;
mod reversal;
mod store;
mod trial_balance;

#[cfg(test)]
mod tests;

pub use api::LedgerApi;
pub use balances::{balance, balance_before, balance_of_key, sum_up, sum_up_due};
pub use books::{BooksApi, Line, Statement, StatementError, statement};
pub use chart::{Account, Books, Keys, Nature, Side};
pub use import::{IMPORT_JOB, ImportError, Imported, collect_wakes, enqueue_import, import, run_import};
pub use invariants::INVARIANTS;
pub use mirror::mirror;
pub use payouts::{payout_arrived, payout_returned};
pub use posting::{Draft, LedgerError, Leg, Place, Posted, Posting, PostingError, post, post_all};
pub use reconcile::{
    Compared, Counts, Difference, RECONCILE_JOB, ReconcileError, Report, State, Step, enqueue_due,
    kind as difference_kind, last_counts, latest, reconcile, reconcile_telling, run_reconcile,
};
pub use reversal::reverse;
pub use store::owed_by;
pub use trial_balance::{
    AccountTotals, Book, CurrencyTotals, TrialBalance, trial_balance, trial_balance_before,
};
