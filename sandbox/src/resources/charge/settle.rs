//! The money of a charge: who gets what, by the way in which it was charged.

use super::{Charge, TransferData};
use crate::{
    books::{self, Draft, Outside, Unbalanced},
    money::{Currency, proportion},
    resources::{
        account::Account,
        application_fee::{self, ApplicationFee},
        application_of,
        balance_transaction::{BalanceTransaction, FeeDetail, Kind},
        card::Behaviour,
        charge::PaidWith,
        transfer::{self, Sending},
    },
    store::Tx,
};

/// What an asynchronous capture leaves for later.
pub(crate) fn finish_capture(tx: &mut Tx<'_>, id: &str) {
    let Some(charge) = tx.get::<Charge>(id).filter(|charge| charge.balance_transaction.is_none()).cloned()
    else {
        return;
    };
    let before = charge.render(tx.tables);
    let account = charge.account.clone();
    match settle(tx, charge) {
        Ok(charge) => {
            let after = charge.render(tx.tables);
            tx.emit_change(&account, "charge.updated", &before, &after);
        }
        Err(Unbalanced) => tracing::error!(charge = id, "a capture could not be booked"),
    }
}

/// Books a captured charge, and makes the transfer and the fee that belong to it.
pub(crate) fn settle(tx: &mut Tx<'_>, mut charge: Charge) -> Result<Charge, Unbalanced> {
    let Some(account) = tx.get::<Account>(&charge.account).cloned() else { return Ok(charge) };
    let at_once = matches!(&charge.paid_with, PaidWith::Card { card, .. } if card.behaviour == Behaviour::BypassesPending);
    let available_ms = tx.now_ms + if at_once { 0 } else { tx.settings().settlement_ms() };

    if account.is_platform() {
        book_on_platform(tx, &mut charge, available_ms)?;
        if let Some(data) = charge.transfer_data.clone() {
            send_on(tx, &mut charge, &data, available_ms)?;
        }
    } else {
        book_directly(tx, &mut charge, &account, available_ms)?;
    }
    tx.put(charge.clone());
    Ok(charge)
}

impl Charge {
    /// What was captured, in the currency in which its account holds it, before fees.
    pub(crate) fn brought(&self, tx: &Tx<'_>) -> (Currency, i64) {
        let transaction = self.balance_transaction.as_deref().and_then(|id| tx.get::<BalanceTransaction>(id));
        match transaction {
            Some(found) if found.currency != self.currency => {
                (found.currency, proportion(found.amount, self.amount_captured, self.amount))
            }
            Some(_) => (self.currency, self.amount_captured),
            None => {
                let amount = books::settled_amount(tx, &self.account, self.currency, self.amount_captured);
                (books::settlement_currency(tx, &self.account, self.currency), amount)
            }
        }
    }
}

/// The platform takes the payment, and bears Stripe's fee.
fn book_on_platform(tx: &mut Tx<'_>, charge: &mut Charge, available_ms: i64) -> Result<(), Unbalanced> {
    let fee = tx.settings().fee_on(charge.amount_captured);
    let drafts = payment(charge, vec![FeeDetail::stripe(fee)], available_ms);
    let outside = [(Outside::Cards, -charge.amount_captured), (Outside::StripeFees, fee)];
    let written = books::post(tx, &charge.id, &charge.account, charge.currency, drafts, &outside)?;
    charge.balance_transaction = written.into_iter().next();
    Ok(())
}

/// What was authorised comes in, and what was not captured of it goes out again.
fn payment(charge: &Charge, fees: Vec<FeeDetail>, available_ms: i64) -> Vec<Draft> {
    let draft = |kind, amount| Draft::new(&charge.account, kind, amount, &charge.id, available_ms);
    // Only cards are charged; everything else is paid.
    let kind = if matches!(charge.paid_with, PaidWith::Card { .. }) { Kind::Charge } else { Kind::Payment };
    let mut drafts = vec![draft(kind, charge.amount).with_fees(fees).described(charge.description.clone())];
    let released = charge.amount - charge.amount_captured;
    if released > 0 {
        drafts.push(draft(Kind::PartialCaptureReversal, -released));
    }
    drafts
}

/// A destination charge: all of it goes to the seller, and the application fee comes back. It is sent in the currency
/// in which the platform holds the charge.
fn send_on(
    tx: &mut Tx<'_>,
    charge: &mut Charge,
    data: &TransferData,
    available_ms: i64,
) -> Result<(), Unbalanced> {
    let (currency, brought) = charge.brought(tx);
    let held = |amount: i64| proportion(brought, amount, charge.amount_captured);
    let amount = held(data.amount.unwrap_or(charge.amount_captured).min(charge.amount_captured));
    let application_fee = charge.application_fee_amount.map(held).map(|fee| fee.min(amount));
    let sending = Sending {
        platform: charge.account.clone(),
        destination: data.destination.clone(),
        amount,
        currency,
        application_fee,
        source_transaction: Some(charge.id.clone()),
        transfer_group: charge.transfer_group.clone(),
        description: None,
        metadata: Default::default(),
        available_ms,
        automatic: true,
    };
    let transfer = transfer::send(tx, sending)?;
    charge.application_fee =
        tx.get::<Charge>(&transfer.destination_payment).and_then(|py| py.application_fee.clone());
    charge.transfer = Some(transfer.id);
    Ok(())
}

/// A direct charge: the seller takes the payment, and pays the application fee out of it.
fn book_directly(
    tx: &mut Tx<'_>,
    charge: &mut Charge,
    seller: &Account,
    available_ms: i64,
) -> Result<(), Unbalanced> {
    let (amount, platform) = (charge.amount_captured, seller.platform.clone());
    let stripe_fee = tx.settings().fee_on(amount);
    let fee = charge.application_fee_amount.filter(|fee| *fee > 0).map(|fee| (tx.new_id("fee"), fee));

    // 1. Who pays Stripe depends on the account.
    let platform_pays = tx.settings().platform_bears_direct_fees(&seller.controller.fees_payer);
    let mut fees: Vec<FeeDetail> =
        fee.iter().map(|(_, fee)| FeeDetail::application(*fee, application_of(&platform))).collect();
    let on_platform = |kind, amount, source: &str| Draft::new(&platform, kind, amount, source, available_ms);
    let mut of_platform = Vec::new();
    if let Some((id, amount)) = &fee {
        of_platform.push(on_platform(Kind::ApplicationFee, *amount, id));
    }
    if platform_pays {
        of_platform.push(on_platform(Kind::StripeFee, -stripe_fee, &charge.id));
    } else {
        fees.push(FeeDetail::stripe(stripe_fee));
    }

    // 2. One movement: first the seller's part, then the platform's.
    let mut drafts = payment(charge, fees, available_ms);
    let of_seller = drafts.len();
    drafts.extend(of_platform);
    let outside = [(Outside::Cards, -amount), (Outside::StripeFees, stripe_fee)];
    let written = books::post(tx, &charge.id, &platform, charge.currency, drafts, &outside)?;
    charge.balance_transaction = written.first().cloned();

    // 3. The fee, seen from the platform.
    if let Some((id, amount)) = fee {
        charge.application_fee = Some(id.clone());
        let fee = ApplicationFee {
            id,
            platform,
            account: seller.id.clone(),
            amount,
            amount_refunded: 0,
            currency: charge.currency,
            balance_transaction: written.get(of_seller).cloned(),
            charge: charge.id.clone(),
            originating_transaction: None,
            created: tx.now(),
        };
        application_fee::add(tx, fee);
    }
    Ok(())
}
