//! The queries of the checkout.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect,
    sea_query::{LockBehavior, LockType, OnConflict, Query},
};
use souk_entity::{
    BuyerId, OrderId, OrderLineId, OrderShareId, Scope, SellerId, order, order_line, order_share,
};
use uuid::Uuid;

use super::cart::Cart;
use crate::context::Context;

/// An order with its lines, in order, and its shares.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub(super) order: order::Model,
    pub(super) lines: Vec<order_line::Model>,
    pub(super) shares: Vec<order_share::Model>,
}

pub(super) async fn insert(
    tx: &DatabaseTransaction,
    id: OrderId,
    order: order::ActiveModel,
    cart: &Cart,
) -> Result<(), DbErr> {
    order::Entity::insert(order).exec_without_returning(tx).await?;
    let lines = (0_i32..).zip(&cart.lines).map(|(position, line)| order_line::ActiveModel {
        id: Set(OrderLineId::from_uuid(Uuid::now_v7())),
        order_id: Set(id),
        position: Set(position),
        kind: Set(line.kind),
        listing_id: Set(line.listing),
        seller_id: Set(line.seller),
        title: Set(line.title.clone()),
        category: Set(line.category.clone()),
        unit_amount: Set(line.unit_amount),
        quantity: Set(line.quantity),
        amount: Set(line.amount),
        commission: Set(line.commission),
        commission_rule_id: Set(line.commission_rule),
    });
    order_line::Entity::insert_many(lines).exec_without_returning(tx).await?;
    let shares = cart.parts.iter().map(|part| order_share::ActiveModel {
        id: Set(OrderShareId::from_uuid(Uuid::now_v7())),
        order_id: Set(id),
        seller_id: Set(part.seller),
        currency: Set(cart.total.currency),
        gross: Set(part.gross),
        commission: Set(part.commission),
        net: Set(part.gross - part.commission),
        transferred: Set(0),
        reversed: Set(0),
        state: Set(order_share::State::Pending),
        hold_reason: Set(None),
        hold_detail: Set(None),
        hold_actor: Set(None),
        next_attempt_at: Set(None),
        fulfilled_at: Set(None),
        releasable_at: Set(None),
        transfer_currency: Set(None),
        transfer_amount: Set(None),
        stripe_transfer_id: Set(None),
    });
    order_share::Entity::insert_many(shares).exec_without_returning(tx).await?;
    Ok(())
}

pub(super) async fn lock(tx: &DatabaseTransaction, id: OrderId) -> Result<Option<order::Model>, DbErr> {
    order::Entity::find_by_id(id).lock_exclusive().one(tx).await
}

/// Those of the orders that nobody else has locked, locked.
pub(super) async fn lock_free(tx: &DatabaseTransaction, ids: &[OrderId]) -> Result<Vec<order::Model>, DbErr> {
    order::Entity::find()
        .filter(order::Column::Id.is_in(ids.iter().copied()))
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .all(tx)
        .await
}

/// The orders of these ids; those that don't exist are left out.
pub(super) async fn find_all<C: ConnectionTrait>(
    db: &C,
    ids: &[OrderId],
) -> Result<Vec<order::Model>, DbErr> {
    order::Entity::find().filter(order::Column::Id.is_in(ids.iter().copied())).all(db).await
}

