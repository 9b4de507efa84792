//! A new rule.

use sea_orm::{ActiveValue::Set, DatabaseTransaction};
use souk_entity::{CommissionRuleId, Currency, ListingId, SellerId, commission_rule::ActiveModel};
use uuid::Uuid;

use super::{error::CommissionError, store, tell::tell, terms::Terms, view::RuleView};
use crate::{
    api, catalog,
    context::Context,
    idempotency::{self, Asked, Performed},
    sellers,
};

/// Which lines a rule is for: those of which all that it names is so.
#[derive(Clone, Debug)]
pub(super) struct Conditions {
    pub(super) seller: Option<SellerId>,
    pub(super) category: Option<String>,
    pub(super) listing: Option<ListingId>,
    pub(super) currency: Option<Currency>,
}

/// Creates a rule.
pub(super) async fn create(
    ctx: &Context,
    asked: &Asked,
    conditions: Conditions,
    terms: Terms,
) -> Result<Performed, CommissionError> {
    // 1. The caller's key.
    let attempt = match idempotency::begin_local(ctx, asked).await? {
        Ok(attempt) => attempt,
        Err(earlier) => return Ok(earlier),
    };
    // 2. Only for whom and what there is.
    check(&attempt.tx, &conditions).await?;
    // 3. The row.
    let now = ctx.clock.business();
    let mut row = ActiveModel {
        id: Set(CommissionRuleId::from_uuid(Uuid::now_v7())),
        seller_id: Set(conditions.seller),
        category: Set(conditions.category),
        listing_id: Set(conditions.listing),
        currency: Set(conditions.currency),
        created_at: Set(now),
        updated_at: Set(now),
        deleted_at: Set(None),
        ..Default::default()
    };
    terms.write(conditions.currency, &mut row)?;
    let rule = store::insert(&attempt.tx, row).await?;
    tell(&attempt.tx, ctx, "commission_rule.created", &rule).await?;
    Ok(attempt.commit(ctx, api::reply(201, &RuleView::from(&rule))).await?)
}

async fn check(tx: &DatabaseTransaction, conditions: &Conditions) -> Result<(), CommissionError> {
    if let Some(seller) = conditions.seller {
        let seller = sellers::find(tx, seller).await?.ok_or(CommissionError::NoSuchSeller)?;
        // A seller whose account Stripe refuses is gone again: nothing may hang on them before.
        if seller.stripe_account_id.is_none() {
            return Err(CommissionError::SellerPending);
        }
    }
    if let Some(listing) = conditions.listing {
        let found = catalog::find_all(tx, vec![listing]).await?;
        let of_seller = |owner| conditions.seller.is_none_or(|seller| seller == owner);
        // Of another seller it would never fit anything.
        if !found.iter().any(|listing| of_seller(listing.seller_id)) {
            return Err(CommissionError::NoSuchListing);
        }
    }
    Ok(())
}
