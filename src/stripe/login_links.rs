//! Links into the Express dashboard: single use, no id, minted anew each time.
//! Source: <https://docs.stripe.com/api/accounts/login_link>.

use serde::Deserialize;
use souk_entity::StripeAccountId;
use stripe_connect::login_link::CreateAccountLoginLink;

use super::Frozen;

/// A link into the dashboard of `account`; Stripe refuses while onboarding isn't finished.
#[must_use]
pub fn create(account: &StripeAccountId) -> Frozen {
    Frozen::of(&CreateAccountLoginLink::new(account.as_str()))
}

/// The link: whoever has it acts as the seller, so it is in no log.
#[derive(Clone, Deserialize)]
pub struct LoginLink {
    /// Where to send the seller's browser.
    pub url: String,
}

impl std::fmt::Debug for LoginLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginLink").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_link_is_made_under_its_account() {
        let frozen = create(&"acct_1".parse().unwrap());
        assert_eq!(
            (frozen.method.as_str(), frozen.path.as_str()),
            ("POST", "/v1/accounts/acct_1/login_links")
        );
        assert_eq!(frozen.body, b"");
    }
}
