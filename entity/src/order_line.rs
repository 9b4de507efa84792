//! The lines of an order. Price and commission are frozen here at sale: what a listing costs later, or what a
//! rule says later, changes nothing.

use sea_orm::entity::prelude::*;

use crate::{ListingId, OrderId, OrderLineId, SellerId};

/// A line of an order; amounts are minor units of the order's currency.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "order_lines")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrderLineId,
    /// Whose line it is.
    pub order_id: OrderId,
    /// Order of the lines, from 0.
    pub position: i32,
    /// What was bought; null for a line that the marketplace's backend priced.
    pub listing_id: Option<ListingId>,
    /// Who gets the money.
    pub seller_id: SellerId,
    /// As it read at sale.
    pub title: String,
    /// The price of one.
    pub unit_amount: i64,
    /// How many.
    pub quantity: i64,
    /// `unit_amount * quantity`.
    pub amount: i64,
    /// The marketplace's part of `amount`.
    pub commission: i64,
}

impl ActiveModelBehavior for ActiveModel {}
