//! What Stripe's events say of orders.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, DatabaseTransaction, IntoActiveModel};
use souk_entity::order::{Model, Status};

use super::{create::tell, post_sale, store};
use crate::{
    context::Context,
    stripe::{charges::Charge, payment_intents::PaymentIntent},
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
        return Ok(unknown(intent.metadata.contains_key("souk_order")));
    };
    // What is paid stays paid, whatever comes late.
    if order.status == Status::Paid {
        return Ok(Applied::Done);
    }
    if intent.status == "succeeded" {
        must_match(&order, &intent)?;
    }
    let was = order.status;
    let order = apply(ctx, tx, order, &intent, fact.occurred_at).await?;
    let event_type = match order.status {
        Status::Paid => Some("order.paid"),
        Status::Canceled if was != Status::Canceled => Some("order.canceled"),
        Status::Processing if was != Status::Processing => Some("order.processing"),
        Status::PendingPayment if fact.event_type == "payment_intent.payment_failed" => {
            Some("order.payment_failed")
        }
        _ => None,
    };
    if let Some(event_type) = event_type {
        let shares = store::shares(tx, order.id).await?;
        tell(tx, ctx, event_type, &order, &shares).await?;
    }
    if order.status == Status::Paid {
        post_sale::enqueue(tx, ctx, order.id).await?;
    }
    Ok(Applied::Done)
}

/// An order is paid in whole or not at all. If somebody changed the amount at Stripe, a person must look.
fn must_match(order: &Model, intent: &PaymentIntent) -> Result<(), EventError> {
    if (intent.amount_received, intent.currency) == (order.amount, order.currency) {
        return Ok(());
    }
    Err(EventError::Fail(format!(
        "Stripe took {} {}, the order says {} {}",
        intent.amount_received,
        intent.currency.code(),
        order.amount,
        order.currency.code()
    )))
}

async fn apply(
    ctx: &Context,
    tx: &DatabaseTransaction,
    order: Model,
    intent: &PaymentIntent,
    occurred_at: DateTime<Utc>,
) -> Result<Model, EventError> {
    let mut row = order.into_active_model();
    row.payment_status = Set(Some(intent.status.clone()));
    row.stripe_charge_id = Set(intent.latest_charge.as_ref().map(|charge| charge.id().to_owned()));
    row.updated_at = Set(ctx.clock.business());
    let failure = intent.last_payment_error.as_ref();
    row.decline_error = Set(failure.and_then(|error| error.code.clone()));
    row.decline_code = Set(failure.and_then(|error| error.decline_code.clone()));
    row.decline_message = Set(failure.and_then(|error| error.message.clone()));
    row.status = Set(match intent.status.as_str() {
        "succeeded" => Status::Paid,
        "processing" => Status::Processing,
        "canceled" => Status::Canceled,
        _ => Status::PendingPayment,
    });
    if intent.status == "succeeded" {
        row.captured = Set(intent.amount_received);
        row.paid_at = Set(Some(occurred_at));
    }
    Ok(store::update(tx, row).await?)
}

/// `charge.succeeded`, `charge.updated`: once the charge names its balance transaction, transfer and fee, the
/// sale can be posted; they come after the money was taken.
pub async fn charge(ctx: &Context, tx: &DatabaseTransaction, fact: &Fact) -> Result<Applied, EventError> {
    let charge: Charge = fact.parse()?;
    let Some(intent) = charge.payment_intent else {
        return Ok(Applied::Foreign { reason: "a charge without a payment intent is not ours".to_owned() });
    };
    let Some(order) = store::lock_of_payment_intent(tx, &fact.scope, intent.id()).await? else {
        return Ok(unknown(charge.metadata.contains_key("souk_order")));
    };
    if charge.captured && charge.balance_transaction.is_some() && order.status == Status::Paid {
        post_sale::enqueue(tx, ctx, order.id).await?;
    }
    Ok(Applied::Done)
}

fn unknown(ours: bool) -> Applied {
    if ours {
        Applied::Waiting { reason: "the order does not know its payment intent yet".to_owned() }
    } else {
        Applied::Foreign { reason: "not made by this service".to_owned() }
    }
}
