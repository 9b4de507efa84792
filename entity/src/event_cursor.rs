//! How far Stripe's Events API was read, scope by scope: what no webhook brought is found there.

use sea_orm::entity::prelude::*;

use crate::Scope;

/// Whether a scope is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum State {
    /// It is read again and again.
    Open,
    /// Stripe refused the last read, and not because the account has left: tried again, rarely.
    Refused,
    /// The account has left the platform: nothing can be read any more, and nothing is missing.
    Closed,
}

/// A scope's place in its events.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event_cursors")]
pub struct Model {
    /// Whose events.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: Scope,
    /// Whether it is read.
    pub state: State,
    /// Why the last read failed, or why there are no more.
    pub reason: Option<String>,
    /// Everything that happened until then was read, in Stripe's time.
    pub read_until: DateTimeUtc,
    /// The newest event that was seen, in Stripe's time: active scopes are read more often.
    pub active_at: Option<DateTimeUtc>,
    /// When it was last read to the end of a window, in wall time.
    pub checked_at: Option<DateTimeUtc>,
    /// When it is read next, in wall time.
    pub next_at: DateTimeUtc,
    /// Reads that failed in a row.
    pub attempts: i32,
    /// Until when a worker has it.
    pub lease_until: Option<DateTimeUtc>,
    /// Rises with each lease.
    pub fence: i64,
    /// How many events were found that no webhook had brought.
    pub found: i64,
    /// When the first of them happened, in Stripe's time.
    pub found_first_at: Option<DateTimeUtc>,
    /// When the last of them happened, in Stripe's time.
    pub found_last_at: Option<DateTimeUtc>,
    /// The Stripe account that the key was of when the scope was first read; of the platform's scope only.
    pub key_account: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
