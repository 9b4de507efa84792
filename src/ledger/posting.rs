//! A posting: the legs of one fact in one book, balanced or not made at all; and the one way to write it
//! down.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{DatabaseTransaction, DbErr};
use souk_entity::{Currency, LedgerTransactionId, Money, MoneyError, Scope};

use super::{
    chart::{Account, Keys},
    store,
};
use crate::{context::Context, jobs::JobError, webhooks::EventError};

/// Why legs are not a posting. Each of these is a fault in the code or in an answer of Stripe's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostingError {
    /// The legs of a currency don't sum to zero.
    #[error("`{source_name}` is out of balance by {difference} minor units of {currency}")]
    Unbalanced {
        /// The posting's source.
        source_name: String,
        /// In which currency.
        currency: Currency,
        /// Debits less credits, in minor units.
        difference: i128,
    },
    /// No leg has an amount.
    #[error("`{0}` moves nothing")]
    Empty(String),
    /// An account that is keyed was posted to without a key, or the other way round.
    #[error("account `{account}` can't take the key `{key}`")]
    Key {
        /// The account's code.
        account: Account,
        /// The key, empty if there was none.
        key: String,
    },
    /// No clearing account takes objects of this kind.
    #[error("`{0}` is not the id of an object that is cleared")]
    NotCleared(String),
    /// An account that the book of this scope can't have.
    #[error("the book of {book} has no account `{account}`")]
    Book {
        /// Whose book.
        book: Scope,
        /// The account's code.
        account: Account,
    },
    /// An amount that the fact can't have: below zero, nothing, or a part that is more than its whole.
    #[error("`{what}` can't be {amount}")]
    Amount {
        /// Which amount.
        what: &'static str,
        /// How much it was.
        amount: Money,
    },
    /// An amount does not fit, or two currencies met.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// Why a posting was not written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It isn't one.
    #[error(transparent)]
    Posting(#[from] PostingError),
    /// The source was posted before, with other legs: one of the two is wrong, and a person must look.
    #[error("`{source_name}` is in the book of {book} already, with other legs")]
    Differs {
        /// Whose book.
        book: Scope,
        /// The posting's source.
        source_name: String,
    },
    /// Nothing stands under this source.
    #[error("`{source_name}` is not in the book of {book}")]
    NotPosted {
        /// Whose book.
        book: Scope,
        /// The source that was asked for.
        source_name: String,
    },
    /// It says what a Stripe balance did, which only Stripe can take back, or it is a reversal itself.
    #[error("`{source_name}` in the book of {book} can't be reversed")]
    NotReversible {
        /// Whose book.
        book: Scope,
        /// The posting's source.
        source_name: String,
    },
    /// The database.
    #[error(transparent)]
    Db(#[from] DbErr),
}

impl From<LedgerError> for EventError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Db(error) => error.into(),
            error => Self::Fail(error.to_string()),
        }
    }
}

impl From<PostingError> for JobError {
    fn from(error: PostingError) -> Self {
        Self::Fail(error.to_string())
    }
}

impl From<LedgerError> for JobError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Db(error) => error.into(),
            error => Self::Fail(error.to_string()),
        }
    }
}

/// What became of a posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// It is in the book now.
    New(LedgerTransactionId),
    /// It was in the book before, leg by leg the same.
    Already(LedgerTransactionId),
}

/// Where a leg goes: an account, and a key if the account is keyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    account: Account,
    key: &'a str,
}

impl Place<'_> {
    /// Its account.
    #[must_use]
    pub const fn account(&self) -> Account {
        self.account
    }
}

impl Account {
    /// This account under a key.
    #[must_use]
    pub const fn at(self, key: &str) -> Place<'_> {
        Place { account: self, key }
    }
}

impl From<Account> for Place<'static> {
    fn from(account: Account) -> Self {
        account.at("")
    }
}

/// One leg of a posting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Which account.
    pub account: Account,
    /// The Stripe object that it is keyed by; empty on accounts without keys.
    pub key: String,
    /// A debit is positive, a credit negative; never zero.
    pub amount: Money,
}

/// Legs of one fact in one book that sum to zero in each currency. Made by [`Draft::balanced`] only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    pub(super) book: Scope,
    pub(super) source: String,
    pub(super) kind: &'static str,
    pub(super) occurred_at: DateTime<Utc>,
    pub(super) legs: Vec<Leg>,
    /// The transaction that this one takes back.
    pub(super) reverses: Option<LedgerTransactionId>,
}

impl Posting {
    /// Begins a posting. `source` names the fact: a book takes the same one once.
    #[must_use]
    pub fn of(book: Scope, source: String, kind: &'static str, occurred_at: DateTime<Utc>) -> Draft {
        let posting = Self { book, source, kind, occurred_at, legs: Vec::new(), reverses: None };
        Draft { posting, refused: None }
    }

    /// Whose book.
    #[must_use]
    pub const fn book(&self) -> &Scope {
        &self.book
    }

