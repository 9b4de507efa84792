//! Creating and updating setup intents.

use super::{SetupIntent, Status, confirm, shown, unexpected_state};
use crate::{
    json::Value,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        params::Metadata,
    },
    resources::{
        application_of, customer,
        payment_intent::{Confirmation, read_automatic},
        payment_method::{Instrument, PaymentMethod},
    },
};

/// Known to Stripe, and of no effect here.
const IGNORED: &[&str] =
    &["confirmation_token", "customer_account", "payment_method_configuration", "use_stripe_sdk"];

pub(super) fn create(call: &mut Call<'_, '_>) -> Answer {
    // 1. The terms.
    let mut intent = new(call);
    if let Some(usage) = call.params.choice("usage", &["off_session", "on_session"])? {
        intent.usage = usage;
    }
    if let Some(id) = call.params.text("on_behalf_of")? {
        intent.on_behalf_of = Some(call.destination(&id, "on_behalf_of")?.id);
    }
    intent.automatic_methods = Some(read_automatic(&mut call.params)?);
    read_terms(call, &mut intent)?;
    read_single_use(call)?;
    let confirming = call.params.boolean("confirm")?.unwrap_or(false);
    let confirmation = Confirmation::of_setup(&mut call.params)?;
    if !confirming && confirmation.return_url.is_some() {
        let message = "The parameter `return_url` can only be passed when `confirm=true`.";
        return Err(StripeError::invalid(message, "return_url"));
    }
    call.params.ignore(IGNORED);
    call.finish()?;

    // 2. It is there, and confirmed at once if that is wanted.
    call.tx.put(intent.clone());
    let object = intent.render(call.tx.tables);
    call.tx.emit(&intent.account, "setup_intent.created", &object);
    if confirming {
        return confirm::try_once(call, intent, confirmation);
    }
    Ok(shown(call, &intent))
}

/// A setup intent in the caller's scope, as empty as it may be.
pub(crate) fn new(call: &mut Call<'_, '_>) -> SetupIntent {
    let id = call.tx.new_id("seti");
    SetupIntent {
        client_secret: format!("{id}_secret_{}", call.tx.secret_for(&id, 25)),
        id,
        account: call.scope.clone(),
        status: Status::RequiresPaymentMethod,
        usage: "off_session".to_owned(),
        automatic_methods: None,
        allowed_methods: None,
        excluded_methods: None,
        attach_to_self: None,
        flow_directions: None,
        payment_method: None,
        customer: None,
        application: (call.scope != call.platform).then(|| application_of(&call.platform)),
        on_behalf_of: None,
        description: None,
        metadata: Metadata::new(),
        three_d_secure: None,
        failure: None,
        next_action: None,
        cancellation_reason: None,
        checkout_session: None,
        created: call.tx.now(),
    }
}

pub(super) fn update(call: &mut Call<'_, '_>) -> Answer {
    let mut intent = call.owned::<SetupIntent>(&call.arg(0))?;
    if intent.is_over() {
        // Words may change to the last, terms may not.
        let mut words = call.params.clone();
        words.ignore(&["metadata", "description", "expand"]);
        if words.finish().is_err() {
            let message = format!(
                "This SetupIntent's parameters could not be updated because it has a status of {}.",
                intent.status.as_str()
            );
            return Err(unexpected_state(call, &intent, message));
        }
    }
    read_terms(call, &mut intent)?;
    call.params.ignore(IGNORED);
    call.finish()?;
    call.tx.put(intent.clone());
    Ok(shown(call, &intent))
}

/// What both a new intent and an update may say.
fn read_terms(call: &mut Call<'_, '_>, intent: &mut SetupIntent) -> Result<(), StripeError> {
    call.params.metadata(&mut intent.metadata)?;
    call.params.change("description")?.apply(&mut intent.description);
    if let Some(to_self) = call.params.boolean("attach_to_self")? {
        intent.attach_to_self = Some(to_self);
    }
    if let Some(directions) = call.params.texts("flow_directions")? {
        if directions.iter().any(|direction| direction != "inbound" && direction != "outbound") {
            let message = "Invalid flow_directions: must be inbound or outbound";
            return Err(StripeError::invalid(message, "flow_directions"));
        }
        intent.flow_directions = Some(directions);
    }
    if let Some(id) = call.params.text("customer")? {
        intent.customer = Some(customer::referenced(call, &id)?.id);
    }
    read_methods(call, intent)?;
    if intent.payment_method.is_some() && intent.status == Status::RequiresPaymentMethod {
        intent.status = Status::RequiresConfirmation;
    }
    Ok(())
}

/// Which methods may be set up, and which one is.
pub(super) fn read_methods(call: &mut Call<'_, '_>, intent: &mut SetupIntent) -> Result<(), StripeError> {
    if let Some(kinds) = call.params.texts("allowed_payment_method_types")? {
        if let Some(unknown) = kinds.iter().find(|kind| !Instrument::KINDS.contains(&kind.as_str())) {
            let message = format!("The payment method type provided: {unknown} is invalid.");
            return Err(StripeError::invalid(message, "allowed_payment_method_types"));
        }
        intent.allowed_methods = Some(kinds).filter(|kinds| !kinds.is_empty());
    }
    if let Some(kinds) = call.params.texts("excluded_payment_method_types")? {
        intent.excluded_methods = Some(kinds).filter(|kinds| !kinds.is_empty());
    }
    if let Some(id) = call.params.text("payment_method")? {
        intent.payment_method = Some(PaymentMethod::usable(call, &id, "payment_method")?.id);
    }
    if let Some(mut data) = call.params.hash("payment_method_data")? {
        intent.payment_method = Some(PaymentMethod::read_new(call, &mut data)?.id);
        data.finish()?;
    }
    let Some(options) = call.params.json("payment_method_options") else { return Ok(()) };
    let wanted = options.get("card").and_then(|card| card.get("request_three_d_secure"));
    if let Some(wanted) = wanted.and_then(Value::as_str) {
        if !["any", "automatic", "challenge"].contains(&wanted) {
            let param = "payment_method_options[card][request_three_d_secure]";
            let message = format!("Invalid {param}: must be one of any, automatic, challenge");
            return Err(StripeError::invalid(message, param));
        }
        intent.three_d_secure = Some(wanted.to_owned());
    }
    Ok(())
}

/// A mandate for one payment: its amount is checked, and nothing else comes of it.
fn read_single_use(call: &mut Call<'_, '_>) -> Result<(), StripeError> {
    let Some(mut once) = call.params.hash("single_use")? else { return Ok(()) };
    once.required_int("amount")?;
    once.required_currency("currency")?;
    once.finish()
}
