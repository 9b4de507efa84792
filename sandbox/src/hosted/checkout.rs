//! The payment page of a Checkout Session.
//!
//! Test numbers work as in the API; what is declined is told at the form, and the buyer may try again.

use maud::{Markup, html};
use poem::http::StatusCode;

use super::{Reply, checkout_form::Form, page};
use crate::{
    protocol::{call::Call, params::Params},
    resources::{
        account::Account,
        checkout::{self, Buyer, LineItem, Mode, Paying, Session, Status, Step},
        customer::Customer,
        payment_intent::{self, PaymentIntent},
        setup_intent::SetupIntent,
    },
    store::Tx,
};

const STYLE: &str = "
main { max-width: 62rem; }
.checkout { display: grid; gap: 0 3rem; grid-template-columns: minmax(0, 1fr); margin-top: 1rem; }
.back { display: inline-block; color: var(--soft); text-decoration: none; font-size: .9375rem; padding: .625rem 0; }
.back:hover { color: var(--ink); text-decoration: underline; }
.shop { color: var(--soft); font-weight: 600; margin: 0; overflow-wrap: anywhere; }
.total { font-size: 2.25rem; line-height: 1.2; font-weight: 700; margin: .125rem 0 1.25rem; color: var(--ink); letter-spacing: -.02em; }
.items { list-style: none; margin: 0 0 1rem; padding: 0; border-top: 1px solid var(--line); }
.items li { display: flex; justify-content: space-between; gap: 1rem; padding: .75rem 0; border-bottom: 1px solid var(--line); }
.items div { min-width: 0; overflow-wrap: anywhere; }
.items small { display: block; color: var(--soft); font-size: .875rem; }
.items span { white-space: nowrap; font-variant-numeric: tabular-nums; font-weight: 600; }
.pay { margin: 0; box-shadow: 0 1px 3px rgba(26, 31, 54, .06), 0 12px 32px rgba(26, 31, 54, .06); }
.two { display: grid; gap: 0 1rem; grid-template-columns: 1fr 1fr; }
.kinds { display: grid; gap: .5rem; margin-bottom: 1.25rem; }
.kinds label { display: flex; align-items: center; gap: .75rem; min-height: 2.75rem; margin: 0; padding: .25rem .875rem; border: 1px solid #8792a8; border-radius: 8px; cursor: pointer; }
.kinds label:has(:checked) { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
.kinds input { width: 1.125rem; height: 1.125rem; accent-color: var(--accent); margin: 0; }
.of { display: none; }
form:has([name=kind][value=card]:checked) .of-card, form:has([name=kind][value=sepa_debit]:checked) .of-sepa_debit,
form:has([name=kind][value=us_bank_account]:checked) .of-us_bank_account, form:has([name=kind][value=ideal]:checked) .of-ideal { display: block; }
.only .of { display: block; }
.terms { font-size: .8125rem; margin: .75rem 0 0; }
@media (min-width: 56rem) { .checkout { grid-template-columns: 1fr 1fr; margin-top: 1.5rem; } .summary-side { padding-top: .5rem; } .total { font-size: 2.75rem; } }
";

/// The page, or where a session that is over leads to.
pub(super) fn show(tx: &mut Tx<'_>, id: &str) -> Reply {
    let session = match open(tx, id) {
        Ok(session) => session,
        Err(reply) => return reply,
    };
    let form = fresh(tx, &session);
    Reply::Page(StatusCode::OK, render(tx, &session, &form))
}

/// The buyer pays.
pub(super) fn submit(tx: &mut Tx<'_>, id: &str, params: Params, public_url: &str) -> Reply {
    let session = match open(tx, id) {
        Ok(session) => session,
        Err(reply) => return reply,
    };
    let Some(account) = tx.get::<Account>(&session.account).cloned() else { return gone() };
    let mut form = Form::read(params);
    let Some(method) = form.complete(&session.method_types()) else {
        return Reply::Page(StatusCode::UNPROCESSABLE_ENTITY, render(tx, &session, &form));
    };
    let buyer = Buyer { email: form.value("email").to_owned(), name: form.value("name").to_owned() };
    let return_url = format!("{public_url}/c/pay/{id}/return");
    let mut call = Call::of_page(tx, &account, public_url);
    match checkout::pay(&mut call, session.clone(), Paying { buyer, method, return_url }) {
        Ok(Step::Bank(url)) => Reply::SeeOther(url),
        Ok(Step::Done) => leave(tx, id),
        Err(error) => {
            form.refuse(&error);
            Reply::Page(StatusCode::UNPROCESSABLE_ENTITY, render(tx, &session, &form))
        }
    }
}

/// The buyer comes back from the bank.
pub(super) fn come_back(tx: &mut Tx<'_>, id: &str) -> Reply {
    let Ok(session) = open(tx, id) else { return leave(tx, id) };
    let mut form = fresh(tx, &session);
    form.refusal = failure(tx, &session);
    Reply::Page(StatusCode::OK, render(tx, &session, &form))
}

/// Why the last attempt failed.
fn failure(tx: &Tx<'_>, session: &Session) -> Option<String> {
    let payment = session.payment_intent.as_deref().and_then(|id| tx.get::<PaymentIntent>(id));
    if let Some(payment_intent::Failure::Declined { decline, .. }) =
        payment.and_then(|intent| intent.failure.as_ref())
    {
        return Some(decline.message().to_owned());
    }
    let setup = session.setup_intent.as_deref().and_then(|id| tx.get::<SetupIntent>(id));
    let failed = payment.is_some_and(|intent| intent.failure.is_some())
        || setup.is_some_and(|intent| intent.failure.is_some());
    failed.then(|| {
        "We are unable to authenticate your payment method. Please choose a different payment method and try again."
            .to_owned()
    })
}

/// The session, while it can be paid.
fn open(tx: &Tx<'_>, id: &str) -> Result<Session, Reply> {
    let session = tx.get::<Session>(id).filter(|session| session.appearance.ui_mode == "hosted_page");
    match session.map(|session| (session, session.status)) {
        Some((session, Status::Open)) => Ok(session.clone()),
        Some((_, Status::Complete)) => Err(leave(tx, id)),
        Some((_, Status::Expired)) => {
            let text = "This checkout session has timed out. Go back to the shop to start again.";
            Err(Reply::Page(StatusCode::GONE, page::message("Your session has expired", text)))
        }
        None => Err(gone()),
    }
}

/// On to the shop, if the session says where that is.
fn leave(tx: &Tx<'_>, id: &str) -> Reply {
    match tx.get::<Session>(id).filter(|session| session.status == Status::Complete) {
        Some(session) => match session.destination() {
            Some(url) => Reply::SeeOther(url),
            None => Reply::Page(StatusCode::OK, page::message("Thank you", "You can close this page.")),
        },
        None => gone(),
    }
}

fn gone() -> Reply {
    let text = "There is no checkout session at this address.";
    Reply::Page(StatusCode::NOT_FOUND, page::message("Nothing to pay", text))
}

/// The form before anything was typed.
fn fresh(tx: &Tx<'_>, session: &Session) -> Form {
    let customer = session.customer.as_deref().and_then(|id| tx.get::<Customer>(id));
    let email = session.payer.as_ref().and_then(|payer| payer.email.as_deref());
    let email = email.or(session.customer_email.as_deref()).or(customer.and_then(Customer::email));
    let kinds = session.method_types();
    Form::new(email, kinds.first().map_or("card", String::as_str))
}

fn render(tx: &Tx<'_>, session: &Session, form: &Form) -> String {
    let setup = session.mode == Mode::Setup;
    let title = if setup { "Save your payment details" } else { "Pay" };
    let kinds = session.method_types();
    let content = html! {
        div.checkout {
            section.summary-side aria-label="Summary" { (summary(tx, session)) }
            form.card.pay.only[kinds.len() == 1] method="post" novalidate {
                h2 { @if setup { "Your details" } @else { "Payment details" } }
                @if let Some(refusal) = &form.refusal { div.summary role="alert" { (refusal) } }
                (form.field("email", "E-mail", "email", "you@example.com"))
                (methods(&kinds, form))
                (form.field("name", "Name", "name", "Name on card or account"))
                button type="submit" {
                    @match (setup, session.currency) {
                        (false, Some(currency)) => { "Pay " (currency.display(session.total())) }
                        _ => "Save",
                    }
                }
                p.terms { "This is a test page of the Stripe sandbox. No real card is charged; use a test number such as 4242 4242 4242 4242." }
            }
        }
    };
    page::frame_in(title, STYLE, &content)
}

/// What is bought, from whom.
fn summary(tx: &Tx<'_>, session: &Session) -> Markup {
    let seller = session.terms.as_ref().and_then(|terms| terms.on_behalf_of.as_deref());
    let shop = tx.get::<Account>(seller.unwrap_or(&session.account)).and_then(Account::shown_name);
    html! {
        @if let Some(url) = &session.cancel_url { a.back href=(url) { "← Back" } }
        p.shop { @if let Some(shop) = shop { (shop) } @else { "A shop in the sandbox" } }
        @match session.currency.filter(|_| session.mode == Mode::Payment) {
            Some(currency) => {
                h1.total { (currency.display(session.total())) }
                ul.items { @for item in &session.items { (line(item)) } }
            }
            None => h1 { "Save your payment details" },
        }
    }
}

fn line(item: &LineItem) -> Markup {
    html! {
        li {
            div {
                (item.name)
                @if let Some(description) = &item.description { small { (description) } }
                @if item.quantity > 1 { small { (item.quantity) " × " (item.currency.display(item.unit_amount)) } }
            }
            span { (item.currency.display(item.total())) }
        }
    }
}

/// The ways to pay, and the fields of the one that is chosen.
fn methods(kinds: &[String], form: &Form) -> Markup {
    let label = |kind: &str| match kind {
        "card" => "Card",
        "sepa_debit" => "SEPA Direct Debit",
        "us_bank_account" => "US bank account",
        _ => "iDEAL",
    };
    html! {
        @if kinds.len() > 1 {
            fieldset {
                legend { "Payment method" }
                div.kinds {
                    @for kind in kinds {
                        label { input type="radio" name="kind" value=(kind) checked[form.value("kind") == kind]; (label(kind)) }
                    }
                }
            }
        } @else {
            @for kind in kinds { input type="hidden" name="kind" value=(kind); }
        }
        @for kind in kinds {
            div class={ "of of-" (kind) } { (fields(kind, form)) }
        }
    }
}

fn fields(kind: &str, form: &Form) -> Markup {
    html! {
        @match kind {
            "card" => {
                (form.field("number", "Card number", "cc-number", "4242 4242 4242 4242"))
                div.two {
                    (form.field("exp", "Expires", "cc-exp", "MM / YY"))
                    (form.field("cvc", "CVC", "cc-csc", "123"))
                }
            }
            "sepa_debit" => (form.field("iban", "IBAN", "off", "DE89 3704 0044 0532 0130 00")),
            "us_bank_account" => {
                (form.field("routing_number", "Routing number", "off", "110000000"))
                (form.field("account_number", "Account number", "off", "000123456789"))
            }
            _ => p { "You go on to your bank to confirm the payment." },
        }
    }
}
