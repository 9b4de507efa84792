//! Refunds, and those that fail.

use super::{sales::reversed, *};

pub(super) const FACTS: &[(&str, Make)] = &[
    ("destination refund", destination_refund),
    ("destination refund, commission kept", destination_refund_commission_kept),
    ("refund of a share before its transfer", refund_before_transfer),
    ("refund of a share after its transfer", refund_after_transfer),
    ("refund of a share, reversal refused", refund_as_debt),
    ("refund of a share, borne by the platform", refund_by_platform),
    ("direct refund", direct_refund),
    ("direct refund that failed", direct_refund_failed),
    ("refund that failed, to be sent again", failed_to_payable),
    ("refund that failed, debt undone", failed_to_debt),
    ("refund that failed, borne by the platform", failed_to_platform),
    ("commission given back", commission_returned),
];

fn a_destination_refund(m: &mut Maker<'_>, returned: i64) -> Told {
    let amount = m.amounts.refund;
    let refund = DestinationRefund {
        refund: m.id("re"),
        reversal: m.id("trr"),
        seller_refund: m.id("pyr"),
        fee_refund: (returned > 0).then(|| m.id("fr")),
        amount: usd(amount),
        commission: usd(returned),
        occurred_at: at(),
    };
    let mut stripes = vec![m.moved(platform(), "refund", "re", usd(-amount), &[])];
    stripes.extend(reversed(m, amount));
    if returned > 0 {
        stripes.push(m.moved(platform(), "application_fee_refund", "fr", usd(-returned), &[]));
        stripes.push(m.moved(of_seller(), "adjustment", "fr", usd(returned), &[]));
    }
    (vec![refund.of_platform().unwrap(), refund.of_seller(&account()).unwrap()], stripes)
}

fn destination_refund(m: &mut Maker<'_>) -> Told {
    a_destination_refund(m, m.amounts.returned)
}

fn destination_refund_commission_kept(m: &mut Maker<'_>) -> Told {
    a_destination_refund(m, 0)
}

fn a_share_refund(m: &mut Maker<'_>, returned: i64, taken_from: TakenFrom) -> Told {
    let amount = usd(m.amounts.refund);
    let refund = ShareRefund {
        refund: m.id("re"),
        share: share(),
        amount,
        commission: usd(returned),
        taken_from,
        occurred_at: at(),
    };
    let ours = [Some(refund.of_platform().unwrap()), refund.of_seller(&account()).unwrap()];
    let paid_back = m.moved(platform(), "refund", "re", usd(-amount.amount), &[]);
    (ours.into_iter().flatten().collect(), vec![paid_back])
}

pub(super) fn refund_before_transfer(m: &mut Maker<'_>) -> Told {
    a_share_refund(m, m.amounts.returned, TakenFrom::Payable)
}

fn refund_after_transfer(m: &mut Maker<'_>) -> Told {
    let Amounts { refund, returned, .. } = m.amounts;
    let taken_from = TakenFrom::Transfer { reversal: m.id("trr"), seller_refund: m.id("pyr") };
    let (ours, mut stripes) = a_share_refund(m, returned, taken_from);
    stripes.extend(reversed(m, refund - returned));
    (ours, stripes)
}

fn refund_as_debt(m: &mut Maker<'_>) -> Told {
    a_share_refund(m, m.amounts.returned, TakenFrom::Debt(seller()))
}

fn refund_by_platform(m: &mut Maker<'_>) -> Told {
    a_share_refund(m, 0, TakenFrom::Platform)
}

fn a_direct_refund(m: &Maker<'_>) -> DirectRefund {
    let Amounts { refund, returned, .. } = m.amounts;
    DirectRefund {
        refund: m.id("re"),
        fee_refund: (returned > 0).then(|| m.id("fr")),
        amount: usd(refund),
        commission: usd(returned),
        occurred_at: at(),
    }
}

fn direct_refund(m: &mut Maker<'_>) -> Told {
    let refund = a_direct_refund(m);
    let returned = refund.commission;
    let stripes = vec![
        m.moved(of_seller(), "refund", "re", usd(-refund.amount.amount), &[]),
        m.moved(of_seller(), "adjustment", "fr", returned, &[]),
        m.moved(platform(), "application_fee_refund", "fr", usd(-returned.amount), &[]),
    ];
    let ours = refund.of_platform().unwrap().into_iter().chain([refund.of_seller(&account()).unwrap()]);
    (ours.collect(), stripes)
}

fn direct_refund_failed(m: &mut Maker<'_>) -> Told {
    let refund = a_direct_refund(m);
    let back = m.moved(of_seller(), "refund_failure", "re", refund.amount, &[]);
    (vec![refund.failed_of_seller(&account(), at()).unwrap()], vec![back])
}

fn a_failed_refund(m: &mut Maker<'_>, commission: i64, restored_to: RestoredTo) -> Told {
    let amount = usd(m.amounts.refund);
    let failed = FailedRefund {
        refund: m.id("re"),
        share: share(),
        amount,
        commission: usd(commission),
        restored_to,
        occurred_at: at(),
    };
    let ours = [Some(failed.of_platform().unwrap()), failed.of_seller(&account()).unwrap()];
    let back = m.moved(platform(), "refund_failure", "re", amount, &[]);
    (ours.into_iter().flatten().collect(), vec![back])
}

fn failed_to_payable(m: &mut Maker<'_>) -> Told {
    a_failed_refund(m, m.amounts.returned, RestoredTo::Payable)
}

fn failed_to_debt(m: &mut Maker<'_>) -> Told {
    a_failed_refund(m, m.amounts.returned, RestoredTo::Debt(seller()))
}

fn failed_to_platform(m: &mut Maker<'_>) -> Told {
    a_failed_refund(m, 0, RestoredTo::Platform)
}

fn commission_returned(m: &mut Maker<'_>) -> Told {
    let amount = usd(m.amounts.commission.max(1));
    let returned = CommissionReturned { fee_refund: m.id("fr"), amount, occurred_at: at() };
    let stripes = vec![
        m.moved(platform(), "application_fee_refund", "fr", usd(-amount.amount), &[]),
        m.moved(of_seller(), "adjustment", "fr", amount, &[]),
    ];
    (vec![returned.of_platform().unwrap(), returned.of_seller(&account()).unwrap()], stripes)
}
