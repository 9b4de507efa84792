//! The operations on payouts.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::{Enum, Object, OpenApi, Tags, param::Path, payload::Json};
use souk_entity::{PayoutId, SellerId, payout};

use super::{create, error::PayoutError, store};
use crate::{
    api::{
        BackofficeOrSeller, Body, Created, Cursor, Id, IdempotencyKey, Limit, Money, Page, Problem, performed,
    },
    context::Context,
    idempotency::Asked,
    stripe::payouts::Method,
};

/// The payouts' operations.
#[derive(Clone, Copy, Debug)]
pub struct PayoutsApi;

#[derive(Tags)]
enum Tag {
    /// Sellers are paid out.
    Payouts,
}

/// How fast a payout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "PayoutMethod", rename_all = "snake_case")]
enum MethodView {
    /// In some days, free.
    Standard,
    /// In minutes, for a fee, where the seller's bank can.
    Instant,
}

/// Where a payout stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "PayoutStatus", rename_all = "snake_case")]
enum StatusView {
    /// Asked of Stripe, no answer yet.
    Requested,
    /// Stripe has it.
    Pending,
    /// Handed to the bank.
    InTransit,
    /// Arrived, as far as Stripe knows; a bank can still return it.
    Paid,
    /// Came back: see the failure.
    Failed,
    /// Cancelled before it left.
    Canceled,
    /// Stripe did not make it.
    Refused,
}

/// A payout to be.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct CreatePayout {
    /// How much; at most what is available.
    amount: Money,
    /// `standard` if not given.
    method: Option<MethodView>,
}

/// A payout.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "Payout", skip_serializing_if_is_none)]
pub(super) struct PayoutView {
    /// `payout_...`
    id: Id<PayoutId>,
    /// Whose money.
    seller_id: Id<SellerId>,
    /// How much.
    amount: Money,
    /// How fast.
    method: MethodView,
    /// Where it stands.
    status: StatusView,
    /// `po_...`
    stripe_payout_id: Option<String>,
    /// When the bank should have it.
    arrival_at: Option<DateTime<Utc>>,
    /// Stripe's code of why it failed or was refused.
    failure_code: Option<String>,
    /// The same in words.
    failure_message: Option<String>,
    /// When it was asked for.
    created_at: DateTime<Utc>,
    /// When it last changed.
    updated_at: DateTime<Utc>,
}

impl From<&payout::Model> for PayoutView {
    fn from(payout: &payout::Model) -> Self {
        Self {
            id: Id(payout.id),
            seller_id: Id(payout.seller_id),
            amount: souk_entity::Money::new(payout.amount, payout.currency).into(),
            method: if payout.method == "instant" { MethodView::Instant } else { MethodView::Standard },
            status: match payout.status {
                payout::Status::Requested => StatusView::Requested,
                payout::Status::Pending => StatusView::Pending,
                payout::Status::InTransit => StatusView::InTransit,
                payout::Status::Paid => StatusView::Paid,
                payout::Status::Failed => StatusView::Failed,
                payout::Status::Canceled => StatusView::Canceled,
                payout::Status::Refused => StatusView::Refused,
            },
            stripe_payout_id: payout.stripe_payout_id.clone(),
            arrival_at: payout.arrival_at,
            failure_code: payout.failure_code.clone(),
            failure_message: payout.failure_message.clone(),
            created_at: payout.created_at,
            updated_at: payout.updated_at,
        }
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Payouts")]
impl PayoutsApi {
    /// Pay a seller out.
    #[oai(path = "/sellers/:seller_id/payouts", method = "post", operation_id = "createPayout")]
    async fn create(
        &self,
        caller: BackofficeOrSeller,
        ctx: Data<&Context>,
        seller_id: Path<Id<SellerId>>,
        #[oai(name = "Idempotency-Key")] key: IdempotencyKey,
        body: Body<CreatePayout>,
    ) -> Result<Created<PayoutView>, Problem> {
        let seller = seller_id.0.0;
        caller.may_see_seller(seller)?;
        let asked = Asked::new(caller.key(), Some(key.0), &format!("createPayout {seller}"), &body.raw);
        let method = match body.value.method {
            Some(MethodView::Instant) => Method::Instant,
            Some(MethodView::Standard) | None => Method::Standard,
        };
        performed(create::create(&ctx, &asked, seller, body.value.amount.into(), method).await?)
    }

    /// List a seller's payouts, newest first.
    #[oai(path = "/sellers/:seller_id/payouts", method = "get", operation_id = "listSellerPayouts")]
    async fn list_of_seller(
        &self,
        caller: BackofficeOrSeller,
        ctx: Data<&Context>,
        seller_id: Path<Id<SellerId>>,
        limit: Limit,
        cursor: Cursor<PayoutId>,
    ) -> Result<Json<Page<PayoutView>>, Problem> {
        caller.may_see_seller(seller_id.0.0)?;
        page(&ctx, Some(seller_id.0.0), limit, cursor).await
    }

    /// List payouts, newest first; a seller sees their own.
    #[oai(path = "/payouts", method = "get", operation_id = "listPayouts")]
    async fn list(
        &self,
        caller: BackofficeOrSeller,
        ctx: Data<&Context>,
        limit: Limit,
        cursor: Cursor<PayoutId>,
    ) -> Result<Json<Page<PayoutView>>, Problem> {
        page(&ctx, caller.seller(), limit, cursor).await
    }

    /// Read a payout.
    #[oai(path = "/payouts/:payout_id", method = "get", operation_id = "getPayout")]
    async fn get(
        &self,
        caller: BackofficeOrSeller,
        ctx: Data<&Context>,
        payout_id: Path<Id<PayoutId>>,
    ) -> Result<Json<PayoutView>, Problem> {
        let payout = store::find(&ctx.db, payout_id.0.0).await?.ok_or(PayoutError::NotFound)?;
        caller.may_see_seller(payout.seller_id)?;
        Ok(Json(PayoutView::from(&payout)))
    }
}

async fn page(
    ctx: &Context,
    seller: Option<SellerId>,
    limit: Limit,
    cursor: Cursor<PayoutId>,
) -> Result<Json<Page<PayoutView>>, Problem> {
    let payouts = store::page(ctx, seller, cursor.0, limit.rows_to_fetch()).await?;
    Ok(Json(Page::new(payouts, limit, |payout| payout.id, |payout| PayoutView::from(&payout))))
}
