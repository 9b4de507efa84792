//! Sales and transfers.

use super::*;

pub(super) const FACTS: &[(&str, Make)] = &[
    ("separate sale", separate_sale),
    ("separate sale, captured in part", captured_in_part),
    ("transfer of a share", transfer),
    ("reversal of a transfer", transfer_reversal),
    ("destination sale", destination_sale),
    ("direct sale", direct_sale),
];

pub(super) fn a_separate_sale(m: &Maker<'_>) -> SeparateSale {
    let Amounts { gross, commission, .. } = m.amounts;
    SeparateSale {
        order: m.order(),
        charge: m.id("ch"),
        gross: usd(gross),
        shares: vec![ShareOfSale {
            share: share(),
            net: usd(gross - commission),
            commission: usd(commission),
        }],
        occurred_at: at(),
    }
}

fn separate_sale(m: &mut Maker<'_>) -> Told {
    let Amounts { gross, fee, .. } = m.amounts;
    let ours = vec![a_separate_sale(m).of_platform().unwrap()];
    (ours, vec![m.moved(platform(), "charge", "ch", usd(gross), &[("stripe_fee", fee)])])
}

fn captured_in_part(m: &mut Maker<'_>) -> Told {
    let Amounts { gross, fee, .. } = m.amounts;
    let ours = vec![a_separate_sale(m).of_platform().unwrap()];
    let authorised = m.moved(platform(), "charge", "ch", usd(gross + 5_000), &[("stripe_fee", fee)]);
    (ours, vec![authorised, m.moved(platform(), "refund", "ch", usd(-5_000), &[])])
}

pub(super) fn a_transfer(m: &Maker<'_>) -> ShareTransfer {
    let Amounts { gross, commission, .. } = m.amounts;
    ShareTransfer {
        share: share(),
        transfer: m.id("tr"),
        destination_payment: m.id("py"),
        amount: usd(gross - commission),
        commission: usd(commission),
        occurred_at: at(),
    }
}

fn transfer(m: &mut Maker<'_>) -> Told {
    let transfer = a_transfer(m);
    let sent = m.moved(platform(), "transfer", "tr", usd(-transfer.amount.amount), &[]);
    let received = m.moved(of_seller(), "payment", "py", transfer.amount, &[]);
    (vec![transfer.of_platform().unwrap(), transfer.of_seller(&account()).unwrap()], vec![sent, received])
}

fn transfer_reversal(m: &mut Maker<'_>) -> Told {
    let Amounts { gross, commission, .. } = m.amounts;
    let amount = usd(gross - commission);
    let reversal = TransferReversal {
        share: share(),
        reversal: m.id("trr"),
        seller_refund: m.id("pyr"),
        amount,
        commission: usd(commission),
        occurred_at: at(),
    };
    let ours = vec![reversal.of_platform().unwrap(), reversal.of_seller(&account()).unwrap()];
    (ours, reversed(m, amount.amount))
}

/// A reversal, as both balances show it.
pub(super) fn reversed(m: &mut Maker<'_>, amount: i64) -> Vec<balance_transaction::Model> {
    let back = m.moved(platform(), "transfer_refund", "trr", usd(amount), &[]);
    vec![back, m.moved(of_seller(), "payment_refund", "pyr", usd(-amount), &[])]
}

fn destination_sale(m: &mut Maker<'_>) -> Told {
    let Amounts { gross, commission, fee, .. } = m.amounts;
    let sale = DestinationSale {
        order: m.order(),
        charge: m.id("ch"),
        transfer: m.id("tr"),
        application_fee: (commission > 0).then(|| m.id("fee")),
        destination_payment: m.id("py"),
        gross: usd(gross),
        commission: usd(commission),
        occurred_at: at(),
    };
    let stripes = vec![
        m.moved(platform(), "charge", "ch", usd(gross), &[("stripe_fee", fee)]),
        m.moved(platform(), "transfer", "tr", usd(-gross), &[]),
        m.moved(platform(), "application_fee", "fee", usd(commission), &[]),
        m.moved(of_seller(), "payment", "py", usd(gross), &[("application_fee", commission)]),
    ];
    (vec![sale.of_platform().unwrap(), sale.of_seller(&account()).unwrap()], stripes)
}

fn direct_sale(m: &mut Maker<'_>) -> Told {
    let Amounts { gross, commission, fee, .. } = m.amounts;
    let sale = DirectSale {
        order: m.order(),
        charge: m.id("ch"),
        application_fee: (commission > 0).then(|| m.id("fee")),
        gross: usd(gross),
        commission: usd(commission),
        occurred_at: at(),
    };
    let fees = [("application_fee", commission), ("stripe_fee", fee)];
    let stripes = vec![
        m.moved(platform(), "application_fee", "fee", usd(commission), &[]),
        m.moved(of_seller(), "charge", "ch", usd(gross), &fees),
    ];
    let ours = sale.of_platform().unwrap().into_iter().chain([sale.of_seller(&account()).unwrap()]);
    (ours.collect(), stripes)
}
