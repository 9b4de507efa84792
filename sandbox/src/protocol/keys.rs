//! API keys: any `sk_test_X`, `rk_test_X` or `pk_test_X` is good, and X names the platform.
//!
//! Platforms see nothing of each other. One comes into being when its key is first used.

use poem::Request;
use serde::{Deserialize, Serialize};

use super::error::StripeError;
use crate::{
    ids,
    resources::account::Account,
    store::{Record, Tx},
};

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// Secret or restricted: everything.
    Secret,
    /// What a buyer's app holds.
    Publishable,
}

/// A key as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) kind: KeyKind,
    pub(crate) platform: String,
    /// With all but its ends hidden.
    pub(crate) shown: String,
}

/// The tenant behind a key.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Platform {
    pub(crate) name: String,
    pub(crate) account: String,
}

impl Record for Platform {
    const NOUN: &'static str = "platform";

    fn id(&self) -> &str {
        &self.name
    }

    /// All of them are listed under the empty key.
    fn owner(&self) -> &str {
        ""
    }
}

impl Key {
    /// Reads the key from `Authorization`: the token of `Bearer`, or the user name of `Basic`.
    pub(crate) fn read(request: &Request) -> Result<Self, StripeError> {
        let header = request.header("authorization").unwrap_or_default();
        let key = match header.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim().to_owned(),
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("basic") => basic_user(token.trim()),
            _ => String::new(),
        };
        Self::parse(&key)
    }

    fn parse(key: &str) -> Result<Self, StripeError> {
        if key.is_empty() {
            return Err(StripeError::unauthorized(
                "You did not provide an API key. You need to provide your API key in the Authorization header, using \
                 Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            ));
        }
        let (kind, platform) =
            if let Some(name) = key.strip_prefix("sk_test_").or(key.strip_prefix("rk_test_")) {
                (KeyKind::Secret, name)
            } else if let Some(name) = key.strip_prefix("pk_test_") {
                (KeyKind::Publishable, name)
            } else {
                return Err(StripeError::unauthorized(format!("Invalid API Key provided: {}", hidden(key))));
            };
        if platform.is_empty()
            || !platform.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        {
            return Err(StripeError::unauthorized(format!("Invalid API Key provided: {}", hidden(key))));
        }
        Ok(Self { kind, platform: platform.to_owned(), shown: hidden(key) })
    }
}

/// The account of the platform that `name` stands for.
pub(crate) fn platform_account(tx: &mut Tx<'_>, name: &str) -> String {
    if let Some(platform) = tx.get::<Platform>(name) {
        return platform.account.clone();
    }
    let account = format!("acct_1{}", ids::derive(tx.seed(), &format!("platform {name}"), 0, 15));
    tx.put(Platform { name: name.to_owned(), account: account.clone() });
    tx.put(Account::of_platform(&account, name, tx.now()));
    account
}

fn hidden(key: &str) -> String {
    let chars: Vec<char> = key.chars().collect();
    if chars.len() <= 12 {
        return "*".repeat(chars.len());
    }
    let (head, tail): (String, String) =
        (chars[..8].iter().collect(), chars[chars.len() - 4..].iter().collect());
    format!("{head}{}{tail}", "*".repeat(chars.len() - 12))
}

/// The user name of a `Basic` token; Stripe takes keys there.
fn basic_user(token: &str) -> String {
    let mut bits = 0_u32;
    let mut held = 0;
    let mut user = String::new();
    for byte in token.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            let decoded = ((bits >> held) & 0xff) as u8;
            if decoded == b':' {
                break;
            }
            user.push(char::from(decoded));
        }
    }
    user
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_basic_authentication_is_its_user_name() {
        // "sk_test_shop:" in base 64.
        assert_eq!(basic_user("c2tfdGVzdF9zaG9wOg=="), "sk_test_shop");
    }

    #[test]
    fn live_keys_are_refused() {
        assert!(Key::parse("sk_live_shop").is_err());
        assert_eq!(Key::parse("rk_test_shop").unwrap().platform, "shop");
    }
}
