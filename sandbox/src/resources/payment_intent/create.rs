//! Creating and updating payment intents.

use super::{
    AutomaticMethods, CaptureMethod, PaymentIntent, Status, complete_shipping, confirm, options, shown,
    unexpected_state,
};
use crate::{
    json::Value,
    money::{Currency, MAXIMUM_CHARGE},
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        params::{Change, Metadata, Params},
    },
    resources::{application_of, charge::TransferData, customer, payment_method::PaymentMethod, transfer},
};

/// Known to Stripe, and of no effect on cards in a sandbox.
const IGNORED: &[&str] = &[
    "amount_details",
    "confirmation_token",
    "customer_account",
    "hooks",
    "payment_details",
    "payment_method_configuration",
    "radar_options",
    "use_stripe_sdk",
];

pub(super) fn create(call: &mut Call<'_, '_>) -> Answer {
    // 1. The amount.
    let amount = call.params.required_int("amount")?;
    let currency = call.params.required_currency("currency")?;
    check_amount(amount, currency)?;

    // 2. The terms.
    let id = call.tx.new_id("pi");
    let mut intent = new(call, id, amount, currency);
    read_terms(call, &mut intent)?;
    intent.automatic_methods = Some(read_automatic(&mut call.params)?);
    intent.manual_confirmation =
        call.params.choice("confirmation_method", &["automatic", "manual"])?.as_deref() == Some("manual");
    let confirming = call.params.boolean("confirm")?.unwrap_or(false);
    let confirmation = confirm::Confirmation::read(&mut call.params)?;
    if !confirming && (confirmation.return_url.is_some() || confirmation.off_session) {
        let param = if confirmation.off_session { "off_session" } else { "return_url" };
        let message = format!("The parameter `{param}` can only be passed when `confirm=true`.");
        return Err(StripeError::invalid(message, param));
    }
    call.params.ignore(IGNORED);
    call.finish()?;
    check_parties(call, &intent)?;

    // 3. It is there, and paid at once if that is wanted.
    call.tx.put(intent.clone());
    let object = intent.render(call.tx.tables);
    call.tx.emit(&intent.account, "payment_intent.created", &object);
    if confirming {
        return confirm::try_once(call, intent, confirmation);
    }
    Ok(shown(call, &intent))
}

pub(super) fn update(call: &mut Call<'_, '_>) -> Answer {
    let mut intent = call.owned::<PaymentIntent>(&call.arg(0))?;
    if intent.is_over() || matches!(intent.status, Status::RequiresCapture | Status::Processing) {
        // Words may change to the last, terms may not.
        let mut words = call.params.clone();
        words.ignore(&["metadata", "description", "receipt_email", "transfer_group", "shipping", "expand"]);
        if words.finish().is_err() {
            let message = format!(
                "This PaymentIntent's parameters could not be updated because it has a status of {}.",
                intent.status.as_str()
            );
            return Err(unexpected_state(call, &intent, message));
        }
    }
    if let Some(amount) = call.params.int("amount")? {
        intent.amount = amount;
    }
    if let Some(currency) = call.params.currency("currency")? {
        intent.currency = currency;
    }
    check_amount(intent.amount, intent.currency)?;
    read_terms(call, &mut intent)?;
    call.params.ignore(IGNORED);
    call.finish()?;
    check_parties(call, &intent)?;
    if intent.status == Status::RequiresAction {
        intent.next_action = None;
        intent.status = Status::RequiresConfirmation;
    }
    call.tx.put(intent.clone());
    Ok(shown(call, &intent))
}

pub(crate) fn new(call: &Call<'_, '_>, id: String, amount: i64, currency: Currency) -> PaymentIntent {
    PaymentIntent {
        client_secret: format!("{id}_secret_{}", call.tx.secret_for(&id, 25)),
        id,
        account: call.scope.clone(),
        amount,
        amount_received: 0,
        currency,
        status: Status::RequiresPaymentMethod,
        capture_method: CaptureMethod::AutomaticAsync,
        manual_confirmation: false,
        automatic_methods: None,
        allowed_methods: None,
        excluded_methods: None,
        payment_method: None,
        customer: None,
        application: (call.scope != call.platform).then(|| application_of(&call.platform)),
        application_fee_amount: None,
        transfer_data: None,
        transfer_group: None,
        on_behalf_of: None,
        description: None,
        receipt_email: None,
        setup_future_usage: None,
        shipping: None,
        statement_descriptor: None,
        statement_descriptor_suffix: None,
        metadata: Metadata::new(),
        latest_charge: None,
        failure: None,
        next_action: None,
        three_d_secure: None,
        authenticated: false,
        checkout_session: None,
        canceled_at: None,
        cancellation_reason: None,
        created: call.tx.now(),
    }
}

