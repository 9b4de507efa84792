//! Creating a buyer.

use std::collections::BTreeMap;

use sea_orm::ActiveValue::Set;
use serde_json::json;
use souk_entity::{BuyerId, buyer::ActiveModel};
use uuid::Uuid;

use super::{api::BuyerView, error::BuyerError, store};
use crate::{
    api,
    context::Context,
    idempotency::{self, Asked, Performed},
    notify::{self, Happened},
};

/// A buyer to be; checked.
#[derive(Clone, Debug)]
pub(super) struct NewBuyer {
    pub(super) email: String,
    pub(super) name: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
}

/// Creates a buyer.
pub(super) async fn create(ctx: &Context, asked: &Asked, new: NewBuyer) -> Result<Performed, BuyerError> {
    let attempt = match idempotency::begin_local(ctx, asked).await? {
        Ok(attempt) => attempt,
        Err(earlier) => return Ok(earlier),
    };
    let row = ActiveModel {
        id: Set(BuyerId::from_uuid(Uuid::now_v7())),
        email: Set(new.email),
        name: Set(new.name),
        metadata: Set(json!(new.metadata)),
        stripe_customer_id: Set(None),
        created_at: Set(ctx.clock.business()),
    };
    let buyer = store::insert(&attempt.tx, row).await?;
    let happened = Happened {
        event_type: "buyer.created",
        object_id: buyer.id.to_string(),
        seller_id: None,
        buyer_id: Some(buyer.id),
        data: json!({}),
    };
    notify::publish(&attempt.tx, ctx, happened).await?;
    Ok(attempt.commit(ctx, api::reply(201, &BuyerView::from(&buyer))).await?)
}
