//! Imports that somebody asked for. Nobody waits for a row of this table: each who asks writes one of their own.

use sea_orm::entity::prelude::*;
use uuid::Uuid;

use crate::Scope;

/// One who asked.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "import_wakes")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Whose balance transactions are to be imported.
    pub scope: Scope,
}

impl ActiveModelBehavior for ActiveModel {}
