//! A destination charge: Stripe has moved all of it to the seller, and taken the commission back.

use sea_orm::ActiveValue::Set;
use souk_entity::{Money, Scope, StripeAccountId, order, order_share};

use super::{Sold, captured, exchanged, movement, must_match, only, reached, settled};
use crate::{
    jobs::JobError,
    ledger::postings::DestinationSale,
    stripe::{
        Expandable,
        application_fees::ApplicationFee,
        balance_transactions::BalanceTransaction,
        charges::{Charge, DestinationPayment, Transfer},
    },
};

/// The sale, once Stripe names all that it moved.
pub(super) fn sold(
    order: &order::Model,
    shares: &[order_share::Model],
    charge: &Charge,
) -> Result<Option<Sold>, JobError> {
    let share = only(shares)?;
    let Some(moved) = Moved::of(charge) else { return Ok(None) };
    let (account, gross, settled) = (moved.account()?, captured(order), settled(charge, moved.of_charge)?);
    let commission = Money::new(share.commission, order.currency);
    let fee = charge.application_fee_amount.unwrap_or_default();
    must_match([
        ("what was captured", Money::new(charge.amount_captured, charge.currency), gross),
        ("what was captured", gross, Money::new(share.gross, order.currency)),
        ("what was transferred", Money::new(moved.transfer.amount, moved.transfer.currency), settled),
        ("the application fee", Money::new(fee, charge.currency), commission),
    ])?;
    let sale = DestinationSale {
        order: order.id,
        charge: charge.id.clone(),
        transfer: moved.transfer.id.clone(),
        application_fee: moved.fee.map(|(fee, _)| fee.id.clone()),
        destination_payment: moved.payment.id.clone(),
        gross,
        commission,
        occurred_at: charge.created,
    };
    let mut postings = vec![sale.of_platform()?, sale.of_seller(&account)?];
    let (platform, seller) = (Scope::Platform, Scope::Connected(account.clone()));
    let sent = Money::new(moved.of_transfer.amount, moved.of_transfer.currency);
    let received = Money::new(moved.of_payment.without_application_fee(), moved.of_payment.currency);
    let net = Money::new(share.net, order.currency);
    postings.extend(exchanged(&platform, &charge.id, (gross, settled), moved.of_charge)?);
    let left = Money::new(-gross.amount, gross.currency);
    postings.extend(exchanged(&platform, &moved.transfer.id, (left, sent), moved.of_transfer)?);
    if let Some((fee, of_fee)) = moved.fee {
        let earned = Money::new(of_fee.amount, of_fee.currency);
        postings.extend(exchanged(&platform, &fee.id, (commission, earned), of_fee)?);
    }
    postings.extend(exchanged(&seller, &moved.payment.id, (net, received), moved.of_payment)?);
    let row = reached(share).map(|mut row| {
        row.stripe_transfer_id = Set(Some(moved.transfer.id.clone()));
        row
    });
    Ok(Some(Sold { postings, shares: row.into_iter().collect(), settled, paid: Some(account) }))
}

/// What a destination charge moved, each with its balance transaction.
struct Moved<'a> {
    of_charge: &'a BalanceTransaction,
    transfer: &'a Transfer,
    of_transfer: &'a BalanceTransaction,
    payment: &'a DestinationPayment,
    of_payment: &'a BalanceTransaction,
    /// None if no commission is due.
    fee: Option<(&'a ApplicationFee, &'a BalanceTransaction)>,
}

impl<'a> Moved<'a> {
    fn of(charge: &'a Charge) -> Option<Self> {
        let transfer = charge.transfer.as_ref().and_then(Expandable::object)?;
        let payment = transfer.destination_payment.as_ref().and_then(Expandable::object)?;
        let fee = match charge.application_fee_amount {
            None | Some(0) => None,
            Some(_) => {
                let fee = charge.application_fee.as_ref().and_then(Expandable::object)?;
                Some((fee, movement(fee.balance_transaction.as_ref())?))
            }
        };
        Some(Self {
            of_charge: movement(charge.balance_transaction.as_ref())?,
            transfer,
            of_transfer: movement(transfer.balance_transaction.as_ref())?,
            payment,
            of_payment: movement(payment.balance_transaction.as_ref())?,
            fee,
        })
    }

    fn account(&self) -> Result<StripeAccountId, JobError> {
        let destination = self.transfer.destination.as_ref().map_or("nobody", Expandable::id);
        destination.parse().map_err(|_| JobError::Fail(format!("Stripe transferred to {destination}")))
    }
}
