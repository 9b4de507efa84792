//! What is typed into the payment page: its fields, what is wrong with them, and what the API would be told.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::protocol::{error::StripeError, params::Params};

/// Everything that the form carries.
const FIELDS: &[&str] =
    &["email", "kind", "name", "number", "exp", "cvc", "iban", "routing_number", "account_number"];

/// A form as it was filled in.
#[derive(Default)]
pub(super) struct Form {
    values: BTreeMap<&'static str, String>,
    errors: BTreeMap<&'static str, String>,
    /// What is wrong with the payment as a whole.
    pub(super) refusal: Option<String>,
}

impl Form {
    pub(super) fn new(email: Option<&str>, kind: &str) -> Self {
        let mut form = Self::default();
        form.values.insert("kind", kind.to_owned());
        form.values.extend(email.map(|email| ("email", email.to_owned())));
        form
    }

    pub(super) fn read(mut params: Params) -> Self {
        let mut form = Self::default();
        for name in FIELDS {
            if let Ok(Some(value)) = params.text(name) {
                form.values.insert(name, value.trim().to_owned());
            }
        }
        form
    }

    pub(super) fn value(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    fn fail(&mut self, name: &'static str, message: &str) {
        self.errors.entry(name).or_insert_with(|| message.to_owned());
    }

    /// The parameters of the payment method, if nothing is wrong with the form; else the errors stand in it.
    pub(super) fn complete(&mut self, allowed: &[String]) -> Option<Params> {
        let email = self.value("email");
        if !email.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.')) {
            self.fail("email", "Enter your e-mail address");
        }
        if self.value("name").is_empty() {
            self.fail("name", "Enter your name");
        }
        let kind = self.value("kind").to_owned();
        if !allowed.contains(&kind) {
            self.refusal = Some("Choose how you want to pay.".to_owned());
            return None;
        }
        let mut pairs = vec![
            ("type".to_owned(), kind.clone()),
            ("billing_details[email]".to_owned(), self.value("email").to_owned()),
            ("billing_details[name]".to_owned(), self.value("name").to_owned()),
        ];
        let mut tell = |name: &str, value: &str| pairs.push((format!("{kind}[{name}]"), value.to_owned()));
        match kind.as_str() {
            "card" => {
                let expiry = self.check_card();
                if let Some((month, year)) = expiry {
                    tell("number", self.value("number"));
                    tell("exp_month", &month);
                    tell("exp_year", &year);
                    tell("cvc", self.value("cvc"));
                }
            }
            "sepa_debit" => {
                tell("iban", self.value("iban"));
                self.need("iban", "Enter your IBAN");
            }
            "us_bank_account" => {
                tell("routing_number", self.value("routing_number"));
                tell("account_number", self.value("account_number"));
                tell("account_holder_type", "individual");
                self.need("routing_number", "Enter the routing number of your bank");
                self.need("account_number", "Enter your account number");
            }
            _ => {}
        }
        if !self.errors.is_empty() {
            return None;
        }
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        Params::parse(&[body.as_bytes()]).ok()
    }

    fn need(&mut self, name: &'static str, message: &str) {
        if self.value(name).is_empty() {
            self.fail(name, message);
        }
    }

    /// Month and year, if number, date and code are complete.
    fn check_card(&mut self) -> Option<(String, String)> {
        self.need("number", "Enter your card number");
        let code = self.value("cvc");
        if !(3..=4).contains(&code.len()) || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            self.fail("cvc", "Your card's security code is incomplete.");
        }
        let digits: String = self.value("exp").chars().filter(char::is_ascii_digit).collect();
        let (month, year) = digits.split_at(digits.len().min(2));
        if !(month.len() == 2 && (year.len() == 2 || year.len() == 4)) {
            self.fail("exp", "Your card's expiration date is incomplete.");
            return None;
        }
        Some((month.to_owned(), year.to_owned()))
    }

    /// A refusal of the API, told where the buyer can do something about it.
    pub(super) fn refuse(&mut self, error: &StripeError) {
        let field = match (error.code(), error.param()) {
            (Some("incorrect_cvc" | "invalid_cvc"), _) => Some("cvc"),
            (Some("expired_card" | "invalid_expiry_month" | "invalid_expiry_year"), _) => Some("exp"),
            (_, Some("card[number]")) => Some("number"),
            (_, Some("sepa_debit[iban]")) => Some("iban"),
            (_, Some("us_bank_account[routing_number]")) => Some("routing_number"),
            (_, Some("us_bank_account[account_number]")) => Some("account_number"),
            _ => None,
        };
        match field {
            Some(field) => self.fail(field, error.message()),
            None => self.refusal = Some(error.message().to_owned()),
        }
    }

    /// One field with its label and its error. The security code is not shown again.
    pub(super) fn field(&self, name: &str, label: &str, autocomplete: &str, hint: &str) -> Markup {
        let error = self.errors.get(name);
        let kind = if name == "email" { "email" } else { "text" };
        let numeric = ["number", "exp", "cvc", "routing_number", "account_number"].contains(&name);
        let value = if name == "cvc" { "" } else { self.value(name) };
        html! {
            div.field.bad[error.is_some()] {
                label for=(name) { (label) }
                input type=(kind) id=(name) name=(name) value=(value) autocomplete=(autocomplete)
                    placeholder=(hint) inputmode=[numeric.then_some("numeric")]
                    aria-invalid=[error.map(|_| "true")]
                    aria-describedby=[error.map(|_| format!("{name}-error"))];
                @if let Some(error) = error { p.error id={ (name) "-error" } { (error) } }
            }
        }
    }
}
