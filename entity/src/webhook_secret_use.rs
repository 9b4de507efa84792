//! When each signing secret of a webhook endpoint was last used: an old one may go when Stripe has stopped signing
//! with it.

use sea_orm::entity::prelude::*;

/// Which of the two webhook endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum Endpoint {
    /// `/webhooks/stripe/platform`: the platform's own events.
    Platform,
    /// `/webhooks/stripe/connect`: events of connected accounts.
    Connect,
}

/// A secret that proved a delivery. The secret itself is never stored.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_secret_uses")]
pub struct Model {
    /// Where the delivery came to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub endpoint: Endpoint,
    /// The first eight hexadecimal digits of the secret's SHA-256.
    #[sea_orm(primary_key, auto_increment = false)]
    pub fingerprint: String,
    /// When it last proved one, in wall time, to the minute.
    pub last_used_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
