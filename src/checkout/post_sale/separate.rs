//! A separate charge: all of it is on the platform, and each seller's share waits there for its transfer.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, IntoActiveModel};
use souk_entity::{Money, Scope, order, order_share};

use super::{
    super::release::{self, Rule},
    Sold, captured, exchanged, movement, must_match, settled,
};
use crate::{
    jobs::JobError,
    ledger::postings::{SeparateSale, ShareOfSale},
    stripe::charges::Charge,
};

/// The sale, once the charge is on the platform's balance. `now` is business time.
pub(super) fn sold(
    order: &order::Model,
    shares: &[order_share::Model],
    charge: &Charge,
    now: DateTime<Utc>,
) -> Result<Option<Sold>, JobError> {
    let Some(moved) = movement(charge.balance_transaction.as_ref()) else { return Ok(None) };
    let (gross, settled) = (captured(order), settled(charge, moved)?);
    let of_shares = shares.iter().map(|share| share.gross).sum();
    must_match([
        ("what was captured", Money::new(charge.amount_captured, charge.currency), gross),
        ("what was captured", gross, Money::new(of_shares, order.currency)),
    ])?;
    let part = |share: &order_share::Model| ShareOfSale {
        share: share.id,
        net: Money::new(share.net, share.currency),
        commission: Money::new(share.commission, share.currency),
    };
    let sale = SeparateSale {
        order: order.id,
        charge: charge.id.clone(),
        gross,
        shares: shares.iter().map(part).collect(),
        occurred_at: charge.created,
    };
    let mut postings = vec![sale.of_platform()?];
    postings.extend(exchanged(&Scope::Platform, &charge.id, (gross, settled), moved)?);
    let paid_at = order.paid_at.unwrap_or(charge.created);
    let pending = shares.iter().filter(|share| share.state == order_share::State::Pending);
    let shares = pending.map(|share| standing(share, Rule::of(order), paid_at, now)).collect();
    Ok(Some(Sold { postings, shares, settled, paid: None }))
}

fn standing(
    share: &order_share::Model,
    rule: Rule,
    paid_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> order_share::ActiveModel {
    let mut row = share.clone().into_active_model();
    if share.net == 0 {
        // All of it is commission: there is nothing to wait for.
        row.state = Set(order_share::State::Transferred);
    } else {
        release::standing(rule, paid_at, share.fulfilled_at, now).write(&mut row);
    }
    row
}
