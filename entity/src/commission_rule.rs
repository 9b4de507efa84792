//! What the marketplace keeps of a line, and of which lines. Order lines freeze the amount and the rule's id: no
//! change of a rule reaches an order that was made.

use sea_orm::entity::prelude::*;

use crate::{CommissionRuleId, Currency, ListingId, SellerId};

/// A commission rule. A condition that is null holds for every line.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "commission_rules")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CommissionRuleId,
    /// Condition: who sells.
    pub seller_id: Option<SellerId>,
    /// Condition: the line's category, to the letter.
    pub category: Option<String>,
    /// Condition: what is sold.
    pub listing_id: Option<ListingId>,
    /// Condition: the line's currency, which is also that of the amounts below.
    pub currency: Option<Currency>,
    /// Ten-thousandths of the line's amount, 0 to 10,000.
    pub basis_points: i32,
    /// Added to that, once for each line; minor units.
    pub fixed: Option<i64>,
    /// At least so much of each line; minor units.
    pub minimum: Option<i64>,
    /// At most so much of each line; minor units.
    pub maximum: Option<i64>,
    /// From when on it holds, business time.
    pub effective_from: DateTimeUtc,
    /// From when on it no longer holds, business time.
    pub effective_until: Option<DateTimeUtc>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row last changed.
    pub updated_at: DateTimeUtc,
    /// When the rule was ended for good; the row stays, for the lines that name it.
    pub deleted_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