/// Stripe's limits of an amount.
pub(crate) fn check_amount(amount: i64, currency: Currency) -> Result<(), StripeError> {
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(StripeError::invalid(message, "amount").with_code("parameter_invalid_integer"));
    }
    if amount < currency.minimum_charge() {
        let minimum = currency.display(currency.minimum_charge());
        let message = format!("Amount must be at least {minimum}");
        return Err(StripeError::invalid(message, "amount").with_code("amount_too_small"));
    }
    if amount > MAXIMUM_CHARGE {
        let message = format!("Amount must be no more than {}", currency.display(MAXIMUM_CHARGE));
        return Err(StripeError::invalid(message, "amount").with_code("amount_too_large"));
    }
    Ok(())
}

/// What both a new intent and an update may say.
fn read_terms(call: &mut Call<'_, '_>, intent: &mut PaymentIntent) -> Result<(), StripeError> {
    read_words(&mut call.params, intent)?;
    if let Some(fee) = call.params.int_change("application_fee_amount")? {
        intent.application_fee_amount = fee;
    }
    if let Some(name) = call.params.choice("capture_method", CaptureMethod::NAMES)? {
        intent.capture_method = CaptureMethod::parse(&name);
    }
    read_future_usage(&mut call.params, intent)?;
    options::read(&mut call.params, intent)?;
    read_parties(call, intent)?;

    // The method that it may be paid with.
    if let Some(id) = call.params.text("payment_method")? {
        intent.payment_method = Some(PaymentMethod::usable(call, &id, "payment_method")?.id);
    }
    if let Some(mut data) = call.params.hash("payment_method_data")? {
        intent.payment_method = Some(PaymentMethod::read_new(call, &mut data)?.id);
        data.finish()?;
    }
    if intent.payment_method.is_some() && intent.status == Status::RequiresPaymentMethod {
        intent.status = Status::RequiresConfirmation;
    }
    Ok(())
}

/// Whether the method shall be kept, and for what.
pub(super) fn read_future_usage(params: &mut Params, intent: &mut PaymentIntent) -> Result<(), StripeError> {
    let change = params.change("setup_future_usage")?;
    if let Change::Set(usage) = &change
        && !["off_session", "on_session"].contains(&usage.as_str())
    {
        let message = "Invalid setup_future_usage: must be one of off_session, on_session";
        return Err(StripeError::invalid(message, "setup_future_usage"));
    }
    change.apply(&mut intent.setup_future_usage);
    Ok(())
}

fn read_words(params: &mut Params, intent: &mut PaymentIntent) -> Result<(), StripeError> {
    params.metadata(&mut intent.metadata)?;
    params.change("description")?.apply(&mut intent.description);
    params.change("receipt_email")?.apply(&mut intent.receipt_email);
    params.change("statement_descriptor")?.apply(&mut intent.statement_descriptor);
    params.change("statement_descriptor_suffix")?.apply(&mut intent.statement_descriptor_suffix);
    params.change("transfer_group")?.apply(&mut intent.transfer_group);
    if let Some(shipping) = params.json("shipping") {
        intent.shipping = Some(shipping).filter(Value::is_object).map(complete_shipping);
    }
    Ok(())
}

/// Who pays, who sells, who gets the money.
fn read_parties(call: &mut Call<'_, '_>, intent: &mut PaymentIntent) -> Result<(), StripeError> {
    if let Some(id) = call.params.text("customer")? {
        intent.customer = Some(customer::referenced(call, &id)?.id);
    }
    if let Some(id) = call.params.text("on_behalf_of")? {
        intent.on_behalf_of = Some(call.destination(&id, "on_behalf_of")?.id);
    }
    if let Some(mut data) = call.params.hash("transfer_data")? {
        let amount = data.int("amount")?;
        let destination = match &intent.transfer_data {
            // An update may change the amount alone.
            Some(known) if !data.has("destination") => known.destination.clone(),
            _ => data.required("destination")?,
        };
        data.ignore(&["description", "metadata", "payment_data"]);
        data.finish()?;
        call.destination(&destination, "transfer_data[destination]")?;
        intent.transfer_data = Some(TransferData { destination, amount });
    }
    Ok(())
}

