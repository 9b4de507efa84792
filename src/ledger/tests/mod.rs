//! The ledger's tests: what each posting says, and what the books keep.

mod books;
mod facts;
mod import;
mod money_page;
mod payouts;
mod postings;
mod reconcile;
mod stripe;

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use sea_orm::DatabaseConnection;
use serde_json::json;
use souk_entity::{Money, OrderId, Scope, StripeAccountId, balance_transaction};
use uuid::Uuid;

use super::{
    posting::post_at,
    postings::{
        Conversion, DestinationSale, Dispute, DisputeCharged, SeparateSale, ShareOfSale,
        payout_failed_after_paid, payout_paid,
    },
    *,
};
use crate::{db, ledger};

/// A migrated database of a test's own, gone with it.
pub(super) struct Books {
    pub(super) db: DatabaseConnection,
    dir: PathBuf,
}

impl Drop for Books {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl Books {
    pub(super) async fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("souk-ledger-{}", Uuid::new_v4()));
        std::fs::create_dir(&dir).unwrap();
        let db = db::connect(&format!("sqlite://{}/books.db", dir.display()), 4).await.unwrap();
        db::migrate(&db).await.unwrap();
        Self { db, dir }
    }

    pub(super) async fn post(&self, posting: &Posting) -> Result<Posted, LedgerError> {
        let tx = db::begin_write(&self.db).await?;
        let posted = post_at(&tx, at(0), posting).await?;
        db::commit(tx, "test", "post").await?;
        Ok(posted)
    }
}

/// Seconds after noon of 1 November 2026.
pub(super) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_793_534_400 + seconds, 0).unwrap()
}

pub(super) fn usd(amount: i64) -> Money {
    Money::new(amount, "usd".parse().unwrap())
}

pub(super) fn account() -> StripeAccountId {
    "acct_1".parse().unwrap()
}

pub(super) fn seller() -> Scope {
    Scope::Connected(account())
}

pub(super) fn order(number: u128) -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(number))
}

/// A balance transaction; `fees` are pairs of type and amount.
pub(super) fn txn(
    scope: Scope,
    id: &str,
    transaction_type: &str,
    source: &str,
    amount: i64,
    fees: &[(&str, i64)],
) -> balance_transaction::Model {
    let fee = fees.iter().map(|(_, amount)| amount).sum();
    let details = fees.iter().map(|(kind, fee)| json!({"type": kind, "amount": fee, "currency": "usd"}));
    balance_transaction::Model {
        scope,
        id: id.to_owned(),
        transaction_type: transaction_type.to_owned(),
        reporting_category: None,
        source: Some(source.to_owned()).filter(|source| !source.is_empty()),
        amount,
        fee,
        net: amount - fee,
        currency: "usd".parse().unwrap(),
        fee_details: details.collect(),
        stripe_created_at: at(0),
        available_at: at(0),
        imported_at: at(0),
    }
}

/// 100.00 USD with a commission of 10 %.
pub(super) fn sale() -> DestinationSale {
    DestinationSale {
        order: order(1),
        charge: "ch_1".to_owned(),
        transfer: "tr_1".to_owned(),
        application_fee: Some("fee_1".to_owned()),
        destination_payment: "py_1".to_owned(),
        gross: usd(10_000),
        commission: usd(1_000),
        occurred_at: at(0),
    }
}

/// A posting as literals: account, key, amount (a debit is positive).
pub(super) fn legs(posting: &Posting) -> Vec<(&'static str, &str, i64)> {
    posting.legs().iter().map(|leg| (leg.account.code(), leg.key.as_str(), leg.amount.amount)).collect()
}
