//! Saving a payment method without paying: the setup intent that the buyer's app confirms.

use async_trait::async_trait;
use sea_orm::{ActiveValue::Set, DatabaseTransaction, IntoActiveModel};
use souk_entity::{
    BuyerId, Scope, SetupIntentId,
    setup_intent::{ActiveModel, Model},
    stripe_request,
};
use uuid::Uuid;

use super::{
    customer::{CustomerOf, customer_of},
    error::BuyerError,
    store,
    view::SetupIntentView,
};
use crate::{
    api::{self, Problem},
    context::Context,
    idempotency::{Asked, Performed, Reply},
    outbox::{self, Action, Applied, ApplyError, Trail},
    stripe::{
        Expandable, MADE_FIRST, Refusal, Window,
        setup_intents::{self, SetupIntent, Usage},
    },
    webhooks,
};

/// Creates a setup intent, and before it the buyer's customer if there is none.
pub(super) async fn create(
    ctx: &Context,
    asked: &Asked,
    buyer: BuyerId,
    usage: Usage,
) -> Result<Performed, BuyerError> {
    // 1. The caller's key.
    let attempt = match outbox::begin(ctx, asked, &CreateSetupIntent).await? {
        Ok(attempt) => attempt,
        Err(earlier) => return Ok(earlier),
    };
    // 2. The buyer, under their lock.
    let buyer = store::lock(&attempt.tx, buyer).await?.ok_or(BuyerError::NotFound)?;
    // 3. The setup intent, and what it asks of Stripe.
    let id = SetupIntentId::from_uuid(Uuid::now_v7());
    store::insert_setup_intent(&attempt.tx, requested(ctx, id, buyer.id)).await?;
    let metadata = attempt.metadata("souk_setup_intent", &id);
    let (action, scope, subject) = (&CreateSetupIntent, Scope::Platform, id.to_string());
    // 4. Commit, send, apply.
    Ok(match customer_of(ctx, &attempt, &buyer).await? {
        CustomerOf::Known(customer) => {
            let frozen = setup_intents::create(&customer, usage, &metadata);
            attempt.send(ctx, action, scope, subject, frozen).await?
        }
        CustomerOf::First(first) => {
            let frozen = setup_intents::create(MADE_FIRST, usage, &metadata);
            attempt.send_after(ctx, first, action, scope, subject, frozen).await?
        }
    })
}

fn requested(ctx: &Context, id: SetupIntentId, buyer: BuyerId) -> ActiveModel {
    let now = ctx.clock.business();
    ActiveModel {
        id: Set(id),
        buyer_id: Set(buyer),
        stripe_setup_intent_id: Set(None),
        status: Set(None),
        stripe_payment_method_id: Set(None),
        client_secret_sealed: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    }
}

/// `POST /v1/setup_intents` for a buyer.
#[derive(Clone, Copy, Debug)]
pub struct CreateSetupIntent;

#[async_trait]
impl Action for CreateSetupIntent {
    fn kind(&self) -> &'static str {
        "setup_intent.create"
    }

    fn makes(&self, object_id: &str) -> bool {
        object_id.starts_with("seti_")
    }

    fn object_path(&self, object_id: &str) -> String {
        setup_intents::path(object_id)
    }

    fn event_types(&self) -> &'static [&'static str] {
        &["setup_intent.created"]
    }

    fn trail(&self, _request: &stripe_request::Model, created: Window, after: Option<&str>) -> Trail {
        Trail::List(setup_intents::list_path(created, after))
    }

    async fn succeeded(
        &self,
        ctx: &Context,
        tx: &DatabaseTransaction,
        request: &stripe_request::Model,
        object: &[u8],
    ) -> Result<Applied, ApplyError> {
        let intent: SetupIntent = serde_json::from_slice(object)?;
        let row = subject(tx, request).await?;
        let secret = intent.client_secret.as_deref().unwrap_or_default();
        let sealed = ctx.seal.seal(&row.id.to_string(), secret.as_bytes())?;
        let mut row = row.into_active_model();
        row.stripe_setup_intent_id = Set(Some(intent.id.clone()));
        row.client_secret_sealed = Set(Some(sealed));
        stands(ctx, &mut row, &intent);
        let row = store::update_setup_intent(tx, row).await?;
        webhooks::catch_up(tx, ctx, request, &intent.id).await?;
        Ok(Applied { object_id: intent.id, reply: api::reply(201, &SetupIntentView::of(ctx, &row)?) })
    }

    async fn refused(
        &self,
        _ctx: &Context,
        tx: &DatabaseTransaction,
        request: &stripe_request::Model,
        refusal: &Refusal,
    ) -> Result<Reply, ApplyError> {
        // Nothing was begun.
        store::delete_setup_intent(tx, subject(tx, request).await?.id).await?;
        Ok(Problem::from(BuyerError::RefusedByStripe(Box::new(refusal.clone()))).reply(request))
    }
}

/// Writes down where the intent stands.
pub(super) fn stands(ctx: &Context, row: &mut ActiveModel, intent: &SetupIntent) {
    row.status = Set(Some(intent.status.clone()));
    row.stripe_payment_method_id = Set(intent.payment_method.as_ref().map(Expandable::id).map(str::to_owned));
    row.updated_at = Set(ctx.clock.business());
}

async fn subject(tx: &DatabaseTransaction, request: &stripe_request::Model) -> Result<Model, ApplyError> {
    let gone = || ApplyError::Other(format!("{} is no setup intent that exists", request.subject));
    let id: SetupIntentId = request.subject.parse().map_err(|_| gone())?;
    store::lock_setup_intent(tx, id).await?.ok_or_else(gone)
}