pub(crate) fn read_automatic(params: &mut Params) -> Result<AutomaticMethods, StripeError> {
    let Some(mut hash) = params.hash("automatic_payment_methods")? else {
        return Ok(AutomaticMethods { enabled: true, allow_redirects: true });
    };
    let enabled =
        hash.boolean("enabled")?.ok_or_else(|| StripeError::missing("automatic_payment_methods[enabled]"))?;
    let redirects = hash.choice("allow_redirects", &["always", "never"])?;
    hash.finish()?;
    Ok(AutomaticMethods { enabled, allow_redirects: redirects.as_deref() != Some("never") })
}

/// What a Checkout Session says of the intent that it will make.
pub(crate) fn read_data(call: &mut Call<'_, '_>, intent: &mut PaymentIntent) -> Result<(), StripeError> {
    read_words(&mut call.params, intent)?;
    intent.application_fee_amount = call.params.int("application_fee_amount")?;
    if let Some(name) = call.params.choice("capture_method", CaptureMethod::NAMES)? {
        intent.capture_method = CaptureMethod::parse(&name);
    }
    read_future_usage(&mut call.params, intent)?;
    read_parties(call, intent)
}

/// Fee and destination must fit the amount and the accounts.
pub(crate) fn check_parties(call: &Call<'_, '_>, intent: &PaymentIntent) -> Result<(), StripeError> {
    check_fee(intent, call.scope != call.platform)?;
    check_destination(call, intent)
}

pub(super) fn check_fee(intent: &PaymentIntent, direct: bool) -> Result<(), StripeError> {
    let param = "application_fee_amount";
    let Some(fee) = intent.application_fee_amount else { return Ok(()) };
    if fee < 0 {
        let message = "This value must be greater than or equal to 0.";
        return Err(StripeError::invalid(message, param).with_code("parameter_invalid_integer"));
    }
    if !direct && intent.transfer_data.is_none() {
        let message = "Can only apply an application_fee_amount when the PaymentIntent is attempting a direct payment (using \
                       an OAuth key or Stripe-Account header) or destination payment (using `transfer_data[destination]`).";
        return Err(StripeError::invalid(message, param));
    }
    if intent.transfer_data.as_ref().is_some_and(|data| data.amount.is_some()) {
        let message =
            "You may only specify one of these parameters: application_fee_amount, transfer_data[amount].";
        return Err(StripeError::invalid(message, param));
    }
    if fee > intent.amount {
        let message = "Application fee amount must be less than or equal to the charge amount.";
        return Err(StripeError::invalid(message, param));
    }
    Ok(())
}

/// The accounts that are to be paid must be able to take it.
fn check_destination(call: &Call<'_, '_>, intent: &PaymentIntent) -> Result<(), StripeError> {
    if let Some(data) = &intent.transfer_data {
        if call.scope != call.platform {
            let message = "Connected accounts cannot make destination charges.";
            return Err(StripeError::invalid(message, "transfer_data[destination]"));
        }
        if data.amount.is_some_and(|amount| amount > intent.amount || amount < 1) {
            let message = "The transfer amount must be between 1 and the amount of the PaymentIntent.";
            return Err(StripeError::invalid(message, "transfer_data[amount]"));
        }
        let account = call.destination(&data.destination, "transfer_data[destination]")?;
        transfer::must_take_transfers(&account)
            .map_err(|error| error.with_param("transfer_data[destination]"))?;
    }
    for id in intent.on_behalf_of.iter().chain((call.scope != call.platform).then_some(&call.scope)) {
        let account = call.account(id)?;
        if !account.is_active("card_payments") {
            let message = "Your account cannot currently make live charges: the connected account needs the card_payments \
                           capability to be active.";
            return Err(StripeError::refused("account_invalid", message));
        }
    }
    Ok(())
}
