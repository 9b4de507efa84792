//! A manual payout on a seller's account.

use async_trait::async_trait;
use sea_orm::{ActiveEnum, ActiveValue::Set, DatabaseTransaction, DbErr, IntoActiveModel};
use serde_json::json;
use souk_entity::{
    Money, PayoutId, Scope, SellerId,
    payout::{ActiveModel, Model, Status},
    stripe_request,
};
use uuid::Uuid;

use super::{api::PayoutView, error::PayoutError, store};
use crate::{
    api::{self, Problem},
    context::Context,
    idempotency::{Asked, Performed, Reply},
    notify::{self, Happened},
    outbox::{self, Action, Applied, ApplyError, Trail},
    sellers,
    stripe::{
        Refusal, Window,
        payouts::{self, Method, Payout},
    },
    webhooks,
};

/// Pays a seller out.
pub(super) async fn create(
    ctx: &Context,
    asked: &Asked,
    seller: SellerId,
    amount: Money,
    method: Method,
) -> Result<Performed, PayoutError> {
    if amount.amount <= 0 {
        return Err(PayoutError::Amount);
    }
    // 1. The caller's key.
    let attempt = match outbox::begin(ctx, asked, &CreatePayout).await? {
        Ok(attempt) => attempt,
        Err(earlier) => return Ok(earlier),
    };
    // 2. A seller who can be paid out, under their lock.
    let seller = sellers::lock(&attempt.tx, seller).await?.ok_or(PayoutError::NotFound)?;
    let account =
        seller.stripe_account_id.filter(|_| seller.payouts_enabled).ok_or(PayoutError::PayoutsDisabled)?;
    // 3. The payout, and what it asks of Stripe.
    let (id, scope) = (PayoutId::from_uuid(Uuid::now_v7()), Scope::Connected(account));
    store::insert(&attempt.tx, requested(ctx, id, seller.id, &scope, amount, method)).await?;
    let frozen = payouts::create(amount, method, &attempt.metadata("souk_payout", &id));
    // 4. Commit, send, apply.
    Ok(attempt.send(ctx, &CreatePayout, scope, id.to_string(), frozen).await?)
}

fn requested(
    ctx: &Context,
    id: PayoutId,
    seller: SellerId,
    scope: &Scope,
    amount: Money,
    method: Method,
) -> ActiveModel {
    let now = ctx.clock.business();
    ActiveModel {
        id: Set(id),
        seller_id: Set(seller),
        scope: Set(scope.clone()),
        amount: Set(amount.amount),
        currency: Set(amount.currency),
        method: Set(match method {
            Method::Standard => "standard".to_owned(),
            Method::Instant => "instant".to_owned(),
        }),
        status: Set(Status::Requested),
        stripe_payout_id: Set(None),
        arrival_at: Set(None),
        failure_code: Set(None),
        failure_message: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    }
}

/// `POST /v1/payouts` on a seller's account.
#[derive(Clone, Copy, Debug)]
pub struct CreatePayout;

#[async_trait]
impl Action for CreatePayout {
    fn kind(&self) -> &'static str {
        "payout.create"
    }

    fn makes(&self, object_id: &str) -> bool {
        object_id.starts_with("po_")
    }

    fn object_path(&self, object_id: &str) -> String {
        payouts::path(object_id)
    }

    fn event_types(&self) -> &'static [&'static str] {
        &["payout.created"]
    }

    fn trail(&self, _request: &stripe_request::Model, created: Window, after: Option<&str>) -> Trail {
        Trail::List(payouts::list_path(created, after))
    }

    async fn succeeded(
        &self,
        ctx: &Context,
        tx: &DatabaseTransaction,
        request: &stripe_request::Model,
        object: &[u8],
    ) -> Result<Applied, ApplyError> {
        let payout: Payout = serde_json::from_slice(object)?;
        let row = apply(ctx, tx, subject(tx, request).await?, &payout).await?;
        webhooks::catch_up(tx, ctx, request, &payout.id).await?;
        Ok(Applied { object_id: payout.id, reply: api::reply(201, &PayoutView::from(&row)) })
    }

    async fn refused(
        &self,
        ctx: &Context,
        tx: &DatabaseTransaction,
        request: &stripe_request::Model,
        refusal: &Refusal,
    ) -> Result<Reply, ApplyError> {
        let mut row = subject(tx, request).await?.into_active_model();
        row.status = Set(Status::Refused);
        row.failure_code = Set(refusal.code.clone());
        row.failure_message = Set(refusal.message.clone());
        row.updated_at = Set(ctx.clock.business());
        let row = store::update(tx, row).await?;
        tell(ctx, tx, &row).await?;
        Ok(Problem::from(PayoutError::from(refusal.clone())).reply(request))
    }
}

async fn subject(tx: &DatabaseTransaction, request: &stripe_request::Model) -> Result<Model, ApplyError> {
    let gone = || ApplyError::Other(format!("{} is no payout that exists", request.subject));
    let id: PayoutId = request.subject.parse().map_err(|_| gone())?;
    store::lock(tx, id).await?.ok_or_else(gone)
}

/// Writes down what Stripe says of a payout, if it is news, and tells of it if its status changed.
pub(super) async fn apply(
    ctx: &Context,
    tx: &DatabaseTransaction,
    row: Model,
    payout: &Payout,
) -> Result<Model, DbErr> {
    let was = row.clone();
    let mut row = row.into_active_model();
    row.stripe_payout_id = Set(Some(payout.id.clone()));
    row.status = Set(status(&payout.status));
    row.arrival_at = Set(payout.arrival_date);
    row.failure_code = Set(payout.failure_code.clone());
    row.failure_message = Set(payout.failure_message.clone());
    if Model::try_from(row.clone())? == was {
        return Ok(was);
    }
    row.updated_at = Set(ctx.clock.business());
    let row = store::update(tx, row).await?;
    if row.status != was.status {
        tell(ctx, tx, &row).await?;
    }
    Ok(row)
}

pub(super) fn status(stripe: &str) -> Status {
    match stripe {
        "in_transit" => Status::InTransit,
        "paid" => Status::Paid,
        "failed" => Status::Failed,
        "canceled" => Status::Canceled,
        _ => Status::Pending,
    }
}

/// Tells the marketplace's backend of a payout.
pub(super) async fn tell(ctx: &Context, tx: &DatabaseTransaction, payout: &Model) -> Result<(), DbErr> {
    let happened = Happened {
        event_type: match payout.status {
            Status::Requested | Status::Pending => "payout.created",
            Status::InTransit => "payout.in_transit",
            Status::Paid => "payout.paid",
            Status::Failed => "payout.failed",
            Status::Canceled => "payout.canceled",
            Status::Refused => "payout.refused",
        },
        object_id: payout.id.to_string(),
        seller_id: Some(payout.seller_id),
        buyer_id: None,
        data: json!({
            "amount": Money::new(payout.amount, payout.currency),
            "status": payout.status.to_value(),
            "failure_code": payout.failure_code,
        }),
    };
    notify::publish(tx, ctx, happened).await
}
