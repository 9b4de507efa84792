//! Stripe's events, and who handles them: the one table that the inbox and the webhook endpoints share.

use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{DatabaseTransaction, DbErr};
use souk_entity::{Scope, StripeAccountId, StripeRequestId};

use crate::{
    buyers, checkout,
    context::Context,
    ledger,
    outbox::{self, Actions, CompleteError},
    payouts, sellers,
    stripe::{Failure, charges, payment_intents, payment_methods, payouts as stripe_payouts, setup_intents},
    webhooks::{Applied, EventError, Fact, Handlers, missed::Scopes},
};

/// Who handles an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Account,
    Deauthorized,
    Balance,
    Charge,
    PaymentIntent,
    PaymentMethod,
    Payout,
    SetupIntent,
    /// Nobody yet: the type is heard and kept as `ignored`, to be replayed when its room comes.
    NotBuilt,
}

/// At which endpoints a type arrives: of destination and separate charges the platform hears, of direct charges, a
/// seller's account and payouts the Connect endpoint. Fees and transfers are the platform's, whoever's the charge is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Platform,
    Connect,
    Both,
}

/// Every type that the endpoints are registered for and that missed events are looked for. A type that is delivered
/// and isn't here is kept as `ignored` like those of [`Room::NotBuilt`].
#[rustfmt::skip]
const TABLE: &[(&str, Heard, Room)] = &[
    ("account.application.authorized", Heard::Connect, Room::NotBuilt),
    ("account.application.deauthorized", Heard::Connect, Room::Deauthorized),
    ("account.external_account.created", Heard::Connect, Room::Account),
    ("account.external_account.deleted", Heard::Connect, Room::Account),
    ("account.external_account.updated", Heard::Connect, Room::Account),
    ("account.updated", Heard::Connect, Room::Account),
    ("application_fee.created", Heard::Platform, Room::NotBuilt),
    ("application_fee.refunded", Heard::Platform, Room::NotBuilt),
    ("balance.available", Heard::Both, Room::Balance),
    ("capability.updated", Heard::Connect, Room::Account),
    ("charge.captured", Heard::Both, Room::NotBuilt),
    ("charge.dispute.closed", Heard::Both, Room::NotBuilt),
    ("charge.dispute.created", Heard::Both, Room::NotBuilt),
    ("charge.dispute.funds_reinstated", Heard::Both, Room::NotBuilt),
    ("charge.dispute.funds_withdrawn", Heard::Both, Room::NotBuilt),
    ("charge.dispute.updated", Heard::Both, Room::NotBuilt),
    ("charge.failed", Heard::Both, Room::NotBuilt),
    ("charge.refunded", Heard::Both, Room::NotBuilt),
    ("charge.succeeded", Heard::Both, Room::Charge),
    ("charge.updated", Heard::Both, Room::Charge),
    ("checkout.session.async_payment_failed", Heard::Both, Room::NotBuilt),
    ("checkout.session.async_payment_succeeded", Heard::Both, Room::NotBuilt),
    ("checkout.session.completed", Heard::Both, Room::NotBuilt),
    ("checkout.session.expired", Heard::Both, Room::NotBuilt),
    ("customer.subscription.created", Heard::Platform, Room::NotBuilt),
    ("customer.subscription.deleted", Heard::Platform, Room::NotBuilt),
    ("customer.subscription.paused", Heard::Platform, Room::NotBuilt),
    ("customer.subscription.pending_update_applied", Heard::Platform, Room::NotBuilt),
    ("customer.subscription.pending_update_expired", Heard::Platform, Room::NotBuilt),
    ("customer.subscription.resumed", Heard::Platform, Room::NotBuilt),
    ("customer.subscription.trial_will_end", Heard::Platform, Room::NotBuilt),
    ("customer.subscription.updated", Heard::Platform, Room::NotBuilt),
    ("invoice.created", Heard::Platform, Room::NotBuilt),
    ("invoice.deleted", Heard::Platform, Room::NotBuilt),
    ("invoice.finalization_failed", Heard::Platform, Room::NotBuilt),
    ("invoice.finalized", Heard::Platform, Room::NotBuilt),
    ("invoice.marked_uncollectible", Heard::Platform, Room::NotBuilt),
    ("invoice.overdue", Heard::Platform, Room::NotBuilt),
    ("invoice.overpaid", Heard::Platform, Room::NotBuilt),
    ("invoice.paid", Heard::Platform, Room::NotBuilt),
    ("invoice.payment_action_required", Heard::Platform, Room::NotBuilt),
    ("invoice.payment_attempt_required", Heard::Platform, Room::NotBuilt),
    ("invoice.payment_failed", Heard::Platform, Room::NotBuilt),
    ("invoice.payment_succeeded", Heard::Platform, Room::NotBuilt),
    ("invoice.sent", Heard::Platform, Room::NotBuilt),
    ("invoice.upcoming", Heard::Platform, Room::NotBuilt),
    ("invoice.updated", Heard::Platform, Room::NotBuilt),
    ("invoice.voided", Heard::Platform, Room::NotBuilt),
    ("invoice.will_be_due", Heard::Platform, Room::NotBuilt),
    ("payment_intent.amount_capturable_updated", Heard::Both, Room::NotBuilt),
    ("payment_intent.canceled", Heard::Both, Room::PaymentIntent),
    ("payment_intent.payment_failed", Heard::Both, Room::PaymentIntent),
    ("payment_intent.processing", Heard::Both, Room::PaymentIntent),
    ("payment_intent.requires_action", Heard::Both, Room::PaymentIntent),
    ("payment_intent.succeeded", Heard::Both, Room::PaymentIntent),
    ("payment_method.attached", Heard::Platform, Room::PaymentMethod),
    ("payment_method.automatically_updated", Heard::Platform, Room::PaymentMethod),
    ("payment_method.detached", Heard::Platform, Room::PaymentMethod),
    ("payment_method.updated", Heard::Platform, Room::PaymentMethod),
    ("payout.canceled", Heard::Both, Room::Payout),
    ("payout.created", Heard::Both, Room::Payout),
    ("payout.failed", Heard::Both, Room::Payout),
    ("payout.paid", Heard::Both, Room::Payout),
    ("payout.updated", Heard::Both, Room::Payout),
    ("person.updated", Heard::Connect, Room::Account),
    ("radar.early_fraud_warning.created", Heard::Both, Room::NotBuilt),
    ("radar.early_fraud_warning.updated", Heard::Both, Room::NotBuilt),
    ("refund.created", Heard::Both, Room::NotBuilt),
    ("refund.failed", Heard::Both, Room::NotBuilt),
    ("refund.updated", Heard::Both, Room::NotBuilt),
    ("review.closed", Heard::Both, Room::NotBuilt),
    ("review.opened", Heard::Both, Room::NotBuilt),
    ("setup_intent.succeeded", Heard::Platform, Room::SetupIntent),
    ("topup.canceled", Heard::Platform, Room::NotBuilt),
    ("topup.created", Heard::Platform, Room::NotBuilt),
    ("topup.failed", Heard::Platform, Room::NotBuilt),
    ("topup.reversed", Heard::Platform, Room::NotBuilt),
    ("topup.succeeded", Heard::Platform, Room::NotBuilt),
    ("transfer.created", Heard::Platform, Room::NotBuilt),
    ("transfer.reversed", Heard::Platform, Room::NotBuilt),
    ("transfer.updated", Heard::Platform, Room::NotBuilt),
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
            Room::PaymentMethod => Some(payment_methods::path(&fact.object_id)),
            Room::Payout => Some(stripe_payouts::path(&fact.object_id)),
            Room::SetupIntent => Some(setup_intents::path(&fact.object_id)),
            Room::Balance | Room::Deauthorized | Room::NotBuilt => None,
        }
    }

    /// The second completer: an event that names one of our requests proves that it took effect.
    async fn before_apply(&self, ctx: &Context, fact: &Fact) -> Result<(), EventError> {
        let Some(key) = fact.idempotency_key else { return Ok(()) };
        let request = StripeRequestId::from_uuid(key);
        outbox::complete_from_event(ctx, &self.actions, request, &fact.scope, &fact.object_id).await.map_err(
            |error| match error {
                // Stripe is away, or does not make sense: no fault of the event's, however long it lasts.
                CompleteError::Stripe(failure) if !matches!(failure, Failure::Refused(_)) => {
                    EventError::Postpone(failure.to_string())
                }
                error => EventError::Retry(error.to_string()),
            },
        )
    }

    fn locks(&self, fact: &Fact) -> String {
        // A charge and its intent are the same order.
        let intent =
            || fact.parse::<charges::Charge>().ok()?.payment_intent.map(|intent| intent.id().to_owned());
        let order = (room(&fact.event_type) == Some(Room::Charge)).then(intent).flatten();
        order.unwrap_or_else(|| fact.object_id.clone())
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
            Some(Room::PaymentMethod) => buyers::events::payment_method(ctx, tx, fact).await,
            Some(Room::SetupIntent) => buyers::events::setup_intent(ctx, tx, fact).await,
            Some(Room::Payout) => payouts::events::payout(ctx, tx, fact).await,
            Some(Room::NotBuilt) | None => Ok(Applied::Ignored { reason: "no_room".to_owned() }),
        }
    }
}

