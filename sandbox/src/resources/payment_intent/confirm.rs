//! Confirming: reading what the confirmation says, and trying to charge.

use super::{
    CaptureMethod, PaymentIntent, Status, attempt, complete_shipping, debit, named, options, shown,
    unexpected_state,
};
use crate::{
    json::Value,
    protocol::{
        call::{Answer, Call},
        client_secret,
        error::StripeError,
        params::Params,
    },
    resources::{
        card::Decline,
        payment_method::{Instrument, PaymentMethod},
    },
};

/// What a confirmation says besides the terms of the intent.
#[derive(Default)]
pub(crate) struct Confirmation {
    pub(crate) return_url: Option<String>,
    pub(super) off_session: bool,
    /// Decline rather than ask the buyer.
    error_on_requires_action: bool,
    /// The buyer allowed debits.
    pub(crate) mandate: bool,
}

impl Confirmation {
    pub(super) fn read(params: &mut Params) -> Result<Self, StripeError> {
        let mandate = params.has("mandate_data") || params.has("mandate");
        check_mandate(params)?;
        let return_url = params.text("return_url")?;
        if return_url.as_deref().is_some_and(|url| url::Url::parse(url).is_err()) {
            return Err(StripeError::invalid("Not a valid URL", "return_url").with_code("url_invalid"));
        }
        Ok(Self {
            return_url,
            // `off_session` may also name an agreement, such as `recurring`.
            off_session: params.text("off_session")?.is_some_and(|value| value != "false"),
            error_on_requires_action: params.boolean("error_on_requires_action")?.unwrap_or(false),
            mandate,
        })
    }

    /// A buyer in front of a page, who allows what the page says.
    pub(crate) fn on_page(return_url: String) -> Self {
        Self { return_url: Some(return_url), mandate: true, ..Self::default() }
    }

    /// What a confirmation of a setup intent says.
    pub(crate) fn of_setup(params: &mut Params) -> Result<Self, StripeError> {
        let mut read = Params::default();
        read.take_over(params, &["mandate_data", "return_url"]);
        Self::read(&mut read)
    }
}

/// The buyer's consent to debits: it is asked for, and not kept.
fn check_mandate(params: &mut Params) -> Result<(), StripeError> {
    params.ignore(&["mandate"]);
    let Some(mut data) = params.hash("mandate_data")? else { return Ok(()) };
    let name = data.name_of("customer_acceptance");
    let mut acceptance = data.hash("customer_acceptance")?.ok_or_else(|| StripeError::missing(&name))?;
    let kind_name = acceptance.name_of("type");
    acceptance.choice("type", &["online", "offline"])?.ok_or_else(|| StripeError::missing(&kind_name))?;
    acceptance.ignore(&["accepted_at", "offline", "online"]);
    acceptance.finish()?;
    data.finish()
}

pub(super) fn confirm(call: &mut Call<'_, '_>) -> Answer {
    // 1. Which intent, and whether it waits for this.
    let mut intent = named(call)?;
    client_secret::guard_terms(call)?;
    if call.is_publishable() && intent.manual_confirmation {
        let message = format!(
            "This PaymentIntent {} cannot be confirmed using your publishable key because its `confirmation_method` is set \
             to `manual`. Please use your secret key instead, or create a PaymentIntent with `confirmation_method` set to \
             `automatic`.",
            intent.id
        );
        return Err(unexpected_state(call, &intent, message));
    }
    must_wait(call, &intent)?;

    // 2. With what.
    if let Some(id) = call.params.text("payment_method")? {
        intent.payment_method = Some(PaymentMethod::usable(call, &id, "payment_method")?.id);
        intent.authenticated = false;
    }
    if let Some(mut data) = call.params.hash("payment_method_data")? {
        intent.payment_method = Some(PaymentMethod::read_new(call, &mut data)?.id);
        intent.authenticated = false;
        data.finish()?;
    }
    call.params.change("receipt_email")?.apply(&mut intent.receipt_email);
    super::create::read_future_usage(&mut call.params, &mut intent)?;
    let capture_method = call.params.choice("capture_method", CaptureMethod::NAMES)?;
    intent.capture_method = capture_method.map_or(intent.capture_method, |name| CaptureMethod::parse(&name));
    options::read(&mut call.params, &mut intent)?;
    if let Some(shipping) = call.params.json("shipping") {
        intent.shipping = Some(shipping).filter(Value::is_object).map(complete_shipping);
    }
    let confirmation = Confirmation::read(&mut call.params)?;
    call.params.ignore(&[
        "amount_details",
        "amount_to_confirm",
        "confirmation_token",
        "hooks",
        "payment_details",
        "radar_options",
        "use_stripe_sdk",
    ]);
    call.finish()?;

    // 3. Try.
    try_once(call, intent, confirmation)
}

