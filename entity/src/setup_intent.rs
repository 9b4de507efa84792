//! The saving of a payment method: Stripe's setup intent, which the buyer's app confirms.

use sea_orm::entity::prelude::*;

use crate::{BuyerId, Scope, SetupIntentId};

/// A setup intent, on the platform.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "setup_intents")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SetupIntentId,
    /// Whose payment method is saved.
    pub buyer_id: BuyerId,
    /// `seti_...`, null until Stripe has made it.
    #[sea_orm(unique)]
    pub stripe_setup_intent_id: Option<String>,
    /// Stripe's status of it: as it was made, then `succeeded`.
    pub status: Option<String>,
    /// `pm_...` that it saved.
    pub stripe_payment_method_id: Option<String>,
    /// The intent's client secret, sealed with `SOUK_DATA_KEY`.
    #[sea_orm(column_type = "Blob")]
    pub client_secret_sealed: Option<Vec<u8>>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row last changed.
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// The setup intent that Stripe knows by this id, in its scope. They live on the platform alone.
    #[must_use]
    pub fn of_stripe_setup_intent(scope: &Scope, intent: &str) -> Option<Select<Self>> {
        let of_platform = *scope == Scope::Platform;
        of_platform.then(|| Self::find().filter(Column::StripeSetupIntentId.eq(intent)))
    }
}
