//! Money on its way from a seller's Stripe balance to their bank.

use sea_orm::entity::prelude::*;

use crate::{Currency, PayoutId, Scope, SellerId};

/// Where a payout stands; from `Pending` on these are Stripe's own states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum Status {
    /// Asked of Stripe, no answer yet.
    Requested,
    /// Stripe has it.
    Pending,
    /// Handed to the bank.
    InTransit,
    /// Stripe believes that it arrived; a bank can still return it.
    Paid,
    /// It came back, see the failure fields.
    Failed,
    /// Cancelled before it left.
    Canceled,
    /// Stripe refused to make it.
    Refused,
}

/// A payout.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payouts")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PayoutId,
    /// Whose money.
    pub seller_id: SellerId,
    /// The seller's account, where the payout lives.
    pub scope: Scope,
    /// Minor units, above zero.
    pub amount: i64,
    /// Lower-case ISO 4217.
    pub currency: Currency,
    /// Stripe's `method`: `standard` or `instant`.
    pub method: String,
    /// Where it stands.
    pub status: Status,
    /// `po_...`, null until Stripe has made it.
    #[sea_orm(unique)]
    pub stripe_payout_id: Option<String>,
    /// When the bank should have it.
    pub arrival_at: Option<DateTimeUtc>,
    /// Stripe's `failure_code`.
    pub failure_code: Option<String>,
    /// Stripe's `failure_message`.
    pub failure_message: Option<String>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row last changed.
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// The payouts of one seller.
    #[must_use]
    pub fn of_seller(seller: SellerId) -> Select<Self> {
        Self::find().filter(Column::SellerId.eq(seller))
    }

    /// The payout that Stripe knows by this id, in its scope.
    #[must_use]
    pub fn of_stripe_payout(scope: &Scope, payout: &str) -> Select<Self> {
        Self::find().filter(Column::Scope.eq(scope.clone())).filter(Column::StripePayoutId.eq(payout))
    }
}
