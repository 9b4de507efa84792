//! The objects that events are about. Workers claim the object, not the event: events of one object never run
//! side by side, and the stamp tells which of them is older than what was applied.

use sea_orm::entity::prelude::*;

use crate::Scope;

/// An object with events.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "inbox_objects")]
pub struct Model {
    /// Where the object lives.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: Scope,
    /// Stripe's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub object_id: String,
    /// When an event of it is due; null when none is.
    pub next_at: Option<DateTimeUtc>,
    /// Until when a worker has it.
    pub lease_until: Option<DateTimeUtc>,
    /// Rises with each lease.
    pub fence: i64,
    /// Stripe's time of the newest state that was applied: all that happened before this second is in it.
    pub applied_as_of: Option<DateTimeUtc>,
    /// Nothing that happened after this second is in it. The same second, unless the object was read from Stripe:
    /// that tells its state at some moment between the two.
    pub applied_until: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
