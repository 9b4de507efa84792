//! What one seller gets of one order.

use sea_orm::entity::prelude::*;

use crate::{Currency, OrderId, OrderShareId, SellerId};

/// Where a share stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum State {
    /// The order is not paid, or Stripe has not moved its money yet.
    Pending,
    /// It waits on the platform; `hold_reason` says for what.
    Held,
    /// It may be transferred to its seller now.
    Releasable,
    /// Its transfer is under way.
    Transferring,
    /// The seller's Stripe balance has it.
    Transferred,
}

/// Who can end a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum HoldActor {
    /// The seller whose share it is.
    Seller,
    /// Who bought.
    Buyer,
    /// The marketplace's staff.
    Operator,
    /// Stripe.
    Stripe,
}

/// A share: `net = gross - commission`. Amounts are minor units.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "order_shares")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrderShareId,
    /// Of which order.
    pub order_id: OrderId,
    /// Whose share.
    pub seller_id: SellerId,
    /// Lower-case ISO 4217.
    pub currency: Currency,
    /// The sum of the seller's lines.
    pub gross: i64,
    /// The marketplace's part.
    pub commission: i64,
    /// What the seller gets.
    pub net: i64,
    /// What has reached the seller's Stripe balance.
    pub transferred: i64,
    /// What was taken back from there.
    pub reversed: i64,
    /// Where it stands.
    pub state: State,
    /// Why it is held, as a stable word.
    pub hold_reason: Option<String>,
    /// The same for people, with what only this hold has to tell.
    pub hold_detail: Option<String>,
    /// Who can end the hold; null where only time does.
    pub hold_actor: Option<HoldActor>,
    /// When what failed is tried again, on the wall's clock.
    pub next_attempt_at: Option<DateTimeUtc>,
    /// When the seller fulfilled their part.
    pub fulfilled_at: Option<DateTimeUtc>,
    /// From when the release rule lets it go, in business time; null while the rule waits for something else.
    pub releasable_at: Option<DateTimeUtc>,
    /// The currency in which it is transferred: that in which the charge settled.
    pub transfer_currency: Option<Currency>,
    /// What is to be transferred, minor units of `transfer_currency`.
    pub transfer_amount: Option<i64>,
    /// `tr_...` that moved it.
    pub stripe_transfer_id: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// The shares of one order.
    #[must_use]
    pub fn of_order(order: OrderId) -> Select<Self> {
        Self::find().filter(Column::OrderId.eq(order))
    }
}
