//! The operations on sellers.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::{Object, OpenApi, Tags, param::Path, payload::Json};
use souk_entity::SellerId;

use super::{
    balance,
    create::{self, NewSeller},
    error::SellerError,
    links::{self, Link},
    store,
    view::{AccountTypeView, SellerView},
};
use crate::{
    api::{
        Backoffice, BackofficeOrSeller, Body, Created, Cursor, Id, Limit, Money, OptionalIdempotencyKey,
        Page, Problem, check_metadata, performed,
    },
    context::Context,
    idempotency::Asked,
};

/// The sellers' operations.
#[derive(Clone, Copy, Debug)]
pub struct SellersApi;

#[derive(Tags)]
enum Tag {
    /// Who sells: onboarding, status, balance.
    Sellers,
}

/// A seller to be.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct CreateSeller {
    /// Where Stripe writes to.
    #[oai(validator(max_length = 254, pattern = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"))]
    email: String,
    /// ISO 3166-1 alpha-2, upper case.
    #[oai(validator(pattern = "^[A-Z]{2}$"))]
    country: String,
    /// The kind of Stripe account; `express` if not given.
    account_type: Option<AccountTypeView>,
    /// What buyers see.
    #[oai(validator(min_length = 1, max_length = 100))]
    display_name: Option<String>,
    /// `individual`, `company`, `non_profit` or `government_entity`; asked on Stripe's form if not given.
    #[oai(validator(pattern = "^(individual|company|non_profit|government_entity)$"))]
    business_type: Option<String>,
    /// Up to 20 of the caller's own keys and values.
    #[oai(default)]
    metadata: BTreeMap<String, String>,
}

/// Where the seller's browser goes when Stripe is done with it.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct CreateOnboardingLink {
    /// After the form was left or submitted; an allowed origin. A page of Souk's if not given.
    #[oai(validator(max_length = 2048))]
    return_url: Option<String>,
    /// When the link was used or has expired; an allowed origin. Souk mints a new link if not given.
    #[oai(validator(max_length = 2048))]
    refresh_url: Option<String>,
}

/// A link to one of Stripe's pages: for one browser, at once.
#[derive(Debug, Object)]
#[oai(rename = "Link", skip_serializing_if_is_none)]
struct LinkView {
    /// Where to send the browser.
    url: String,
    /// Until when it can be opened.
    expires_at: Option<DateTime<Utc>>,
}

/// What a seller has and owes, by currency.
#[derive(Debug, Object)]
#[oai(rename = "SellerBalance")]
struct BalanceView {
    /// Can be paid out now.
    available: Vec<Money>,
    /// Not settled yet.
    pending: Vec<Money>,
    /// Can be paid out at once, for a fee.
    instant_available: Vec<Money>,
    /// What the seller owes the marketplace.
    owed_to_platform: Vec<Money>,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Sellers")]
impl SellersApi {
    /// Create a seller with a Stripe account.
    #[oai(path = "/sellers", method = "post", operation_id = "createSeller")]
    async fn create(
        &self,
        caller: Backoffice,
        ctx: Data<&Context>,
        #[oai(name = "Idempotency-Key")] key: OptionalIdempotencyKey,
        body: Body<CreateSeller>,
    ) -> Result<Created<SellerView>, Problem> {
        let asked = Asked::new(caller.key(), key.0, "createSeller", &body.raw);
        let wanted = body.value;
        check_metadata(&wanted.metadata)?;
        let new = NewSeller {
            email: wanted.email,
            country: wanted.country,
            display_name: wanted.display_name,
            business_type: wanted.business_type,
            metadata: wanted.metadata,
        };
        performed(create::create(&ctx, &asked, new).await?)
    }

    /// List sellers, newest first.
    #[oai(path = "/sellers", method = "get", operation_id = "listSellers")]
    async fn list(
        &self,
        _caller: Backoffice,
        ctx: Data<&Context>,
        limit: Limit,
        cursor: Cursor<SellerId>,
    ) -> Result<Json<Page<SellerView>>, Problem> {
        let sellers = store::page(&ctx, cursor.0, limit.rows_to_fetch()).await?;
        Ok(Json(Page::new(sellers, limit, |seller| seller.id, |seller| SellerView::from(&seller))))
    }

    /// Read a seller.
    #[oai(path = "/sellers/:seller_id", method = "get", operation_id = "getSeller")]
    async fn get(
        &self,
        caller: BackofficeOrSeller,
        ctx: Data<&Context>,
        seller_id: Path<Id<SellerId>>,
    ) -> Result<Json<SellerView>, Problem> {
        caller.may_see_seller(seller_id.0.0)?;
        let seller = store::find(&ctx.db, seller_id.0.0).await?.ok_or(SellerError::NotFound)?;
        Ok(Json(SellerView::from(&seller)))
    }

    /// Mint a link to Stripe's onboarding form.
    #[oai(
        path = "/sellers/:seller_id/onboarding-links",
        method = "post",
        operation_id = "createOnboardingLink"
    )]
    async fn onboarding_link(
        &self,
        caller: BackofficeOrSeller,
        ctx: Data<&Context>,
        seller_id: Path<Id<SellerId>>,
        body: Body<CreateOnboardingLink>,
    ) -> Result<Created<LinkView>, Problem> {
        caller.may_see_seller(seller_id.0.0)?;
        let (return_url, refresh_url) = (body.value.return_url, body.value.refresh_url);
        let link = links::onboarding(&ctx, seller_id.0.0, return_url, refresh_url).await?;
        Ok(Created::of(&LinkView::from(link)))
    }

    /// Mint a link to the seller's Express dashboard.
    #[oai(
        path = "/sellers/:seller_id/dashboard-links",
        method = "post",
        operation_id = "createDashboardLink"
    )]
    async fn dashboard_link(
        &self,
        caller: BackofficeOrSeller,
        ctx: Data<&Context>,
        seller_id: Path<Id<SellerId>>,
    ) -> Result<Created<LinkView>, Problem> {
        caller.may_see_seller(seller_id.0.0)?;
        Ok(Created::of(&LinkView::from(links::dashboard(&ctx, seller_id.0.0).await?)))
    }

    /// Read a seller's balance at Stripe, as it is now.
    #[oai(path = "/sellers/:seller_id/balance", method = "get", operation_id = "getSellerBalance")]
    async fn balance(
        &self,
        caller: BackofficeOrSeller,
        ctx: Data<&Context>,
        seller_id: Path<Id<SellerId>>,
    ) -> Result<Json<BalanceView>, Problem> {
        caller.may_see_seller(seller_id.0.0)?;
        let balance = balance::balance(&ctx, seller_id.0.0).await?;
        let shown = |amounts: Vec<souk_entity::Money>| amounts.into_iter().map(Money::from).collect();
        Ok(Json(BalanceView {
            available: shown(balance.available),
            pending: shown(balance.pending),
            instant_available: shown(balance.instant_available),
            owed_to_platform: shown(balance.owed_to_platform),
        }))
    }
}

impl From<Link> for LinkView {
    fn from(link: Link) -> Self {
        Self { url: link.url, expires_at: link.expires_at }
    }
}
