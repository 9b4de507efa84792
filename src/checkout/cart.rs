//! From what a caller sends to what an order holds: the server's prices, one currency, the commission of each line,
//! and what each seller gets.

use std::collections::HashMap;

use souk_entity::{
    CommissionRuleId, Currency, ListingId, Money, MoneyError, SellerId, listing, order_line::Kind,
};

use super::error::CheckoutError;
use crate::{
    commissions::{Commission, Rules, Sold},
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
    Priced {
        seller: SellerId,
        title: String,
        category: Option<String>,
        unit_amount: Money,
        kind: Kind,
        /// Whether the marketplace takes its commission of it.
        commissionable: bool,
    },
}

/// A line with its price and commission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) kind: Kind,
    pub(super) listing: Option<ListingId>,
    pub(super) seller: SellerId,
    pub(super) title: String,
    pub(super) category: Option<String>,
    pub(super) unit_amount: i64,
    pub(super) quantity: i64,
    pub(super) amount: i64,
    pub(super) commission: i64,
    /// None for the default, and where no commission is taken.
    pub(super) commission_rule: Option<CommissionRuleId>,
}

/// What the lines of one seller come to, in minor units of the cart's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) seller: SellerId,
    pub(super) gross: i64,
    pub(super) commission: i64,
}

/// A cart that can be paid: its parts sum to it, and so do their lines to each part. The commission is less than the
/// whole, though not always less than one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cart {
    pub(super) total: Money,
    pub(super) commission: i64,
    pub(super) lines: Vec<Line>,
    /// One a seller, in the order in which their first lines come.
    pub(super) parts: Vec<Part>,
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
    let currency = priced[0].1;
    if priced.iter().any(|(_, other)| *other != currency) {
        return Err(CheckoutError::MixedCurrencies);
    }
    let lines: Vec<Line> = priced.into_iter().map(|(line, _)| line).collect();
    let total = sum(currency, lines.iter().map(|line| line.amount))?;
    let commission = sum(currency, lines.iter().map(|line| line.commission))?.amount;
    limits::check_charge(total).map_err(CheckoutError::Amount)?;
    if commission >= total.amount {
        return Err(CheckoutError::NothingForSellers);
    }
    let parts = parts(&lines);
    Ok(Cart { total, commission, lines, parts })
}

/// Sums the lines by seller; none of the sums is more than that of all, which fits.
fn parts(lines: &[Line]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for line in lines {
        match parts.iter_mut().find(|part| part.seller == line.seller) {
            Some(part) => {
                part.gross += line.amount;
                part.commission += line.commission;
            }
            None => {
                let Line { seller, amount: gross, commission, .. } = *line;
                parts.push(Part { seller, gross, commission });
            }
        }
    }
    parts
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
    let piece = piece(index, &asked.what, listings)?;
    let amount = piece.price.checked_mul(asked.quantity).map_err(|_| CheckoutError::TooLarge)?;
    let commission = if piece.commissionable {
        rules.commission(&piece.sold, amount).map_err(|_| CheckoutError::TooLarge)?
    } else {
        Commission::NONE
    };
    let line = Line {
        kind: piece.kind,
        listing: piece.sold.listing,
        seller: piece.sold.seller,
        title: piece.title.to_owned(),
        category: piece.sold.category.map(str::to_owned),
        unit_amount: piece.price.amount,
        quantity: asked.quantity,
        amount: amount.amount,
        commission: commission.amount,
        commission_rule: commission.rule,
    };
    Ok((line, piece.price.currency))
}

/// One of what a line is for, whoever priced it.
struct Piece<'a> {
    kind: Kind,
    sold: Sold<'a>,
    title: &'a str,
    price: Money,
    commissionable: bool,
}

