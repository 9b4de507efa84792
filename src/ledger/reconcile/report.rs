//! What a reconciliation says: how the books and Stripe's balances compare, and each difference by name.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use souk_entity::{Currency, Money, Scope};

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
    /// What kind: one of [`kind`].
    pub kind: String,
    /// What it is about: a Stripe id, the source of a posting, or a scope.
    pub object: String,
    /// Whose book: `platform`, or the seller's Stripe account. Empty in reports from before it was kept.
    #[serde(default)]
    pub scope: String,
    /// By how much: ours less what it should be. None where there is no amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// Since when it differs, business time: of an open key, when its first half happened; of all else, the first
    /// of the reports in a row that name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// For people: whose book, and what was found.
    pub detail: String,
    /// For people: what to do about it.
    pub action: String,
}

/// How many differences the last reconciliation found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// When it began, business time.
    pub as_of: DateTime<Utc>,
    /// By kind; what there was none of is left out.
    pub differences: BTreeMap<String, i64>,
}

/// The kinds of differences.
pub mod kind {
    /// Stripe moved money, and our books don't say what for; or a balance transaction isn't in them.
    pub const MISSING_HERE: &str = "missing_here";
    /// Our books say that money moved, and no balance transaction of Stripe's is behind it.
    pub const MISSING_THERE: &str = "missing_there";
    /// Both sides know it, by different amounts.
    pub const AMOUNT: &str = "amount";
    /// Both sides know it, in different currencies.
    pub const CURRENCY: &str = "currency";
    /// One half is there and the other is not due yet; or a balance that kept moving while it was compared.
    pub const TIMING: &str = "timing";
    /// Made in Stripe's dashboard or by other software: Stripe moved money for an object that is not ours. After an
    /// hour its key is zero, and it stands in `foreign_activity`.
    pub const FOREIGN: &str = "foreign";
    /// A balance transaction, or a fee on it, of a type that this version doesn't know.
    pub const SUSPENSE: &str = "suspense";
    /// The mirrored balance isn't Stripe's.
    pub const BALANCE: &str = "balance";
    /// Stripe's balance couldn't be read.
    pub const UNREADABLE: &str = "unreadable";
    /// Stripe's balance transactions couldn't be imported.
    pub const IMPORT: &str = "import";
    /// The entries of a book don't sum to zero.
    pub const BOOK: &str = "unbalanced_book";
    /// The entries of a transaction don't sum to zero, or there are none, or they are another book's.
    pub const TRANSACTION: &str = "unbalanced_transaction";

    /// Whether somebody has to do something about a difference of this kind: all but what time alone will mend.
    #[must_use]
    pub fn needs_a_person(kind: &str) -> bool {
        kind != TIMING
    }

    /// Every kind.
    pub const ALL: [&str; 12] = [
        MISSING_HERE,
        MISSING_THERE,
        AMOUNT,
        CURRENCY,
        TIMING,
        FOREIGN,
        SUSPENSE,
        BALANCE,
        UNREADABLE,
        IMPORT,
        BOOK,
        TRANSACTION,
    ];
}

impl Difference {
    /// A difference in the book of `scope`. `object` is a Stripe id, the source of a posting, or the scope itself.
    pub(super) fn new(
        kind: &str,
        scope: &Scope,
        object: impl ToString,
        amount: Option<Money>,
        detail: String,
    ) -> Self {
        let (object, action) = (object.to_string(), action(kind).to_owned());
        Self { kind: kind.to_owned(), object, scope: scope.to_string(), amount, since: None, detail, action }
    }

    /// The same, with its own word on what to do.
    pub(super) fn with_action(self, action: &str) -> Self {
        Self { action: action.to_owned(), ..self }
    }

    /// The same, since then.
    pub(super) fn since(self, since: DateTime<Utc>) -> Self {
        Self { since: Some(since), ..self }
    }

    /// See [`kind::needs_a_person`].
    #[must_use]
    pub fn needs_a_person(&self) -> bool {
        kind::needs_a_person(&self.kind)
    }
}

impl Report {
    /// Completes a report: what an earlier one named too differs since then.
    pub(super) fn completed(mut self, earlier: Option<Self>) -> Self {
        let earlier = earlier.map(|report| report.differences).unwrap_or_default();
        for found in self.differences.iter_mut().filter(|found| found.since.is_none()) {
            let before = earlier.iter().find(|known| {
                (&known.kind, &known.object, &known.scope) == (&found.kind, &found.object, &found.scope)
            });
            found.since = before.and_then(|known| known.since).or(Some(self.as_of));
        }
        if !self.differences.is_empty() {
            self.state = State::Differences;
        }
        self
    }
}

/// What a person does about a difference.
fn action(kind: &str) -> &'static str {
    match kind {
        kind::MISSING_HERE => {
            "we have not heard of what this was for: look the object up at Stripe, see whether its events arrived \
             (stripe_events) and its job is alive (jobs), and replay them"
        }
        kind::MISSING_THERE => {
            "Stripe has not moved this money: look the object up at Stripe; if it failed or does not exist there, \
             reverse our posting"
        }
        kind::AMOUNT => {
            "compare the object at Stripe with our posting: the one that is wrong is corrected by a reversal and a \
             new posting, never by a change"
        }
        kind::CURRENCY => {
            "the money arrived in another currency than was posted: look the object's balance transaction up at \
             Stripe, reverse our posting and post it with the conversion"
        }
        kind::TIMING => "nothing yet: the other half is on its way; it gets another name if it stays away",
        kind::FOREIGN => {
            "find out who made this object at Stripe (the dashboard's log says): what others do is posted to \
             foreign_activity, and needs nothing else if it was no business of this marketplace's"
        }
        kind::SUSPENSE => "find out what this balance transaction is; a later version may know its type",
        kind::BALANCE => {
            "see what else this report names in this book; if nothing explains it, ask Stripe's support with the \
             balance and the sum of the balance transactions"
        }
        kind::UNREADABLE => "see whether the account is still connected, then reconcile again",
        kind::IMPORT => {
            "read the detail: Stripe was away (reconcile again), or what it says contradicts the book"
        }
        _ => {
            "someone changed the tables behind the ledger's back: find out who, restore the rows from a backup"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_says_what_to_do() {
        for kind in kind::ALL {
            assert!(action(kind).len() > 40, "{kind}");
        }
    }
}
