//! The onboarding form: its fields, what was typed into them, and what is wrong with that.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use maud::{Markup, html};

use crate::{
    protocol::params::Params,
    resources::{account::Onboarding, address::Address, external_account, person::Person},
};

/// Everything that a form carries.
pub(super) const FIELDS: &[&str] = &[
    "first_name",
    "last_name",
    "dob_day",
    "dob_month",
    "dob_year",
    "line1",
    "city",
    "state",
    "postal_code",
    "routing_number",
    "account_number",
    "tos",
];

/// How old a seller must be.
const AGE: i32 = 13;

/// A form as it was filled in.
#[derive(Default)]
pub(super) struct Form {
    values: BTreeMap<&'static str, String>,
    errors: BTreeMap<&'static str, String>,
}

impl Form {
    /// What is known of the seller already.
    pub(super) fn of(person: Option<Person>) -> Self {
        let mut form = Self::default();
        let person = person.unwrap_or_default();
        let address = person.address.unwrap_or_default();
        let dob = |part: fn((i64, i64, i64)) -> i64| person.dob.map(|dob| part(dob).to_string());
        let known = [
            ("first_name", person.first_name),
            ("last_name", person.last_name),
            ("dob_day", dob(|(day, _, _)| day)),
            ("dob_month", dob(|(_, month, _)| month)),
            ("dob_year", dob(|(_, _, year)| year)),
            ("line1", address.line1),
            ("city", address.city),
            ("state", address.state),
            ("postal_code", address.postal_code),
        ];
        for (name, value) in known {
            form.values.extend(value.map(|value| (name, value)));
        }
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

    pub(super) fn error(&self, name: &str) -> Option<&str> {
        self.errors.get(name).map(String::as_str)
    }

    pub(super) fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.value(name).parse().ok()
    }

    /// The date of birth, if all its parts are there.
    pub(super) fn dob(&self) -> Option<(i64, i64, i64)> {
        Some((self.number("dob_day")?, self.number("dob_month")?, self.number("dob_year")?))
    }

    pub(super) fn address(&self, country: &str) -> Address {
        let text = |name| Some(self.value(name).to_owned()).filter(|text| !text.is_empty());
        Address {
            city: text("city"),
            country: Some(country.to_owned()),
            line1: text("line1"),
            line2: None,
            postal_code: text("postal_code"),
            state: text("state"),
        }
    }

    /// Everything, if nothing is wrong with it; else the errors stand in the form.
    pub(super) fn complete(
        &mut self,
        country: &str,
        has_bank: bool,
        today: NaiveDate,
        ip: &str,
    ) -> Option<Onboarding> {
        for (name, message) in [
            ("first_name", "Enter your legal first name"),
            ("last_name", "Enter your legal last name"),
            ("line1", "Enter your street and house number"),
            ("city", "Enter your city"),
            ("postal_code", "Enter your postal code"),
            ("tos", "Accept the agreement to go on"),
        ] {
            if self.value(name).is_empty() {
                self.errors.insert(name, message.to_owned());
            }
        }
        let dob = self.check_dob(today);
        let number = Some(self.value("account_number").to_owned()).filter(|number| !number.is_empty());
        let routing = Some(self.value("routing_number").to_owned()).filter(|routing| !routing.is_empty());
        match &number {
            None if has_bank => {}
            None => {
                drop(self.errors.insert("account_number", "Enter the account number of your bank".into()))
            }
            Some(number) => {
                if let Err((field, message)) = external_account::check(country, routing.as_deref(), number) {
                    self.errors.insert(field, message);
                }
            }
        }
        if self.has_errors() {
            return None;
        }
        Some(Onboarding {
            first_name: self.value("first_name").to_owned(),
            last_name: self.value("last_name").to_owned(),
            dob: dob?,
            address: self.address(country),
            routing_number: routing,
            account_number: number,
            ip: ip.to_owned(),
        })
    }

    fn check_dob(&mut self, today: NaiveDate) -> Option<(i64, i64, i64)> {
        let dob = self.dob();
        let date = dob.and_then(|(day, month, year)| {
            let (day, month, year) = (day.try_into().ok()?, month.try_into().ok()?, year.try_into().ok()?);
            NaiveDate::from_ymd_opt(year, month, day)
        });
        let message = match date {
            None => "Enter a real date of birth: day, month and year",
            Some(date) if date.year() < 1900 => "Enter a year of birth after 1900",
            Some(date) if date.with_year(date.year() + AGE).unwrap_or(date) > today => {
                "You must be at least 13 years old"
            }
            Some(_) => return dob,
        };
        self.errors.insert("dob", message.to_owned());
        None
    }

    /// One text field with its label, hint and error.
    pub(super) fn text(&self, name: &str, label: &str, autocomplete: &str, hint: Option<&str>) -> Markup {
        let error = self.error(name);
        let described = [error.map(|_| "error"), hint.map(|_| "hint")];
        let described: Vec<String> =
            described.iter().flatten().map(|kind| format!("{name}-{kind}")).collect();
        html! {
            div.field.bad[error.is_some()] {
                label for=(name) { (label) }
                input type="text" id=(name) name=(name) value=(self.value(name)) autocomplete=(autocomplete)
                    aria-invalid=[error.map(|_| "true")]
                    aria-describedby=[Some(described.join(" ")).filter(|ids| !ids.is_empty())];
                @if let Some(error) = error { p.error id={ (name) "-error" } { (error) } }
                @if let Some(hint) = hint { p.hint id={ (name) "-hint" } { (hint) } }
            }
        }
    }

    /// One of the three boxes of a date.
    pub(super) fn number_box(&self, name: &str, label: &str, autocomplete: &str, longest: usize) -> Markup {
        html! {
            div {
                label for=(name) { (label) }
                input type="text" inputmode="numeric" id=(name) name=(name) value=(self.value(name))
                    autocomplete=(autocomplete) maxlength=(longest);
            }
        }
    }
}
