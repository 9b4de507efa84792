//! The queries of the commission rules.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect,
};
use souk_entity::{
    CommissionRuleId, SellerId,
    commission_rule::{ActiveModel, Column, Entity, Model},
};

use super::rules::{Rules, Sold};
use crate::context::Context;

/// The rules for what is sold that are in effect `at` a moment of business time, with the default of the settings.
pub async fn rules_for<C: ConnectionTrait>(
    db: &C,
    ctx: &Context,
    at: DateTime<Utc>,
    sold: &[Sold<'_>],
) -> Result<Rules, DbErr> {
    let listings: BTreeSet<_> = sold.iter().filter_map(|one| one.listing).collect();
    let sellers: BTreeSet<_> = sold.iter().map(|one| one.seller).collect();
    let categories: BTreeSet<_> = sold.iter().filter_map(|one| one.category).collect();
    let no_listing = || Condition::all().add(Column::ListingId.is_null());
    let no_seller = || no_listing().add(Column::SellerId.is_null());
    // One alternative for each way down the index; `Rules` has the last word on what fits.
    let may_fit = Condition::any()
        .add(Column::ListingId.is_in(listings))
        .add(no_listing().add(Column::SellerId.is_in(sellers)))
        .add(no_seller().add(Column::Category.is_in(categories)))
        .add(no_seller().add(Column::Category.is_null()));
    let in_effect = Entity::find()
        .filter(may_fit)
        .filter(Column::DeletedAt.is_null())
        .filter(Column::EffectiveFrom.lte(at))
        .filter(Condition::any().add(Column::EffectiveUntil.is_null()).add(Column::EffectiveUntil.gt(at)))
        .all(db)
        .await?;
    Ok(Rules::new(in_effect, ctx.config.commission_bps))
}

/// The rules that were not deleted, newest first; of one seller, if one is named.
pub(super) async fn page(
    ctx: &Context,
    seller: Option<SellerId>,
    before: Option<CommissionRuleId>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let wanted = Condition::all()
        .add(Column::DeletedAt.is_null())
        .add_option(seller.map(|seller| Column::SellerId.eq(seller)))
        .add_option(before.map(|before| Column::Id.lt(before)));
    Entity::find().filter(wanted).order_by_desc(Column::Id).limit(limit).all(&ctx.db).await
}

pub(super) async fn find<C: ConnectionTrait>(db: &C, id: CommissionRuleId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(db).await
}

pub(super) async fn lock(tx: &DatabaseTransaction, id: CommissionRuleId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).lock_exclusive().one(tx).await
}

pub(super) async fn insert(tx: &DatabaseTransaction, row: ActiveModel) -> Result<Model, DbErr> {
    Entity::insert(row).exec_with_returning(tx).await
}

pub(super) async fn update(tx: &DatabaseTransaction, row: ActiveModel) -> Result<Model, DbErr> {
    Entity::update(row).exec(tx).await
}