/// Refuses intents that are paid, authorised, under way or canceled.
fn must_wait(call: &Call<'_, '_>, intent: &PaymentIntent) -> Result<(), StripeError> {
    let why = match intent.status {
        Status::Succeeded => "it has already succeeded after being previously confirmed",
        Status::Canceled => "it has been canceled",
        Status::RequiresCapture => "it has already been authorized and awaits its capture",
        Status::Processing => "it is being processed",
        Status::RequiresPaymentMethod | Status::RequiresConfirmation | Status::RequiresAction => {
            return Ok(());
        }
    };
    let message = format!("You cannot confirm this PaymentIntent because {why}.");
    Err(unexpected_state(call, intent, message))
}

/// One attempt to charge the intent's method.
pub(crate) fn try_once(
    call: &mut Call<'_, '_>,
    mut intent: PaymentIntent,
    confirmation: Confirmation,
) -> Answer {
    // 1. A method that may pay this.
    let Some(method) =
        intent.payment_method.as_deref().and_then(|id| call.tx.get::<PaymentMethod>(id)).cloned()
    else {
        let message = "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update \
                       the PaymentIntent with a payment method and then confirm it again, or confirm it again directly \
                       with a payment method or ConfirmationToken.";
        return Err(unexpected_state(call, &intent, message.to_owned()));
    };
    method.check_payer(intent.customer.as_deref())?;
    check_kind(&intent, &method)?;
    check_return_url(call, &intent, &confirmation, &method)?;
    intent.failure = None;
    intent.next_action = None;

    // 2. What it does.
    let intent = match &method.instrument {
        Instrument::Card(card) => {
            let asks = card.asks_buyer(confirmation.off_session, options::asks_for_3ds(&intent));
            if asks && !intent.authenticated {
                if confirmation.off_session || confirmation.error_on_requires_action {
                    let declined = attempt::decline(call.tx, intent, method, Decline::AuthenticationRequired);
                    return Err(attempt::declined(call, &declined));
                }
                attempt::ask_buyer(call, intent, confirmation.return_url)
            } else if let Some(reason) = card.refuses_charge() {
                let declined = attempt::decline(call.tx, intent, method, reason);
                return Err(attempt::declined(call, &declined));
            } else {
                let authenticated = intent.authenticated;
                attempt::pay(call.tx, intent, method, authenticated)?
            }
        }
        Instrument::SepaDebit(_) | Instrument::UsBankAccount(_) => {
            if method.customer.is_none() && !confirmation.mandate {
                let message = "This PaymentIntent requires a mandate, but no existing mandate was found. Collect mandate \
                               acceptance from the customer and try again, providing acceptance data in the mandate_data \
                               parameter.";
                return Err(StripeError::refused("payment_intent_mandate_invalid", message)
                    .with("payment_intent", shown(call, &intent)));
            }
            debit::start(call.tx, intent, method)
        }
        Instrument::Ideal(_) => attempt::ask_buyer(call, intent, confirmation.return_url),
    };
    Ok(shown(call, &intent))
}

fn check_kind(intent: &PaymentIntent, method: &PaymentMethod) -> Result<(), StripeError> {
    let (kind, allowed) = (method.instrument.kind(), intent.method_types());
    if allowed.iter().any(|allowed| allowed == kind) {
        return Ok(());
    }
    let message = format!(
        "The PaymentMethod provided ({kind}) is not allowed for this PaymentIntent. Please attach a PaymentMethod of one \
         of the following types: {}.",
        allowed.join(", ")
    );
    Err(StripeError::refused("payment_intent_incompatible_payment_method", message)
        .with_param("payment_method"))
}

/// Who is sent away must be able to come back. Stripe asks this of every payment that might send somebody away;
/// so does the sandbox under a setting, as most tests pay with cards that stay.
fn check_return_url(
    call: &Call<'_, '_>,
    intent: &PaymentIntent,
    confirmation: &Confirmation,
    method: &PaymentMethod,
) -> Result<(), StripeError> {
    if confirmation.return_url.is_some() || confirmation.off_session || confirmation.error_on_requires_action
    {
        return Ok(());
    }
    if matches!(method.instrument, Instrument::Ideal(_)) {
        let message = "You must provide a `return_url` when confirming using ideal.";
        return Err(StripeError::invalid(message, "return_url").with_code("parameter_missing"));
    }
    let may_redirect =
        intent.automatic_methods.is_some_and(|methods| methods.enabled && methods.allow_redirects);
    if !call.tx.settings().require_return_url || !may_redirect || intent.manual_confirmation {
        return Ok(());
    }
    let message = "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of \
                   these payment methods might redirect your customer off of your page, you must provide a `return_url`. \
                   If you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` \
                   to `true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and \
                   Payment Intents.";
    Err(StripeError::invalid(message, "return_url"))
}
