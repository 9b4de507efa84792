//! The operations on listings.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::{Object, OpenApi, Tags, param::Path, payload::Json};
use souk_entity::{ListingId, SellerId, listing};

use super::{
    error::CatalogError,
    store::{self, Of},
    write::{self, Changes, NewListing},
};
use crate::{
    api::{
        AnyCaller, BackofficeOrSeller, Body, Caller, Created, Cursor, Id, Limit, Money,
        OptionalIdempotencyKey, Page, Problem, performed,
    },
    context::Context,
    idempotency::Asked,
};

/// The catalogue's operations.
#[derive(Clone, Copy, Debug)]
pub struct CatalogApi;

#[derive(Tags)]
enum Tag {
    /// What is for sale.
    Listings,
}

/// A listing to be.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct CreateListing {
    /// What buyers read; 1 to 250 characters.
    title: String,
    /// The price of one.
    price: Money,
    /// The marketplace's own word for its kind; 1 to 100 characters.
    category: Option<String>,
}

/// What to change; fields that are left out stay as they are.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct ChangeListing {
    /// What buyers read; 1 to 250 characters.
    title: Option<String>,
    /// The price of one; orders that were made keep theirs.
    price: Option<Money>,
    /// The marketplace's own word for its kind; 1 to 100 characters.
    category: Option<String>,
    /// Only active listings sell.
    active: Option<bool>,
}

/// A listing.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "Listing", skip_serializing_if_is_none)]
pub(super) struct ListingView {
    /// `listing_...`
    id: Id<ListingId>,
    /// Whose it is.
    seller_id: Id<SellerId>,
    /// What buyers read.
    title: String,
    /// The price of one.
    price: Money,
    /// The marketplace's own word for its kind.
    category: Option<String>,
    /// Only active listings sell.
    active: bool,
    /// When it was created.
    created_at: DateTime<Utc>,
    /// When it last changed.
    updated_at: DateTime<Utc>,
}

impl From<&listing::Model> for ListingView {
    fn from(listing: &listing::Model) -> Self {
        Self {
            id: Id(listing.id),
            seller_id: Id(listing.seller_id),
            title: listing.title.clone(),
            price: listing.price().into(),
            category: listing.category.clone(),
            active: listing.active,
            created_at: listing.created_at,
            updated_at: listing.updated_at,
        }
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Listings")]
impl CatalogApi {
    /// Create a listing; it sells at once.
    #[oai(path = "/sellers/:seller_id/listings", method = "post", operation_id = "createListing")]
    async fn create(
        &self,
        caller: BackofficeOrSeller,
        ctx: Data<&Context>,
        seller_id: Path<Id<SellerId>>,
        #[oai(name = "Idempotency-Key")] key: OptionalIdempotencyKey,
        body: Body<CreateListing>,
    ) -> Result<Created<ListingView>, Problem> {
        let seller = seller_id.0.0;
        caller.may_see_seller(seller)?;
        let asked = Asked::new(caller.key(), key.0, &format!("createListing {seller}"), &body.raw);
        let wanted = body.value;
        let new =
            NewListing { seller, title: wanted.title, price: wanted.price.into(), category: wanted.category };
        performed(write::create(&ctx, &asked, new).await?)
    }

    /// List a seller's listings, newest first.
    #[oai(path = "/sellers/:seller_id/listings", method = "get", operation_id = "listSellerListings")]
    async fn list_of_seller(
        &self,
        caller: BackofficeOrSeller,
        ctx: Data<&Context>,
        seller_id: Path<Id<SellerId>>,
        limit: Limit,
        cursor: Cursor<ListingId>,
    ) -> Result<Json<Page<ListingView>>, Problem> {
        caller.may_see_seller(seller_id.0.0)?;
        page(&ctx, Of::Seller(seller_id.0.0), limit, cursor).await
    }

    /// List listings, newest first: buyers see what sells now, sellers their own, the back office all.
    #[oai(path = "/listings", method = "get", operation_id = "listListings")]
    async fn list(
        &self,
        caller: AnyCaller,
        ctx: Data<&Context>,
        limit: Limit,
        cursor: Cursor<ListingId>,
    ) -> Result<Json<Page<ListingView>>, Problem> {
        let of = match &*caller {
            Caller::Buyer(_) => Of::Active,
            Caller::Seller(seller) => Of::Seller(*seller),
            Caller::Operator { .. } | Caller::Service { .. } => Of::Everyone,
        };
        page(&ctx, of, limit, cursor).await
    }

    /// Read a listing.
    #[oai(path = "/listings/:listing_id", method = "get", operation_id = "getListing")]
    async fn get(
        &self,
        caller: AnyCaller,
        ctx: Data<&Context>,
        listing_id: Path<Id<ListingId>>,
    ) -> Result<Json<ListingView>, Problem> {
        Ok(Json(ListingView::from(&visible(&ctx, &caller, listing_id.0.0).await?)))
    }

    /// Change a listing.
    #[oai(path = "/listings/:listing_id", method = "patch", operation_id = "changeListing")]
    async fn change(
        &self,
        caller: BackofficeOrSeller,
        ctx: Data<&Context>,
        listing_id: Path<Id<ListingId>>,
        body: Body<ChangeListing>,
    ) -> Result<Json<ListingView>, Problem> {
        let listing = visible(&ctx, &caller, listing_id.0.0).await?;
        let wanted = body.value;
        let changes = Changes {
            title: wanted.title,
            price: wanted.price.map(Into::into),
            category: wanted.category,
            active: wanted.active,
        };
        let changed = write::change(&ctx, listing, changes).await?;
        Ok(Json(ListingView::from(&changed)))
    }
}

/// The listing, if it exists for the caller: buyers see what sells, sellers what is theirs.
async fn visible(ctx: &Context, caller: &Caller, id: ListingId) -> Result<listing::Model, Problem> {
    let listing = store::find(&ctx.db, id).await?.ok_or(CatalogError::NotFound)?;
    let shown = match caller {
        Caller::Buyer(_) => listing.active,
        Caller::Seller(seller) => listing.seller_id == *seller,
        Caller::Operator { .. } | Caller::Service { .. } => true,
    };
    if shown { Ok(listing) } else { Err(CatalogError::NotFound.into()) }
}

async fn page(
    ctx: &Context,
    of: Of,
    limit: Limit,
    cursor: Cursor<ListingId>,
) -> Result<Json<Page<ListingView>>, Problem> {
    let listings = store::page(ctx, of, cursor.0, limit.rows_to_fetch()).await?;
    Ok(Json(Page::new(listings, limit, |listing| listing.id, |listing| ListingView::from(&listing))))
}
