//! From what a caller sends to what an order holds: the server's prices, one currency, one seller, the
//! commission of each line.

use std::collections::HashMap;

use souk_entity::{CommissionRuleId, Currency, ListingId, Money, MoneyError, SellerId, listing};

use super::error::CheckoutError;
use crate::{
    commissions::{Rules, Sold},
    stripe::limits,
};

/// More lines than any cart of people's, few enough to price in one go.
pub(super) const MOST_LINES: usize = 100;
/// More pieces than any order of people's.
pub(super) const MOST_PIECES: i64 = 100_000;

/// A line as it was asked for.
#[derive(Clone, Debug)]
pub(super) struct AskedLine {
    pub(super) what: Asked,
    pub(super) quantity: i64,
}

/// What a line is for.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    /// A listing, at its price.
    Listing(ListingId),
    /// Something that the marketplace's backend priced itself.
    Priced { seller: SellerId, title: String, category: Option<String>, unit_amount: Money },
}

/// A line with its price and commission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) listing: Option<ListingId>,
    pub(super) seller: SellerId,
    pub(super) title: String,
    pub(super) category: Option<String>,
    pub(super) unit_amount: i64,
    pub(super) quantity: i64,
    pub(super) amount: i64,
    pub(super) commission: i64,
    pub(super) commission_rule: Option<CommissionRuleId>,
}

/// A cart that can be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cart {
    pub(super) seller: SellerId,
    pub(super) total: Money,
    pub(super) commission: i64,
    pub(super) lines: Vec<Line>,
}

/// What rules look at in a cart, to find those that may decide its lines.
pub(super) fn sold<'a>(asked: &'a [AskedLine], listings: &'a [listing::Model]) -> Vec<Sold<'a>> {
    let priced = asked.iter().filter_map(|line| match &line.what {
        Asked::Listing(_) => None,
        Asked::Priced { seller, category, .. } => {
            Some(Sold { listing: None, seller: *seller, category: category.as_deref() })
        }
    });
    listings.iter().map(Sold::from).chain(priced).collect()
}

/// Prices a cart from the listings that it names, and takes the commission of each line by `rules`.
pub(super) fn price(
    asked: &[AskedLine],
    listings: &[listing::Model],
    rules: &Rules,
) -> Result<Cart, CheckoutError> {
    if asked.is_empty() || asked.len() > MOST_LINES {
        return Err(CheckoutError::LineCount);
    }
    let listings: HashMap<ListingId, &listing::Model> =
        listings.iter().map(|known| (known.id, known)).collect();
    let mut priced = Vec::with_capacity(asked.len());
    for (index, line) in asked.iter().enumerate() {
        priced.push(price_line(index, line, &listings, rules)?);
    }
    let (currency, seller) = (priced[0].1, priced[0].0.seller);
    if priced.iter().any(|(_, other)| *other != currency) {
        return Err(CheckoutError::MixedCurrencies);
    }
    if priced.iter().any(|(line, _)| line.seller != seller) {
        return Err(CheckoutError::SeveralSellers);
    }
    let lines: Vec<Line> = priced.into_iter().map(|(line, _)| line).collect();
    let total = sum(currency, lines.iter().map(|line| line.amount))?;
    let commission = sum(currency, lines.iter().map(|line| line.commission))?.amount;
    limits::check_charge(total).map_err(CheckoutError::Amount)?;
    Ok(Cart { seller, total, commission, lines })
}

fn price_line(
    index: usize,
    asked: &AskedLine,
    listings: &HashMap<ListingId, &listing::Model>,
    rules: &Rules,
) -> Result<(Line, Currency), CheckoutError> {
    if !(1..=MOST_PIECES).contains(&asked.quantity) {
        return Err(CheckoutError::Quantity { line: index });
    }
    let (sold, title, unit) = match &asked.what {
        Asked::Listing(id) => {
            let known = listings.get(id).ok_or(CheckoutError::UnknownListing { line: index })?;
            if !known.active {
                return Err(CheckoutError::InactiveListing { line: index });
            }
            (Sold::from(*known), &known.title, known.price())
        }
        Asked::Priced { unit_amount, .. } if unit_amount.amount <= 0 => {
            return Err(CheckoutError::UnitAmount { line: index });
        }
        Asked::Priced { seller, title, category, unit_amount } => {
            (Sold { listing: None, seller: *seller, category: category.as_deref() }, title, *unit_amount)
        }
    };
    let amount = unit.checked_mul(asked.quantity).map_err(|_| CheckoutError::TooLarge)?;
    let commission = rules.commission(&sold, amount).map_err(|_| CheckoutError::TooLarge)?;
    let line = Line {
        listing: sold.listing,
        seller: sold.seller,
        title: title.clone(),
        category: sold.category.map(str::to_owned),
        unit_amount: unit.amount,
        quantity: asked.quantity,
        amount: amount.amount,
        commission: commission.amount,
        commission_rule: commission.rule,
    };
    Ok((line, unit.currency))
}

