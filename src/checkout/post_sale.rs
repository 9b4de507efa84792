//! Posts a paid order to the books: the platform's and the seller's.
//!
//! A job, because what it needs (transfer, application fee, the payment on the seller's side) comes after the
//! money was taken, and is read from Stripe outside of any transaction.

use sea_orm::{ActiveValue::Set, DatabaseTransaction, DbErr, IntoActiveModel};
use souk_entity::{Currency, Money, OrderId, Scope, StripeAccountId, job, order, order_share};

use super::store;
use crate::{
    context::Context,
    db,
    jobs::{self, JobError},
    ledger::{self, postings::DestinationSale},
    sellers,
    stripe::{
        Expandable,
        charges::{self, Charge},
    },
};

/// The kind of the job; its key is the order's id.
pub const KIND: &str = "post_sale";

/// Has a paid order posted.
pub(super) async fn enqueue(tx: &DatabaseTransaction, ctx: &Context, order: OrderId) -> Result<(), DbErr> {
    jobs::enqueue(tx, ctx, KIND, &order.to_string(), ctx.clock.wall()).await
}

/// Posts one order; a second run changes nothing.
pub async fn run(ctx: &Context, job: &job::Model) -> Result<(), JobError> {
    // 1. The charge, with what it moved.
    let id: OrderId = job.key.parse().map_err(|_| JobError::Fail("the key is no order's id".to_owned()))?;
    let order = store::find(&ctx.db, id).await?.ok_or_else(|| JobError::Fail("no such order".to_owned()))?;
    let Some(charge_id) = order.stripe_charge_id.clone() else {
        return Err(JobError::Retry("the order does not know its charge yet".to_owned()));
    };
    let charge: Charge = ctx.stripe.get(&order.payment_scope, &charges::path(&charge_id)).await?;
    let Some(moved) = Moved::of(&charge)? else {
        return Err(JobError::Retry("Stripe has not moved the charge's money yet".to_owned()));
    };
    // 2. Share and books, at once.
    let tx = db::begin_write(&ctx.db).await?;
    let order = store::lock(&tx, id).await?.ok_or_else(|| JobError::Fail("no such order".to_owned()))?;
    let share = the_share(&tx, &order).await?;
    moved.must_match(&order, &share)?;
    must_be_theirs(&tx, &share, &moved.destination).await?;
    let sale = DestinationSale {
        order: id,
        charge: charge_id,
        transfer: moved.transfer.clone(),
        application_fee: moved.application_fee.clone(),
        destination_payment: moved.destination_payment.clone(),
        gross: order.total(),
        commission: Money::new(share.commission, order.currency),
        occurred_at: charge.created,
    };
    ledger::post(&tx, ctx, sale.of_platform()?).await?;
    ledger::post(&tx, ctx, sale.of_seller(&moved.destination)?).await?;
    let mut row = share.clone().into_active_model();
    row.transferred = Set(share.net);
    row.state = Set(order_share::State::Transferred);
    row.stripe_transfer_id = Set(Some(moved.transfer));
    store::update_share(&tx, row).await?;
    // 3. Stripe's own books of both sides.
    for scope in [Scope::Platform, Scope::Connected(moved.destination)] {
        ledger::enqueue_import(&tx, &scope).await?;
    }
    db::commit(tx, KIND, "books").await?;
    ctx.wake.notify_waiters();
    Ok(())
}

/// What a destination charge moved, once Stripe names all of it.
struct Moved {
    transfer: String,
    destination: StripeAccountId,
    destination_payment: String,
    transferred: i64,
    application_fee: Option<String>,
    fee: i64,
    captured: i64,
    currency: Currency,
}

impl Moved {
    fn of(charge: &Charge) -> Result<Option<Self>, JobError> {
        let Some(transfer) = charge.transfer.as_ref().and_then(Expandable::object) else { return Ok(None) };
        let fee_is_due = charge.application_fee_amount.unwrap_or_default() > 0;
        if charge.balance_transaction.is_none() || (fee_is_due && charge.application_fee.is_none()) {
            return Ok(None);
        }
        let (Some(destination), Some(payment)) = (&transfer.destination, &transfer.destination_payment)
        else {
            return Ok(None);
        };
        let no_account = || JobError::Fail(format!("{} is no account", destination.id()));
        Ok(Some(Self {
            transfer: transfer.id.clone(),
            destination: destination.id().parse().map_err(|_| no_account())?,
            destination_payment: payment.id().to_owned(),
            transferred: transfer.amount,
            application_fee: charge.application_fee.as_ref().map(|fee| fee.id().to_owned()),
            fee: charge.application_fee_amount.unwrap_or_default(),
            captured: charge.amount_captured,
            currency: charge.currency,
        }))
    }

    /// The books are posted from our order; if Stripe moved other amounts, a person must look.
    fn must_match(&self, order: &order::Model, share: &order_share::Model) -> Result<(), JobError> {
        let stripe = (self.captured, self.transferred, self.fee, self.currency);
        let ours = (order.amount, share.gross, share.commission, order.currency);
        if stripe == ours {
            return Ok(());
        }
        let told = |(captured, transferred, fee, currency): (i64, i64, i64, Currency)| {
            format!("{captured} captured, {transferred} transferred, {fee} of fee in {}", currency.code())
        };
        Err(JobError::Fail(format!("Stripe has {}; the order says {}", told(stripe), told(ours))))
    }
}

/// The seller's book is that of the account that got the money.
async fn must_be_theirs(
    tx: &DatabaseTransaction,
    share: &order_share::Model,
    destination: &StripeAccountId,
) -> Result<(), JobError> {
    let seller = sellers::find(tx, share.seller_id).await?;
    if seller.is_some_and(|seller| seller.stripe_account_id.as_ref() == Some(destination)) {
        return Ok(());
    }
    Err(JobError::Fail(format!(
        "Stripe transferred to {destination}, which is not the account of {}",
        share.seller_id
    )))
}

async fn the_share(tx: &DatabaseTransaction, order: &order::Model) -> Result<order_share::Model, JobError> {
    let mut shares = store::shares(tx, order.id).await?;
    match (shares.pop(), shares.is_empty()) {
        (Some(share), true) => Ok(share),
        _ => Err(JobError::Fail("a destination charge pays exactly one share".to_owned())),
    }
}
