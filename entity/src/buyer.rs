//! Who buys on the marketplace.

use sea_orm::entity::prelude::*;

use crate::BuyerId;

/// A buyer.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "buyers")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: BuyerId,
    /// Where receipts go.
    pub email: String,
    /// As the buyer calls themselves.
    pub name: Option<String>,
    /// The caller's own keys and values.
    #[sea_orm(column_type = "JsonBinary")]
    pub metadata: Json,
    /// `cus_...` on the platform; null until the buyer first saves a payment method.
    #[sea_orm(unique)]
    pub stripe_customer_id: Option<String>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// The buyer whom Stripe knows as this customer of the platform's.
    #[must_use]
    pub fn of_customer(customer: &str) -> Select<Self> {
        Self::find().filter(Column::StripeCustomerId.eq(customer))
    }
}