fn piece<'a>(
    index: usize,
    asked: &'a Asked,
    listings: &HashMap<ListingId, &'a listing::Model>,
) -> Result<Piece<'a>, CheckoutError> {
    match asked {
        Asked::Listing(id) => {
            let known = listings.get(id).ok_or(CheckoutError::UnknownListing { line: index })?;
            if !known.active {
                return Err(CheckoutError::InactiveListing { line: index });
            }
            Ok(Piece {
                kind: Kind::Item,
                sold: Sold::from(*known),
                title: &known.title,
                price: known.price(),
                commissionable: true,
            })
        }
        Asked::Priced { unit_amount, .. } if unit_amount.amount <= 0 => {
            Err(CheckoutError::UnitAmount { line: index })
        }
        Asked::Priced { seller, title, category, unit_amount, kind, commissionable } => Ok(Piece {
            kind: *kind,
            sold: Sold { listing: None, seller: *seller, category: category.as_deref() },
            title,
            price: *unit_amount,
            commissionable: *commissionable,
        }),
    }
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
    use std::collections::HashSet;

    use chrono::DateTime;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::commissions::testing::any_rules;

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
        let stranger = listing(7, 500, "usd");
        let all = [&listings[..], std::slice::from_ref(&inactive)].concat();
        let refused = |asked: &[AskedLine]| price(asked, &all, &flat(1_000)).unwrap_err().code();

        assert_eq!(refused(&[]), "invalid_line_count");
        assert_eq!(refused(&vec![ask(&listings[0], 1); MOST_LINES + 1]), "invalid_line_count");
        assert_eq!(refused(&[ask(&listings[0], 0)]), "invalid_quantity");
        assert_eq!(refused(&[ask(&listings[0], -1)]), "invalid_quantity");
        assert_eq!(refused(&[ask(&listings[0], MOST_PIECES + 1)]), "invalid_quantity");
        assert_eq!(refused(&[ask(&stranger, 1)]), "listing_not_found");
        assert_eq!(refused(&[ask(&inactive, 1)]), "listing_inactive");
        assert_eq!(refused(&[ask(&listings[0], 1), ask(&listings[1], 1)]), "mixed_currencies");
        assert_eq!(refused(&[ask(&listings[2], 1)]), "amount_too_small");
        assert_eq!(refused(&[ask(&listings[0], 100_000), ask(&listings[0], 100_000)]), "amount_too_large");
        assert_eq!(refused(&[ask(&listings[3], 2)]), "amount_too_large");
    }

    fn priced(seller: SellerId, amount: i64, currency: &str, kind: Kind, commissionable: bool) -> AskedLine {
        let (title, unit_amount) = ("Gift".to_owned(), Money::new(amount, currency.parse().unwrap()));
        let what = Asked::Priced { seller, title, category: None, unit_amount, kind, commissionable };
        AskedLine { what, quantity: 1 }
    }

    #[test]
    fn a_priced_line_is_above_zero() {
        let nothing = priced(seller(1), 0, "usd", Kind::Item, true);
        assert_eq!(price(&[nothing], &[], &flat(0)).unwrap_err().code(), "invalid_unit_amount");
    }

    #[test]
    fn each_seller_has_a_part_of_all_their_lines_less_commission_where_it_is_taken() {
        let asked = [
            priced(seller(2), 1_000, "usd", Kind::Item, true),
            priced(seller(1), 2_000, "usd", Kind::Item, true),
            priced(seller(2), 500, "usd", Kind::Shipping, true),
            priced(seller(2), 80, "usd", Kind::Tax, false),
        ];
        let cart = price(&asked, &[], &flat(1_000)).unwrap();
        assert_eq!((cart.total.amount, cart.commission), (3_580, 350));
        let parts = [
            Part { seller: seller(2), gross: 1_580, commission: 150 },
            Part { seller: seller(1), gross: 2_000, commission: 200 },
        ];
        assert_eq!(cart.parts, parts);
    }

    #[test]
    fn a_commission_of_everything_leaves_nothing_to_sell_for() {
        let item = |of| priced(seller(of), 1_000, "usd", Kind::Item, true);
        assert_eq!(price(&[item(1), item(2)], &[], &flat(10_000)).unwrap_err().code(), "commission_too_high");
        // But of one seller it may be all, where another gets something.
        let tax = priced(seller(2), 1, "usd", Kind::Tax, false);
        let cart = price(&[item(1), tax], &[], &flat(10_000)).unwrap();
        assert_eq!(cart.parts[0].gross, cart.parts[0].commission);
    }

    /// Seller, unit price, pieces, kind, whether commission is taken.
    type Wanted = (u128, i64, i64, Kind, bool);

    fn any_line() -> impl Strategy<Value = Wanted> {
        let kind = prop::sample::select(vec![Kind::Item, Kind::Shipping, Kind::Tax]);
        (0_u128..50, 1_i64..20_000, 1_i64..=10, kind, any::<bool>())
    }

    proptest! {
        #[test]
        fn lines_sum_to_parts_and_parts_to_the_order_and_nothing_is_negative(
            wanted in prop::collection::vec(any_line(), 1..=MOST_LINES),
            (currency, rules) in any_rules(),
        ) {
            let asked: Vec<_> = wanted
                .iter()
                .map(|(of, unit, pieces, kind, commissionable)| AskedLine {
                    quantity: *pieces,
                    ..priced(seller(*of), *unit, currency, *kind, *commissionable)
                })
                .collect();
            match price(&asked, &[], &rules) {
                Ok(cart) => {
                    let whole: i64 = wanted.iter().map(|(_, unit, pieces, ..)| unit * pieces).sum();
                    prop_assert_eq!(cart.total, Money::new(whole, currency.parse().unwrap()));
                    prop_assert_eq!(cart.parts.iter().map(|part| part.gross).sum::<i64>(), whole);
                    prop_assert_eq!(cart.parts.iter().map(|part| part.commission).sum::<i64>(), cart.commission);
                    prop_assert!((0..whole).contains(&cart.commission), "{}", cart.commission);
                    prop_assert!(cart.lines.iter().all(|line| (0..=line.amount).contains(&line.commission)));
                    let sellers: HashSet<_> = wanted.iter().map(|(of, ..)| seller(*of)).collect();
                    prop_assert_eq!(cart.parts.iter().map(|part| part.seller).collect::<HashSet<_>>(), sellers.clone());
                    prop_assert_eq!(cart.parts.len(), sellers.len());
                    for part in &cart.parts {
                        let own = || cart.lines.iter().filter(|line| line.seller == part.seller);
                        prop_assert_eq!(own().map(|line| line.amount).sum::<i64>(), part.gross);
                        prop_assert_eq!(own().map(|line| line.commission).sum::<i64>(), part.commission);
                        prop_assert!((0..=part.gross).contains(&part.commission) && part.gross > 0);
                    }
                }
                Err(refused) => prop_assert!(
                    ["amount_too_small", "amount_too_large", "commission_too_high"].contains(&refused.code())
                ),
            }
        }
    }
}
