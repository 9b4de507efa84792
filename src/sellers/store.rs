//! The queries of the sellers' room.

use sea_orm::{
    ActiveEnum, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait,
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::json;
use souk_entity::{
    Scope, SellerId, StripeAccountId,
    seller::{ActiveModel, Column, Entity, Model, Status},
};

use super::status::status;
use crate::{
    context::Context,
    notify::{self, Happened},
    stripe::accounts::Account,
    webhooks::missed,
};

/// The seller of this id.
pub async fn find<C: ConnectionTrait>(db: &C, id: SellerId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(db).await
}

/// The sellers of these ids; those that don't exist are left out.
pub async fn find_all<C: ConnectionTrait>(
    db: &C,
    ids: impl Iterator<Item = SellerId>,
) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::Id.is_in(ids)).all(db).await
}

/// The seller whose Stripe account this is.
pub async fn find_of_account<C: ConnectionTrait>(
    db: &C,
    account: &StripeAccountId,
) -> Result<Option<Model>, DbErr> {
    Entity::of_account(account).one(db).await
}

/// The same, locked: what Stripe says of an account is written by one at a time.
pub(super) async fn lock_of_account(
    tx: &DatabaseTransaction,
    account: &StripeAccountId,
) -> Result<Option<Model>, DbErr> {
    Entity::of_account(account).lock_exclusive().one(tx).await
}

/// The seller, locked: what is decided about their money is decided under this lock.
pub async fn lock(tx: &DatabaseTransaction, id: SellerId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).lock_exclusive().one(tx).await
}

pub(super) async fn page(ctx: &Context, before: Option<SellerId>, limit: u64) -> Result<Vec<Model>, DbErr> {
    let mut query = Entity::find().order_by_desc(Column::Id).limit(limit);
    if let Some(before) = before {
        query = query.filter(Column::Id.lt(before));
    }
    query.all(&ctx.db).await
}

pub(super) async fn insert(tx: &DatabaseTransaction, row: ActiveModel) -> Result<Model, DbErr> {
    Entity::insert(row).exec_with_returning(tx).await
}

pub(super) async fn delete(tx: &DatabaseTransaction, id: SellerId) -> Result<(), DbErr> {
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Writes down what Stripe says of the account, and tells of it if anything changed.
pub(super) async fn apply_account(
    tx: &DatabaseTransaction,
    ctx: &Context,
    seller: Model,
    account: &Account,
) -> Result<Model, DbErr> {
    let was = seller.clone();
    if was.stripe_account_id.is_none() {
        let scope = Scope::Connected(account.id.clone());
        missed::watch(tx, ctx, &scope, was.created_at).await?;
    }
    let mut row = seller.into_active_model();
    row.stripe_account_id = Set(Some(account.id.clone()));
    row.status = Set(status(account));
    row.charges_enabled = Set(account.charges_enabled);
    row.payouts_enabled = Set(account.payouts_enabled);
    row.details_submitted = Set(account.details_submitted);
    row.capabilities = Set(json!(account.capabilities));
    row.requirements = Set(account.requirements.clone());
    save(tx, ctx, was, row).await
}

/// Writes down that the account no longer belongs to this platform.
pub(super) async fn disconnect(
    tx: &DatabaseTransaction,
    ctx: &Context,
    seller: Model,
) -> Result<Model, DbErr> {
    let was = seller.clone();
    let mut row = seller.into_active_model();
    row.status = Set(Status::Disconnected);
    row.charges_enabled = Set(false);
    row.payouts_enabled = Set(false);
    save(tx, ctx, was, row).await
}

async fn save(
    tx: &DatabaseTransaction,
    ctx: &Context,
    was: Model,
    mut row: ActiveModel,
) -> Result<Model, DbErr> {
    row.updated_at = Set(was.updated_at);
    let unsaved = Model::try_from(row.clone())?;
    if unsaved == was {
        return Ok(was);
    }
    row.updated_at = Set(ctx.clock.business());
    let now = Entity::update(row).exec(tx).await?;
    let happened = Happened {
        event_type: if was.stripe_account_id.is_none() { "seller.created" } else { "seller.updated" },
        object_id: now.id.to_string(),
        seller_id: Some(now.id),
        buyer_id: None,
        data: json!({
            "status": now.status.to_value(),
            "charges_enabled": now.charges_enabled,
            "payouts_enabled": now.payouts_enabled,
            "stripe_account_id": now.stripe_account_id,
        }),
    };
    notify::publish(tx, ctx, happened).await?;
    Ok(now)
}
