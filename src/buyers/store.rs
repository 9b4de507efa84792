//! The queries of the buyers' room.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, sea_query::LockType,
};
use souk_entity::{
    BuyerId, PaymentMethodId, Scope, SetupIntentId,
    buyer::{ActiveModel, Column, Entity, Model},
    payment_method, setup_intent,
};

use crate::context::Context;

/// The buyer of this id.
pub async fn find<C: ConnectionTrait>(db: &C, id: BuyerId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(db).await
}

/// The buyer of this id, locked. Rows that refer to the buyer may be written meanwhile: what an event tells of a new card
/// waits for nobody.
pub async fn lock(tx: &DatabaseTransaction, id: BuyerId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).lock(LockType::NoKeyUpdate).one(tx).await
}

pub(super) async fn of_customer(tx: &DatabaseTransaction, customer: &str) -> Result<Option<Model>, DbErr> {
    Entity::of_customer(customer).one(tx).await
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

pub(super) async fn update(tx: &DatabaseTransaction, row: ActiveModel) -> Result<Model, DbErr> {
    Entity::update(row).exec(tx).await
}

pub(super) async fn setup_intent(
    ctx: &Context,
    id: SetupIntentId,
) -> Result<Option<setup_intent::Model>, DbErr> {
    setup_intent::Entity::find_by_id(id).one(&ctx.db).await
}

pub(super) async fn lock_setup_intent(
    tx: &DatabaseTransaction,
    id: SetupIntentId,
) -> Result<Option<setup_intent::Model>, DbErr> {
    setup_intent::Entity::find_by_id(id).lock_exclusive().one(tx).await
}

/// The setup intent that Stripe knows by this id, locked.
pub(super) async fn lock_of_stripe_setup_intent(
    tx: &DatabaseTransaction,
    scope: &Scope,
    intent: &str,
) -> Result<Option<setup_intent::Model>, DbErr> {
    match setup_intent::Entity::of_stripe_setup_intent(scope, intent) {
        Some(query) => query.lock_exclusive().one(tx).await,
        None => Ok(None),
    }
}

pub(super) async fn insert_setup_intent(
    tx: &DatabaseTransaction,
    row: setup_intent::ActiveModel,
) -> Result<(), DbErr> {
    setup_intent::Entity::insert(row).exec_without_returning(tx).await.map(drop)
}

pub(super) async fn update_setup_intent(
    tx: &DatabaseTransaction,
    row: setup_intent::ActiveModel,
) -> Result<setup_intent::Model, DbErr> {
    setup_intent::Entity::update(row).exec(tx).await
}

pub(super) async fn delete_setup_intent(tx: &DatabaseTransaction, id: SetupIntentId) -> Result<(), DbErr> {
    setup_intent::Entity::delete_by_id(id).exec(tx).await.map(drop)
}

/// The payment method that Stripe knows by this id.
pub(super) async fn payment_method<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    method: &str,
) -> Result<Option<payment_method::Model>, DbErr> {
    payment_method::Entity::of_stripe_payment_method(scope, method).one(db).await
}

/// The same, locked.
pub(super) async fn lock_payment_method(
    tx: &DatabaseTransaction,
    scope: &Scope,
    method: &str,
) -> Result<Option<payment_method::Model>, DbErr> {
    payment_method::Entity::of_stripe_payment_method(scope, method).lock_exclusive().one(tx).await
}

/// What a buyer can pay with, newest first.
pub(super) async fn page_of_payment_methods(
    ctx: &Context,
    buyer: BuyerId,
    before: Option<PaymentMethodId>,
    limit: u64,
) -> Result<Vec<payment_method::Model>, DbErr> {
    use payment_method::{Column, Entity, State};
    let attached = Entity::of_buyer(buyer).filter(Column::State.eq(State::Attached));
    let mut query = attached.order_by_desc(Column::Id).limit(limit);
    if let Some(before) = before {
        query = query.filter(Column::Id.lt(before));
    }
    query.all(&ctx.db).await
}

pub(super) async fn insert_payment_method(
    tx: &DatabaseTransaction,
    row: payment_method::ActiveModel,
) -> Result<payment_method::Model, DbErr> {
    payment_method::Entity::insert(row).exec_with_returning(tx).await
}

pub(super) async fn update_payment_method(
    tx: &DatabaseTransaction,
    row: payment_method::ActiveModel,
) -> Result<payment_method::Model, DbErr> {
    payment_method::Entity::update(row).exec(tx).await
}

/// Makes one of a buyer's payment methods the default, and no other; none if the buyer can't pay with it. Rows are
/// locked in the order of Stripe's ids, as the inbox does that handles events of many.
pub(super) async fn make_default(
    tx: &DatabaseTransaction,
    buyer: BuyerId,
    method: &str,
    now: DateTime<Utc>,
) -> Result<Option<payment_method::Model>, DbErr> {
    use payment_method::{Column, Entity, State};
    let theirs = Entity::of_buyer(buyer)
        .filter(Column::State.eq(State::Attached))
        .order_by_asc(Column::StripePaymentMethodId)
        .lock_exclusive()
        .all(tx)
        .await?;
    let (wanted, others): (Vec<_>, Vec<_>) =
        theirs.into_iter().partition(|one| one.stripe_payment_method_id == method);
    for other in others.into_iter().filter(|other| other.is_default) {
        change(tx, other, false, now).await?;
    }
    match wanted.into_iter().next() {
        Some(wanted) => change(tx, wanted, true, now).await.map(Some),
        None => Ok(None),
    }
}

async fn change(
    tx: &DatabaseTransaction,
    method: payment_method::Model,
    is_default: bool,
    now: DateTime<Utc>,
) -> Result<payment_method::Model, DbErr> {
    let mut row = method.into_active_model();
    row.is_default = Set(is_default);
    row.updated_at = Set(now);
    update_payment_method(tx, row).await
}
