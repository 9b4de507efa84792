//! What a handler is given: who calls, in whose scope, with what, inside a transaction.

use super::{
    error::StripeError,
    keys::{Key, KeyKind},
    params::Params,
};
use crate::{
    json::Value,
    resources::account::Account,
    store::{Stored, Tx},
};

/// What a handler answers: the object, or a refusal.
pub(crate) type Answer = Result<Value, StripeError>;

/// What is answered instead of JSON.
pub(crate) struct Download {
    pub(crate) content_type: &'static str,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) struct Call<'a, 'w> {
    pub(crate) tx: &'a mut Tx<'w>,
    pub(crate) params: Params,
    /// The variable parts of the path.
    pub(crate) path: Vec<String>,
    pub(crate) key: Key,
    /// The platform's own account.
    pub(crate) platform: String,
    /// The account in whose scope the call acts: the platform's, or the one of `Stripe-Account`.
    pub(crate) scope: String,
    /// How browsers reach the sandbox.
    pub(crate) public_url: &'a str,
    /// The path that was called, for the `url` of lists.
    pub(crate) url: &'a str,
    /// Bytes that the answer consists of, if the handler has any.
    pub(crate) download: Option<Download>,
}

impl<'a, 'w> Call<'a, 'w> {
    /// What a hosted page does in the name of the account that sent the buyer there.
    pub(crate) fn of_page(tx: &'a mut Tx<'w>, account: &Account, public_url: &'a str) -> Self {
        Self {
            tx,
            params: Params::default(),
            path: Vec::new(),
            key: Key { kind: KeyKind::Secret, platform: String::new(), shown: String::new() },
            platform: account.platform.clone(),
            scope: account.id.clone(),
            public_url,
            url: "",
            download: None,
        }
    }
}

impl Call<'_, '_> {
    /// The `index`th variable part of the path.
    pub(crate) fn arg(&self, index: usize) -> String {
        self.path.get(index).cloned().unwrap_or_default()
    }

    /// Refuses parameters that nobody took.
    pub(crate) fn finish(&mut self) -> Result<(), StripeError> {
        std::mem::take(&mut self.params).finish()
    }

    pub(crate) fn is_publishable(&self) -> bool {
        self.key.kind == KeyKind::Publishable
    }

    /// The object that the URL names, if it lives in the caller's scope.
    pub(crate) fn owned<T: Stored>(&self, id: &str) -> Result<T, StripeError> {
        self.tx
            .get::<T>(id)
            .filter(|record| record.owner() == self.scope)
            .cloned()
            .ok_or_else(|| StripeError::no_such(T::NOUN, id))
    }

    /// The object that a parameter names, if it lives in the caller's scope.
    pub(crate) fn referenced<T: Stored>(&self, id: &str, param: &str) -> Result<T, StripeError> {
        self.tx
            .get::<T>(id)
            .filter(|record| record.owner() == self.scope)
            .cloned()
            .ok_or_else(|| StripeError::no_such_param(T::NOUN, id, param))
    }

    /// An account that the platform may act on: its own, or one connected to it.
    pub(crate) fn account(&self, id: &str) -> Result<Account, StripeError> {
        usable_account(self.tx, &self.platform, id)
            .ok_or_else(|| StripeError::account_invalid(&self.key.shown, id))
    }

    /// A connected account that a parameter names as destination.
    pub(crate) fn destination(&self, id: &str, param: &str) -> Result<Account, StripeError> {
        usable_account(self.tx, &self.platform, id)
            .filter(|account| account.id != self.platform)
            .ok_or_else(|| StripeError::no_such_param("destination", id, param))
    }
}

/// The account `id`, if it is the platform's own or one connected to it that still is.
pub(crate) fn usable_account(tx: &Tx<'_>, platform: &str, id: &str) -> Option<Account> {
    tx.get::<Account>(id).filter(|account| account.platform == platform && !account.has_left()).cloned()
}
