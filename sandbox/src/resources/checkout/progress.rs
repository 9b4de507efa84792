//! What becomes of a session: complete, paid later, failed later, or expired.

use super::{PaymentStatus, Session, Status};
use crate::{
    due,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
    },
    resources::{
        payment_intent::{self, PaymentIntent},
        setup_intent::SetupIntent,
    },
    store::Tx,
};

impl Session {
    /// The name of the timer that ends it.
    pub(super) fn timer(&self) -> String {
        format!("checkout {}", self.id)
    }
}

/// A payment intent went on; if it belongs to a session, that goes on too.
pub(crate) fn follow(tx: &mut Tx<'_>, intent: &PaymentIntent) {
    use payment_intent::Status::{Processing, RequiresCapture, RequiresPaymentMethod, Succeeded};
    let session = intent.checkout_session.as_deref().and_then(|id| tx.get::<Session>(id)).cloned();
    let Some(mut session) = session else { return };
    match (session.status, intent.status) {
        // What is only authorised or on its way is not paid.
        (Status::Open, RequiresCapture | Processing) => complete(tx, session),
        (Status::Open, Succeeded) => {
            session.payment_status = PaymentStatus::Paid;
            complete(tx, session);
        }
        (Status::Complete, Succeeded) => {
            session.payment_status = PaymentStatus::Paid;
            let account = session.account.clone();
            tx.put(session.clone());
            // A capture is the merchant's own doing, and no news.
            if !intent.is_manual() {
                let object = session.render(tx.tables);
                tx.emit(&account, "checkout.session.async_payment_succeeded", &object);
            }
        }
        (Status::Complete, RequiresPaymentMethod) => {
            let object = session.render(tx.tables);
            tx.emit(&session.account, "checkout.session.async_payment_failed", &object);
        }
        _ => {}
    }
}

/// A setup intent succeeded; if it belongs to a session, that is complete.
pub(crate) fn set_up(tx: &mut Tx<'_>, intent: &SetupIntent) {
    let session = intent.checkout_session.as_deref().and_then(|id| tx.get::<Session>(id)).cloned();
    if let Some(session) = session.filter(|session| session.status == Status::Open) {
        complete(tx, session);
    }
}

fn complete(tx: &mut Tx<'_>, mut session: Session) {
    session.status = Status::Complete;
    session.url = None;
    due::set(tx, &session.timer(), None);
    tx.put(session.clone());
    let object = session.render(tx.tables);
    tx.emit(&session.account, "checkout.session.completed", &object);
}

pub(super) fn expire(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let session = call.owned::<Session>(&call.arg(0))?;
    if session.status != Status::Open {
        let message = format!(
            "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of {}.",
            session.status.as_str()
        );
        return Err(StripeError::refused("status_transition_invalid", message));
    }
    let session = end(call.tx, session);
    Ok(session.render(call.tx.tables))
}

/// Its time is over.
pub(crate) fn expire_by_itself(tx: &mut Tx<'_>, id: &str) {
    if let Some(session) = tx.get::<Session>(id).filter(|session| session.status == Status::Open).cloned() {
        end(tx, session);
    }
}

/// Nobody can pay it any more, nor the intent that was made for it.
fn end(tx: &mut Tx<'_>, mut session: Session) -> Session {
    session.status = Status::Expired;
    session.url = None;
    due::set(tx, &session.timer(), None);
    tx.put(session.clone());
    let object = session.render(tx.tables);
    tx.emit(&session.account, "checkout.session.expired", &object);
    let intent = session.payment_intent.as_deref().and_then(|id| tx.get::<PaymentIntent>(id)).cloned();
    if let Some(intent) = intent.filter(|intent| !intent.is_over()) {
        payment_intent::end(tx, intent, Some("automatic".to_owned()), "charge.expired");
    }
    session
}
