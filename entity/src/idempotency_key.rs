//! The keys by which callers of our own API may repeat a request, and the answers that they get again.

use sea_orm::entity::prelude::*;

use crate::StripeRequestId;

/// A caller's key.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Role and subject of the caller: nobody can read another's answer by guessing a key.
    #[sea_orm(unique_key = "caller_key")]
    pub caller: String,
    /// The caller's `Idempotency-Key`.
    #[sea_orm(unique_key = "caller_key")]
    pub key: String,
    /// SHA-256 of method, path and body.
    #[sea_orm(column_type = "Blob")]
    pub fingerprint: Vec<u8>,
    /// The write to Stripe that the answer waits for.
    pub stripe_request_id: Option<StripeRequestId>,
    /// HTTP status of the answer; null while there is none.
    pub status: Option<i32>,
    /// Body of the answer, sealed with `SOUK_DATA_KEY`.
    #[sea_orm(column_type = "Blob")]
    pub body_sealed: Option<Vec<u8>>,
    /// When the key was first seen.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
