//! The lines of an order. Price and commission are frozen here at sale: what a listing costs later, or what a
//! rule says later, changes nothing.

use sea_orm::entity::prelude::*;

use crate::{CommissionRuleId, ListingId, OrderId, OrderLineId, SellerId};

/// What a line stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum Kind {
    /// Something that is sold.
    Item,
    /// What it costs to send it.
    Shipping,
    /// A tax on it.
    Tax,
}

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
    /// What it stands for.
    pub kind: Kind,
    /// What was bought; null for a line that the marketplace's backend priced.
    pub listing_id: Option<ListingId>,
    /// Who gets the money.
    pub seller_id: SellerId,
    /// As it read at sale.
    pub title: String,
    /// The listing's category at sale, or what the marketplace's backend gave.
    pub category: Option<String>,
    /// The price of one.
    pub unit_amount: i64,
    /// How many.
    pub quantity: i64,
    /// `unit_amount * quantity`.
    pub amount: i64,
    /// The marketplace's part of `amount`.
    pub commission: i64,
    /// The rule that set it; null for the default, and where none is due.
    pub commission_rule_id: Option<CommissionRuleId>,
}

impl ActiveModelBehavior for ActiveModel {}
