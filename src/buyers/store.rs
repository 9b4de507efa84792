//! The queries of the buyers' room.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use souk_entity::{
    BuyerId,
    buyer::{ActiveModel, Column, Entity, Model},
};

use crate::context::Context;

/// The buyer of this id.
pub async fn find<C: ConnectionTrait>(db: &C, id: BuyerId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(db).await
}

pub(super) async fn page(ctx: &Context, before: Option<BuyerId>, limit: u64) -> Result<Vec<Model>, DbErr> {
    let mut query = Entity::find().order_by_desc(Column::Id).limit(limit);
    if let Some(before) = before {
        query = query.filter(Column::Id.lt(before));
    }
    query.all(&ctx.db).await
}

pub(super) async fn insert(tx: &DatabaseTransaction, row: ActiveModel) -> Result<Model, DbErr> {
    Entity::insert(row).exec_with_returning(tx).await
}
