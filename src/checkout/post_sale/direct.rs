//! A direct charge: the money was the seller's from the start, less the application fee.

use souk_entity::{Money, Scope, order, order_share};

use super::{Sold, captured, exchanged, movement, must_match, only, reached, settled};
use crate::{
    context::Context,
    jobs::JobError,
    ledger::postings::DirectSale,
    stripe::{
        application_fees::{self, ApplicationFee},
        charges::Charge,
    },
};

/// The fee of a direct charge, which the platform alone can read; none if none is due, or not yet.
pub(super) async fn fee(ctx: &Context, charge: &Charge) -> Result<Option<ApplicationFee>, JobError> {
    let Some(fee) = &charge.application_fee else { return Ok(None) };
    let fee: ApplicationFee = ctx.stripe.get(&Scope::Platform, &application_fees::path(fee.id())).await?;
    Ok(Some(fee))
}

/// The sale, once the charge is on the seller's balance and its fee on the platform's.
pub(super) fn sold(
    order: &order::Model,
    shares: &[order_share::Model],
    charge: &Charge,
    fee: Option<&ApplicationFee>,
) -> Result<Option<Sold>, JobError> {
    let share = only(shares)?;
    let Some(account) = order.payment_scope.account() else {
        return Err(JobError::Fail("a direct charge is made on a seller's account".to_owned()));
    };
    let Some(moved) = movement(charge.balance_transaction.as_ref()) else { return Ok(None) };
    let due = charge.application_fee_amount.unwrap_or_default();
    let of_fee = fee.and_then(|fee| movement(fee.balance_transaction.as_ref()));
    if due > 0 && of_fee.is_none() {
        return Ok(None);
    }
    let (gross, settled) = (captured(order), settled(charge, moved)?);
    let commission = Money::new(share.commission, order.currency);
    must_match([
        ("what was captured", Money::new(charge.amount_captured, charge.currency), gross),
        ("what was captured", gross, Money::new(share.gross, order.currency)),
        ("the application fee", Money::new(due, charge.currency), commission),
    ])?;
    let sale = DirectSale {
        order: order.id,
        charge: charge.id.clone(),
        application_fee: fee.map(|fee| fee.id.clone()),
        gross,
        commission,
        occurred_at: charge.created,
    };
    let mut postings = vec![sale.of_seller(account)?];
    postings.extend(sale.of_platform()?);
    let taken = moved.amount - moved.without_application_fee();
    let kept = Money::new(settled.amount - taken, settled.currency);
    let net = Money::new(share.net, order.currency);
    let seller = Scope::Connected(account.clone());
    postings.extend(exchanged(&seller, &charge.id, (net, kept), moved)?);
    if let (Some(fee), Some(of_fee)) = (fee, of_fee) {
        let earned = Money::new(of_fee.amount, of_fee.currency);
        postings.extend(exchanged(&Scope::Platform, &fee.id, (commission, earned), of_fee)?);
    }
    let paid = Some(account.clone());
    Ok(Some(Sold { postings, shares: reached(share).into_iter().collect(), settled, paid }))
}