fn sum(currency: Currency, amounts: impl Iterator<Item = i64>) -> Result<Money, CheckoutError> {
    let zero = Ok(Money::zero(currency));
    amounts
        .map(|amount| Money::new(amount, currency))
        .fold(zero, |sum: Result<Money, MoneyError>, amount| sum?.checked_add(amount))
        .map_err(|_| CheckoutError::TooLarge)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn seller(number: u128) -> SellerId {
        SellerId::from_uuid(Uuid::from_u128(number))
    }

    fn listing(number: u128, price: i64, currency: &str) -> listing::Model {
        listing::Model {
            id: ListingId::from_uuid(Uuid::from_u128(number)),
            seller_id: seller(1),
            title: format!("Listing {number}"),
            price_amount: price,
            price_currency: currency.parse().unwrap(),
            category: None,
            active: true,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    /// No rules, but the default.
    const fn flat(basis_points: u32) -> Rules {
        Rules::new(Vec::new(), basis_points)
    }

    fn ask(listing: &listing::Model, quantity: i64) -> AskedLine {
        AskedLine { what: Asked::Listing(listing.id), quantity }
    }

    #[test]
    fn the_commission_is_rounded_half_up_on_each_line() {
        let listings = [listing(1, 333, "usd"), listing(2, 1_005, "usd")];
        let cart = price(&[ask(&listings[0], 3), ask(&listings[1], 1)], &listings, &flat(1_000)).unwrap();
        let lines: Vec<_> = cart.lines.iter().map(|line| (line.amount, line.commission)).collect();
        assert_eq!(lines, [(999, 100), (1_005, 101)]);
        assert_eq!((cart.total.amount, cart.commission), (2_004, 201));
    }

    #[test]
    fn a_cart_that_cannot_be_paid_says_why() {
        let listings = [
            listing(1, 500, "usd"),
            listing(2, 500, "eur"),
            listing(3, 10, "usd"),
            listing(4, i64::MAX, "usd"),
        ];
        let mut inactive = listing(5, 500, "usd");
        inactive.active = false;
        let mut foreign = listing(6, 500, "usd");
        foreign.seller_id = seller(2);
        let stranger = listing(7, 500, "usd");
        let all = [&listings[..], &[inactive.clone(), foreign.clone()]].concat();
        let refused = |asked: &[AskedLine]| price(asked, &all, &flat(1_000)).unwrap_err().code();

        assert_eq!(refused(&[]), "invalid_line_count");
        assert_eq!(refused(&vec![ask(&listings[0], 1); MOST_LINES + 1]), "invalid_line_count");
        assert_eq!(refused(&[ask(&listings[0], 0)]), "invalid_quantity");
        assert_eq!(refused(&[ask(&listings[0], -1)]), "invalid_quantity");
        assert_eq!(refused(&[ask(&listings[0], MOST_PIECES + 1)]), "invalid_quantity");
        assert_eq!(refused(&[ask(&stranger, 1)]), "listing_not_found");
        assert_eq!(refused(&[ask(&inactive, 1)]), "listing_inactive");
        assert_eq!(refused(&[ask(&listings[0], 1), ask(&listings[1], 1)]), "mixed_currencies");
        assert_eq!(refused(&[ask(&listings[0], 1), ask(&foreign, 1)]), "several_sellers");
        assert_eq!(refused(&[ask(&listings[2], 1)]), "amount_too_small");
        assert_eq!(refused(&[ask(&listings[0], 100_000), ask(&listings[0], 100_000)]), "amount_too_large");
        assert_eq!(refused(&[ask(&listings[3], 2)]), "amount_too_large");
    }

    #[test]
    fn a_priced_line_is_above_zero() {
        let unit_amount = Money::new(0, "usd".parse().unwrap());
        let what = Asked::Priced { seller: seller(1), title: "Gift".to_owned(), category: None, unit_amount };
        assert_eq!(
            price(&[AskedLine { what, quantity: 1 }], &[], &flat(0)).unwrap_err().code(),
            "invalid_unit_amount"
        );
    }

    proptest! {
        #[test]
        fn lines_sum_to_the_order_and_the_commission_is_never_above_its_line(
            cart in prop::collection::vec((1_i64..1_000_000, 1_i64..1_000), 1..MOST_LINES),
            commission_bps in 0_u32..=10_000,
            currency in prop::sample::select(vec!["usd", "jpy", "kwd", "eur"]),
        ) {
            let listings: Vec<_> =
                (1_u128..).zip(&cart).map(|(number, (unit, _))| listing(number, *unit, currency)).collect();
            let asked: Vec<_> = listings.iter().zip(&cart).map(|(known, (_, pieces))| ask(known, *pieces)).collect();
            match price(&asked, &listings, &flat(commission_bps)) {
                Ok(priced) => {
                    let whole: i64 = cart.iter().map(|(unit, pieces)| unit * pieces).sum();
                    prop_assert_eq!(priced.total.amount, whole);
                    prop_assert_eq!(priced.lines.iter().map(|line| line.amount).sum::<i64>(), whole);
                    prop_assert_eq!(priced.lines.iter().map(|line| line.commission).sum::<i64>(), priced.commission);
                    prop_assert!(priced.lines.iter().all(|line| (0..=line.amount).contains(&line.commission)));
                }
                Err(refused) => prop_assert!(["amount_too_small", "amount_too_large"].contains(&refused.code())),
            }
        }
    }
}
