//! Which rule wins, what it keeps, and that no rule keeps more than the line.

use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;
use uuid::Uuid;

use super::{
    super::testing::{CURRENCIES, any_rule, listing, rule, seller},
    *,
};

fn money(amount: i64, currency: &str) -> Money {
    Money::new(amount, currency.parse().unwrap())
}

/// A bowl of the first seller's.
const fn bowl() -> Sold<'static> {
    Sold {
        listing: Some(ListingId::from_uuid(Uuid::from_u128(1))),
        seller: SellerId::from_uuid(Uuid::from_u128(1)),
        category: Some("bowls"),
    }
}

/// The number of the rule that decides a bowl for 10.00 USD, whatever the order in which rules are given.
fn decides(rules: &[Model]) -> Option<u128> {
    let decided = |in_effect: Vec<Model>| {
        let decided = Rules::new(in_effect, 1_000).commission(&bowl(), money(1_000, "usd")).unwrap();
        decided.rule.map(|rule| rule.uuid().as_u128())
    };
    let reversed = rules.iter().rev().cloned().collect();
    assert_eq!(decided(rules.to_vec()), decided(reversed));
    decided(rules.to_vec())
}

#[test]
fn the_most_specific_rule_decides() {
    let usd = "usd".parse().unwrap();
    // From the least specific to the most.
    let ladder = [
        rule(1),
        Model { currency: Some(usd), ..rule(2) },
        Model { category: Some("bowls".to_owned()), ..rule(3) },
        Model { category: Some("bowls".to_owned()), currency: Some(usd), ..rule(4) },
        Model { seller_id: Some(seller(1)), ..rule(5) },
        Model { seller_id: Some(seller(1)), currency: Some(usd), ..rule(6) },
        Model { seller_id: Some(seller(1)), category: Some("bowls".to_owned()), ..rule(7) },
        Model { listing_id: Some(listing(1)), ..rule(8) },
        Model { listing_id: Some(listing(1)), currency: Some(usd), ..rule(9) },
    ];
    assert_eq!(decides(&[]), None);
    for steps in 1..=ladder.len() {
        assert_eq!(decides(&ladder[..steps]), Some(steps as u128));
    }
}

#[test]
fn a_rule_decides_only_where_all_that_it_names_is_so() {
    let bowls = || Some("bowls".to_owned());
    for stranger in [
        Model { listing_id: Some(listing(2)), ..rule(1) },
        Model { seller_id: Some(seller(2)), ..rule(1) },
        Model { category: Some("Bowls".to_owned()), ..rule(1) },
        Model { currency: Some("eur".parse().unwrap()), ..rule(1) },
        Model { listing_id: Some(listing(1)), category: Some("cups".to_owned()), ..rule(1) },
        Model { listing_id: Some(listing(1)), currency: Some("eur".parse().unwrap()), ..rule(1) },
        Model { seller_id: Some(seller(2)), category: bowls(), ..rule(1) },
        Model { seller_id: Some(seller(1)), category: Some("cups".to_owned()), ..rule(1) },
    ] {
        assert_eq!(decides(std::slice::from_ref(&stranger)), None, "{stranger:?}");
    }
    // What has no listing and no category fits no rule that names one.
    let priced = Sold { listing: None, category: None, ..bowl() };
    let named = [
        Model { listing_id: Some(listing(1)), ..rule(1) },
        Model { category: bowls(), ..rule(2) },
        Model { seller_id: Some(seller(1)), ..rule(3) },
    ];
    let decided = Rules::new(named.to_vec(), 0).commission(&priced, money(1_000, "usd")).unwrap();
    assert_eq!(decided.rule, Some(named[2].id));
}

#[test]
fn of_two_alike_the_one_for_the_currency_decides_then_the_later_one() {
    let later = |days: i64| DateTime::UNIX_EPOCH + TimeDelta::days(days);
    let usd = Some("usd".parse().unwrap());
    assert_eq!(decides(&[rule(1), rule(2)]), Some(2));
    assert_eq!(decides(&[Model { effective_from: later(1), ..rule(1) }, rule(2)]), Some(1));
    assert_eq!(
        decides(&[Model { effective_from: later(9), ..rule(2) }, Model { currency: usd, ..rule(1) }]),
        Some(1)
    );
}

