//! Taking a saved payment method from its buyer, for good.

use async_trait::async_trait;
use sea_orm::DatabaseTransaction;
use souk_entity::{BuyerId, Scope, payment_method::State, stripe_request};

use super::{error::BuyerError, saved, store, view::PaymentMethodView};
use crate::{
    api::{self, Problem},
    context::Context,
    idempotency::{Asked, Performed, Reply},
    outbox::{self, Action, Applied, ApplyError, Trail},
    stripe::{
        Refusal, Window,
        payment_methods::{self, PaymentMethod},
    },
    webhooks,
};

/// Detaches one of a buyer's payment methods; once is enough.
pub(super) async fn detach(
    ctx: &Context,
    asked: &Asked,
    buyer: BuyerId,
    payment_method: &str,
) -> Result<Performed, BuyerError> {
    // 1. The caller's key.
    let attempt = match outbox::begin(ctx, asked, &DetachPaymentMethod).await? {
        Ok(attempt) => attempt,
        Err(earlier) => return Ok(earlier),
    };
    // 2. One of theirs, under its lock, that nobody is detaching.
    let scope = Scope::Platform;
    let method = store::lock_payment_method(&attempt.tx, &scope, payment_method).await?;
    let method = method.filter(|method| method.buyer_id == buyer).ok_or(BuyerError::NoSuchPaymentMethod)?;
    if method.state == State::Detached {
        return Ok(attempt.answer(ctx, api::reply(200, &PaymentMethodView::from(&method))).await?);
    }
    let subject = method.id.to_string();
    if outbox::open(&attempt.tx, &DetachPaymentMethod, &subject).await?.is_some() {
        return Err(BuyerError::PaymentMethodBusy);
    }
    // 3. Commit, send, apply.
    let frozen = payment_methods::detach(&method.stripe_payment_method_id);
    Ok(attempt.send(ctx, &DetachPaymentMethod, scope, subject, frozen).await?)
}

/// `POST /v1/payment_methods/{id}/detach`
#[derive(Clone, Copy, Debug)]
pub struct DetachPaymentMethod;

#[async_trait]
impl Action for DetachPaymentMethod {
    fn kind(&self) -> &'static str {
        "payment_method.detach"
    }

    fn makes(&self, object_id: &str) -> bool {
        object_id.starts_with("pm_")
    }

    fn made(&self, request: &stripe_request::Model, object: &[u8]) -> bool {
        serde_json::from_slice::<PaymentMethod>(object)
            .is_ok_and(|method| Some(method.id.as_str()) == detached_by(request) && method.customer.is_none())
    }

    fn object_path(&self, object_id: &str) -> String {
        payment_methods::path(object_id)
    }

    fn event_types(&self) -> &'static [&'static str] {
        &["payment_method.detached"]
    }

    fn trail(&self, request: &stripe_request::Model, _created: Window, _after: Option<&str>) -> Trail {
        Trail::Object(detached_by(request).unwrap_or_default().to_owned())
    }

    async fn succeeded(
        &self,
        ctx: &Context,
        tx: &DatabaseTransaction,
        request: &stripe_request::Model,
        object: &[u8],
    ) -> Result<Applied, ApplyError> {
        let method: PaymentMethod = serde_json::from_slice(object)?;
        let row = saved::apply(ctx, tx, &request.scope, &method).await?;
        let row = row.ok_or_else(|| ApplyError::Other(format!("{} is nobody's here", method.id)))?;
        webhooks::catch_up(tx, ctx, request, &method.id).await?;
        Ok(Applied { object_id: method.id, reply: api::reply(200, &PaymentMethodView::from(&row)) })
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

/// The payment method that a request detaches, as its path names it.
fn detached_by(request: &stripe_request::Model) -> Option<&str> {
    request.path.strip_prefix("/v1/payment_methods/")?.strip_suffix("/detach")
}