    /// The fact, by name.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Which posting of `docs/MONEY.md`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// The legs, in the order in which they were given.
    #[must_use]
    pub fn legs(&self) -> &[Leg] {
        &self.legs
    }
}

/// A posting in the making.
#[derive(Clone, Debug)]
pub struct Draft {
    posting: Posting,
    refused: Option<PostingError>,
}

impl Draft {
    /// Debits an account; an amount of zero is left out, a negative one is a credit.
    #[must_use]
    pub fn debit<'a>(mut self, place: impl Into<Place<'a>>, amount: Money) -> Self {
        let Place { account, key } = place.into();
        if amount.amount == 0 {
            return self;
        }
        if key.is_empty() != (account.keys() == Keys::None) {
            let refusal = PostingError::Key { account, key: key.to_owned() };
            self.refused.get_or_insert(refusal);
        }
        if !account.books().include(&self.posting.book) {
            let refusal = PostingError::Book { book: self.posting.book.clone(), account };
            self.refused.get_or_insert(refusal);
        }
        self.posting.legs.push(Leg { account, key: key.to_owned(), amount });
        self
    }

    /// Credits an account; an amount of zero is left out, a negative one is a debit.
    #[must_use]
    pub fn credit<'a>(mut self, place: impl Into<Place<'a>>, amount: Money) -> Self {
        match Money::zero(amount.currency).checked_sub(amount) {
            Ok(negated) => self.debit(place, negated),
            Err(error) => {
                self.refused.get_or_insert(error.into());
                self
            }
        }
    }

    /// Whether nothing moves; a leg that was refused is not nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.posting.legs.is_empty() && self.refused.is_none()
    }

    /// The posting, if its legs balance in each currency and there are any.
    pub fn balanced(self) -> Result<Posting, PostingError> {
        let Self { posting, refused } = self;
        if let Some(refused) = refused {
            return Err(refused);
        }
        if posting.legs.is_empty() {
            return Err(PostingError::Empty(posting.source));
        }
        let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
        for leg in &posting.legs {
            *sums.entry(leg.amount.currency).or_default() += i128::from(leg.amount.amount);
        }
        match sums.into_iter().find(|(_, difference)| *difference != 0) {
            None => Ok(posting),
            Some((currency, difference)) => {
                Err(PostingError::Unbalanced { source_name: posting.source, currency, difference })
            }
        }
    }
}

/// Writes a posting into its book, in the caller's transaction.
///
/// The same source twice is no error if the legs are the same; if they differ, nothing is written and the
/// caller gets [`LedgerError::Differs`], which is also logged: whoever repeats a fact must tell the same
/// fact.
pub async fn post(tx: &DatabaseTransaction, ctx: &Context, posting: Posting) -> Result<Posted, LedgerError> {
    post_at(tx, ctx.clock.wall(), &posting).await
}

/// Writes postings as [`post`] does, nearly for the price of one.
pub async fn post_all(
    tx: &DatabaseTransaction,
    ctx: &Context,
    postings: &[Posting],
) -> Result<Vec<Posted>, LedgerError> {
    post_all_at(tx, ctx.clock.wall(), postings).await
}

/// See [`post_all`]; `now` is wall time.
pub(super) async fn post_all_at(
    tx: &DatabaseTransaction,
    now: DateTime<Utc>,
    postings: &[Posting],
) -> Result<Vec<Posted>, LedgerError> {
    let new = store::insert_postings(tx, now, &postings.iter().collect::<Vec<_>>()).await?;
    let mut posted = Vec::with_capacity(postings.len());
    for (posting, id) in postings.iter().zip(new) {
        posted.push(match id {
            Some(id) => Posted::New(id),
            None => post_at(tx, now, posting).await?,
        });
    }
    Ok(posted)
}

/// See [`post`]; `now` is wall time.
pub(super) async fn post_at(
    tx: &DatabaseTransaction,
    now: DateTime<Utc>,
    posting: &Posting,
) -> Result<Posted, LedgerError> {
    if let Some(id) = insert(tx, now, posting).await? {
        return Ok(Posted::New(id));
    }
    // It is in the book already, or an account is new.
    let mut found = store::find_posted(tx, &posting.book, &posting.source).await?;
    if found.is_none() {
        store::open_accounts(tx, now, std::iter::once(posting)).await?;
        if let Some(id) = insert(tx, now, posting).await? {
            return Ok(Posted::New(id));
        }
        found = store::find_posted(tx, &posting.book, &posting.source).await?;
    }
    match found {
        Some(found) if found.is_same_as(posting) => Ok(Posted::Already(found.id)),
        _ => {
            let (book, source_name) = (posting.book.clone(), posting.source.clone());
            tracing::error!(%book, source = source_name, kind = posting.kind, "posted before with other legs");
            Err(LedgerError::Differs { book, source_name })
        }
    }
}

async fn insert(
    tx: &DatabaseTransaction,
    now: DateTime<Utc>,
    posting: &Posting,
) -> Result<Option<LedgerTransactionId>, DbErr> {
    Ok(store::insert_postings(tx, now, &[posting]).await?.pop().flatten())
}
