//! What Stripe's events say of what buyers keep.

use sea_orm::{DatabaseTransaction, IntoActiveModel};

use super::{saved, setup, store};
use crate::{
    context::Context,
    stripe::{payment_methods::PaymentMethod, setup_intents::SetupIntent},
    webhooks::{Applied, EventError, Fact},
};

/// `setup_intent.succeeded`: the intent has saved what it was for.
pub async fn setup_intent(
    ctx: &Context,
    tx: &DatabaseTransaction,
    fact: &Fact,
) -> Result<Applied, EventError> {
    let intent: SetupIntent = fact.parse()?;
    let Some(row) = store::lock_of_stripe_setup_intent(tx, &fact.scope, &intent.id).await? else {
        return Ok(if intent.metadata.contains_key("souk_setup_intent") {
            Applied::Waiting { reason: "its row does not know its id yet".to_owned() }
        } else {
            Applied::Foreign { reason: "not made by this service".to_owned() }
        });
    };
    let mut row = row.into_active_model();
    setup::stands(ctx, &mut row, &intent);
    store::update_setup_intent(tx, row).await?;
    Ok(Applied::Done)
}

/// `payment_method.*`: the payment method is what Stripe says.
pub async fn payment_method(
    ctx: &Context,
    tx: &DatabaseTransaction,
    fact: &Fact,
) -> Result<Applied, EventError> {
    let method: PaymentMethod = fact.parse()?;
    Ok(match saved::apply(ctx, tx, &fact.scope, &method).await? {
        Some(_) => Applied::Done,
        None => Applied::Foreign { reason: "its customer is no buyer here".to_owned() },
    })
}
