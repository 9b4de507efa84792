//! Which saved payment method a buyer pays with unless they say otherwise.

use async_trait::async_trait;
use sea_orm::DatabaseTransaction;
use souk_entity::{BuyerId, Scope, payment_method::State, stripe_request};

use super::{customer::subject, error::BuyerError, store, view::PaymentMethodView};
use crate::{
    api::{self, Problem},
    context::Context,
    idempotency::{Asked, Performed, Reply},
    outbox::{self, Action, Applied, ApplyError, Trail},
    stripe::{
        Refusal, Window,
        customers::{self, Customer},
    },
};

/// Makes one of a buyer's payment methods their default.
pub(super) async fn set(
    ctx: &Context,
    asked: &Asked,
    buyer: BuyerId,
    payment_method: &str,
) -> Result<Performed, BuyerError> {
    // 1. The caller's key.
    let attempt = match outbox::begin(ctx, asked, &SetDefault).await? {
        Ok(attempt) => attempt,
        Err(earlier) => return Ok(earlier),
    };
    // 2. The buyer, under their lock, and one of theirs.
    let buyer = store::lock(&attempt.tx, buyer).await?.ok_or(BuyerError::NotFound)?;
    let method = store::payment_method(&attempt.tx, &Scope::Platform, payment_method).await?;
    let method = method
        .filter(|method| method.buyer_id == buyer.id && method.state == State::Attached)
        .ok_or(BuyerError::NoSuchPaymentMethod)?;
    if method.is_default {
        return Ok(attempt.answer(ctx, api::reply(200, &PaymentMethodView::from(&method))).await?);
    }
    let customer = buyer.stripe_customer_id.as_deref().ok_or(BuyerError::NoSuchPaymentMethod)?;
    // 3. One change at a time: of two that Stripe takes in an order that nobody here knows, either may stand.
    let subject = buyer.id.to_string();
    if outbox::open(&attempt.tx, &SetDefault, &subject).await?.is_some() {
        return Err(BuyerError::PaymentMethodBusy);
    }
    // 4. Commit, send, apply.
    let frozen = customers::set_default(customer, &method.stripe_payment_method_id);
    Ok(attempt.send(ctx, &SetDefault, Scope::Platform, subject, frozen).await?)
}

/// `POST /v1/customers/{id}` that changes the default payment method.
#[derive(Clone, Copy, Debug)]
pub struct SetDefault;

#[async_trait]
impl Action for SetDefault {
    fn kind(&self) -> &'static str {
        "customer.update"
    }

    fn makes(&self, object_id: &str) -> bool {
        object_id.starts_with("cus_")
    }

    fn made(&self, request: &stripe_request::Model, object: &[u8]) -> bool {
        let wanted = customers::default_in(&request.body);
        serde_json::from_slice::<Customer>(object).is_ok_and(|customer| {
            Some(customer.id.as_str()) == changed_by(request)
                && wanted.is_some()
                && customer.default_payment_method() == wanted.as_deref()
        })
    }

    fn object_path(&self, object_id: &str) -> String {
        customers::path(object_id)
    }

    fn event_types(&self) -> &'static [&'static str] {
        &["customer.updated"]
    }

    fn trail(&self, request: &stripe_request::Model, _created: Window, _after: Option<&str>) -> Trail {
        Trail::Object(changed_by(request).unwrap_or_default().to_owned())
    }

    async fn succeeded(
        &self,
        ctx: &Context,
        tx: &DatabaseTransaction,
        request: &stripe_request::Model,
        object: &[u8],
    ) -> Result<Applied, ApplyError> {
        let customer: Customer = serde_json::from_slice(object)?;
        let buyer = subject(tx, request).await?;
        let default = customer.default_payment_method().unwrap_or_default();
        let made = store::make_default(tx, buyer.id, default, ctx.clock.business()).await?;
        let reply = match made {
            Some(method) => api::reply(200, &PaymentMethodView::from(&method)),
            // It was detached meanwhile.
            None => Problem::from(BuyerError::NoSuchPaymentMethod).reply(request),
        };
        Ok(Applied { object_id: customer.id, reply })
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

/// The customer that a request changes, as its path names it.
fn changed_by(request: &stripe_request::Model) -> Option<&str> {
    request.path.strip_prefix("/v1/customers/")
}
