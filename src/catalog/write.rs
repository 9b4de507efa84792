//! Creating and changing listings.

use sea_orm::{ActiveValue::Set, DatabaseTransaction, DbErr, IntoActiveModel};
use serde_json::json;
use souk_entity::{
    ListingId, Money, SellerId,
    listing::{ActiveModel, Model},
};
use uuid::Uuid;

use super::{api::ListingView, error::CatalogError, store};
use crate::{
    api,
    context::Context,
    db,
    idempotency::{self, Asked, Performed},
    notify::{self, Happened},
    sellers,
};

/// No title is longer than what Stripe shows of it.
const LONGEST_TITLE_CHARS: usize = 250;
const LONGEST_CATEGORY_CHARS: usize = 100;

/// A listing to be.
#[derive(Clone, Debug)]
pub(super) struct NewListing {
    pub(super) seller: SellerId,
    pub(super) title: String,
    pub(super) price: Money,
    pub(super) category: Option<String>,
}

/// What to change; the rest stays.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    pub(super) title: Option<String>,
    pub(super) price: Option<Money>,
    pub(super) category: Option<String>,
    pub(super) active: Option<bool>,
}

/// Creates a listing; it sells at once.
pub(super) async fn create(ctx: &Context, asked: &Asked, new: NewListing) -> Result<Performed, CatalogError> {
    check(Some(&new.title), Some(new.price), new.category.as_deref())?;
    let attempt = match idempotency::begin_local(ctx, asked).await? {
        Ok(attempt) => attempt,
        Err(earlier) => return Ok(earlier),
    };
    let seller = sellers::find(&attempt.tx, new.seller).await?.ok_or(CatalogError::NoSuchSeller)?;
    // A seller whose account Stripe refuses is gone again: nothing may hang on them before.
    if seller.stripe_account_id.is_none() {
        return Err(CatalogError::SellerPending);
    }
    let now = ctx.clock.business();
    let row = ActiveModel {
        id: Set(ListingId::from_uuid(Uuid::now_v7())),
        seller_id: Set(new.seller),
        title: Set(new.title),
        price_amount: Set(new.price.amount),
        price_currency: Set(new.price.currency),
        category: Set(new.category),
        active: Set(true),
        created_at: Set(now),
        updated_at: Set(now),
    };
    let listing = store::insert(&attempt.tx, row).await?;
    tell(&attempt.tx, ctx, "listing.created", &listing).await?;
    Ok(attempt.commit(ctx, api::reply(201, &ListingView::from(&listing))).await?)
}

/// Changes a listing. Orders that were made keep their price.
pub(super) async fn change(ctx: &Context, listing: Model, changes: Changes) -> Result<Model, CatalogError> {
    check(changes.title.as_deref(), changes.price, changes.category.as_deref())?;
    let tx = db::begin_write(&ctx.db).await?;
    let mut row = listing.into_active_model();
    if let Some(title) = changes.title {
        row.title = Set(title);
    }
    if let Some(price) = changes.price {
        row.price_amount = Set(price.amount);
        row.price_currency = Set(price.currency);
    }
    if let Some(category) = changes.category {
        row.category = Set(Some(category));
    }
    if let Some(active) = changes.active {
        row.active = Set(active);
    }
    row.updated_at = Set(ctx.clock.business());
    let listing = store::update(&tx, row).await?;
    tell(&tx, ctx, "listing.updated", &listing).await?;
    db::commit(tx, "listing", "update").await?;
    Ok(listing)
}

fn check(title: Option<&str>, price: Option<Money>, category: Option<&str>) -> Result<(), CatalogError> {
    if title.is_some_and(|title| title.trim().is_empty() || title.chars().count() > LONGEST_TITLE_CHARS) {
        return Err(CatalogError::Title);
    }
    if price.is_some_and(|price| price.amount <= 0) {
        return Err(CatalogError::Price);
    }
    if category
        .is_some_and(|category| category.is_empty() || category.chars().count() > LONGEST_CATEGORY_CHARS)
    {
        return Err(CatalogError::Category);
    }
    Ok(())
}

async fn tell(
    tx: &DatabaseTransaction,
    ctx: &Context,
    event_type: &'static str,
    listing: &Model,
) -> Result<(), DbErr> {
    let happened = Happened {
        event_type,
        object_id: listing.id.to_string(),
        seller_id: Some(listing.seller_id),
        buyer_id: None,
        data: json!({ "title": listing.title, "price": listing.price(), "active": listing.active }),
    };
    notify::publish(tx, ctx, happened).await
}
