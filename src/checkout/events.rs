//! What Stripe's events say of orders.

use sea_orm::{ActiveValue::Set, DatabaseTransaction, IntoActiveModel};
use souk_entity::order::Status;

use super::{create::tell, payment, post_sale, store};
use crate::{
    context::Context,
    stripe::{Metadata, charges::Charge, payment_intents::PaymentIntent},
    webhooks::{Applied, EventError, Fact},
};

/// `payment_intent.*`: the order is what its payment intent says.
pub async fn payment_intent(
    ctx: &Context,
    tx: &DatabaseTransaction,
    fact: &Fact,
) -> Result<Applied, EventError> {
    let intent: PaymentIntent = fact.parse()?;
    let Some(order) = store::lock_of_payment_intent(tx, &fact.scope, &intent.id).await? else {
        return unknown(tx, fact, &intent.metadata).await;
    };
    // What is paid stays paid, whatever comes late. But when it was paid this event knows best: who learnt of it from
    // the intent had only the time at which they did.
    if order.status == Status::Paid {
        if fact.event_type == "payment_intent.succeeded" && order.paid_at != Some(fact.occurred_at) {
            let mut row = order.into_active_model();
            row.paid_at = Set(Some(fact.occurred_at));
            store::update(tx, row).await?;
        }
        return Ok(Applied::Done);
    }
    if let Some(wrong) = payment::mismatch(&order, &intent) {
        return Err(EventError::Fail(wrong));
    }
    let was = order.status;
    let mut row = order.into_active_model();
    payment::stands(&mut row, &intent, ctx);
    payment::moves(&mut row, &intent, fact.occurred_at);
    let order = store::update(tx, row).await?;
    let shares = store::shares(tx, order.id).await?;
    payment::follow(ctx, tx, was, &order, &shares).await?;
    if order.status == Status::PendingPayment && fact.event_type == "payment_intent.payment_failed" {
        tell(tx, ctx, "order.payment_failed", &order, &shares).await?;
    }
    Ok(Applied::Done)
}

/// `charge.succeeded`, `charge.updated`: once the charge names its balance transaction, transfer and fee, the
/// sale can be posted; they come after the money was taken.
pub async fn charge(ctx: &Context, tx: &DatabaseTransaction, fact: &Fact) -> Result<Applied, EventError> {
    let charge: Charge = fact.parse()?;
    let Some(intent) = charge.payment_intent else {
        return Ok(Applied::Foreign { reason: "a charge without a payment intent is not ours".to_owned() });
    };
    let Some(order) = store::lock_of_payment_intent(tx, &fact.scope, intent.id()).await? else {
        return unknown(tx, fact, &charge.metadata).await;
    };
    if charge.captured && charge.balance_transaction.is_some() && order.status == Status::Paid {
        post_sale::enqueue(tx, ctx, order.id).await?;
    }
    Ok(Applied::Done)
}

/// Of an intent that no order is bound to: one that names an order of ours in its scope may be bound yet. Whoever has
/// an account can write our metadata into it; an order is paid where we asked for it, and nowhere else.
async fn unknown(tx: &DatabaseTransaction, fact: &Fact, metadata: &Metadata) -> Result<Applied, EventError> {
    let foreign = |reason: &str| Applied::Foreign { reason: reason.to_owned() };
    let Some(named) = metadata.get("souk_order") else { return Ok(foreign("not made by this service")) };
    let order = match named.parse() {
        Ok(id) => store::find(tx, id).await?,
        Err(_) => None,
    };
    Ok(match order {
        Some(order) if order.payment_scope != fact.scope => foreign("the order is paid in another account"),
        _ => Applied::Waiting { reason: "the order does not know its payment intent yet".to_owned() },
    })
}
