//! The operations on buyers.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::{Object, OpenApi, Tags, param::Path, payload::Json};
use souk_entity::{BuyerId, buyer};

use super::{
    create::{self, NewBuyer},
    error::BuyerError,
    store,
};
use crate::{
    api::{
        Backoffice, BackofficeOrBuyer, Body, Created, Cursor, Id, Limit, OptionalIdempotencyKey, Page,
        Problem, check_metadata, performed,
    },
    context::Context,
    idempotency::Asked,
};

/// The buyers' operations.
#[derive(Clone, Copy, Debug)]
pub struct BuyersApi;

#[derive(Tags)]
enum Tag {
    /// Who buys.
    Buyers,
}

/// A buyer to be.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct CreateBuyer {
    /// Where receipts go.
    #[oai(validator(max_length = 254, pattern = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"))]
    email: String,
    /// As the buyer calls themselves.
    #[oai(validator(min_length = 1, max_length = 100))]
    name: Option<String>,
    /// Up to 20 of the caller's own keys and values.
    #[oai(default)]
    metadata: BTreeMap<String, String>,
}

/// A buyer.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "Buyer", skip_serializing_if_is_none)]
pub(super) struct BuyerView {
    /// `buyer_...`
    id: Id<BuyerId>,
    /// Where receipts go.
    email: String,
    /// As the buyer calls themselves.
    name: Option<String>,
    /// The caller's own keys and values.
    metadata: BTreeMap<String, String>,
    /// When the buyer was created.
    created_at: DateTime<Utc>,
}

impl From<&buyer::Model> for BuyerView {
    fn from(buyer: &buyer::Model) -> Self {
        Self {
            id: Id(buyer.id),
            email: buyer.email.clone(),
            name: buyer.name.clone(),
            metadata: serde_json::from_value(buyer.metadata.clone()).unwrap_or_default(),
            created_at: buyer.created_at,
        }
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Buyers")]
impl BuyersApi {
    /// Create a buyer.
    #[oai(path = "/buyers", method = "post", operation_id = "createBuyer")]
    async fn create(
        &self,
        caller: Backoffice,
        ctx: Data<&Context>,
        #[oai(name = "Idempotency-Key")] key: OptionalIdempotencyKey,
        body: Body<CreateBuyer>,
    ) -> Result<Created<BuyerView>, Problem> {
        let asked = Asked::new(caller.key(), key.0, "createBuyer", &body.raw);
        let wanted = body.value;
        check_metadata(&wanted.metadata)?;
        let new = NewBuyer { email: wanted.email, name: wanted.name, metadata: wanted.metadata };
        performed(create::create(&ctx, &asked, new).await?)
    }

    /// List buyers, newest first.
    #[oai(path = "/buyers", method = "get", operation_id = "listBuyers")]
    async fn list(
        &self,
        _caller: Backoffice,
        ctx: Data<&Context>,
        limit: Limit,
        cursor: Cursor<BuyerId>,
    ) -> Result<Json<Page<BuyerView>>, Problem> {
        let buyers = store::page(&ctx, cursor.0, limit.rows_to_fetch()).await?;
        Ok(Json(Page::new(buyers, limit, |buyer| buyer.id, |buyer| BuyerView::from(&buyer))))
    }

    /// Read a buyer.
    #[oai(path = "/buyers/:buyer_id", method = "get", operation_id = "getBuyer")]
    async fn get(
        &self,
        caller: BackofficeOrBuyer,
        ctx: Data<&Context>,
        buyer_id: Path<Id<BuyerId>>,
    ) -> Result<Json<BuyerView>, Problem> {
        caller.may_see_buyer(buyer_id.0.0)?;
        let buyer = store::find(&ctx.db, buyer_id.0.0).await?.ok_or(BuyerError::NotFound)?;
        Ok(Json(BuyerView::from(&buyer)))
    }
}
