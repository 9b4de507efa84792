//! What Stripe says of a balance: how much it is, each transaction that made it so, and what was behind that.

use std::future::Future;

use souk_entity::Scope;

use crate::stripe::{
    Failure, Gateway, List,
    balance::{self, Balance},
    balance_transactions::{self, BalanceTransaction, Page},
    origins::{self, Movement, Origin},
};

/// Balance transactions a page; Stripe's maximum.
const PAGE: u8 = 100;

/// Where balances and their transactions are read: Stripe, but for tests that need it to say odd things.
pub(super) trait Feed: Sync {
    /// A page of a scope's balance transactions, newest first.
    fn page(
        &self,
        scope: &Scope,
        page: Page<'_>,
    ) -> impl Future<Output = Result<List<BalanceTransaction>, Failure>> + Send;

    /// A scope's balance, as it is now.
    fn balance(&self, scope: &Scope) -> impl Future<Output = Result<Balance, Failure>> + Send;

    /// A balance transaction with the object that moved the money.
    fn movement(
        &self,
        scope: &Scope,
        transaction: &str,
    ) -> impl Future<Output = Result<Movement, Failure>> + Send;

    /// An object, by its path.
    fn origin(&self, scope: &Scope, path: &str) -> impl Future<Output = Result<Origin, Failure>> + Send;
}

// Whoever asks for an import or a comparison, hundreds of pages must not stand before a checkout.
impl Feed for Gateway {
    async fn page(&self, scope: &Scope, page: Page<'_>) -> Result<List<BalanceTransaction>, Failure> {
        self.background().get(scope, &balance_transactions::list_path(page, PAGE)).await
    }

    async fn balance(&self, scope: &Scope) -> Result<Balance, Failure> {
        self.background().get(scope, &balance::path()).await
    }

    async fn movement(&self, scope: &Scope, transaction: &str) -> Result<Movement, Failure> {
        self.background().get(scope, &origins::path(transaction)).await
    }

    async fn origin(&self, scope: &Scope, path: &str) -> Result<Origin, Failure> {
        self.background().get(scope, path).await
    }
}
