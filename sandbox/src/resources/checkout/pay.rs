//! What the page does when its buyer pays.

use super::{Mode, Payer, Session};
use crate::{
    protocol::{call::Call, error::StripeError, params::Params},
    resources::{
        customer,
        payment_intent::{self, Confirmation, PaymentIntent},
        payment_method::PaymentMethod,
        setup_intent::{self, SetupIntent},
    },
};

/// Who pays, as typed into the page.
pub(crate) struct Buyer {
    pub(crate) email: String,
    pub(crate) name: String,
}

/// With what, as the API would be told: `type=card&card[number]=...`.
pub(crate) struct Paying {
    pub(crate) buyer: Buyer,
    pub(crate) method: Params,
    /// Where the bank sends the buyer back to.
    pub(crate) return_url: String,
}

/// Where the buyer goes from here.
pub(crate) enum Step {
    /// To the page of the bank.
    Bank(String),
    Done,
}

/// One attempt. What is refused is told to the buyer, and the session stays open.
pub(crate) fn pay(
    call: &mut Call<'_, '_>,
    mut session: Session,
    mut paying: Paying,
) -> Result<Step, StripeError> {
    // 1. The method, and who it belongs to.
    let method = PaymentMethod::read_new(call, &mut paying.method)?;
    let Buyer { email, name } = paying.buyer;
    if session.customer.is_none() && session.customer_creation.as_deref() == Some("always") {
        session.customer = Some(customer::add(call.tx, &session.account, &email, &name));
    }
    session.payer = Some(Payer { email: Some(email), name: Some(name) });
    let confirmation = Confirmation::on_page(paying.return_url);

    // 2. The intent, tried once.
    let intent = match session.mode {
        Mode::Payment => {
            let mut intent = payment_of(call, &mut session);
            intent.payment_method = Some(method.id);
            intent.authenticated = false;
            call.tx.put(session);
            payment_intent::try_once(call, intent, confirmation)?
        }
        Mode::Setup => {
            let found = session.setup_intent.as_deref().and_then(|id| call.tx.get::<SetupIntent>(id));
            let mut intent = found.cloned().ok_or_else(|| StripeError::missing("setup_intent"))?;
            intent.payment_method = Some(method.id);
            intent.customer = session.customer.clone();
            call.tx.put(session);
            setup_intent::try_once(call, intent, confirmation)?
        }
    };
    let bank = intent["next_action"]["redirect_to_url"]["url"].as_str();
    Ok(bank.map_or(Step::Done, |url| Step::Bank(url.to_owned())))
}

/// The payment intent of the session: the one of an earlier attempt, or a new one by its terms.
fn payment_of(call: &mut Call<'_, '_>, session: &mut Session) -> PaymentIntent {
    let earlier = session.payment_intent.as_deref().and_then(|id| call.tx.get::<PaymentIntent>(id));
    if let Some(intent) = earlier.filter(|intent| !intent.is_over()) {
        return PaymentIntent { customer: session.customer.clone(), ..intent.clone() };
    }
    let id = call.tx.new_id("pi");
    let terms = session.terms.as_deref().cloned();
    let terms = terms.unwrap_or_else(|| {
        let currency = session.currency.unwrap_or(crate::money::Currency::USD);
        payment_intent::new(call, id.clone(), session.total(), currency)
    });
    let intent = PaymentIntent {
        client_secret: format!("{id}_secret_{}", call.tx.secret_for(&id, 25)),
        id,
        customer: session.customer.clone(),
        created: call.tx.now(),
        ..terms
    };
    session.payment_intent = Some(intent.id.clone());
    call.tx.put(intent.clone());
    let object = intent.render(call.tx.tables);
    call.tx.emit(&intent.account, "payment_intent.created", &object);
    intent
}
