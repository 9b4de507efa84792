//! From an id to what it is about.

use souk_entity::{Scope, StripeRequestId, order, order_share, payout, seller, stripe_request};
use uuid::Uuid;

use super::{ExplainError, describe::Told, store};
use crate::context::Context;

/// What a timeline is about.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// An order with its shares.
    Order(Box<order::Model>, Vec<order_share::Model>),
    Payout(payout::Model),
    Seller(Box<seller::Model>),
    /// A write to Stripe whose own row is gone.
    Request(Box<stripe_request::Model>),
    /// An object of Stripe's of which only events are known.
    Stranger {
        scope: Scope,
        object_id: String,
    },
}

impl Subject {
    /// What has this id; none if nothing here has.
    pub(super) async fn find(ctx: &Context, id: &str) -> Result<Option<Self>, ExplainError> {
        if let Some(own) = Self::of_own_id(ctx, id).await? {
            return Ok(Some(own));
        }
        // A write of ours, by our id for it, by Stripe's for the call, or by ours for the caller's request.
        let uuid = || Uuid::try_parse(id).ok().map(StripeRequestId::from_uuid);
        let request = match id.parse().ok().or_else(uuid) {
            Some(request) => store::request(ctx, request).await?,
            None => match store::request_that_made(ctx, id).await? {
                None => store::request_of_call(ctx, id).await?,
                made => made,
            },
        };
        if let Some(request) = request {
            let own = Self::of_own_id(ctx, &request.subject).await?;
            return Ok(Some(own.unwrap_or(Self::Request(Box::new(request)))));
        }
        Self::of_event(ctx, id).await
    }

    /// What our own rows know by this id.
    async fn of_own_id(ctx: &Context, id: &str) -> Result<Option<Self>, ExplainError> {
        if let Some(order) = store::order(ctx, id).await? {
            let shares = store::shares(ctx, order.id).await?;
            return Ok(Some(Self::Order(Box::new(order), shares)));
        }
        if let Some(payout) = store::payout(ctx, id).await? {
            return Ok(Some(Self::Payout(payout)));
        }
        Ok(store::seller(ctx, id).await?.map(|seller| Self::Seller(Box::new(seller))))
    }

    /// What an event is about, or an object that only events name: the charge of a declined card, say.
    async fn of_event(ctx: &Context, id: &str) -> Result<Option<Self>, ExplainError> {
        let Some(event) = store::event_about(ctx, id).await? else { return Ok(None) };
        let told = Told::by(ctx, &event)?;
        for object in [Some(&event.object_id), told.payment_intent.as_ref()].into_iter().flatten() {
            if let Some(own) = Self::of_own_id(ctx, object).await? {
                return Ok(Some(own));
            }
        }
        Ok(Some(Self::Stranger { scope: event.scope, object_id: event.object_id }))
    }

    /// Our id of it, under which requests, events and jobs name it.
    pub(super) fn id(&self) -> String {
        match self {
            Self::Order(order, _) => order.id.to_string(),
            Self::Payout(payout) => payout.id.to_string(),
            Self::Seller(seller) => seller.id.to_string(),
            Self::Request(request) => request.subject.clone(),
            Self::Stranger { object_id, .. } => object_id.clone(),
        }
    }

    /// Stripe's objects that our rows name.
    pub(super) fn objects(&self) -> Vec<String> {
        match self {
            Self::Order(order, shares) => {
                let own = [&order.stripe_payment_intent_id, &order.stripe_charge_id];
                let transfers = shares.iter().map(|share| &share.stripe_transfer_id);
                own.into_iter().chain(transfers).flatten().cloned().collect()
            }
            Self::Payout(payout) => payout.stripe_payout_id.iter().cloned().collect(),
            Self::Seller(seller) => seller.stripe_account_id.iter().map(ToString::to_string).collect(),
            Self::Request(request) => request.stripe_object_id.iter().cloned().collect(),
            Self::Stranger { object_id, .. } => vec![object_id.clone()],
        }
    }

    /// Where those objects live.
    pub(super) fn scope(&self) -> Scope {
        match self {
            Self::Order(order, _) => order.payment_scope.clone(),
            Self::Payout(payout) => payout.scope.clone(),
            Self::Seller(seller) => {
                seller.stripe_account_id.clone().map_or(Scope::Platform, Scope::Connected)
            }
            Self::Request(request) => request.scope.clone(),
            Self::Stranger { scope, .. } => scope.clone(),
        }
    }
}
