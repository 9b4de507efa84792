//! What the API shows of what buyers keep.

use chrono::{DateTime, Utc};
use poem_openapi::{Enum, Object};
use souk_entity::{BuyerId, SetupIntentId, payment_method, setup_intent};

use crate::{api::Id, context::Context, seal::SealError};

/// The statuses of a setup intent that can't be confirmed any more.
const OVER: &[&str] = &["succeeded", "canceled"];

/// What a buyer's app needs to save a payment method with Stripe's SDK.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "SetupIntent", skip_serializing_if_is_none)]
pub(super) struct SetupIntentView {
    /// `setup_...`
    id: Id<SetupIntentId>,
    /// Whose payment method is saved.
    buyer_id: Id<BuyerId>,
    /// Stripe's status of the setup intent: as it was made, then `succeeded`; none while Stripe has not made it.
    status: Option<String>,
    /// `seti_...`
    stripe_setup_intent_id: Option<String>,
    /// For Stripe's SDK in the buyer's app; a secret of this buyer. Not shown once the method is saved.
    client_secret: Option<String>,
    /// For Stripe's SDK in the buyer's app.
    publishable_key: String,
    /// What was saved: `pm_...`
    payment_method_id: Option<String>,
    /// When it was created.
    created_at: DateTime<Utc>,
}

impl SetupIntentView {
    pub(super) fn of(ctx: &Context, intent: &setup_intent::Model) -> Result<Self, SealError> {
        let is_over = intent.status.as_deref().is_some_and(|status| OVER.contains(&status));
        let client_secret = match &intent.client_secret_sealed {
            Some(sealed) if !is_over => {
                let secret = ctx.seal.open(&intent.id.to_string(), sealed)?;
                Some(String::from_utf8_lossy(&secret).into_owned())
            }
            _ => None,
        };
        Ok(Self {
            id: Id(intent.id),
            buyer_id: Id(intent.buyer_id),
            status: intent.status.clone(),
            stripe_setup_intent_id: intent.stripe_setup_intent_id.clone(),
            client_secret,
            publishable_key: ctx.config.stripe_publishable_key.clone(),
            payment_method_id: intent.stripe_payment_method_id.clone(),
            created_at: intent.created_at,
        })
    }
}

/// Whether a payment method can be paid with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "PaymentMethodState", rename_all = "snake_case")]
pub(super) enum StateView {
    /// The buyer's to pay with.
    Attached,
    /// Taken from the buyer, for good.
    Detached,
}

/// What a buyer keeps to pay with.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "PaymentMethod", skip_serializing_if_is_none)]
pub(super) struct PaymentMethodView {
    /// Stripe's id: `pm_...`
    id: String,
    /// Whose it is.
    buyer_id: Id<BuyerId>,
    /// Stripe's type: `card`, `sepa_debit`, `us_bank_account`, ...
    #[oai(rename = "type")]
    kind: String,
    /// The card's brand: `visa`, ...
    brand: Option<String>,
    /// The last four digits of the card or account.
    last4: Option<String>,
    /// The month in which the card expires, 1 to 12.
    exp_month: Option<i32>,
    /// The year in which the card expires.
    exp_year: Option<i32>,
    /// The wallet that the card is in: `apple_pay`, ...
    wallet: Option<String>,
    /// Whether the buyer pays with it unless they say otherwise.
    is_default: bool,
    /// Whether it can be paid with.
    state: StateView,
    /// When it was saved.
    created_at: DateTime<Utc>,
}

impl From<&payment_method::Model> for PaymentMethodView {
    fn from(method: &payment_method::Model) -> Self {
        Self {
            id: method.stripe_payment_method_id.clone(),
            buyer_id: Id(method.buyer_id),
            kind: method.kind.clone(),
            brand: method.brand.clone(),
            last4: method.last4.clone(),
            exp_month: method.exp_month,
            exp_year: method.exp_year,
            wallet: method.wallet.clone(),
            is_default: method.is_default,
            state: match method.state {
                payment_method::State::Attached => StateView::Attached,
                payment_method::State::Detached => StateView::Detached,
            },
            created_at: method.created_at,
        }
    }
}
