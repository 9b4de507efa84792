//! What happened here, told to the marketplace's backend: written in the transaction in which it happened, so
//! that nothing is told that didn't happen and nothing that happened goes untold.
//!
//! Never tells secrets, client secrets or card data.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use serde_json::Value;
use souk_entity::{BuyerId, EventId, SellerId, event};
use uuid::Uuid;

use crate::context::Context;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Happened {
    /// `order.paid`, `seller.updated`, ...
    pub event_type: &'static str,
    /// The object's TypeID.
    pub object_id: String,
    /// The seller that it concerns, if one.
    pub seller_id: Option<SellerId>,
    /// The buyer that it concerns, if one.
    pub buyer_id: Option<BuyerId>,
    /// The facts.
    pub data: Value,
}

/// Writes down that something happened, in the transaction in which it happened.
pub async fn publish(tx: &DatabaseTransaction, ctx: &Context, happened: Happened) -> Result<(), DbErr> {
    let row = event::ActiveModel {
        id: Set(EventId::from_uuid(Uuid::now_v7())),
        event_type: Set(happened.event_type.to_owned()),
        object_id: Set(happened.object_id),
        seller_id: Set(happened.seller_id),
        buyer_id: Set(happened.buyer_id),
        data: Set(happened.data),
        created_at: Set(ctx.clock.business()),
    };
    event::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// What happened, newest first: at most `limit` events older than `before`.
pub async fn list(ctx: &Context, before: Option<EventId>, limit: u64) -> Result<Vec<event::Model>, DbErr> {
    let mut query = event::Entity::find().order_by_desc(event::Column::Id).limit(limit);
    if let Some(before) = before {
        query = query.filter(event::Column::Id.lt(before));
    }
    query.all(&ctx.db).await
}