#[test]
fn a_rule_keeps_basis_points_and_a_fixed_part_between_a_minimum_and_a_maximum() {
    let of = |terms: Model, amount, currency| {
        let amount = money(amount, currency);
        let terms = Model { currency: Some(amount.currency), ..terms };
        Rules::new(vec![terms], 0).commission(&bowl(), amount).unwrap().amount
    };
    let terms =
        |basis_points, fixed, minimum, maximum| Model { basis_points, fixed, minimum, maximum, ..rule(1) };
    for (terms, amount, currency, kept) in [
        (terms(1_250, None, None, None), 1_000, "usd", 125),
        // Half of the smallest unit is rounded up, in currencies of every kind.
        (terms(1_250, None, None, None), 1_004, "usd", 126),
        (terms(1_000, None, None, None), 1_005, "jpy", 101),
        (terms(250, None, None, None), 1_020, "kwd", 26),
        (terms(1_000, Some(30), None, None), 1_000, "usd", 130),
        (terms(0, Some(30), None, None), 1_000, "usd", 30),
        (terms(1_000, Some(30), Some(200), None), 1_000, "usd", 200),
        (terms(1_000, Some(30), Some(200), Some(500)), 1_700, "usd", 200),
        (terms(1_000, Some(30), Some(200), Some(500)), 1_710, "usd", 201),
        (terms(1_000, Some(30), Some(200), Some(500)), 4_710, "usd", 500),
        (terms(1_000, Some(30), Some(200), Some(500)), 99_999, "usd", 500),
        (terms(1_000, None, None, Some(0)), 1_000, "usd", 0),
        // The whole line and no more.
        (terms(10_000, Some(30), None, None), 1_000, "usd", 1_000),
        (terms(0, Some(30), None, None), 29, "usd", 29),
        (terms(0, None, Some(200), None), 150, "jpy", 150),
        (terms(10_000, Some(i64::MAX), None, None), i64::MAX, "kwd", i64::MAX),
    ] {
        assert_eq!(of(terms.clone(), amount, currency), kept, "{terms:?} of {amount} {currency}");
    }
}

#[test]
fn where_no_rule_fits_the_default_does() {
    let stranger = Model { seller_id: Some(seller(2)), basis_points: 5_000, ..rule(1) };
    let rules = Rules::new(vec![stranger], 1_000);
    let kept = rules.commission(&bowl(), money(1_005, "usd")).unwrap();
    assert_eq!(kept, Commission { amount: 101, rule: None });
}

/// A currency, an amount, and rules that may be for it.
fn lines_and_rules() -> impl Strategy<Value = (&'static str, i64, Vec<Model>)> {
    prop::sample::select(CURRENCIES.to_vec()).prop_flat_map(|currency| {
        let amount = prop_oneof![1_i64..10_000, 1_i64..=i64::MAX];
        (Just(currency), amount, prop::collection::vec(any_rule(currency), 0..8))
    })
}

proptest! {
    #[test]
    fn whatever_the_rules_a_commission_is_from_nothing_to_its_line((currency, amount, rules) in lines_and_rules()) {
        let kept = Rules::new(rules.clone(), 1_000).commission(&bowl(), money(amount, currency)).unwrap();
        prop_assert!((0..=amount).contains(&kept.amount), "{kept:?}");
        if let Some(decided) = rules.iter().find(|rule| Some(rule.id) == kept.rule) {
            prop_assert!(decided.maximum.is_none_or(|maximum| kept.amount <= maximum));
            prop_assert!(decided.minimum.is_none_or(|minimum| kept.amount >= minimum.min(amount)));
        }
    }

    #[test]
    fn the_rule_that_decides_fits_and_no_other_that_fits_comes_before_it(
        (currency, amount, rules) in lines_and_rules()
    ) {
        let amount = money(amount, currency);
        let kept = Rules::new(rules.clone(), 1_000).commission(&bowl(), amount).unwrap();
        let fitting = rules.iter().filter(|rule| fits(rule, &bowl(), amount)).collect::<Vec<_>>();
        prop_assert_eq!(kept.rule.is_none(), fitting.is_empty());
        if let Some(decided) = fitting.iter().find(|rule| Some(rule.id) == kept.rule) {
            for other in &fitting {
                prop_assert!(specificity(other) <= specificity(decided));
            }
        }
    }

    #[test]
    fn the_order_in_which_rules_are_given_decides_nothing((currency, amount, rules) in lines_and_rules()) {
        let amount = money(amount, currency);
        let reversed: Vec<Model> = rules.iter().rev().cloned().collect();
        prop_assert_eq!(
            Rules::new(rules, 1_000).commission(&bowl(), amount),
            Rules::new(reversed, 1_000).commission(&bowl(), amount)
        );
    }
}
