//! What a reconciliation says: how the books and Stripe's balances compare, and each difference by name.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use souk_entity::{Currency, Money};

/// Whether anything differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Every balance is equal to the cent and every key is zero.
    Clean,
    /// See the differences.
    Differences,
}

/// One comparison of all books with Stripe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Whether anything differs.
    pub state: State,
    /// When the comparison began, business time.
    pub as_of: DateTime<Utc>,
    /// Each balance.
    pub scopes: Vec<Compared>,
    /// Each difference, by name.
    pub differences: Vec<Difference>,
}

/// A balance in one currency. Amounts are minor units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// `platform`, or the seller's Stripe account.
    pub scope: String,
    /// Lower-case ISO 4217.
    pub currency: Currency,
    /// What the book says the balance is.
    pub ours: i64,
    /// What Stripe says: available, pending and reserved.
    pub stripe: i64,
    /// Keys of the book that should be zero and aren't.
    pub open_keys: i64,
}

/// Something that should be equal, or zero, and isn't.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What kind: the code of the account whose key is open (`clearing_charge`, `in_transit`, `suspense`,
    /// ...), or one of [`kind`].
    pub kind: String,
    /// What it is about: a Stripe id, the source of a posting, or a scope.
    pub object: String,
    /// By how much: ours less what it should be. None where there is no amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// For people: whose book, and what was found.
    pub detail: String,
    /// For people: what to do about it.
    pub action: String,
}

/// The kinds of differences that aren't open keys.
pub mod kind {
    /// The mirrored balance isn't Stripe's.
    pub const BALANCE: &str = "balance";
    /// The balance kept moving while it was compared.
    pub const TIMING: &str = "timing";
    /// Stripe's balance couldn't be read.
    pub const UNREADABLE: &str = "unreadable";
    /// Stripe's balance transactions couldn't be imported.
    pub const IMPORT: &str = "import";
    /// The entries of a book don't sum to zero.
    pub const BOOK: &str = "unbalanced_book";
    /// The entries of a transaction don't sum to zero, or there are none, or they are another book's.
    pub const TRANSACTION: &str = "unbalanced_transaction";
    /// A balance transaction isn't in the book, or with another amount.
    pub const NOT_POSTED: &str = "not_posted";
    /// The mirrored balance was posted to without a balance transaction of Stripe's.
    pub const FOREIGN_POSTING: &str = "foreign_posting";
}

impl Difference {
    /// A difference of one of the kinds of [`kind`].
    pub(super) fn new(kind: &str, object: impl ToString, amount: Option<Money>, detail: String) -> Self {
        let action = action(kind).to_owned();
        Self { kind: kind.to_owned(), object: object.to_string(), amount, detail, action }
    }
}

/// What a person does about a difference.
fn action(kind: &str) -> &'static str {
    match kind {
        kind::BALANCE => {
            "look for a balance transaction that Stripe lists and the import missed; deleting the scope's row of \
             import_cursors has all of them read again, and none posted twice"
        }
        kind::TIMING => "reconcile again; if it stays, reconcile at a quiet hour",
        kind::UNREADABLE => "see whether the account is still connected, then reconcile again",
        kind::IMPORT => {
            "read the detail: Stripe was away (reconcile again), or what it says contradicts the book"
        }
        kind::BOOK | kind::TRANSACTION | kind::NOT_POSTED => {
            "someone changed the tables behind the ledger's back: find out who, restore the rows from a backup"
        }
        kind::FOREIGN_POSTING => {
            "the account `stripe` is posted from balance transactions only: find out who posted this, reverse it"
        }
        "suspense" => "find out what this balance transaction is; a later version may know its type",
        "in_transit" => {
            "look the payout up at Stripe: its arrival or failure was not heard of, or heard of twice"
        }
        _ => {
            "one half of this fact is missing: either Stripe has not moved the money yet, or we have not heard of \
             what it was for; look the object up at Stripe, and replay its events"
        }
    }
}
