//! What a request may say about a person.

use std::ops::RangeInclusive;

use super::{Person, Relationship};
use crate::{
    protocol::{
        error::StripeError,
        params::Params,
        shape::{Fields, Kept, Shape},
    },
    resources::address::Address,
};

/// An address that is only shown.
pub(crate) const ADDRESS: Shape = Shape::Whole(&[
    ("city", Shape::Text),
    ("country", Shape::Text),
    ("line1", Shape::Text),
    ("line2", Shape::Text),
    ("postal_code", Shape::Text),
    ("state", Shape::Text),
]);

/// An address as it is written in Japan.
pub(crate) const LOCAL_ADDRESS: Shape = Shape::Whole(&[
    ("city", Shape::Text),
    ("country", Shape::Text),
    ("line1", Shape::Text),
    ("line2", Shape::Text),
    ("postal_code", Shape::Text),
    ("state", Shape::Text),
    ("town", Shape::Text),
]);

/// Ids of uploaded files.
pub(crate) const FILES: Shape = Shape::Hash(&[("files", Shape::Texts)]);

/// The two sides of a document.
pub(crate) const SIDES: Shape = Shape::Hash(&[("back", Shape::Text), ("front", Shape::Text)]);

/// What both a person and the `individual` of an account have.
const SHOWN: Fields = &[
    ("address_kana", LOCAL_ADDRESS),
    ("address_kanji", LOCAL_ADDRESS),
    ("first_name_kana", Shape::Text),
    ("first_name_kanji", Shape::Text),
    ("full_name_aliases", Shape::Texts),
    ("gender", Shape::Text),
    ("last_name_kana", Shape::Text),
    ("last_name_kanji", Shape::Text),
    ("maiden_name", Shape::Text),
    ("political_exposure", Shape::One(&["none", "existing"])),
    ("registered_address", ADDRESS),
    ("verification", Shape::Hash(&[("additional_document", SIDES), ("document", SIDES)])),
];

/// What only a person has.
const SHOWN_OF_PERSONS: Fields = &[
    (
        "additional_tos_acceptances",
        Shape::Whole(&[(
            "account",
            Shape::Whole(&[("date", Shape::Int), ("ip", Shape::Text), ("user_agent", Shape::Text)]),
        )]),
    ),
    ("nationality", Shape::Text),
    (
        "us_cfpb_data",
        Shape::Whole(&[
            (
                "ethnicity_details",
                Shape::Whole(&[("ethnicity", Shape::Texts), ("ethnicity_other", Shape::Text)]),
            ),
            ("race_details", Shape::Whole(&[("race", Shape::Texts), ("race_other", Shape::Text)])),
            ("self_identified_gender", Shape::Text),
        ]),
    ),
];

/// What is taken and never shown.
const HIDDEN: Fields = &[
    ("documents", Shape::Hash(&[("company_authorization", FILES), ("passport", FILES), ("visa", FILES)])),
    ("person_token", Shape::Text),
];

/// The parameters of a person.
pub(super) fn read(params: &mut Params, person: &mut Person) -> Result<(), StripeError> {
    read_common(params, person)?;
    if let Some(mut hash) = params.hash("relationship")? {
        let relation = &mut person.relationship;
        for (name, field) in [
            ("authorizer", &mut relation.authorizer),
            ("legal_guardian", &mut relation.legal_guardian),
            ("representative", &mut relation.representative),
        ] {
            *field = hash.boolean(name)?.unwrap_or(*field);
        }
        read_roles(hash, relation)?;
    }
    params.keep(SHOWN_OF_PERSONS, &mut person.kept)?;
    params.keep(HIDDEN, &mut Kept::new())
}

/// The `individual` of an account.
pub(crate) fn read_individual(mut hash: Params, person: &mut Person) -> Result<(), StripeError> {
    read_common(&mut hash, person)?;
    if let Some(roles) = hash.hash("relationship")? {
        read_roles(roles, &mut person.relationship)?;
    }
    hash.finish()
}

fn read_common(params: &mut Params, person: &mut Person) -> Result<(), StripeError> {
    params.change("first_name")?.apply(&mut person.first_name);
    params.change("last_name")?.apply(&mut person.last_name);
    params.change("email")?.apply(&mut person.email);
    params.change("phone")?.apply(&mut person.phone);
    if params.has("dob") {
        person.dob = params.hash("dob")?.map(read_date).transpose()?;
    }
    if let Some(address) = Address::read(params, "address")? {
        person.address = Some(address);
    }
    person.ssn_last_4_provided |= params.text("ssn_last_4")?.is_some();
    person.id_number_provided |= params.text("id_number")?.is_some();
    person.id_number_secondary_provided |= params.text("id_number_secondary")?.is_some();
    params.metadata(&mut person.metadata)?;
    person.document_provided |= params.dotted().iter().any(|name| name.starts_with("verification.document."));
    params.keep(SHOWN, &mut person.kept)
}

/// Day, month, year.
pub(crate) fn read_date(mut hash: Params) -> Result<(i64, i64, i64), StripeError> {
    let mut part = |name: &str, possible: RangeInclusive<i64>| {
        let full = hash.name_of(name);
        let given = hash.required_int(name)?;
        if possible.contains(&given) {
            return Ok(given);
        }
        let message = format!("Invalid {name}: must be between {} and {}", possible.start(), possible.end());
        Err(StripeError::invalid(message, &full))
    };
    let date = (part("day", 1..=31)?, part("month", 1..=12)?, part("year", 1900..=9999)?);
    hash.finish()?;
    Ok(date)
}

fn read_roles(mut hash: Params, relation: &mut Relationship) -> Result<(), StripeError> {
    for (name, field) in [
        ("director", &mut relation.director),
        ("executive", &mut relation.executive),
        ("owner", &mut relation.owner),
    ] {
        *field = hash.boolean(name)?.unwrap_or(*field);
    }
    if hash.has("percent_ownership") {
        relation.percent_ownership = hash.decimal("percent_ownership")?;
    }
    hash.change("title")?.apply(&mut relation.title);
    hash.finish()
}
