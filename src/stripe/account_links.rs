//! Links to Stripe's hosted onboarding. They have no id and live for minutes: minted anew each time, never
//! stored, never replayed. Source: <https://docs.stripe.com/api/account_links>.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use souk_entity::StripeAccountId;
use stripe_connect::account_link::{CreateAccountLink, CreateAccountLinkType};

use super::Frozen;

/// A link that onboards `account`. Stripe sends the browser to `refresh_url` when the link is used up, and to
/// `return_url` when the seller leaves, whether or not they finished.
#[must_use]
pub fn create_onboarding(account: &StripeAccountId, refresh_url: &str, return_url: &str) -> Frozen {
    let request = CreateAccountLink::new(account.as_str(), CreateAccountLinkType::AccountOnboarding)
        .refresh_url(refresh_url)
        .return_url(return_url);
    Frozen::of(&request)
}

/// The link: whoever has it acts as the seller, so it is in no log.
#[derive(Clone, Deserialize)]
pub struct AccountLink {
    /// Where to send the seller's browser.
    pub url: String,
    /// When it stops working.
    #[serde(with = "chrono::serde::ts_seconds")]
    pub expires_at: DateTime<Utc>,
}

impl std::fmt::Debug for AccountLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountLink").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_onboarding_link_names_the_account_and_both_ways_back() {
        let account = "acct_1".parse().unwrap();
        let frozen = create_onboarding(&account, "https://s.example/refresh?s=1", "https://s.example/return");
        assert_eq!((frozen.method.as_str(), frozen.path.as_str()), ("POST", "/v1/account_links"));
        assert_eq!(
            String::from_utf8(frozen.body).unwrap(),
            "account=acct_1&refresh_url=https://s.example/refresh?s%3D1\
             &return_url=https://s.example/return&type=account_onboarding"
        );
    }

    #[test]
    fn the_link_itself_is_not_in_debug() {
        let link: AccountLink =
            serde_json::from_str(r#"{"url": "https://connect.stripe.com/secret", "expires_at": 1795241400}"#)
                .unwrap();
        assert!(!format!("{link:?}").contains("secret"));
    }
}
