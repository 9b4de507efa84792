//! What a seller has at Stripe, and what they owe the marketplace.

use souk_entity::{Money, Scope, SellerId};

use super::{error::SellerError, store};
use crate::{
    context::Context,
    ledger,
    stripe::balance::{self, Balance},
};

/// Amounts by currency.
#[derive(Clone, Debug)]
pub(super) struct SellerBalance {
    pub(super) available: Vec<Money>,
    pub(super) pending: Vec<Money>,
    pub(super) instant_available: Vec<Money>,
    pub(super) owed_to_platform: Vec<Money>,
}

/// Reads a seller's balance at Stripe, as it is now.
pub(super) async fn balance(ctx: &Context, id: SellerId) -> Result<SellerBalance, SellerError> {
    let seller = store::find(&ctx.db, id).await?.ok_or(SellerError::NotFound)?;
    let account = seller.stripe_account_id.ok_or(SellerError::NoAccountYet)?;
    let at_stripe: Balance = ctx.stripe.get(&Scope::Connected(account), balance::PATH).await?;
    Ok(SellerBalance {
        available: at_stripe.available,
        pending: at_stripe.pending,
        instant_available: at_stripe.instant_available,
        owed_to_platform: ledger::owed_by(&ctx.db, id).await?,
    })
}
