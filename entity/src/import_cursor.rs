//! How far the import of balance transactions has come, for each scope.

use sea_orm::entity::prelude::*;

use crate::Scope;

/// The newest balance transaction that was imported.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "import_cursors")]
pub struct Model {
    /// Whose balance.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: Scope,
    /// `txn_...`.
    pub last_id: String,
    /// Stripe's `created` of it; null in rows from before it was kept.
    pub last_created_at: Option<DateTimeUtc>,
    /// When it was last moved.
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
