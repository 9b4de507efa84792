//! A saved payment method on a seller's account: direct charges can't use the platform's.

use async_trait::async_trait;
use sea_orm::{DatabaseTransaction, DbErr};
use souk_entity::{Scope, StripeAccountId, StripeRequestId, payment_method, stripe_request};
use uuid::Uuid;

use super::error::BuyerError;
use crate::{
    api::Problem,
    context::Context,
    idempotency::Reply,
    outbox::{Action, Applied, ApplyError, Attempt, First, NewRequest, Trail},
    stripe::{
        Refusal, Window,
        payment_methods::{self, PaymentMethod},
    },
};

/// Has a buyer's payment method copied to a seller's account before the attempt's own request pays with the copy. It pays
/// once: each payment has a copy of its own.
pub async fn copy_first(
    ctx: &Context,
    attempt: &Attempt,
    customer: &str,
    method: &payment_method::Model,
    account: &StripeAccountId,
) -> Result<First, DbErr> {
    let new = NewRequest {
        id: StripeRequestId::from_uuid(Uuid::now_v7()),
        scope: Scope::Connected(account.clone()),
        kind: CopyPaymentMethod.kind(),
        subject: method.id.to_string(),
        frozen: payment_methods::copy(customer, &method.stripe_payment_method_id),
        idempotency_id: None,
    };
    attempt.first(ctx, &CopyPaymentMethod, new).await
}

/// `POST /v1/payment_methods` on a seller's account, of a payment method of the platform's.
#[derive(Clone, Copy, Debug)]
pub struct CopyPaymentMethod;

#[async_trait]
impl Action for CopyPaymentMethod {
    fn kind(&self) -> &'static str {
        "payment_method.copy"
    }

    fn makes(&self, object_id: &str) -> bool {
        object_id.starts_with("pm_")
    }

    fn object_path(&self, object_id: &str) -> String {
        payment_methods::path(object_id)
    }

    fn event_types(&self) -> &'static [&'static str] {
        &[]
    }

    fn trail(&self, _request: &stripe_request::Model, _created: Window, _after: Option<&str>) -> Trail {
        // No list has what belongs to no customer, and a copy that nobody pays with is nothing.
        Trail::Nowhere
    }

    async fn succeeded(
        &self,
        _ctx: &Context,
        _tx: &DatabaseTransaction,
        _request: &stripe_request::Model,
        object: &[u8],
    ) -> Result<Applied, ApplyError> {
        let copy: PaymentMethod = serde_json::from_slice(object)?;
        // Nobody waits for it but the payment.
        Ok(Applied { object_id: copy.id, reply: Reply { status: 200, body: b"{}".to_vec() } })
    }

    async fn refused(
        &self,
        _ctx: &Context,
        _tx: &DatabaseTransaction,
        request: &stripe_request::Model,
        refusal: &Refusal,
    ) -> Result<Reply, ApplyError> {
        Ok(Problem::from(BuyerError::RefusedByStripe(Box::new(refusal.clone()))).reply(request))
    }
}
