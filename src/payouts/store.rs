//! The queries of the payouts' room.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use souk_entity::{
    PayoutId, Scope, SellerId,
    payout::{ActiveModel, Column, Entity, Model},
};

use crate::context::Context;

pub(super) async fn find<C: ConnectionTrait>(db: &C, id: PayoutId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(db).await
}

pub(super) async fn lock(tx: &DatabaseTransaction, id: PayoutId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).lock_exclusive().one(tx).await
}

/// The payout that Stripe knows by this id, locked.
pub(super) async fn lock_of_stripe_payout(
    tx: &DatabaseTransaction,
    scope: &Scope,
    payout: &str,
) -> Result<Option<Model>, DbErr> {
    Entity::of_stripe_payout(scope, payout).lock_exclusive().one(tx).await
}

pub(super) async fn page(
    ctx: &Context,
    seller: Option<SellerId>,
    before: Option<PayoutId>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut query =
        seller.map_or_else(Entity::find, Entity::of_seller).order_by_desc(Column::Id).limit(limit);
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
