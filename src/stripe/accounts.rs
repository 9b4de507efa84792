//! Connected accounts. Source: <https://docs.stripe.com/api/accounts>.

use std::collections::BTreeMap;

use serde::Deserialize;
use souk_entity::StripeAccountId;
use stripe_connect::account::{
    CreateAccount, CreateAccountBusinessProfile, CreateAccountCapabilities,
    CreateAccountCapabilitiesCardPayments, CreateAccountCapabilitiesTransfers, CreateAccountSettings,
    CreateAccountSettingsPayouts, CreateAccountSettingsPayoutsSchedule,
    CreateAccountSettingsPayoutsScheduleInterval, CreateAccountType, ListAccount, RetrieveAccount,
};

use super::{
    Frozen, Metadata, Window,
    expandable::LONGEST_PAGE,
    frozen::{hash_map, path_of},
};

/// What a new Express account is made from.
#[derive(Clone, Debug)]
pub struct Create<'a> {
    /// The seller's e-mail address.
    pub email: &'a str,
    /// ISO 3166-1 alpha-2, upper case; can never be changed.
    pub country: &'a str,
    /// `individual`, `company`, `non_profit` or `government_entity`; Stripe asks the seller if it is missing.
    pub business_type: Option<&'a str>,
    /// What buyers see (`business_profile.name`).
    pub display_name: Option<&'a str>,
    /// Our ids.
    pub metadata: &'a Metadata,
}

/// Creates an Express account that asks for card payments and transfers. Its payout schedule is manual: money
/// leaves a seller's balance when Souk says so.
#[must_use]
pub fn create(params: &Create<'_>) -> Frozen {
    let mut capabilities = CreateAccountCapabilities::new();
    capabilities.card_payments = Some(CreateAccountCapabilitiesCardPayments { requested: Some(true) });
    capabilities.transfers = Some(CreateAccountCapabilitiesTransfers { requested: Some(true) });
    let mut schedule = CreateAccountSettingsPayoutsSchedule::new();
    schedule.interval = Some(CreateAccountSettingsPayoutsScheduleInterval::Manual);
    let mut payouts = CreateAccountSettingsPayouts::new();
    payouts.schedule = Some(schedule);
    let mut settings = CreateAccountSettings::new();
    settings.payouts = Some(payouts);

    let mut request = CreateAccount::new()
        .type_(CreateAccountType::Express)
        .email(params.email)
        .country(params.country)
        .capabilities(capabilities)
        .settings(settings)
        .metadata(hash_map(params.metadata));
    if let Some(business_type) = params.business_type {
        let Ok(business_type) = business_type.parse::<stripe_shared::AccountBusinessType>();
        request = request.business_type(business_type);
    }
    if let Some(name) = params.display_name {
        let mut profile = CreateAccountBusinessProfile::new();
        profile.name = Some(name.to_owned());
        request = request.business_profile(profile);
    }
    Frozen::of(&request)
}

/// Where an account is read, in the platform's scope.
#[must_use]
pub fn path(account: &StripeAccountId) -> String {
    path_of(&RetrieveAccount::new(account.as_str()))
}

/// Where a page of up to 100 accounts of a window is read, newest first; `after` is the last id of the page before.
#[must_use]
pub fn list_path(window: Window, after: Option<&str>) -> String {
    let request = ListAccount::new().created(window.created()).limit(LONGEST_PAGE);
    path_of(&match after {
        Some(id) => request.starting_after(id),
        None => request,
    })
}

/// What we read of an account.
#[derive(Clone, Debug, Deserialize)]
pub struct Account {
    /// `acct_...`.
    pub id: StripeAccountId,
    /// The seller's e-mail address.
    pub email: Option<String>,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: Option<String>,
    /// Whether it can create charges of its own. Never decides alone whether a seller is payable.
    #[serde(default)]
    pub charges_enabled: bool,
    /// Whether money can leave to its bank.
    #[serde(default)]
    pub payouts_enabled: bool,
    /// Whether the seller finished onboarding once.
    #[serde(default)]
    pub details_submitted: bool,
    /// Capability to `active`, `inactive` or `pending`.
    #[serde(default)]
    pub capabilities: BTreeMap<String, String>,
    /// What Stripe still wants to know, as Stripe says it.
    #[serde(default)]
    pub requirements: serde_json::Value,
    /// Our ids.
    #[serde(default)]
    pub metadata: Metadata,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> Metadata {
        [("souk_seller", "seller_1"), ("souk_request", "0192")].map(|(k, v)| (k.into(), v.into())).into()
    }

    #[test]
    fn a_new_account_is_express_with_manual_payouts() {
        let frozen = create(&Create {
            email: "ann@example.com",
            country: "DE",
            business_type: Some("individual"),
            display_name: Some("Ann & Söhne"),
            metadata: &metadata(),
        });
        assert_eq!((frozen.method.as_str(), frozen.path.as_str()), ("POST", "/v1/accounts"));
        assert_eq!(
            String::from_utf8(frozen.body).unwrap(),
            "business_profile[name]=Ann+%26+S%C3%B6hne&business_type=individual\
             &capabilities[card_payments][requested]=true\
             &capabilities[transfers][requested]=true&country=DE&email=ann@example.com\
             &metadata[souk_request]=0192&metadata[souk_seller]=seller_1\
             &settings[payouts][schedule][interval]=manual&type=express"
        );
    }

    #[test]
    fn what_is_optional_is_left_out() {
        let frozen = create(&Create {
            email: "a@example.com",
            country: "US",
            business_type: None,
            display_name: None,
            metadata: &metadata(),
        });
        assert_eq!(
            String::from_utf8(frozen.body).unwrap(),
            "capabilities[card_payments][requested]=true\
             &capabilities[transfers][requested]=true&country=US&email=a@example.com\
             &metadata[souk_request]=0192&metadata[souk_seller]=seller_1\
             &settings[payouts][schedule][interval]=manual&type=express"
        );
    }

    #[test]
    fn an_account_is_read_though_fields_are_missing_or_new() {
        let account: Account = serde_json::from_str(
            r#"{"id": "acct_1", "object": "account", "capabilities": {"transfers": "active"}, "new": []}"#,
        )
        .unwrap();
        assert_eq!(account.capabilities["transfers"], "active");
        assert!(!account.charges_enabled && account.requirements.is_null());
        assert_eq!(path(&account.id), "/v1/accounts/acct_1");
    }

    #[test]
    fn accounts_of_a_window_are_listed_page_by_page() {
        let second = |second| chrono::DateTime::from_timestamp(second, 0).unwrap();
        let window = Window { from: second(5), to: Some(second(9)) };
        assert_eq!(list_path(window, None), "/v1/accounts?created[gte]=5&created[lte]=9&limit=100");
        assert_eq!(
            list_path(Window { to: None, ..window }, Some("x_1")),
            "/v1/accounts?created[gte]=5&limit=100&starting_after=x_1"
        );
    }
}
