//! What is for sale. The price that stands here is the only one that a buyer can pay.

use sea_orm::entity::prelude::*;

use crate::{Currency, ListingId, Money, SellerId};

/// A listing.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "listings")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ListingId,
    /// Whose it is.
    pub seller_id: SellerId,
    /// What buyers read.
    pub title: String,
    /// Minor units, above zero.
    pub price_amount: i64,
    /// Lower-case ISO 4217.
    pub price_currency: Currency,
    /// The marketplace's own word for its kind.
    pub category: Option<String>,
    /// Only active listings sell.
    pub active: bool,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row last changed.
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The price of one.
    #[must_use]
    pub const fn price(&self) -> Money {
        Money::new(self.price_amount, self.price_currency)
    }
}

impl Entity {
    /// The listings of one seller.
    #[must_use]
    pub fn of_seller(seller: SellerId) -> Select<Self> {
        Self::find().filter(Column::SellerId.eq(seller))
    }
}
