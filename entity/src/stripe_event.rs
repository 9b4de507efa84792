//! The inbox: what Stripe told us, kept as it came, before it is acknowledged.

use sea_orm::entity::prelude::*;

use crate::Scope;

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum State {
    /// To be handled.
    Pending,
    /// Its object is not known here yet; tried again.
    Waiting,
    /// Applied, or older than what was applied.
    Done,
    /// Nothing here handles it; replayable.
    Ignored,
    /// Of an object that is not ours.
    Foreign,
    /// Failed too often; waits for a person.
    Dead,
}

/// An event of Stripe's.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "stripe_events")]
pub struct Model {
    /// `evt_...`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Whose event: the platform's, or a connected account's.
    pub scope: Scope,
    /// Stripe's `type`.
    pub event_type: String,
    /// What it is about; events of one object are handled one after the other.
    pub object_id: String,
    /// The version that the payload is rendered at.
    pub api_version: Option<String>,
    /// `request.idempotency_key`: the row of ours that caused it, if one did.
    pub idempotency_key: Option<String>,
    /// Stripe's `created`.
    pub stripe_created_at: DateTimeUtc,
    /// The raw body, sealed with `SOUK_DATA_KEY`.
    #[sea_orm(column_type = "Blob")]
    pub payload_sealed: Vec<u8>,
    /// What became of it.
    pub state: State,
    /// Why it waits, was ignored or died.
    pub reason: Option<String>,
    /// How often it was tried.
    pub attempts: i32,
    /// When it may be tried.
    pub next_at: DateTimeUtc,
    /// When it was stored.
    pub received_at: DateTimeUtc,
    /// When it left `pending` and `waiting`.
    pub processed_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
