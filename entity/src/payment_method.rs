//! The ways to pay that buyers keep, as Stripe tells of them.

use sea_orm::entity::prelude::*;

use crate::{BuyerId, PaymentMethodId, Scope};

/// Whether it can be paid with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum State {
    /// The buyer's to pay with.
    Attached,
    /// Taken from the buyer, for good: Stripe attaches none a second time.
    Detached,
}

/// A saved payment method. No card data but what may be shown.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment_methods")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PaymentMethodId,
    /// Whose it is.
    pub buyer_id: BuyerId,
    /// Where it lives: on the platform.
    pub scope: Scope,
    /// `pm_...`
    pub stripe_payment_method_id: String,
    /// Stripe's `type`: `card`, `sepa_debit`, ...
    pub kind: String,
    /// The card's brand: `visa`, ...
    pub brand: Option<String>,
    /// The last four digits of the card or account.
    pub last4: Option<String>,
    /// 1 to 12.
    pub exp_month: Option<i32>,
    /// Four digits.
    pub exp_year: Option<i32>,
    /// The wallet that the card is in: `apple_pay`, ...
    pub wallet: Option<String>,
    /// Whether it is what the buyer pays with unless they say otherwise; one of a buyer's at most.
    pub is_default: bool,
    /// Whether it can be paid with.
    pub state: State,
    /// When it was saved.
    pub created_at: DateTimeUtc,
    /// When the row last changed.
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// What one buyer keeps, or kept.
    #[must_use]
    pub fn of_buyer(buyer: BuyerId) -> Select<Self> {
        Self::find().filter(Column::BuyerId.eq(buyer))
    }

    /// The payment method that Stripe knows by this id, in its scope.
    #[must_use]
    pub fn of_stripe_payment_method(scope: &Scope, method: &str) -> Select<Self> {
        Self::find().filter(Column::Scope.eq(scope.clone())).filter(Column::StripePaymentMethodId.eq(method))
    }
}
