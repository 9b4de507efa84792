//! What Stripe's events say of sellers.

use sea_orm::{DatabaseTransaction, DbErr};
use souk_entity::{StripeAccountId, seller::Status};

use super::store;
use crate::{
    context::Context,
    stripe::accounts::Account,
    webhooks::{Applied, EventError, Fact, missed},
};

/// `account.updated`: the seller is what the account says. Capability and person events are read as their
/// account, so they come here too.
pub async fn account_updated(
    ctx: &Context,
    tx: &DatabaseTransaction,
    fact: &Fact,
) -> Result<Applied, EventError> {
    let account: Account = fact.parse()?;
    let Some(seller) = store::lock_of_account(tx, &account.id).await? else {
        return Ok(Applied::Waiting { reason: "no seller has this account yet".to_owned() });
    };
    // For good: an update of the same second could not be read again, and its payload is from before.
    if seller.status == Status::Disconnected {
        return Ok(Applied::Ignored { reason: "the account is disconnected".to_owned() });
    }
    store::apply_account(tx, ctx, seller, &account).await?;
    Ok(Applied::Done)
}

/// `account.application.deauthorized`: terminal; every read in that scope is refused from now on.
pub async fn deauthorized(
    ctx: &Context,
    tx: &DatabaseTransaction,
    fact: &Fact,
) -> Result<Applied, EventError> {
    let Some(account) = fact.scope.account() else {
        return Ok(Applied::Ignored { reason: "names no account".to_owned() });
    };
    let Some(seller) = store::lock_of_account(tx, account).await? else {
        return Ok(Applied::Waiting { reason: "no seller has this account yet".to_owned() });
    };
    store::disconnect(tx, ctx, seller).await?;
    missed::close(tx, &fact.scope, "deauthorized").await?;
    Ok(Applied::Done)
}

/// The account has left, and Stripe refuses every read in its scope: the event that would have said so may be lost,
/// and could not be read any more.
pub async fn left(ctx: &Context, tx: &DatabaseTransaction, account: &StripeAccountId) -> Result<(), DbErr> {
    if let Some(seller) = store::lock_of_account(tx, account).await? {
        store::disconnect(tx, ctx, seller).await?;
    }
    Ok(())
}
