//! What happened here, written in the transaction in which it happened.

use sea_orm::entity::prelude::*;

use crate::{BuyerId, EventId, SellerId};

/// An event for the marketplace's backend.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "events")]
pub struct Model {
    /// Primary key; sorts by time.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EventId,
    /// `order.paid`, ...
    pub event_type: String,
    /// The object's TypeID.
    pub object_id: String,
    /// The seller that it concerns.
    pub seller_id: Option<SellerId>,
    /// The buyer that it concerns.
    pub buyer_id: Option<BuyerId>,
    /// The facts; no secret, no card data.
    #[sea_orm(column_type = "JsonBinary")]
    pub data: Json,
    /// When it happened.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
