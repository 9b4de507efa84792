//! What a payment intent says of the order that it pays, whoever brings it: Stripe's answer, a look-up, a person, an
//! event.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, DatabaseTransaction, DbErr};
use souk_entity::{
    order::{ActiveModel, Model, Status},
    order_share,
};

use super::{create::tell, post_sale};
use crate::{context::Context, stripe::payment_intents::PaymentIntent};

/// What is wrong with an intent that took another amount than the order's: an order is paid in whole or not at all.
/// If somebody changed the amount at Stripe, a person must look.
pub(super) fn mismatch(order: &Model, intent: &PaymentIntent) -> Option<String> {
    let fits = (intent.amount_received, intent.currency) == (order.amount, order.currency);
    (intent.status == "succeeded" && !fits).then(|| {
        format!(
            "Stripe took {} {}, the order says {} {}",
            intent.amount_received,
            intent.currency.code(),
            order.amount,
            order.currency.code()
        )
    })
}

/// Writes down where the payment stands; not yet what that makes of the order.
pub(super) fn stands(row: &mut ActiveModel, intent: &PaymentIntent, ctx: &Context) {
    let failure = intent.last_payment_error.as_ref();
    row.payment_status = Set(Some(intent.status.clone()));
    row.stripe_charge_id = Set(intent.latest_charge.as_ref().map(|charge| charge.id().to_owned()));
    row.decline_error = Set(failure.and_then(|error| error.code.clone()));
    row.decline_code = Set(failure.and_then(|error| error.decline_code.clone()));
    row.decline_message = Set(failure.and_then(|error| error.message.clone()));
    row.updated_at = Set(ctx.clock.business());
}

/// Writes down what the payment makes of the order; `at` is when it came to that, in Stripe's time.
pub(super) fn moves(row: &mut ActiveModel, intent: &PaymentIntent, at: DateTime<Utc>) {
    row.status = Set(match intent.status.as_str() {
        "succeeded" => Status::Paid,
        "processing" => Status::Processing,
        "requires_capture" => Status::Authorized,
        "canceled" => Status::Canceled,
        _ => Status::PendingPayment,
    });
    if intent.status == "succeeded" {
        row.captured = Set(intent.amount_received);
        row.paid_at = Set(Some(at));
    }
}

/// What follows when the order is no longer what it was: it is told of, and a paid one is posted.
pub(super) async fn follow(
    ctx: &Context,
    tx: &DatabaseTransaction,
    was: Status,
    order: &Model,
    shares: &[order_share::Model],
) -> Result<(), DbErr> {
    let event_type = match order.status {
        status if status == was => return Ok(()),
        Status::Paid => "order.paid",
        Status::Canceled => "order.canceled",
        Status::Processing => "order.processing",
        Status::Authorized => "order.authorized",
        Status::PendingPayment => return Ok(()),
    };
    tell(tx, ctx, event_type, order, shares).await?;
    if order.status == Status::Paid {
        post_sale::enqueue(tx, ctx, order.id).await?;
    }
    Ok(())
}
