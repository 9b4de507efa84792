//! The queries of the catalogue.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use souk_entity::{
    ListingId, SellerId,
    listing::{ActiveModel, Column, Entity, Model},
};

use crate::context::Context;

/// The listings of these ids; ids that don't exist are left out.
pub async fn find_all<C: ConnectionTrait>(db: &C, ids: Vec<ListingId>) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::Id.is_in(ids)).all(db).await
}

pub(super) async fn find<C: ConnectionTrait>(db: &C, id: ListingId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(db).await
}

/// Which listings to list.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of {
    /// Those that sell now.
    Active,
    /// All of one seller.
    Seller(SellerId),
    /// All.
    Everyone,
}

pub(super) async fn page(
    ctx: &Context,
    of: Of,
    before: Option<ListingId>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut query = match of {
        Of::Active => Entity::find().filter(Column::Active.eq(true)),
        Of::Seller(seller) => Entity::of_seller(seller),
        Of::Everyone => Entity::find(),
    };
    query = query.order_by_desc(Column::Id).limit(limit);
    if let Some(before) = before {
        query = query.filter(Column::Id.lt(before));
    }
    query.all(&ctx.db).await
}

pub(super) async fn insert(tx: &DatabaseTransaction, row: ActiveModel) -> Result<Model, DbErr> {
    Entity::insert(row).exec_with_returning(tx).await
}

pub(super) async fn update(tx: &DatabaseTransaction, row: ActiveModel) -> Result<Model, DbErr> {
    Entity::update(row).exec(tx).await
}
