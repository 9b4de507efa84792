//! As whom, and with what, an order is paid: what its payment intent says of the buyer, and what must come first.
//!
//! What buyers keep lives on the platform with their customer. A direct charge, made on the seller's account, pays with a
//! copy, and can't save anything.

use souk_entity::{BuyerId, payment_method};

use super::{
    create::{NewCheckout, PayWith},
    error::CheckoutError,
    route::Route,
};
use crate::{
    buyers::{self, CustomerOf, NotTheirs},
    context::Context,
    outbox::{Attempt, First},
    stripe::{MADE_FIRST, payment_intents},
};

/// What a payment intent says of who pays.
#[derive(Default)]
pub(super) struct Payer {
    /// `cus_...`, or the place that is kept for it.
    pub(super) customer: Option<String>,
    /// Whether what pays is kept for the customer.
    pub(super) saves: bool,
    /// The copy's place, where a copy pays.
    copy: Option<&'static str>,
    /// What Stripe must make before the intent.
    pub(super) first: Option<First>,
}

impl Payer {
    /// As whom and with what this checkout is paid.
    pub(super) async fn of(
        ctx: &Context,
        attempt: &Attempt,
        new: &NewCheckout,
        route: &Route,
    ) -> Result<Self, CheckoutError> {
        match (saved(attempt, new).await?, route) {
            (Some(_), _) if new.saves => Err(CheckoutError::SavedAlready),
            (Some(saved), Route::Direct(account)) => {
                let customer = customer(ctx, attempt, saved.buyer_id).await?;
                let CustomerOf::Known(customer) = customer else {
                    return Err(CheckoutError::NoSuchPaymentMethod);
                };
                let first = buyers::copy_first(ctx, attempt, &customer, &saved, account).await?;
                Ok(Self { copy: Some(MADE_FIRST), first: Some(first), ..Self::default() })
            }
            (Some(saved), _) => Ok(Self::from(customer(ctx, attempt, saved.buyer_id).await?)),
            (None, _) if new.pay_with.as_ref().is_some_and(|with| with.off_session) => {
                Err(CheckoutError::NotSaved)
            }
            (None, Route::Direct(_)) if new.saves => Err(CheckoutError::DirectSavesNothing),
            (None, _) if new.saves => {
                let buyer = new.buyer.ok_or(CheckoutError::NobodyToSaveFor)?;
                Ok(Self { saves: true, ..Self::from(customer(ctx, attempt, buyer).await?) })
            }
            (None, _) => Ok(Self::default()),
        }
    }

    /// With what the intent is confirmed as it is made.
    pub(super) fn pays_with<'a>(&self, with: Option<&'a PayWith>) -> Option<payment_intents::PayWith<'a>> {
        with.map(|with| payment_intents::PayWith {
            payment_method: self.copy.unwrap_or(&with.payment_method),
            return_url: with.return_url.as_deref(),
            off_session: with.off_session,
        })
    }
}

impl From<CustomerOf> for Payer {
    fn from(customer: CustomerOf) -> Self {
        match customer {
            CustomerOf::Known(customer) => Self { customer: Some(customer), ..Self::default() },
            CustomerOf::First(first) => {
                Self { customer: Some(MADE_FIRST.to_owned()), first: Some(first), ..Self::default() }
            }
        }
    }
}

/// The saved payment method that is named, if it is one.
async fn saved(attempt: &Attempt, new: &NewCheckout) -> Result<Option<payment_method::Model>, CheckoutError> {
    let Some(with) = &new.pay_with else { return Ok(None) };
    let found = buyers::payment_method(&attempt.tx, new.buyer, &with.payment_method).await;
    found.map_err(|error| match error {
        NotTheirs::Another => CheckoutError::NoSuchPaymentMethod,
        NotTheirs::Database(error) => error.into(),
    })
}

/// The customer of a buyer, under the buyer's lock.
async fn customer(ctx: &Context, attempt: &Attempt, buyer: BuyerId) -> Result<CustomerOf, CheckoutError> {
    let buyer = buyers::lock(&attempt.tx, buyer).await?.ok_or(CheckoutError::NoSuchBuyer)?;
    Ok(buyers::customer_of(ctx, attempt, &buyer).await?)
}
