//! What became of a rule, told to the marketplace's backend.

use poem_openapi::types::ToJSON;
use sea_orm::{DatabaseTransaction, DbErr};
use souk_entity::commission_rule::Model;

use super::view::RuleView;
use crate::{
    context::Context,
    notify::{self, Happened},
};

/// Tells of a rule with the whole of it: the row says only what it is now.
pub(super) async fn tell(
    tx: &DatabaseTransaction,
    ctx: &Context,
    event_type: &'static str,
    rule: &Model,
) -> Result<(), DbErr> {
    let happened = Happened {
        event_type,
        object_id: rule.id.to_string(),
        seller_id: rule.seller_id,
        buyer_id: None,
        data: RuleView::from(rule).to_json().unwrap_or_default(),
    };
    notify::publish(tx, ctx, happened).await
}
