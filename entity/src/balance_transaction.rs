//! Stripe's balance transactions, imported: what the mirrored accounts of the books are posted from.

use sea_orm::entity::prelude::*;

use crate::{Currency, Scope};

/// A balance transaction of Stripe's. Amounts are minor units; `net = amount - fee`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "balance_transactions")]
pub struct Model {
    /// Whose balance.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: Scope,
    /// `txn_...`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Stripe's `type`.
    pub transaction_type: String,
    /// Stripe's `reporting_category`: tells apart what shares a type, such as the adjustments.
    pub reporting_category: Option<String>,
    /// The object behind it (`ch_...`, `tr_...`, `po_...`).
    pub source: Option<String>,
    /// Before fees.
    pub amount: i64,
    /// The sum of the fees.
    pub fee: i64,
    /// What the balance moved by.
    pub net: i64,
    /// Lower-case ISO 4217.
    pub currency: Currency,
    /// Stripe's `fee_details`: each fee by its type.
    #[sea_orm(column_type = "JsonBinary")]
    pub fee_details: Json,
    /// Stripe's `created`.
    pub stripe_created_at: DateTimeUtc,
    /// When the funds are available.
    pub available_at: DateTimeUtc,
    /// When it was imported.
    pub imported_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
