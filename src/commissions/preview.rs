//! What the marketplace would keep of a cart. Nothing is written.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use souk_entity::{ListingId, Money, SellerId, listing};

use super::{
    error::CommissionError,
    rules::{Commission, Sold},
    store,
};
use crate::{catalog, context::Context, sellers};

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
    /// Something that the marketplace's backend would price itself.
    Priced { seller: SellerId, category: Option<String>, unit_amount: Money },
}

/// A line with what would be kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Previewed {
    pub(super) amount: Money,
    pub(super) commission: Commission,
}

/// A cart with what would be kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Preview {
    pub(super) lines: Vec<Previewed>,
    pub(super) amount: Money,
    pub(super) commission: Money,
}

/// What would be kept of these lines, were they sold `at` this moment of business time.
pub(super) async fn preview(
    ctx: &Context,
    at: DateTime<Utc>,
    asked: &[AskedLine],
) -> Result<Preview, CommissionError> {
    // 1. What is sold, and for how much.
    let listings = listings(ctx, asked).await?;
    let mut lines = Vec::with_capacity(asked.len());
    for (index, line) in asked.iter().enumerate() {
        lines.push(sold(index, line, &listings)?);
    }
    check_sellers(ctx, &lines).await?;
    // 2. Which rules there are for it.
    let sold: Vec<Sold<'_>> = lines.iter().map(|(sold, _)| *sold).collect();
    let rules = store::rules_for(&ctx.db, ctx, at, &sold).await?;
    // 3. What they keep.
    let currency =
        lines.first().map(|(_, amount)| amount.currency).ok_or(CommissionError::MixedCurrencies)?;
    let mut preview = Preview {
        lines: Vec::with_capacity(lines.len()),
        amount: Money::zero(currency),
        commission: Money::zero(currency),
    };
    for (sold, amount) in lines {
        if amount.currency != currency {
            return Err(CommissionError::MixedCurrencies);
        }
        let too_large = |_| CommissionError::TooLarge;
        let commission = rules.commission(&sold, amount).map_err(too_large)?;
        let kept = Money::new(commission.amount, currency);
        preview.amount = preview.amount.checked_add(amount).map_err(too_large)?;
        preview.commission = preview.commission.checked_add(kept).map_err(too_large)?;
        preview.lines.push(Previewed { amount, commission });
    }
    Ok(preview)
}

async fn listings(
    ctx: &Context,
    asked: &[AskedLine],
) -> Result<HashMap<ListingId, listing::Model>, CommissionError> {
    let ids = asked.iter().filter_map(|line| match &line.what {
        Asked::Listing(id) => Some(*id),
        Asked::Priced { .. } => None,
    });
    let found = catalog::find_all(&ctx.db, ids.collect()).await?;
    Ok(found.into_iter().map(|listing| (listing.id, listing)).collect())
}

fn sold<'a>(
    index: usize,
    asked: &'a AskedLine,
    listings: &'a HashMap<ListingId, listing::Model>,
) -> Result<(Sold<'a>, Money), CommissionError> {
    let (sold, unit) = match &asked.what {
        Asked::Listing(id) => {
            let known = listings.get(id).ok_or(CommissionError::UnknownListing { line: index })?;
            (Sold::from(known), known.price())
        }
        Asked::Priced { unit_amount, .. } if unit_amount.amount <= 0 => {
            return Err(CommissionError::UnitAmount { line: index });
        }
        Asked::Priced { seller, category, unit_amount } => {
            (Sold { listing: None, seller: *seller, category: category.as_deref() }, *unit_amount)
        }
    };
    let amount = unit.checked_mul(asked.quantity).map_err(|_| CommissionError::TooLarge)?;
    Ok((sold, amount))
}

/// A seller who does not exist has no rules: a slip of the pen would be answered with the default.
async fn check_sellers(ctx: &Context, lines: &[(Sold<'_>, Money)]) -> Result<(), CommissionError> {
    let mut known = BTreeSet::new();
    for (line, (sold, _)) in lines.iter().enumerate() {
        if sold.listing.is_none() && known.insert(sold.seller) {
            sellers::find(&ctx.db, sold.seller).await?.ok_or(CommissionError::UnknownSeller { line })?;
        }
    }
    Ok(())
}
