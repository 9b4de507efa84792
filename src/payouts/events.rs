//! What Stripe's events say of payouts.

use sea_orm::{ActiveValue::Set, DatabaseTransaction};
use souk_entity::{
    Money, PayoutId,
    payout::{ActiveModel, Model, Status},
};
use uuid::Uuid;

use super::{create, store};
use crate::{
    context::Context,
    ledger, sellers,
    stripe::payouts::Payout,
    webhooks::{Applied, EventError, Fact},
};

/// `payout.*`: the payout is what Stripe says, and the books follow, also when a paid one comes back.
pub async fn payout(ctx: &Context, tx: &DatabaseTransaction, fact: &Fact) -> Result<Applied, EventError> {
    let payout: Payout = fact.parse()?;
    // The platform's own payouts and debits of a seller's bank have no row here; the books follow all the same.
    let Some(account) = fact.scope.account().filter(|_| payout.amount > 0) else {
        let amount = Money::new(payout.amount, payout.currency);
        books(ctx, tx, fact, &payout.id, create::status(&payout.status), amount).await?;
        return Ok(Applied::Done);
    };
    // 1. The payout, ours or adopted.
    let row = match store::lock_of_stripe_payout(tx, &fact.scope, &payout.id).await? {
        Some(row) => row,
        None if payout.metadata.contains_key("souk_payout") => {
            return Ok(Applied::Waiting { reason: "its row does not know its id yet".to_owned() });
        }
        None => match sellers::find_of_account(tx, account).await? {
            Some(seller) => adopt(ctx, tx, fact, seller.id, &payout).await?,
            None => return Ok(Applied::Waiting { reason: "no seller has this account yet".to_owned() }),
        },
    };
    // 2. What it says now.
    let row = create::apply(ctx, tx, row, &payout).await?;
    // 3. The books.
    books(ctx, tx, fact, &payout.id, row.status, Money::new(row.amount, row.currency)).await?;
    Ok(Applied::Done)
}

async fn books(
    ctx: &Context,
    tx: &DatabaseTransaction,
    fact: &Fact,
    payout: &str,
    status: Status,
    amount: Money,
) -> Result<(), EventError> {
    match status {
        Status::Paid => {
            ledger::payout_arrived(tx, ctx, &fact.scope, payout, amount, fact.occurred_at).await?
        }
        Status::Failed => {
            ledger::payout_returned(tx, ctx, &fact.scope, payout, amount, fact.occurred_at).await?
        }
        _ => {}
    }
    Ok(ledger::enqueue_import(tx, &fact.scope).await?)
}

/// A payout that Stripe's schedule made, or somebody in Stripe's dashboard.
async fn adopt(
    ctx: &Context,
    tx: &DatabaseTransaction,
    fact: &Fact,
    seller: souk_entity::SellerId,
    payout: &Payout,
) -> Result<Model, EventError> {
    let row = ActiveModel {
        id: Set(PayoutId::from_uuid(Uuid::now_v7())),
        seller_id: Set(seller),
        scope: Set(fact.scope.clone()),
        amount: Set(payout.amount),
        currency: Set(payout.currency),
        method: Set(payout.method.clone().unwrap_or_else(|| "standard".to_owned())),
        status: Set(Status::Requested),
        stripe_payout_id: Set(Some(payout.id.clone())),
        arrival_at: Set(payout.arrival_date),
        failure_code: Set(None),
        failure_message: Set(None),
        created_at: Set(fact.occurred_at),
        updated_at: Set(ctx.clock.business()),
    };
    Ok(store::insert(tx, row).await?)
}
