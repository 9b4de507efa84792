//! Opening a session.

use super::{Appearance, Mode, PaymentStatus, Session, Status, line_item};
use crate::{
    due::{self, Task},
    money::Currency,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        params::Metadata,
    },
    resources::{
        customer,
        payment_intent::{self, AutomaticMethods, PaymentIntent},
        setup_intent,
    },
};

/// How long a session is open, in seconds: at least, and unless something else is asked for, at most.
const OPEN_SECONDS: (i64, i64) = (30 * 60, 24 * 60 * 60);

/// Known to Stripe, and of no effect on the page of the sandbox.
const IGNORED: &[&str] = &[
    "adaptive_pricing",
    "after_expiration",
    "automatic_tax",
    "branding_settings",
    "consent_collection",
    "custom_fields",
    "custom_text",
    "customer_account",
    "customer_update",
    "discounts",
    "integration_identifier",
    "invoice_creation",
    "managed_payments",
    "name_collection",
    "optional_items",
    "payment_method_collection",
    "payment_method_configuration",
    "payment_method_data",
    "payment_method_options",
    "permissions",
    "saved_payment_method_options",
    "shipping_address_collection",
    "shipping_options",
    "tax_id_collection",
    "wallet_options",
];

pub(super) fn create(call: &mut Call<'_, '_>) -> Answer {
    // 1. What is sold, to whom, and where the buyer goes then.
    let mode = read_mode(call)?;
    let mut session = new(call, mode);
    session.items = line_item::read(call, &[])?.unwrap_or_default();
    session.currency = call.params.currency("currency")?;
    read_appearance(call, &mut session.appearance)?;
    read_places(call, &mut session)?;
    read_customer(call, &mut session)?;
    read_methods(call, &mut session)?;
    call.params.metadata(&mut session.metadata)?;
    read_expiry(call, &mut session)?;

    // 2. Under which terms.
    match mode {
        Mode::Payment => read_payment(call, &mut session)?,
        Mode::Setup => read_setup(call, &mut session)?,
    }
    call.params.ignore(IGNORED);
    call.finish()?;

    // 3. It is open until it is paid, or its time is over.
    let due_ms = session.expires_at * 1000;
    due::set(call.tx, &session.timer(), Some((due_ms, Task::ExpireCheckout { session: session.id.clone() })));
    call.tx.put(session.clone());
    Ok(session.render(call.tx.tables))
}

fn read_mode(call: &mut Call<'_, '_>) -> Result<Mode, StripeError> {
    match call.params.choice("mode", &["payment", "setup", "subscription"])?.as_deref() {
        Some("setup") => Ok(Mode::Setup),
        Some("subscription") => {
            Err(StripeError::invalid("The sandbox has no subscriptions: use payment or setup.", "mode"))
        }
        _ => Ok(Mode::Payment),
    }
}

fn new(call: &mut Call<'_, '_>, mode: Mode) -> Session {
    let id = call.tx.new_id("cs_test");
    let now = call.tx.now();
    Session {
        url: Some(format!("{}/c/pay/{id}", call.public_url)),
        id,
        account: call.scope.clone(),
        mode,
        status: Status::Open,
        payment_status: match mode {
            Mode::Payment => PaymentStatus::Unpaid,
            Mode::Setup => PaymentStatus::NoPaymentRequired,
        },
        client_secret: None,
        items: Vec::new(),
        currency: None,
        success_url: None,
        cancel_url: None,
        return_url: None,
        client_reference_id: None,
        customer: None,
        customer_email: None,
        customer_creation: None,
        payer: None,
        allowed_methods: None,
        excluded_methods: None,
        terms: None,
        payment_intent: None,
        setup_intent: None,
        appearance: Appearance::default(),
        metadata: Metadata::new(),
        expires_at: now + OPEN_SECONDS.1,
        created: now,
    }
}

