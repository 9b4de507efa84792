//! Stripe's events, and who handles them: the one table that the inbox and the webhook endpoints share.

use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::DatabaseTransaction;
use souk_entity::StripeRequestId;

use crate::{
    checkout,
    context::Context,
    ledger,
    outbox::{self, Actions},
    payouts, sellers,
    stripe::{charges, payment_intents, payouts as stripe_payouts},
    webhooks::{Applied, EventError, Fact, Handlers},
};

/// Who handles an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Account,
    Deauthorized,
    Balance,
    Charge,
    PaymentIntent,
    Payout,
}

/// At which endpoints a type arrives: of destination charges the platform hears, of a seller's account and
/// payouts the Connect endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Platform,
    Connect,
    Both,
}

/// Every type that is handled. What isn't here is kept as `ignored`, to be replayed when its room comes.
const TABLE: &[(&str, Heard, Room)] = &[
    ("account.updated", Heard::Connect, Room::Account),
    ("account.application.deauthorized", Heard::Connect, Room::Deauthorized),
    ("balance.available", Heard::Both, Room::Balance),
    ("capability.updated", Heard::Connect, Room::Account),
    ("charge.succeeded", Heard::Platform, Room::Charge),
    ("charge.updated", Heard::Platform, Room::Charge),
    ("payment_intent.canceled", Heard::Platform, Room::PaymentIntent),
    ("payment_intent.payment_failed", Heard::Platform, Room::PaymentIntent),
    ("payment_intent.processing", Heard::Platform, Room::PaymentIntent),
    ("payment_intent.requires_action", Heard::Platform, Room::PaymentIntent),
    ("payment_intent.succeeded", Heard::Platform, Room::PaymentIntent),
    ("payout.canceled", Heard::Connect, Room::Payout),
    ("payout.created", Heard::Connect, Room::Payout),
    ("payout.failed", Heard::Connect, Room::Payout),
    ("payout.paid", Heard::Connect, Room::Payout),
    ("payout.updated", Heard::Connect, Room::Payout),
    ("person.updated", Heard::Connect, Room::Account),
];

/// The types that an endpoint must be registered for.
#[must_use]
pub fn types_heard(connect: bool) -> Vec<&'static str> {
    let other = if connect { Heard::Platform } else { Heard::Connect };
    TABLE.iter().filter(|(_, heard, _)| *heard != other).map(|(event_type, ..)| *event_type).collect()
}

fn room(event_type: &str) -> Option<Room> {
    TABLE.iter().find(|(known, ..)| *known == event_type).map(|(.., room)| *room)
}

/// All rooms' handlers as one.
#[derive(Clone)]
pub struct Events {
    ctx: Context,
    actions: Arc<Actions>,
}

impl Events {
    /// Composes the handlers.
    #[must_use]
    pub const fn new(ctx: Context, actions: Arc<Actions>) -> Self {
        Self { ctx, actions }
    }
}

#[async_trait]
impl Handlers for Events {
    fn retrieve_path(&self, fact: &Fact) -> Option<String> {
        match room(&fact.event_type)? {
            Room::Account => Some(format!("/v1/accounts/{}", fact.object_id)),
            Room::Charge => Some(charges::path(&fact.object_id)),
            Room::PaymentIntent => Some(payment_intents::path(&fact.object_id)),
            Room::Payout => Some(stripe_payouts::path(&fact.object_id)),
            Room::Balance | Room::Deauthorized => None,
        }
    }

    /// The second completer: an event that names one of our requests proves that it took effect.
    async fn before_apply(&self, ctx: &Context, fact: &Fact) -> Result<(), EventError> {
        let Some(key) = fact.idempotency_key else { return Ok(()) };
        let request = StripeRequestId::from_uuid(key);
        outbox::complete_from_event(ctx, &self.actions, request, &fact.scope, &fact.object_id)
            .await
            .map_err(|error| EventError::Retry(error.to_string()))
    }

    async fn apply(&self, tx: &DatabaseTransaction, fact: &Fact) -> Result<Applied, EventError> {
        let ctx = &self.ctx;
        match room(&fact.event_type) {
            Some(Room::Account) => sellers::events::account_updated(ctx, tx, fact).await,
            Some(Room::Deauthorized) => sellers::events::deauthorized(ctx, tx, fact).await,
            Some(Room::Balance) => {
                ledger::enqueue_import(tx, &fact.scope).await?;
                Ok(Applied::Done)
            }
            Some(Room::Charge) => checkout::events::charge(ctx, tx, fact).await,
            Some(Room::PaymentIntent) => checkout::events::payment_intent(ctx, tx, fact).await,
            Some(Room::Payout) => payouts::events::payout(ctx, tx, fact).await,
            None => Ok(Applied::Ignored { reason: "no_room".to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_stands_in_the_table_once_and_in_order() {
        let types: Vec<_> = TABLE.iter().map(|(event_type, ..)| *event_type).collect();
        let mut sorted = types.clone();
        sorted.sort_by_key(|event_type| {
            // account.application.* reads better after account.updated.
            event_type.replace("account.application", "account.zz")
        });
        sorted.dedup();
        assert_eq!(types, sorted);
    }

    #[test]
    fn each_endpoint_hears_its_own() {
        assert!(types_heard(false).contains(&"payment_intent.succeeded"));
        assert!(!types_heard(false).contains(&"payout.paid"));
        assert!(types_heard(true).contains(&"payout.paid"));
        assert!(!types_heard(true).contains(&"payment_intent.succeeded"));
        assert!(
            types_heard(true).contains(&"balance.available")
                && types_heard(false).contains(&"balance.available")
        );
    }
}
