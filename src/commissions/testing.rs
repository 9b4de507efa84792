//! Rules to test with.

use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;
use souk_entity::{CommissionRuleId, ListingId, SellerId, commission_rule::Model};
use uuid::Uuid;

use super::Rules;

/// Zero, two, three and four decimals, and those that Stripe counts in its own way.
pub(super) const CURRENCIES: [&str; 9] = ["usd", "eur", "jpy", "kwd", "bhd", "clf", "isk", "ugx", "mga"];

pub(super) fn seller(number: u128) -> SellerId {
    SellerId::from_uuid(Uuid::from_u128(number))
}

pub(super) fn listing(number: u128) -> ListingId {
    ListingId::from_uuid(Uuid::from_u128(number))
}

/// A rule for everything that keeps nothing; its number is its id and its age.
pub(super) fn rule(number: u128) -> Model {
    Model {
        id: CommissionRuleId::from_uuid(Uuid::from_u128(number)),
        seller_id: None,
        category: None,
        listing_id: None,
        currency: None,
        basis_points: 0,
        fixed: None,
        minimum: None,
        maximum: None,
        effective_from: DateTime::UNIX_EPOCH,
        effective_until: None,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
        deleted_at: None,
    }
}

/// Any rule that the table would take, for one of few sellers, categories and listings.
pub(super) fn any_rule(currency: &'static str) -> impl Strategy<Value = Model> {
    let amount = || prop::option::of(prop_oneof![0_i64..5_000, 0_i64..=i64::MAX]);
    let conditions = (
        prop::option::of(1_u128..3),
        prop::option::of(prop::sample::select(vec!["bowls", "cups"])),
        prop::option::of(1_u128..3),
        any::<bool>(),
    );
    let terms = (0_i32..=10_000, amount(), amount(), amount(), 0_i64..3);
    (any::<u128>(), conditions, terms).prop_map(move |(number, conditions, terms)| {
        let (of_seller, category, of_listing, with_currency) = conditions;
        let (basis_points, fixed, low, high, days) = terms;
        let (minimum, maximum) = match (low, high) {
            (Some(low), Some(high)) => (Some(low.min(high)), Some(low.max(high))),
            other => other,
        };
        let has_amounts = [fixed, minimum, maximum].iter().any(Option::is_some);
        Model {
            seller_id: of_seller.map(seller),
            category: category.map(str::to_owned),
            listing_id: of_listing.map(listing),
            currency: (with_currency || has_amounts).then(|| currency.parse().unwrap()),
            basis_points,
            fixed,
            minimum,
            maximum,
            effective_from: DateTime::UNIX_EPOCH + TimeDelta::days(days),
            ..rule(number)
        }
    })
}

/// A currency, and any rules for it with any default.
pub(crate) fn any_rules() -> impl Strategy<Value = (&'static str, Rules)> {
    prop::sample::select(CURRENCIES.to_vec()).prop_flat_map(|currency| {
        let rules = (prop::collection::vec(any_rule(currency), 0..8), 0_u32..=10_000);
        (Just(currency), rules.prop_map(|(in_effect, default)| Rules::new(in_effect, default)))
    })
}
