//! What a buyer keeps to pay with, as Stripe tells of it.

use sea_orm::{ActiveValue::Set, DatabaseTransaction, DbErr, IntoActiveModel};
use serde_json::json;
use souk_entity::{
    BuyerId, PaymentMethodId, Scope,
    payment_method::{ActiveModel, Model, State},
};
use uuid::Uuid;

use super::store;
use crate::{
    context::Context,
    notify::{self, Happened},
    stripe::payment_methods::PaymentMethod,
};

/// The saved payment method that a caller names for a buyer. None if nobody keeps it: what the buyer's app has just made.
pub async fn payment_method(
    tx: &DatabaseTransaction,
    buyer: Option<BuyerId>,
    payment_method: &str,
) -> Result<Option<Model>, NotTheirs> {
    let Some(found) = store::payment_method(tx, &Scope::Platform, payment_method).await? else {
        return Ok(None);
    };
    let theirs = found.state == State::Attached && buyer == Some(found.buyer_id);
    if theirs { Ok(Some(found)) } else { Err(NotTheirs::Another) }
}

/// Why a payment method can't be paid with.
#[derive(Debug, thiserror::Error)]
pub enum NotTheirs {
    /// It is another buyer's, or no longer this one's.
    #[error("no such payment method")]
    Another,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// Writes down what Stripe says of a payment method. None if it is nobody's here.
pub(super) async fn apply(
    ctx: &Context,
    tx: &DatabaseTransaction,
    scope: &Scope,
    method: &PaymentMethod,
) -> Result<Option<Model>, DbErr> {
    let was = store::lock_payment_method(tx, scope, &method.id).await?;
    let owner = match &method.customer {
        Some(customer) => store::of_customer(tx, customer.id()).await?,
        None => None,
    };
    let mut row = match (&was, &owner) {
        (Some(was), _) => was.clone().into_active_model(),
        (None, Some(owner)) => new(ctx, scope, owner.id, method),
        (None, None) => return Ok(None),
    };
    let state = if owner.is_some() { State::Attached } else { State::Detached };
    row.state = Set(state);
    if let Some(owner) = owner {
        row.buyer_id = Set(owner.id);
    }
    if state == State::Detached {
        row.is_default = Set(false);
    }
    shows(&mut row, method);
    let now = if was.is_some() {
        row.updated_at = Set(ctx.clock.business());
        store::update_payment_method(tx, row).await?
    } else {
        store::insert_payment_method(tx, row).await?
    };
    tell(ctx, tx, was.map(|was| was.state), &now).await?;
    Ok(Some(now))
}

fn new(ctx: &Context, scope: &Scope, buyer: BuyerId, method: &PaymentMethod) -> ActiveModel {
    let now = ctx.clock.business();
    ActiveModel {
        id: Set(PaymentMethodId::from_uuid(Uuid::now_v7())),
        buyer_id: Set(buyer),
        scope: Set(scope.clone()),
        stripe_payment_method_id: Set(method.id.clone()),
        is_default: Set(false),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    }
}

fn shows(row: &mut ActiveModel, method: &PaymentMethod) {
    let card = method.card.as_ref();
    row.kind = Set(method.kind.clone());
    row.brand = Set(card.and_then(|card| card.brand.clone()));
    row.last4 = Set(method.last4().map(str::to_owned));
    row.exp_month = Set(card.and_then(|card| card.exp_month));
    row.exp_year = Set(card.and_then(|card| card.exp_year));
    row.wallet = Set(card.and_then(|card| card.wallet.as_ref()).map(|wallet| wallet.kind.clone()));
}

/// Tells the marketplace's backend of a payment method that came or went.
async fn tell(
    ctx: &Context,
    tx: &DatabaseTransaction,
    was: Option<State>,
    method: &Model,
) -> Result<(), DbErr> {
    let event_type = match (was, method.state) {
        (Some(was), now) if was == now => return Ok(()),
        (_, State::Attached) => "payment_method.attached",
        (_, State::Detached) => "payment_method.detached",
    };
    let happened = Happened {
        event_type,
        object_id: method.stripe_payment_method_id.clone(),
        seller_id: None,
        buyer_id: Some(method.buyer_id),
        data: json!({"type": method.kind, "brand": method.brand, "last4": method.last4}),
    };
    notify::publish(tx, ctx, happened).await
}
