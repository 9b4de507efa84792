//! Posts a paid order to the books: the platform's, and the seller's where the charge itself paid them.
//!
//! A job, because what it needs (balance transaction, transfer, application fee, the payment on the seller's side)
//! comes after the money was taken, and is read from Stripe outside of any transaction. Each charge model has its
//! file, which makes of what Stripe says the postings, and says where the shares stand then.

mod destination;
mod direct;
mod separate;

use sea_orm::{ActiveValue::Set, DatabaseTransaction, DbErr, IntoActiveModel};
use souk_entity::{Money, OrderId, Scope, StripeAccountId, job, order, order_share};

use super::store;
use crate::{
    context::Context,
    db,
    jobs::{self, JobError},
    ledger::{self, Posting, PostingError, postings::Conversion},
    sellers,
    stripe::{
        Expandable,
        balance_transactions::BalanceTransaction,
        charges::{self, Charge},
    },
};

/// The kind of the job; its key is the order's id.
pub const KIND: &str = "post_sale";

/// Has a paid order posted.
pub(super) async fn enqueue(tx: &DatabaseTransaction, ctx: &Context, order: OrderId) -> Result<(), DbErr> {
    jobs::enqueue(tx, ctx, KIND, &order.to_string(), ctx.clock.wall()).await
}

/// What a sale writes.
struct Sold {
    postings: Vec<Posting>,
    /// The shares that are no longer pending.
    shares: Vec<order_share::ActiveModel>,
    /// What settled of the charge, in the currency of its balance.
    settled: Money,
    /// The account that the charge itself paid, which must be the one seller's.
    paid: Option<StripeAccountId>,
}

/// Posts one order; a second run changes nothing.
pub async fn run(ctx: &Context, job: &job::Model) -> Result<(), JobError> {
    // 1. The charge, with what it moved.
    let id: OrderId = job.key.parse().map_err(|_| JobError::Fail("the key is no order's id".to_owned()))?;
    let order = store::find(&ctx.db, id).await?.ok_or_else(|| JobError::Fail("no such order".to_owned()))?;
    let Some(charge) = &order.stripe_charge_id else {
        return Err(JobError::Retry("the order does not know its charge yet".to_owned()));
    };
    let path = charges::path_with_movements(&order.payment_scope, charge);
    let charge: Charge = ctx.stripe.get(&order.payment_scope, &path).await?;
    let fee = match order.charge_model {
        order::ChargeModel::Direct => direct::fee(ctx, &charge).await?,
        order::ChargeModel::Destination | order::ChargeModel::Separate => None,
    };
    // 2. Shares and books, at once.
    let tx = db::begin_write(&ctx.db).await?;
    let order = store::lock(&tx, id).await?.ok_or_else(|| JobError::Fail("no such order".to_owned()))?;
    let shares = store::shares(&tx, id).await?;
    let sold = match order.charge_model {
        order::ChargeModel::Destination => destination::sold(&order, &shares, &charge)?,
        order::ChargeModel::Separate => separate::sold(&order, &shares, &charge, ctx.clock.business())?,
        order::ChargeModel::Direct => direct::sold(&order, &shares, &charge, fee)?,
    };
    let Some(sold) = sold else {
        return Err(JobError::Retry("Stripe has not moved the charge's money yet".to_owned()));
    };
    if let Some(account) = &sold.paid {
        must_be_theirs(&tx, &shares, account).await?;
    }
    for posting in sold.postings {
        ledger::post(&tx, ctx, posting).await?;
    }
    for share in sold.shares {
        store::update_share(&tx, share).await?;
    }
    let mut row = order.into_active_model();
    row.settled_currency = Set(Some(sold.settled.currency));
    row.settled_amount = Set(Some(sold.settled.amount));
    store::update(&tx, row).await?;
    // 3. Stripe's own books of both sides.
    for scope in std::iter::once(Scope::Platform).chain(sold.paid.map(Scope::Connected)) {
        ledger::enqueue_import(&tx, &scope).await?;
    }
    db::commit(tx, KIND, "books").await?;
    ctx.wake.notify_waiters();
    Ok(())
}

/// What was captured of an order: what the books know as the sale.
const fn captured(order: &order::Model) -> Money {
    Money::new(order.captured, order.currency)
}

/// The balance transaction of a charge, once there is one.
fn movement(of: Option<&Expandable<BalanceTransaction>>) -> Option<&BalanceTransaction> {
    of.and_then(Expandable::object)
}

/// What settled of a charge, in the currency of its balance: its balance transaction is that of the whole
/// authorisation, of which no more than was captured stays.
fn settled(charge: &Charge, moved: &BalanceTransaction) -> Result<Money, JobError> {
    if moved.currency == charge.currency {
        return Ok(Money::new(charge.amount_captured, charge.currency));
    }
    let part = i128::from(moved.amount) * i128::from(charge.amount_captured);
    let part = part.checked_div(i128::from(charge.amount)).and_then(|part| i64::try_from(part).ok());
    let part = part.ok_or_else(|| JobError::Fail(format!("{} has no amount", charge.id)))?;
    Ok(Money::new(part, moved.currency))
}

/// The exchange, where a balance moved in another currency than the fact about the object was made in.
fn exchanged(
    book: &Scope,
    object: &str,
    (original, settled): (Money, Money),
    moved: &BalanceTransaction,
) -> Result<Option<Posting>, PostingError> {
    if original.currency == settled.currency {
        return Ok(None);
    }
    let conversion = Conversion {
        book: book.clone(),
        transaction: moved.id.clone(),
        object: object.to_owned(),
        original,
        settled,
        occurred_at: moved.created,
    };
    conversion.posting().map(Some)
}

/// The books are posted from our order; if Stripe moved other amounts, a person must look.
fn must_match<const N: usize>(what: [(&str, Money, Money); N]) -> Result<(), JobError> {
    match what.into_iter().find(|(_, stripes, ours)| stripes != ours) {
        None => Ok(()),
        Some((what, stripes, ours)) => {
            Err(JobError::Fail(format!("{what} at Stripe is {stripes}; the order says {ours}")))
        }
    }
}

/// The one share of an order whose charge pays its seller itself.
fn only(shares: &[order_share::Model]) -> Result<&order_share::Model, JobError> {
    match shares {
        [share] => Ok(share),
        _ => Err(JobError::Fail("the charge pays one seller, but the order has several shares".to_owned())),
    }
}

/// The seller has all of a share, by the charge itself.
fn reached(share: &order_share::Model) -> Option<order_share::ActiveModel> {
    let mut row = share.clone().into_active_model();
    row.transferred = Set(share.net);
    row.state = Set(order_share::State::Transferred);
    (share.state == order_share::State::Pending).then_some(row)
}

/// The seller's book is that of the account that got the money.
async fn must_be_theirs(
    tx: &DatabaseTransaction,
    shares: &[order_share::Model],
    account: &StripeAccountId,
) -> Result<(), JobError> {
    let share = only(shares)?;
    let seller = sellers::find(tx, share.seller_id).await?;
    if seller.is_some_and(|seller| seller.stripe_account_id.as_ref() == Some(account)) {
        return Ok(());
    }
    Err(JobError::Fail(format!("Stripe paid {account}, which is not the account of {}", share.seller_id)))
}
