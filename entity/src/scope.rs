//! Whose Stripe: the platform itself, or one connected account.
//!
//! An id of Stripe's means nothing without its scope: the same event, charge or balance transaction id is
//! looked up together with it, and the `Stripe-Account` header is derived from it and from nothing else.

use std::{fmt, str::FromStr};

use sea_orm::{DbErr, DeriveValueType, TryFromU64};
use serde::{Deserialize, Serialize};

/// A connected account's id, `acct_...`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, DeriveValueType)]
#[sea_orm(value_type = "String")]
#[serde(try_from = "String", into = "String")]
pub struct StripeAccountId(String);

impl StripeAccountId {
    /// The id as Stripe writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StripeAccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for StripeAccountId {
    type Err = ScopeParseError;

    fn from_str(text: &str) -> Result<Self, ScopeParseError> {
        let rest = text.strip_prefix("acct_").unwrap_or_default();
        // The id goes into a header and into paths: nothing but letters and digits may pass.
        if rest.is_empty() || !rest.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(ScopeParseError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for StripeAccountId {
    type Error = ScopeParseError;

    fn try_from(text: String) -> Result<Self, ScopeParseError> {
        text.parse()
    }
}

impl From<StripeAccountId> for String {
    fn from(id: StripeAccountId) -> Self {
        id.0
    }
}

/// Where an object of Stripe's lives, and in whose name a call is made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeriveValueType)]
#[sea_orm(value_type = "String")]
pub enum Scope {
    /// The marketplace's own Stripe account.
    Platform,
    /// A seller's account: calls carry the `Stripe-Account` header.
    Connected(StripeAccountId),
}

impl Scope {
    /// The account to act for, if it is not the platform itself.
    #[must_use]
    pub const fn account(&self) -> Option<&StripeAccountId> {
        match self {
            Self::Platform => None,
            Self::Connected(account) => Some(account),
        }
    }
}

// sea-orm asks every key whether it can be an auto-increment number; this cannot.
impl TryFromU64 for Scope {
    fn try_from_u64(_: u64) -> Result<Self, DbErr> {
        Err(DbErr::ConvertFromU64("Scope"))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => f.write_str("platform"),
            Self::Connected(account) => account.fmt(f),
        }
    }
}

impl FromStr for Scope {
    type Err = ScopeParseError;

    fn from_str(text: &str) -> Result<Self, ScopeParseError> {
        match text {
            "platform" => Ok(Self::Platform),
            account => account.parse().map(Self::Connected),
        }
    }
}

/// A text is neither `platform` nor the id of a connected account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither `platform` nor an id of the form `acct_...`")]
pub struct ScopeParseError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_survives_the_round_trip_through_text() {
        for text in ["platform", "acct_1AbC"] {
            assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_could_escape_from_a_header_or_a_path_is_no_account() {
        for text in ["", "acct_", "acct_1/../x", "acct_1\r\nX: y", "platform2", "cus_1"] {
            assert_eq!(text.parse::<Scope>(), Err(ScopeParseError), "{text:?}");
        }
    }
}
