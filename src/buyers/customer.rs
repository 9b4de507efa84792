//! A buyer's customer at Stripe: made once, when something is first to be kept for them.

use async_trait::async_trait;
use sea_orm::{ActiveValue::Set, DatabaseTransaction, DbErr, IntoActiveModel};
use souk_entity::{BuyerId, Scope, StripeRequestId, buyer::Model, stripe_request};
use uuid::Uuid;

use super::{api::BuyerView, error::BuyerError, store};
use crate::{
    api::{self, Problem},
    context::Context,
    idempotency::Reply,
    outbox::{self, Action, Applied, ApplyError, Attempt, First, NewRequest, Trail},
    stripe::{
        Refusal, Window,
        customers::{self, Customer},
    },
};

/// What stands between a buyer and a write to Stripe that names their customer.
pub enum CustomerOf {
    /// Nothing: this is it.
    Known(String),
    /// The customer has to be made first.
    First(First),
}

/// The customer of a buyer whose row is locked by this attempt; asked for if there is none yet. However many ask at the
/// same time, one is made, and all wait for it.
pub async fn customer_of(ctx: &Context, attempt: &Attempt, buyer: &Model) -> Result<CustomerOf, DbErr> {
    if let Some(customer) = &buyer.stripe_customer_id {
        return Ok(CustomerOf::Known(customer.clone()));
    }
    let subject = buyer.id.to_string();
    if let Some(first) = First::open(&attempt.tx, &CreateCustomer, &subject).await? {
        return Ok(CustomerOf::First(first));
    }
    let id = StripeRequestId::from_uuid(Uuid::now_v7());
    let metadata = outbox::metadata_of(id, "souk_buyer", &subject);
    let new = NewRequest {
        id,
        scope: Scope::Platform,
        kind: CreateCustomer.kind(),
        frozen: customers::create(&buyer.email, buyer.name.as_deref(), &metadata),
        subject,
        idempotency_id: None,
    };
    Ok(CustomerOf::First(attempt.first(ctx, &CreateCustomer, new).await?))
}

/// `POST /v1/customers` for a buyer.
#[derive(Clone, Copy, Debug)]
pub struct CreateCustomer;

#[async_trait]
impl Action for CreateCustomer {
    fn kind(&self) -> &'static str {
        "customer.create"
    }

    fn makes(&self, object_id: &str) -> bool {
        object_id.starts_with("cus_")
    }

    fn object_path(&self, object_id: &str) -> String {
        customers::path(object_id)
    }

    fn event_types(&self) -> &'static [&'static str] {
        &["customer.created"]
    }

    fn trail(&self, _request: &stripe_request::Model, created: Window, after: Option<&str>) -> Trail {
        Trail::List(customers::list_path(created, after))
    }

    async fn succeeded(
        &self,
        _ctx: &Context,
        tx: &DatabaseTransaction,
        request: &stripe_request::Model,
        object: &[u8],
    ) -> Result<Applied, ApplyError> {
        let customer: Customer = serde_json::from_slice(object)?;
        let buyer = subject(tx, request).await?;
        let mut row = buyer.into_active_model();
        row.stripe_customer_id = Set(Some(customer.id.clone()));
        let buyer = store::update(tx, row).await?;
        Ok(Applied { object_id: customer.id, reply: api::reply(200, &BuyerView::from(&buyer)) })
    }

    async fn refused(
        &self,
        _ctx: &Context,
        _tx: &DatabaseTransaction,
        request: &stripe_request::Model,
        refusal: &Refusal,
    ) -> Result<Reply, ApplyError> {
        // The buyer stays without; what waited for it is refused, and whoever asks again has it made anew.
        Ok(Problem::from(BuyerError::RefusedByStripe(Box::new(refusal.clone()))).reply(request))
    }
}

/// The buyer that a request is for, locked.
pub(super) async fn subject(
    tx: &DatabaseTransaction,
    request: &stripe_request::Model,
) -> Result<Model, ApplyError> {
    let gone = || ApplyError::Other(format!("{} is no buyer that exists", request.subject));
    let id: BuyerId = request.subject.parse().map_err(|_| gone())?;
    store::lock(tx, id).await?.ok_or_else(gone)
}
