//! What a buyer ordered, and how it is paid.

use sea_orm::entity::prelude::*;

use crate::{BuyerId, Currency, Money, OrderId, Scope};

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(24))", rename_all = "snake_case")]
pub enum Status {
    /// Not paid; also after a decline: another card may follow.
    PendingPayment,
    /// The payment is under way and can still fail.
    Processing,
    /// The buyer's money was taken.
    Paid,
    /// It will not be paid.
    Canceled,
}

/// How the money goes through Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum ChargeModel {
    /// One seller: the charge on the platform moves the whole to the seller, less an application fee.
    Destination,
}

/// An order.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrderId,
    /// Null for a sale that the marketplace's backend made without naming a buyer.
    pub buyer_id: Option<BuyerId>,
    /// Where it stands.
    pub status: Status,
    /// How the money goes.
    pub charge_model: ChargeModel,
    /// The sum of the lines, minor units.
    pub amount: i64,
    /// Lower-case ISO 4217; one for all lines.
    pub currency: Currency,
    /// What was taken from the buyer, minor units.
    pub captured: i64,
    /// What was given back, minor units.
    pub refunded: i64,
    /// Where the payment intent lives.
    pub payment_scope: Scope,
    /// `pi_...`, null until Stripe has made it.
    #[sea_orm(unique)]
    pub stripe_payment_intent_id: Option<String>,
    /// Stripe's status of the payment intent.
    pub payment_status: Option<String>,
    /// The intent's client secret, sealed with `SOUK_DATA_KEY`.
    #[sea_orm(column_type = "Blob")]
    pub client_secret_sealed: Option<Vec<u8>>,
    /// `ch_...` that took the money.
    pub stripe_charge_id: Option<String>,
    /// Stripe's `code` of the last failure (`card_declined`, ...).
    pub decline_error: Option<String>,
    /// Stripe's `decline_code` of the last failure.
    pub decline_code: Option<String>,
    /// What Stripe would tell the buyer of the last failure.
    pub decline_message: Option<String>,
    /// The caller's own keys and values.
    #[sea_orm(column_type = "JsonBinary")]
    pub metadata: Json,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row last changed.
    pub updated_at: DateTimeUtc,
    /// When the money was taken.
    pub paid_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The sum of the lines.
    #[must_use]
    pub const fn total(&self) -> Money {
        Money::new(self.amount, self.currency)
    }
}

impl Entity {
    /// The orders of one buyer.
    #[must_use]
    pub fn of_buyer(buyer: BuyerId) -> Select<Self> {
        Self::find().filter(Column::BuyerId.eq(buyer))
    }

    /// The order that a payment intent pays, in its scope.
    #[must_use]
    pub fn of_payment_intent(scope: &Scope, payment_intent: &str) -> Select<Self> {
        Self::find()
            .filter(Column::PaymentScope.eq(scope.clone()))
            .filter(Column::StripePaymentIntentId.eq(payment_intent))
    }
}
