//! The onboarding page that an account link opens.

use chrono::DateTime;
use maud::{Markup, html};
use poem::http::StatusCode;

use super::{Reply, form::Form, page};
use crate::{
    protocol::params::Params,
    resources::{
        account::{self, Account},
        account_link::{self, AccountLink, OnboardingSession},
        person::{self, Person},
    },
    store::Tx,
};

/// A link is visited: it opens the form once, and leads to its refresh URL ever after.
pub(super) fn open(tx: &mut Tx<'_>, account: &str, token: &str) -> Reply {
    let Some(link) = tx.get::<AccountLink>(token).filter(|link| link.account == account).cloned() else {
        return not_found();
    };
    match account_link::open(tx, token) {
        Some(session) => Reply::SeeOther(format!("/onboarding/{}", session.token)),
        None => Reply::SeeOther(link.refresh_url),
    }
}

pub(super) fn show(tx: &mut Tx<'_>, token: &str) -> Reply {
    let (session, account) = match at_form(tx, token) {
        Ok(found) => found,
        Err(reply) => return reply,
    };
    let form = Form::of(person::representative(tx.tables, &account.id));
    Reply::Page(StatusCode::OK, render(tx, &session, &account, &form))
}

/// The form comes back: saved for later, submitted, or with errors in it.
pub(super) fn submit(tx: &mut Tx<'_>, token: &str, mut params: Params, ip: &str) -> Reply {
    let (session, account) = match at_form(tx, token) {
        Ok(found) => found,
        Err(reply) => return reply,
    };
    let later = params.text("action").ok().flatten().as_deref() == Some("save");
    let mut form = Form::read(params);
    if later {
        save(tx, &form, &account);
        tx.remove::<OnboardingSession>(token);
        return Reply::SeeOther(session.return_url);
    }
    let today = DateTime::from_timestamp(tx.now(), 0).unwrap_or_default().date_naive();
    let has_bank = account::has_bank(tx, &account.id);
    match form.complete(&account.country, has_bank, today, ip) {
        Some(given) => {
            account::complete(tx, &account.id, given);
            tx.remove::<OnboardingSession>(token);
            Reply::SeeOther(session.return_url)
        }
        None => Reply::Page(StatusCode::UNPROCESSABLE_ENTITY, render(tx, &session, &account, &form)),
    }
}

/// The seller at the form; one who took too long starts anew.
fn at_form(tx: &Tx<'_>, token: &str) -> Result<(OnboardingSession, Account), Reply> {
    let session = tx.get::<OnboardingSession>(token).cloned().ok_or_else(not_found)?;
    if session.until_ms <= tx.now_ms {
        return Err(Reply::SeeOther(session.refresh_url));
    }
    let account = tx.get::<Account>(&session.account).filter(|account| !account.deleted).cloned();
    account.map(|account| (session, account)).ok_or_else(not_found)
}

fn not_found() -> Reply {
    let text =
        "This link was used already, or never was. Go back to the marketplace and start again from there.";
    Reply::Page(StatusCode::NOT_FOUND, page::message("This link leads nowhere", text))
}

/// Keeps what was typed so far; nothing of the bank.
fn save(tx: &mut Tx<'_>, form: &Form, account: &Account) {
    let text = |name: &str| Some(form.value(name).to_owned()).filter(|text| !text.is_empty());
    let (known, now) = (person::representative(tx.tables, &account.id), tx.now());
    let known = known.unwrap_or_else(|| Person::representing(tx.new_id("person"), &account.id, now));
    let address =
        if text("line1").is_some() { Some(form.address(&account.country)) } else { known.address.clone() };
    let typed = Person {
        first_name: text("first_name"),
        last_name: text("last_name"),
        dob: form.dob(),
        address,
        ..known
    };
    person::save(tx, typed);
}

fn render(tx: &Tx<'_>, session: &OnboardingSession, account: &Account, form: &Form) -> String {
    let platform =
        tx.get::<Account>(&account.platform).and_then(|platform| platform.business_profile.name.clone());
    let platform = platform.unwrap_or_else(|| "The marketplace".to_owned());
    let has_bank = account::has_bank(tx, &account.id);
    let content = html! {
        h1 { "Get paid by " (platform) }
        p { (platform) " partners with Stripe for secure payments. Nothing here is real: use made-up details." }
        @if form.has_errors() {
            div.summary role="alert" { "Some details need another look. They are marked below." }
        }
        form method="post" action={ "/onboarding/" (session.token) } novalidate {
            div.card { h2 { "About you" } (person(form)) }
            div.card { h2 { "Home address" } (address(form)) }
            div.card { h2 { "Bank account for payouts" } (bank(form, &account.country, has_bank)) }
            div.card { (agreement(form)) }
            div.actions {
                button.first type="submit" name="action" value="submit" { "Agree and submit" }
                button.quiet type="submit" name="action" value="save" { "Save and return later" }
            }
        }
    };
    page::frame("Get paid", &content)
}

fn person(form: &Form) -> Markup {
    html! {
        div.row {
            (form.text("first_name", "Legal first name", "given-name", None))
            (form.text("last_name", "Legal last name", "family-name", None))
        }
        fieldset.bad[form.error("dob").is_some()] aria-describedby=[form.error("dob").map(|_| "dob-error")] {
            legend { "Date of birth" }
            div.dob {
                (form.number_box("dob_day", "Day", "bday-day", 2))
                (form.number_box("dob_month", "Month", "bday-month", 2))
                (form.number_box("dob_year", "Year", "bday-year", 4))
            }
            @if let Some(error) = form.error("dob") { p.error id="dob-error" { (error) } }
        }
    }
}

fn address(form: &Form) -> Markup {
    html! {
        (form.text("line1", "Street and number", "address-line1", None))
        div.row {
            (form.text("city", "City", "address-level2", None))
            (form.text("state", "State or region", "address-level1", Some("If your address has one")))
        }
        (form.text("postal_code", "Postal code", "postal-code", None))
    }
}

fn bank(form: &Form, country: &str, has_bank: bool) -> Markup {
    html! {
        @if has_bank {
            p { "A bank account is known already. Leave these empty to keep it." }
        }
        @if country == "US" {
            (form.text("routing_number", "Routing number", "off", Some("Test number: 110000000")))
            (form.text("account_number", "Account number", "off", Some("000123456789 works; 000111111116 lets payouts fail")))
        } @else {
            (form.text("account_number", "IBAN or account number", "off", Some("Test number: DE89370400440532013000")))
        }
    }
}

fn agreement(form: &Form) -> Markup {
    html! {
        div.bad[form.error("tos").is_some()] {
            label.check for="tos" {
                input type="checkbox" id="tos" name="tos" value="yes" checked[form.value("tos") == "yes"]
                    aria-describedby=[form.error("tos").map(|_| "tos-error")];
                span { "I accept the connected account agreement, and what I entered is correct." }
            }
            @if let Some(error) = form.error("tos") { p.error id="tos-error" { (error) } }
        }
    }
}
