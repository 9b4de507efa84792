//! When each invariant was last checked, and what came of it.

use sea_orm::entity::prelude::*;

/// The last check of one invariant.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invariant_checks")]
pub struct Model {
    /// Its name, as the room registers it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// How many objects violate it.
    pub violations: i64,
    /// When it was checked, wall time.
    pub checked_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
