//! What one seller gets of one order.

use sea_orm::entity::prelude::*;

use crate::{Currency, OrderId, OrderShareId, SellerId};

/// Where a share stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum State {
    /// The order is not paid.
    Pending,
    /// The seller's Stripe balance has it.
    Transferred,
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
    /// `tr_...` that moved it.
    pub stripe_transfer_id: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
