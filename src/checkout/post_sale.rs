//! Posts a paid order to the books: the platform's, and the seller's where the charge itself paid them.
//!
//! A job, because what it needs (balance transaction, transfer, application fee, the payment on the seller's side)
//! comes after the money was taken, and is read from Stripe outside of any transaction. Each charge model has its
//! file, which makes of what Stripe says the postings, and says where the shares stand then.

mod destination;
mod direct;
mod separate;

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use futures_util::future::join_all;
use sea_orm::{ActiveValue::Set, DatabaseTransaction, DbErr, IntoActiveModel};
use souk_entity::{Money, OrderId, Scope, StripeAccountId, job, order, order_share, seller};

use super::store;
use crate::{
    context::Context,
    db,
    jobs::{self, JobError, Together},
    ledger::{self, Posting, PostingError, postings::Conversion},
    sellers,
    stripe::{
        Expandable,
        application_fees::ApplicationFee,
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

/// What is known of a paid order before its transaction begins.
struct Paid {
    order: OrderId,
    charge: Charge,
    fee: Option<ApplicationFee>,
}

/// Posts orders, in one transaction as far as they go well; a second run changes nothing. Of nearly all sales that is
/// all, and then most of what one costs is the commit and the round trips.
#[derive(Clone, Copy, Debug)]
pub struct PostSales;

#[async_trait]
impl Together for PostSales {
    async fn run_all(&self, ctx: &Context, jobs: &[job::Model]) -> Vec<Result<(), JobError>> {
        // 1. The charges, with what they moved, read side by side.
        let known = known(ctx, jobs).await;
        let read = join_all(jobs.iter().map(|job| read(ctx, job, known.as_deref()))).await;
        // 2. All at once; or one by one, if one spoils it for the others.
        let paid: Vec<&Paid> = read.iter().filter_map(|read| read.as_ref().ok()).collect();
        let mut posted = match post_together(ctx, &paid).await {
            Ok(posted) => posted,
            Err(error) => {
                if paid.len() > 1 {
                    tracing::warn!(%error, sales = paid.len(), "sales could not be posted together; each is tried alone");
                }
                HashMap::new()
            }
        };
        let mut outcomes = Vec::with_capacity(jobs.len());
        for read in read {
            outcomes.push(match read {
                Err(error) => Err(error),
                Ok(paid) => match posted.remove(&paid.order) {
                    Some(outcome) => outcome,
                    None => post_alone(ctx, &paid).await,
                },
            });
        }
        ctx.wake.notify_waiters();
        outcomes
    }
}

fn order_of(job: &job::Model) -> Result<OrderId, JobError> {
    job.key.parse().map_err(|_| JobError::Fail("the key is no order's id".to_owned()))
}

async fn known(ctx: &Context, jobs: &[job::Model]) -> Result<Vec<order::Model>, String> {
    let ids: Vec<OrderId> = jobs.iter().filter_map(|job| order_of(job).ok()).collect();
    store::find_all(&ctx.db, &ids).await.map_err(|error| error.to_string())
}

async fn read(
    ctx: &Context,
    job: &job::Model,
    known: Result<&[order::Model], &String>,
) -> Result<Paid, JobError> {
    let id = order_of(job)?;
    let known = known.map_err(|error| JobError::Retry(error.clone()))?;
    let order = known.iter().find(|order| order.id == id).ok_or_else(no_such_order)?;
    let Some(charge) = &order.stripe_charge_id else {
        return Err(JobError::Retry("the order does not know its charge yet".to_owned()));
    };
    let path = charges::path_with_movements(&order.payment_scope, charge);
    let charge: Charge = ctx.stripe.get(&order.payment_scope, &path).await?;
    let fee = match order.charge_model {
        order::ChargeModel::Direct => direct::fee(ctx, &charge).await?,
        order::ChargeModel::Destination | order::ChargeModel::Separate => None,
    };
    Ok(Paid { order: id, charge, fee })
}

fn no_such_order() -> JobError {
    JobError::Fail("no such order".to_owned())
}

/// Posts what can be posted in one transaction, and tells what became of it. Orders that somebody is changing at this
/// moment are left out: to wait for them while others wait for ours could last for ever.
async fn post_together(
    ctx: &Context,
    paid: &[&Paid],
) -> Result<HashMap<OrderId, Result<(), JobError>>, JobError> {
    if paid.len() < 2 {
        return Ok(HashMap::new());
    }
    let ids: Vec<OrderId> = paid.iter().map(|paid| paid.order).collect();
    let tx = db::begin_write(&ctx.db).await?;
    let orders = store::lock_free(&tx, &ids).await?;
    post(ctx, tx, orders, paid).await
}

/// Posts one order, and waits for whoever is changing it.
async fn post_alone(ctx: &Context, paid: &Paid) -> Result<(), JobError> {
    let tx = db::begin_write(&ctx.db).await?;
    let order = store::lock(&tx, paid.order).await?.ok_or_else(no_such_order)?;
    post(ctx, tx, vec![order], &[paid]).await?.remove(&paid.order).unwrap_or(Ok(()))
}

/// Shares and books of locked orders, at once.
async fn post(
    ctx: &Context,
    tx: DatabaseTransaction,
    orders: Vec<order::Model>,
    paid: &[&Paid],
) -> Result<HashMap<OrderId, Result<(), JobError>>, JobError> {
    // 1. What each writes.
    let ids: Vec<OrderId> = orders.iter().map(|order| order.id).collect();
    let shares = store::shares_of(&tx, &ids).await?;
    let sellers = sellers::find_all(&tx, shares.iter().map(|share| share.seller_id)).await?;
    let (mut outcomes, mut settled) = (HashMap::new(), Vec::new());
    let (mut postings, mut rows) = (Vec::new(), Vec::new());
    let mut books = BTreeSet::from([Scope::Platform]);
    for mut order in orders {
        let Some(paid) = paid.iter().find(|paid| paid.order == order.id) else { continue };
        let of_order = shares.iter().filter(|share| share.order_id == order.id).cloned().collect::<Vec<_>>();
        match sold(ctx, &order, &of_order, &sellers, paid) {
            Ok(sold) => {
                postings.extend(sold.postings);
                rows.extend(sold.shares);
                books.extend(sold.paid.map(Scope::Connected));
                outcomes.insert(order.id, Ok(()));
                order.settled_currency = Some(sold.settled.currency);
                order.settled_amount = Some(sold.settled.amount);
                settled.push(order);
            }
            Err(error) => {
                outcomes.insert(order.id, Err(error));
            }
        }
    }
    if settled.is_empty() {
        tx.rollback().await?;
        return Ok(outcomes);
    }
    // 2. All of it.
    ledger::post_all(&tx, ctx, &postings).await?;
    if !rows.is_empty() {
        store::write_shares(&tx, rows).await?;
    }
    store::settle_all(&tx, settled).await?;
    // 3. Stripe's own books of both sides.
    for scope in books {
        ledger::enqueue_import(&tx, &scope).await?;
    }
    db::commit(tx, KIND, "books").await?;
    Ok(outcomes)
}

/// What the sale of an order writes.
fn sold(
    ctx: &Context,
    order: &order::Model,
    shares: &[order_share::Model],
    sellers: &[seller::Model],
    Paid { charge, fee, .. }: &Paid,
) -> Result<Sold, JobError> {
    let sold = match order.charge_model {
        order::ChargeModel::Destination => destination::sold(order, shares, charge)?,
        order::ChargeModel::Separate => separate::sold(order, shares, charge, ctx.clock.business())?,
        order::ChargeModel::Direct => direct::sold(order, shares, charge, fee.as_ref())?,
    };
    let sold =
        sold.ok_or_else(|| JobError::Retry("Stripe has not moved the charge's money yet".to_owned()))?;
    if let Some(account) = &sold.paid {
        must_be_theirs(shares, sellers, account)?;
    }
    Ok(sold)
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
fn must_be_theirs(
    shares: &[order_share::Model],
    sellers: &[seller::Model],
    account: &StripeAccountId,
) -> Result<(), JobError> {
    let share = only(shares)?;
    let seller = sellers.iter().find(|seller| seller.id == share.seller_id);
    if seller.is_some_and(|seller| seller.stripe_account_id.as_ref() == Some(account)) {
        return Ok(());
    }
    Err(JobError::Fail(format!("Stripe paid {account}, which is not the account of {}", share.seller_id)))
}
