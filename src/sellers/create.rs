//! A seller is created together with their Stripe account.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sea_orm::{ActiveValue::Set, DatabaseTransaction};
use serde_json::json;
use souk_entity::{
    Scope, SellerId,
    seller::{AccountType, ActiveModel, Status},
    stripe_request,
};
use uuid::Uuid;

use super::{error::SellerError, store, view::SellerView};
use crate::{
    api::{self, Problem},
    context::Context,
    idempotency::{Asked, Performed, Reply},
    outbox::{self, Action, Applied, ApplyError, Trail},
    stripe::{Refusal, Window, accounts},
    webhooks,
};

/// What is known of a seller at first; checked.
#[derive(Clone, Debug)]
pub(super) struct NewSeller {
    pub(super) email: String,
    /// ISO 3166-1 alpha-2, upper case.
    pub(super) country: String,
    pub(super) display_name: Option<String>,
    pub(super) business_type: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
}

/// Creates a seller and their Express account.
pub(super) async fn create(ctx: &Context, asked: &Asked, new: NewSeller) -> Result<Performed, SellerError> {
    // 1. The caller's key.
    let attempt = match outbox::begin(ctx, asked, &CreateAccount).await? {
        Ok(attempt) => attempt,
        Err(earlier) => return Ok(earlier),
    };
    // 2. The seller, without an account yet.
    let id = SellerId::from_uuid(Uuid::now_v7());
    store::insert(&attempt.tx, unborn(ctx, id, &new)).await?;
    // 3. The account, as wire bytes.
    let frozen = accounts::create(&accounts::Create {
        email: &new.email,
        country: &new.country,
        business_type: new.business_type.as_deref(),
        display_name: new.display_name.as_deref(),
        metadata: &attempt.metadata("souk_seller", &id),
    });
    // 4. Commit, send, apply.
    Ok(attempt.send(ctx, &CreateAccount, Scope::Platform, id.to_string(), frozen).await?)
}

fn unborn(ctx: &Context, id: SellerId, new: &NewSeller) -> ActiveModel {
    let now = ctx.clock.business();
    ActiveModel {
        id: Set(id),
        email: Set(new.email.clone()),
        country: Set(new.country.clone()),
        account_type: Set(AccountType::Express),
        display_name: Set(new.display_name.clone()),
        business_type: Set(new.business_type.clone()),
        status: Set(Status::Onboarding),
        stripe_account_id: Set(None),
        charges_enabled: Set(false),
        payouts_enabled: Set(false),
        details_submitted: Set(false),
        capabilities: Set(json!({})),
        requirements: Set(json!({})),
        metadata: Set(json!(new.metadata)),
        created_at: Set(now),
        updated_at: Set(now),
    }
}

/// `POST /v1/accounts` for a seller.
#[derive(Clone, Copy, Debug)]
pub struct CreateAccount;

#[async_trait]
impl Action for CreateAccount {
    fn kind(&self) -> &'static str {
        "account.create"
    }

    fn makes(&self, object_id: &str) -> bool {
        object_id.starts_with("acct_")
    }

    fn object_path(&self, object_id: &str) -> String {
        format!("/v1/accounts/{object_id}")
    }

    fn event_types(&self) -> &'static [&'static str] {
        // Of a new account Stripe tells nothing that carries the key.
        &[]
    }

    fn trail(&self, _request: &stripe_request::Model, created: Window, after: Option<&str>) -> Trail {
        Trail::List(accounts::list_path(created, after))
    }

    async fn succeeded(
        &self,
        ctx: &Context,
        tx: &DatabaseTransaction,
        request: &stripe_request::Model,
        object: &[u8],
    ) -> Result<Applied, ApplyError> {
        let account: accounts::Account = serde_json::from_slice(object)?;
        let seller = store::lock(tx, subject(request)?).await?.ok_or_else(|| gone(request))?;
        let seller = store::apply_account(tx, ctx, seller, &account).await?;
        webhooks::catch_up(tx, ctx, request, account.id.as_str()).await?;
        let reply = api::reply(201, &SellerView::from(&seller));
        Ok(Applied { object_id: account.id.to_string(), reply })
    }

    async fn refused(
        &self,
        _ctx: &Context,
        tx: &DatabaseTransaction,
        request: &stripe_request::Model,
        refusal: &Refusal,
    ) -> Result<Reply, ApplyError> {
        // Without an account there is no seller: the caller mends what Stripe didn't like and asks again.
        store::delete(tx, subject(request)?).await?;
        Ok(Problem::from(SellerError::RefusedByStripe(Box::new(refusal.clone()))).reply(request))
    }
}

fn subject(request: &stripe_request::Model) -> Result<SellerId, ApplyError> {
    request.subject.parse().map_err(|_| gone(request))
}

fn gone(request: &stripe_request::Model) -> ApplyError {
    ApplyError::Other(format!("{} is no seller that exists", request.subject))
}
