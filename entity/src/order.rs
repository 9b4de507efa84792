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
    /// The buyer's bank holds the money for a later capture.
    Authorized,
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
    /// One seller or many: the charge stays on the platform, and each share is transferred when it is released.
    Separate,
    /// One seller: the charge is made on the seller's own account, and the platform takes an application fee.
    Direct,
}

/// When the money is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum CaptureMethod {
    /// As soon as the buyer pays.
    Automatic,
    /// It is authorised first, and captured when the marketplace says so.
    Manual,
}

/// When the shares of an order are released to their sellers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(24))", rename_all = "snake_case")]
pub enum ReleaseType {
    /// As soon as the order is paid.
    Immediate,
    /// When the seller has fulfilled their part.
    OnFulfillment,
    /// Some days after the payment.
    AfterPayment,
    /// Some days after the seller has fulfilled their part.
    AfterFulfillment,
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
    /// When the money is taken.
    pub capture_method: CaptureMethod,
    /// What may be captured, minor units; 0 unless the capture is manual.
    pub authorized: i64,
    /// Until when it may be captured, as Stripe told.
    pub capture_before: Option<DateTimeUtc>,
    /// When an order that is not paid is given up.
    pub expires_at: Option<DateTimeUtc>,
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
    /// Whether the seller is the business that the buyer pays, on the statement and to the bank.
    pub on_behalf_of: bool,
    /// When the shares are released.
    pub release_type: ReleaseType,
    /// How many days later, where `release_type` counts them; else 0.
    pub release_days: i32,
    /// The currency of the charge's balance transaction, once it is known; transfers of its money are made in it.
    pub settled_currency: Option<Currency>,
    /// The gross amount of that balance transaction, minor units of `settled_currency`.
    pub settled_amount: Option<i64>,
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
