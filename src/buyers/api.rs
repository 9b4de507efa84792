//! The operations on buyers.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::{Enum, Object, OpenApi, Tags, param::Path, payload::Json};
use souk_entity::{BuyerId, PaymentMethodId, Scope, SetupIntentId, buyer};

use super::{
    create::{self, NewBuyer},
    default, detach,
    error::BuyerError,
    setup, store,
    view::{PaymentMethodView, SetupIntentView},
};
use crate::{
    api::{
        Backoffice, BackofficeOrBuyer, Body, Created, Cursor, Done, Id, Limit, OptionalIdempotencyKey, Page,
        Problem, check_metadata, performed,
    },
    context::Context,
    idempotency::Asked,
    stripe::setup_intents::Usage,
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
    /// The buyer as Stripe's customer, `cus_...`; none until something is first kept for them.
    stripe_customer_id: Option<String>,
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
            stripe_customer_id: buyer.stripe_customer_id.clone(),
            created_at: buyer.created_at,
        }
    }
}

/// When a saved payment method will be charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "SetupUsage", rename_all = "snake_case")]
enum UsageView {
    /// Also while the buyer is away: the bank's consent is asked for now.
    OffSession,
    /// Only while the buyer is there.
    OnSession,
}

/// A payment method to be saved.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct CreateSetupIntent {
    /// `off_session` if not given.
    usage: Option<UsageView>,
}

/// Which payment method a buyer pays with unless they say otherwise.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct DefaultPaymentMethod {
    /// One that the buyer keeps: `pm_...`
    #[oai(validator(pattern = "^pm_[A-Za-z0-9_]{1,250}$"))]
    payment_method_id: String,
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

    /// Begin to save a payment method: the buyer's app confirms the setup intent with Stripe's SDK.
    #[oai(path = "/buyers/:buyer_id/setup-intents", method = "post", operation_id = "createSetupIntent")]
    async fn set_up(
        &self,
        caller: BackofficeOrBuyer,
        ctx: Data<&Context>,
        buyer_id: Path<Id<BuyerId>>,
        #[oai(name = "Idempotency-Key")] key: OptionalIdempotencyKey,
        body: Body<CreateSetupIntent>,
    ) -> Result<Created<SetupIntentView>, Problem> {
        let buyer = buyer_id.0.0;
        caller.may_see_buyer(buyer)?;
        let asked = Asked::new(caller.key(), key.0, &format!("createSetupIntent {buyer}"), &body.raw);
        let usage = match body.value.usage {
            Some(UsageView::OnSession) => Usage::OnSession,
            Some(UsageView::OffSession) | None => Usage::OffSession,
        };
        performed(setup::create(&ctx, &asked, buyer, usage).await?)
    }

    /// Read a setup intent: whether the payment method is saved.
    #[oai(path = "/setup-intents/:setup_intent_id", method = "get", operation_id = "getSetupIntent")]
    async fn get_setup_intent(
        &self,
        caller: BackofficeOrBuyer,
        ctx: Data<&Context>,
        setup_intent_id: Path<Id<SetupIntentId>>,
    ) -> Result<Json<SetupIntentView>, Problem> {
        let found = store::setup_intent(&ctx, setup_intent_id.0.0).await?.ok_or(BuyerError::NotFound)?;
        caller.may_see_buyer(found.buyer_id)?;
        Ok(Json(SetupIntentView::of(&ctx, &found).map_err(BuyerError::from)?))
    }

    /// List what a buyer keeps to pay with, newest first.
    #[oai(path = "/buyers/:buyer_id/payment-methods", method = "get", operation_id = "listPaymentMethods")]
    async fn list_payment_methods(
        &self,
        caller: BackofficeOrBuyer,
        ctx: Data<&Context>,
        buyer_id: Path<Id<BuyerId>>,
        limit: Limit,
        cursor: Cursor<PaymentMethodId>,
    ) -> Result<Json<Page<PaymentMethodView>>, Problem> {
        let buyer = buyer_id.0.0;
        caller.may_see_buyer(buyer)?;
        store::find(&ctx.db, buyer).await?.ok_or(BuyerError::NotFound)?;
        let methods = store::page_of_payment_methods(&ctx, buyer, cursor.0, limit.rows_to_fetch()).await?;
        Ok(Json(Page::new(methods, limit, |method| method.id, |method| PaymentMethodView::from(&method))))
    }

    /// Read a payment method that a buyer keeps, or kept.
    #[oai(
        path = "/buyers/:buyer_id/payment-methods/:payment_method_id",
        method = "get",
        operation_id = "getPaymentMethod"
    )]
    async fn get_payment_method(
        &self,
        caller: BackofficeOrBuyer,
        ctx: Data<&Context>,
        buyer_id: Path<Id<BuyerId>>,
        payment_method_id: Path<String>,
    ) -> Result<Json<PaymentMethodView>, Problem> {
        let buyer = buyer_id.0.0;
        caller.may_see_buyer(buyer)?;
        let named = named(&payment_method_id)?;
        let found = store::payment_method(&ctx.db, &Scope::Platform, named).await?;
        let found = found.filter(|method| method.buyer_id == buyer).ok_or(BuyerError::NoSuchPaymentMethod)?;
        Ok(Json(PaymentMethodView::from(&found)))
    }

    /// Make a payment method the buyer's default.
    #[oai(
        path = "/buyers/:buyer_id/default-payment-method",
        method = "put",
        operation_id = "setDefaultPaymentMethod"
    )]
    async fn set_default(
        &self,
        caller: BackofficeOrBuyer,
        ctx: Data<&Context>,
        buyer_id: Path<Id<BuyerId>>,
        #[oai(name = "Idempotency-Key")] key: OptionalIdempotencyKey,
        body: Body<DefaultPaymentMethod>,
    ) -> Result<Done<PaymentMethodView>, Problem> {
        let buyer = buyer_id.0.0;
        caller.may_see_buyer(buyer)?;
        let asked = Asked::new(caller.key(), key.0, &format!("setDefaultPaymentMethod {buyer}"), &body.raw);
        performed(default::set(&ctx, &asked, buyer, &body.value.payment_method_id).await?)
    }

    /// Take a payment method from its buyer, for good. What is taken already stays so.
    #[oai(
        path = "/buyers/:buyer_id/payment-methods/:payment_method_id",
        method = "delete",
        operation_id = "detachPaymentMethod"
    )]
    async fn detach(
        &self,
        caller: BackofficeOrBuyer,
        ctx: Data<&Context>,
        buyer_id: Path<Id<BuyerId>>,
        payment_method_id: Path<String>,
        #[oai(name = "Idempotency-Key")] key: OptionalIdempotencyKey,
    ) -> Result<Done<PaymentMethodView>, Problem> {
        let buyer = buyer_id.0.0;
        caller.may_see_buyer(buyer)?;
        let named = named(&payment_method_id)?;
        let asked = Asked::new(caller.key(), key.0, &format!("detachPaymentMethod {buyer} {named}"), b"");
        performed(detach::detach(&ctx, &asked, buyer, named).await?)
    }
}

/// A payment method's id in a path; what is none names nothing.
fn named(id: &str) -> Result<&str, BuyerError> {
    let is_id = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if id.strip_prefix("pm_").is_some_and(is_id) { Ok(id) } else { Err(BuyerError::NoSuchPaymentMethod) }
}