#[async_trait]
impl Scopes for Events {
    fn types(&self, scope: &Scope) -> Vec<&'static str> {
        types_heard(scope.account().is_some())
    }

    async fn left(&self, tx: &DatabaseTransaction, account: &StripeAccountId) -> Result<(), DbErr> {
        sellers::events::left(&self.ctx, tx, account).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::stripe::webhook_endpoints;

    /// The types that the design names; `*` stands for all that Stripe has of the kind at our version.
    const DESIGNED: &str = "account.updated account.application.{authorized,deauthorized} account.external_account.* \
        capability.updated person.updated payment_intent.{succeeded,payment_failed,canceled,processing,\
        requires_action,amount_capturable_updated} charge.{succeeded,failed,refunded,captured,updated} \
        charge.dispute.{created,updated,closed,funds_withdrawn,funds_reinstated} refund.{created,updated,failed} \
        transfer.{created,updated,reversed} application_fee.{created,refunded} \
        payout.{created,updated,paid,failed,canceled} radar.early_fraud_warning.{created,updated} \
        review.{opened,closed} checkout.session.{completed,expired,async_payment_*} setup_intent.succeeded \
        payment_method.* balance.available topup.* customer.subscription.* invoice.*";

    /// The words of the design, without braces.
    fn designed() -> Vec<String> {
        let words = DESIGNED.split_whitespace();
        let spelt = |word: &str| match word.split_once('{') {
            Some((kind, ends)) => {
                ends.trim_end_matches('}').split(',').map(|end| format!("{kind}{end}")).collect()
            }
            None => vec![word.to_owned()],
        };
        words.flat_map(spelt).collect()
    }

    #[test]
    fn every_type_of_the_design_is_heard_and_no_other() {
        let is_named = |event_type: &str, word: &str| match word.strip_suffix('*') {
            Some(kind) => event_type.starts_with(kind),
            None => event_type == word,
        };
        let unheard: Vec<_> = designed()
            .into_iter()
            .filter(|word| !TABLE.iter().any(|(event_type, ..)| is_named(event_type, word)))
            .collect();
        assert_eq!(unheard, Vec::<String>::new());
        let unnamed: Vec<_> = TABLE
            .iter()
            .map(|(event_type, ..)| *event_type)
            .filter(|event_type| !designed().iter().any(|word| is_named(event_type, word)))
            .collect();
        assert_eq!(unnamed, Vec::<&str>::new());
    }

    #[test]
    fn stripe_knows_every_type_and_none_of_a_kind_that_is_heard_whole_is_left_out() {
        for (event_type, ..) in TABLE {
            assert!(webhook_endpoints::knows(event_type), "{event_type}");
        }
        for (kind, count) in [
            ("account.external_account.", 3),
            ("checkout.session.async_payment_", 2),
            ("customer.subscription.", 8),
            ("invoice.", 17),
            ("payment_method.", 4),
            ("topup.", 5),
        ] {
            let of_kind = TABLE.iter().filter(|(event_type, ..)| event_type.starts_with(kind)).count();
            assert_eq!(of_kind, count, "{kind}");
        }
    }

    #[test]
    fn each_type_stands_in_the_table_once_and_in_order() {
        let types: Vec<_> = TABLE.iter().map(|(event_type, ..)| *event_type).collect();
        let sorted: BTreeSet<_> = types.iter().copied().collect();
        assert_eq!(types, Vec::from_iter(sorted));
    }

    #[test]
    fn each_endpoint_hears_its_own() {
        assert!(types_heard(false).contains(&"transfer.created"));
        assert!(!types_heard(false).contains(&"capability.updated"));
        assert!(types_heard(true).contains(&"payout.paid"));
        assert!(!types_heard(true).contains(&"transfer.created"));
        for both in ["balance.available", "payment_intent.succeeded", "charge.updated"] {
            assert!(types_heard(true).contains(&both) && types_heard(false).contains(&both), "{both}");
        }
    }
}
