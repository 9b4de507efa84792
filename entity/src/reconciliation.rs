//! Comparisons of the books with Stripe's, kept as history.

use sea_orm::entity::prelude::*;

use crate::ReconciliationId;

/// One comparison.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reconciliations")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ReconciliationId,
    /// Whether nothing differed.
    pub clean: bool,
    /// Scopes and differences, as the API shows them.
    #[sea_orm(column_type = "JsonBinary")]
    pub report: Json,
    /// When the balances were read.
    pub as_of: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
