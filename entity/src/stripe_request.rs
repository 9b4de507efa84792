//! Every write to Stripe is a row here before a byte of it is sent.
//!
//! The row freezes the wire bytes, so that a retry sends what was sent, whatever was deployed in between. Its
//! UUID is the `Idempotency-Key`.

use sea_orm::entity::prelude::*;

use crate::{Scope, StripeRequestId};

/// What is known of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum State {
    /// No definite answer yet: send the same bytes with the same key.
    Pending,
    /// It took effect.
    Succeeded,
    /// It did not, definitely. A new attempt is a new row, made by the caller or, with `retry_of`, by ourselves.
    Refused,
    /// Nobody can tell: held until an operator resolves it.
    Unknown,
}

/// A write to Stripe.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "stripe_requests")]
pub struct Model {
    /// Primary key; the UUID with hyphens is the `Idempotency-Key`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: StripeRequestId,
    /// In whose name it is sent.
    pub scope: Scope,
    /// Which money action, as registered (`payment_intent.create`, ...).
    pub kind: String,
    /// The domain row that it is for, as a TypeID.
    pub subject: String,
    /// HTTP method.
    pub method: String,
    /// Path with its leading slash and version, `/v1/payment_intents`.
    pub path: String,
    /// The form-encoded body, byte for byte.
    #[sea_orm(column_type = "Blob")]
    pub body: Vec<u8>,
    /// The `Stripe-Version` that it is sent with.
    pub stripe_version: String,
    /// What is known of it.
    pub state: State,
    /// The object that it made or changed.
    pub stripe_object_id: Option<String>,
    /// Stripe's error `code` or `type`, or why it is unknown.
    pub error_code: Option<String>,
    /// Text to the error; never shown to buyers.
    pub error_message: Option<String>,
    /// Stripe's `Request-Id` of the last answer.
    pub stripe_request_id: Option<String>,
    /// How many times bytes were sent.
    pub attempts: i32,
    /// Committed before the first byte leaves; the key is trusted until 23 h later.
    pub first_sent_at: Option<DateTimeUtc>,
    /// When the last attempt began.
    pub last_attempt_at: Option<DateTimeUtc>,
    /// When the completer may take it.
    pub next_at: DateTimeUtc,
    /// Until when somebody works on it.
    pub lease_until: Option<DateTimeUtc>,
    /// Rises with each lease: an answer that comes under an old fence is not applied.
    pub fence: i64,
    /// The row that this one replaces after its absence was proved.
    pub retry_of: Option<StripeRequestId>,
    /// The row that must succeed before this one is sent: what it makes stands in these bytes.
    pub waits_for: Option<StripeRequestId>,
    /// The caller's idempotency key that waits for the answer.
    pub idempotency_id: Option<Uuid>,
    /// The id of the caller's request that it came from, as our logs have it.
    pub caller_request_id: Option<String>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When it left `pending`.
    pub settled_at: Option<DateTimeUtc>,
    /// Since when sending it again is of no use, business time: Stripe has stored a failure under the key, or may
    /// have forgotten it. Only looking at Stripe can tell what became of it.
    pub key_spent_at: Option<DateTimeUtc>,
    /// Role and subject of the operator who said what became of it.
    pub resolved_by: Option<String>,
    /// What they said.
    pub resolved_reason: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
