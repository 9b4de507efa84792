//! What violates an invariant now; gone when it no longer does.

use sea_orm::entity::prelude::*;

/// An object that violates an invariant.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invariant_violations")]
pub struct Model {
    /// The name of the invariant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub invariant: String,
    /// What violates it: an id, or a key of the books.
    #[sea_orm(primary_key, auto_increment = false)]
    pub object: String,
    /// How, in words.
    pub detail: String,
    /// What to do about it, in words.
    pub action: String,
    /// The first check that found it, wall time.
    pub since: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
