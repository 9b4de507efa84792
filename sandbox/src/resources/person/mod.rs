//! The people behind an account: its representative, its owners, those who direct it.
//!
//! The `individual` of an account of one person is a person like any other.

mod operations;
mod read;
mod render;

use serde::{Deserialize, Serialize};

pub(crate) use self::{
    operations::{ROUTES, save},
    read::{ADDRESS, FILES, LOCAL_ADDRESS, SIDES, read_individual},
};
use super::address::Address;
use crate::{
    protocol::{params::Metadata, shape::Kept},
    store::{Record, Tables},
};

/// What somebody is to the account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Relationship {
    pub(crate) authorizer: bool,
    pub(crate) director: bool,
    pub(crate) executive: bool,
    pub(crate) legal_guardian: bool,
    pub(crate) owner: bool,
    pub(crate) representative: bool,
    /// Percent, as a decimal.
    pub(crate) percent_ownership: Option<String>,
    pub(crate) title: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) created: i64,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    /// Day, month, year.
    pub(crate) dob: Option<(i64, i64, i64)>,
    pub(crate) address: Option<Address>,
    pub(crate) relationship: Relationship,
    pub(crate) id_number_provided: bool,
    pub(crate) id_number_secondary_provided: bool,
    pub(crate) ssn_last_4_provided: bool,
    /// A document was handed in.
    pub(crate) document_provided: bool,
    pub(crate) metadata: Metadata,
    /// Everything else that was given.
    pub(crate) kept: Kept,
}

impl Record for Person {
    const NOUN: &'static str = "person";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.account
    }
}

impl Person {
    /// Somebody who represents the account, and of whom nothing is known yet.
    pub(crate) fn representing(id: String, account: &str, now: i64) -> Self {
        let relationship = Relationship { representative: true, ..Relationship::default() };
        Self { id, account: account.to_owned(), created: now, relationship, ..Self::default() }
    }

    /// What Stripe wants to know of everybody with a say in the account, and does not yet.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let all = [
            ("first_name", self.first_name.is_some()),
            ("last_name", self.last_name.is_some()),
            ("dob.day", self.dob.is_some()),
            ("dob.month", self.dob.is_some()),
            ("dob.year", self.dob.is_some()),
            ("address.line1", self.address.is_some()),
        ];
        let has_say = self.relationship.representative || self.relationship.owner;
        all.into_iter().filter(|(_, given)| has_say && !given).map(|(name, _)| name).collect()
    }
}

/// The one who represents an account, if that is known.
pub(crate) fn representative(tables: &Tables, account: &str) -> Option<Person> {
    tables.list::<Person>(account).find(|person| person.relationship.representative).cloned()
}
