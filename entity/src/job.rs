//! Work to be done later, written in the transaction that makes it necessary.

use sea_orm::entity::prelude::*;

use crate::JobId;

/// Whether a job is still tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum State {
    /// Due at `next_at`.
    Pending,
    /// Failed for good; waits for a person.
    Dead,
}

/// A job; deleted when done. At most one per kind and key: enqueuing it again makes it run once more.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: JobId,
    /// What to do.
    #[sea_orm(unique_key = "kind_key")]
    pub kind: String,
    /// To what: a TypeID or a scope.
    #[sea_orm(unique_key = "kind_key")]
    pub key: String,
    /// Whether it is still tried.
    pub state: State,
    /// When it may run.
    pub next_at: DateTimeUtc,
    /// Until when a worker has it.
    pub lease_until: Option<DateTimeUtc>,
    /// Rises with each lease.
    pub fence: i64,
    /// Rises with each enqueuing: a job enqueued while it ran runs again.
    pub generation: i64,
    /// How often it failed in a row.
    pub attempts: i32,
    /// The last failure.
    pub last_error: Option<String>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
