//! Debts and payouts.

use super::*;

pub(super) const FACTS: &[(&str, Make)] = &[
    ("netting", netting),
    ("write-off", write_off),
    ("debit of the seller's balance", account_debit),
    ("debt collected by Stripe", collected_debt),
    ("payout that arrived", payout),
    ("instant payout", instant_payout),
    ("payout that came back", payout_back),
    ("debit of a bank", bank_debit),
];

fn netting(m: &mut Maker<'_>) -> Told {
    let netting = Netting {
        decision: m.order().uuid(),
        share: share(),
        seller: seller(),
        amount: usd(m.amounts.refund),
        occurred_at: at(),
    };
    (vec![netting.of_platform().unwrap(), netting.of_seller(&account()).unwrap()], vec![])
}

fn write_off(m: &mut Maker<'_>) -> Told {
    let amount = usd(m.amounts.refund);
    let off = WriteOff { decision: m.order().uuid(), seller: seller(), amount, occurred_at: at() };
    (vec![off.of_platform().unwrap(), off.of_seller(&account()).unwrap()], vec![])
}

fn account_debit(m: &mut Maker<'_>) -> Told {
    let amount = usd(m.amounts.refund);
    let debit = AccountDebit {
        payment: m.id("py"),
        transfer: m.id("tr"),
        seller: seller(),
        amount,
        occurred_at: at(),
    };
    let came = m.moved(platform(), "payment", "py", amount, &[]);
    let went = m.moved(of_seller(), "transfer", "tr", usd(-amount.amount), &[]);
    (vec![debit.of_platform().unwrap(), debit.of_seller(&account()).unwrap()], vec![came, went])
}

fn collected_debt(m: &mut Maker<'_>) -> Told {
    let amount = usd(m.amounts.refund);
    let taken = m.moved(platform(), "connect_collection_transfer", "", usd(-amount.amount), &[]);
    let debt = CollectedDebt {
        transaction: taken.id.clone(),
        posted_under: taken.id.clone(),
        seller: seller(),
        amount,
        occurred_at: at(),
    };
    (vec![debt.of_platform().unwrap()], vec![taken])
}

fn paid_out(m: &mut Maker<'_>, amount: i64, fees: &[(&str, i64)]) -> Told {
    let paid = payout_paid(of_seller(), &m.id("po"), usd(amount), at()).unwrap();
    (vec![paid], vec![m.moved(of_seller(), "payout", "po", usd(-amount), fees)])
}

fn payout(m: &mut Maker<'_>) -> Told {
    paid_out(m, m.amounts.gross, &[])
}

fn instant_payout(m: &mut Maker<'_>) -> Told {
    paid_out(m, m.amounts.gross, &[("stripe_fee", m.amounts.fee)])
}

fn bank_debit(m: &mut Maker<'_>) -> Told {
    paid_out(m, -m.amounts.gross, &[])
}

fn payout_back(m: &mut Maker<'_>) -> Told {
    let amount = usd(m.amounts.gross);
    let failed = payout_failed_after_paid(of_seller(), &m.id("po"), amount, at()).unwrap();
    (vec![failed], vec![m.moved(of_seller(), "payout_failure", "po", amount, &[])])
}