/// Writes down what settled of locked orders.
pub(super) async fn settle_all(tx: &DatabaseTransaction, orders: Vec<order::Model>) -> Result<(), DbErr> {
    let columns = [order::Column::SettledCurrency, order::Column::SettledAmount];
    let rows = orders.into_iter().map(|order| order.into_active_model().reset_all());
    order::Entity::insert_many(rows)
        .on_conflict(OnConflict::column(order::Column::Id).update_columns(columns).to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Writes shares of locked orders, with all that they are.
pub(super) async fn write_shares(
    tx: &DatabaseTransaction,
    shares: Vec<order_share::ActiveModel>,
) -> Result<(), DbErr> {
    use order_share::Column;
    let columns = [
        Column::State,
        Column::Transferred,
        Column::StripeTransferId,
        Column::HoldReason,
        Column::HoldDetail,
        Column::HoldActor,
        Column::NextAttemptAt,
        Column::ReleasableAt,
    ];
    let rows = shares.into_iter().map(ActiveModelTrait::reset_all);
    order_share::Entity::insert_many(rows)
        .on_conflict(OnConflict::column(Column::Id).update_columns(columns).to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// The shares of orders.
pub(super) async fn shares_of<C: ConnectionTrait>(
    db: &C,
    orders: &[OrderId],
) -> Result<Vec<order_share::Model>, DbErr> {
    order_share::Entity::find()
        .filter(order_share::Column::OrderId.is_in(orders.iter().copied()))
        .order_by_asc(order_share::Column::Id)
        .all(db)
        .await
}

/// The order that a payment intent pays, locked.
pub(super) async fn lock_of_payment_intent(
    tx: &DatabaseTransaction,
    scope: &Scope,
    payment_intent: &str,
) -> Result<Option<order::Model>, DbErr> {
    order::Entity::of_payment_intent(scope, payment_intent).lock_exclusive().one(tx).await
}

pub(super) async fn find<C: ConnectionTrait>(db: &C, id: OrderId) -> Result<Option<order::Model>, DbErr> {
    order::Entity::find_by_id(id).one(db).await
}

pub(super) async fn update(
    tx: &DatabaseTransaction,
    order: order::ActiveModel,
) -> Result<order::Model, DbErr> {
    order::Entity::update(order).exec(tx).await
}

pub(super) async fn shares<C: ConnectionTrait>(
    db: &C,
    order: OrderId,
) -> Result<Vec<order_share::Model>, DbErr> {
    order_share::Entity::of_order(order).order_by_asc(order_share::Column::Id).all(db).await
}

pub(super) async fn whole<C: ConnectionTrait>(db: &C, order: order::Model) -> Result<Whole, DbErr> {
    let mut all = wholes(db, vec![order]).await?;
    all.pop().ok_or_else(|| DbErr::RecordNotFound("the order that was just read".to_owned()))
}

/// Orders with their lines and shares: three queries for any number of orders.
pub(super) async fn wholes<C: ConnectionTrait>(
    db: &C,
    orders: Vec<order::Model>,
) -> Result<Vec<Whole>, DbErr> {
    let ids: Vec<OrderId> = orders.iter().map(|order| order.id).collect();
    let lines = order_line::Entity::find()
        .filter(order_line::Column::OrderId.is_in(ids.clone()))
        .order_by_asc(order_line::Column::Position)
        .all(db)
        .await?;
    let shares = order_share::Entity::find()
        .filter(order_share::Column::OrderId.is_in(ids))
        .order_by_asc(order_share::Column::Id)
        .all(db)
        .await?;
    let whole = |order: order::Model| Whole {
        lines: lines.iter().filter(|line| line.order_id == order.id).cloned().collect(),
        shares: shares.iter().filter(|share| share.order_id == order.id).cloned().collect(),
        order,
    };
    Ok(orders.into_iter().map(whole).collect())
}

/// Which orders to list.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Filter {
    pub(super) seller: Option<SellerId>,
    pub(super) buyer: Option<BuyerId>,
    pub(super) status: Option<order::Status>,
    pub(super) created_after: Option<chrono::DateTime<chrono::Utc>>,
    pub(super) created_before: Option<chrono::DateTime<chrono::Utc>>,
}

pub(super) async fn page(
    ctx: &Context,
    filter: Filter,
    before: Option<OrderId>,
    limit: u64,
) -> Result<Vec<Whole>, DbErr> {
    use order::Column;
    let mut wanted = Condition::all()
        .add_option(filter.buyer.map(|buyer| Column::BuyerId.eq(buyer)))
        .add_option(filter.status.map(|status| Column::Status.eq(status)))
        .add_option(filter.created_after.map(|time| Column::CreatedAt.gt(time)))
        .add_option(filter.created_before.map(|time| Column::CreatedAt.lt(time)))
        .add_option(before.map(|before| Column::Id.lt(before)));
    if let Some(seller) = filter.seller {
        let of_seller = Query::select()
            .column(order_share::Column::OrderId)
            .from(order_share::Entity)
            .cond_where(order_share::Column::SellerId.eq(seller))
            .to_owned();
        wanted = wanted.add(Column::Id.in_subquery(of_seller));
    }
    let orders =
        order::Entity::find().filter(wanted).order_by_desc(Column::Id).limit(limit).all(&ctx.db).await?;
    wholes(&ctx.db, orders).await
}