fn read_appearance(call: &mut Call<'_, '_>, appearance: &mut Appearance) -> Result<(), StripeError> {
    let params = &mut call.params;
    appearance.allow_promotion_codes = params.boolean("allow_promotion_codes")?;
    appearance.billing_address_collection =
        params.choice("billing_address_collection", &["auto", "required"])?;
    appearance.locale = params.text("locale")?;
    appearance.origin_context = params.choice("origin_context", &["mobile_app", "web"])?;
    appearance.submit_type = params.choice("submit_type", &["auto", "book", "donate", "pay", "subscribe"])?;
    let modes = ["elements", "embedded_page", "form", "hosted_page"];
    appearance.ui_mode = params.choice("ui_mode", &modes)?.unwrap_or_else(|| "hosted_page".to_owned());
    appearance.redirect_on_completion =
        params.choice("redirect_on_completion", &["always", "if_required", "never"])?;
    if let Some(mut phone) = params.hash("phone_number_collection")? {
        let name = phone.name_of("enabled");
        appearance.phone_number_collection =
            phone.boolean("enabled")?.ok_or_else(|| StripeError::missing(&name))?;
        phone.finish()?;
    }
    Ok(())
}

/// Where the buyer comes from and goes to.
fn read_places(call: &mut Call<'_, '_>, session: &mut Session) -> Result<(), StripeError> {
    session.success_url = read_url(call, "success_url")?;
    session.cancel_url = read_url(call, "cancel_url")?;
    session.return_url = read_url(call, "return_url")?;
    session.client_reference_id = call.params.text("client_reference_id")?;
    if session.appearance.ui_mode == "hosted_page" {
        if session.return_url.is_some() {
            let message = "`return_url` is not supported with `ui_mode: hosted_page`.";
            return Err(StripeError::invalid(message, "return_url"));
        }
        return match session.success_url {
            Some(_) => Ok(()),
            None => Err(StripeError::missing("success_url")),
        };
    }
    // A page of the merchant's own shows it.
    let stays = session.appearance.redirect_on_completion.as_deref() == Some("never");
    if session.return_url.is_none() && !stays {
        return Err(StripeError::missing("return_url"));
    }
    let secret = call.tx.secret_for(&session.id, 32);
    session.client_secret = Some(format!("{}_secret_{secret}", session.id));
    session.url = None;
    Ok(())
}

fn read_url(call: &mut Call<'_, '_>, name: &str) -> Result<Option<String>, StripeError> {
    let Some(text) = call.params.text(name)? else { return Ok(None) };
    // The page links to it: nothing but the web.
    match url::Url::parse(&text) {
        Ok(url) if ["http", "https"].contains(&url.scheme()) => Ok(Some(text)),
        _ => Err(StripeError::invalid("Not a valid URL", name).with_code("url_invalid")),
    }
}

fn read_customer(call: &mut Call<'_, '_>, session: &mut Session) -> Result<(), StripeError> {
    if let Some(id) = call.params.text("customer")? {
        session.customer = Some(customer::referenced(call, &id)?.id);
    }
    session.customer_email = call.params.text("customer_email")?;
    session.customer_creation = call.params.choice("customer_creation", &["always", "if_required"])?;
    if session.customer.is_some() && session.customer_email.is_some() {
        let message = "You may only specify one of these parameters: customer, customer_email.";
        return Err(StripeError::invalid(message, "customer_email"));
    }
    if session.customer.is_some() && session.customer_creation.is_some() {
        let message = "You may only specify one of these parameters: customer, customer_creation.";
        return Err(StripeError::invalid(message, "customer_creation"));
    }
    if session.customer.is_none() && session.mode == Mode::Payment && session.customer_creation.is_none() {
        session.customer_creation = Some("if_required".to_owned());
    }
    Ok(())
}

fn read_methods(call: &mut Call<'_, '_>, session: &mut Session) -> Result<(), StripeError> {
    let listed = |methods: Option<Vec<String>>| methods.filter(|methods| !methods.is_empty());
    session.allowed_methods = listed(call.params.texts("allowed_payment_method_types")?);
    session.excluded_methods = listed(call.params.texts("excluded_payment_method_types")?);
    Ok(())
}

fn read_expiry(call: &mut Call<'_, '_>, session: &mut Session) -> Result<(), StripeError> {
    let Some(at) = call.params.int("expires_at")? else { return Ok(()) };
    let (least, most) = OPEN_SECONDS;
    if at < session.created + least {
        let message =
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.";
        return Err(StripeError::invalid(message, "expires_at"));
    }
    if at > session.created + most {
        let message = "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.";
        return Err(StripeError::invalid(message, "expires_at"));
    }
    session.expires_at = at;
    Ok(())
}

/// `payment_intent_data`: checked now, used when the buyer pays.
fn read_payment(call: &mut Call<'_, '_>, session: &mut Session) -> Result<(), StripeError> {
    let Some(currency) = session.items.first().map(|item| item.currency) else {
        return Err(StripeError::missing("line_items"));
    };
    if session.currency.is_some_and(|wanted| wanted != currency) {
        let message = "The currency of the session must be that of its line items.";
        return Err(StripeError::invalid(message, "currency"));
    }
    refuse_in(call, "payment", &["setup_intent_data", "subscription_data"])?;
    session.currency = Some(currency);
    payment_intent::check_amount(session.total(), currency)
        .map_err(|error| error.with_param("line_items"))?;
    let mut terms = new_terms(call, session, currency);
    if let Some(data) = call.params.hash("payment_intent_data")? {
        let rest = std::mem::replace(&mut call.params, data);
        let read = payment_intent::read_data(call, &mut terms);
        let unknown = call.finish();
        call.params = rest;
        read.and(unknown)?;
    }
    payment_intent::check_types(&terms)?;
    payment_intent::check_parties(call, &terms)?;
    session.terms = Some(Box::new(terms));
    Ok(())
}

fn new_terms(call: &Call<'_, '_>, session: &Session, currency: Currency) -> PaymentIntent {
    PaymentIntent {
        allowed_methods: session.allowed_methods.clone(),
        excluded_methods: session.excluded_methods.clone(),
        automatic_methods: Some(AutomaticMethods { enabled: true, allow_redirects: true }),
        customer: session.customer.clone(),
        checkout_session: Some(session.id.clone()),
        ..payment_intent::new(call, String::new(), session.total(), currency)
    }
}

/// Each mode has its own data, and takes no other's.
fn refuse_in(call: &Call<'_, '_>, mode: &str, unfit: &[&str]) -> Result<(), StripeError> {
    match unfit.iter().find(|name| call.params.has(name)) {
        None => Ok(()),
        Some(name) => Err(StripeError::invalid(format!("You can not pass `{name}` in `{mode}` mode."), name)),
    }
}

/// `setup_intent_data`: the setup intent is there from the start.
fn read_setup(call: &mut Call<'_, '_>, session: &mut Session) -> Result<(), StripeError> {
    refuse_in(call, "setup", &["payment_intent_data", "subscription_data"])?;
    if !session.items.is_empty() {
        return Err(StripeError::invalid("You can not pass `line_items` in `setup` mode.", "line_items"));
    }
    let mut intent = setup_intent::new(call);
    intent.allowed_methods = Some(session.allowed_methods.clone().unwrap_or_else(|| vec!["card".to_owned()]));
    intent.excluded_methods = session.excluded_methods.clone();
    intent.customer = session.customer.clone();
    intent.checkout_session = Some(session.id.clone());
    if let Some(mut data) = call.params.hash("setup_intent_data")? {
        intent.description = data.text("description")?;
        data.metadata(&mut intent.metadata)?;
        let name = data.name_of("on_behalf_of");
        if let Some(id) = data.text("on_behalf_of")? {
            intent.on_behalf_of = Some(call.destination(&id, &name)?.id);
        }
        data.finish()?;
    }
    session.setup_intent = Some(intent.id.clone());
    call.tx.put(intent.clone());
    let object = intent.render(call.tx.tables);
    call.tx.emit(&intent.account, "setup_intent.created", &object);
    Ok(())
}
