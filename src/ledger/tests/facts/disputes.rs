//! Disputes.

use super::{sales::reversed, *};

pub(super) const FACTS: &[(&str, Make)] = &[
    ("dispute, funds withdrawn", dispute_withdrawn),
    ("dispute won", dispute_won),
    ("dispute lost by the platform", dispute_lost),
    ("dispute recovered from the seller", dispute_recovery),
    ("dispute recovered, then won", recovery_returned),
    ("dispute recovered, then lost", recovered_and_lost),
    ("dispute lost by a seller who could not pay", lost_as_debt),
    ("dispute of a direct sale, funds withdrawn", direct_dispute_withdrawn),
    ("dispute of a direct sale won", direct_dispute_won),
    ("dispute of a direct sale lost", direct_dispute_lost),
];

/// What Stripe takes for a dispute.
const DISPUTE_FEE: i64 = 1_500;

fn a_dispute(m: &Maker<'_>, book: Scope) -> Dispute {
    Dispute { book, dispute: m.id("du"), amount: usd(m.amounts.gross) }
}

fn withdrawn(m: &mut Maker<'_>, book: Scope) -> Told {
    let dispute = a_dispute(m, book.clone());
    let gone = usd(-m.amounts.gross);
    let stripes = vec![m.moved(book, "adjustment", "du", gone, &[("stripe_fee", DISPUTE_FEE)])];
    (vec![dispute.withdrawn(at()).unwrap()], stripes)
}

fn won(m: &mut Maker<'_>, book: Scope) -> Told {
    let dispute = a_dispute(m, book.clone());
    let back = usd(m.amounts.gross);
    (vec![dispute.reinstated(at()).unwrap()], vec![m.moved(book, "adjustment", "du", back, &[])])
}

fn dispute_withdrawn(m: &mut Maker<'_>) -> Told {
    withdrawn(m, platform())
}

fn direct_dispute_withdrawn(m: &mut Maker<'_>) -> Told {
    withdrawn(m, of_seller())
}

fn dispute_won(m: &mut Maker<'_>) -> Told {
    won(m, platform())
}

fn direct_dispute_won(m: &mut Maker<'_>) -> Told {
    won(m, of_seller())
}

fn dispute_lost(m: &mut Maker<'_>) -> Told {
    (vec![a_dispute(m, platform()).lost(at()).unwrap()], vec![])
}

fn direct_dispute_lost(m: &mut Maker<'_>) -> Told {
    (vec![a_dispute(m, of_seller()).lost(at()).unwrap()], vec![])
}

fn dispute_recovery(m: &mut Maker<'_>) -> Told {
    let Amounts { gross, commission, .. } = m.amounts;
    let amount = usd(gross - commission);
    let recovery = DisputeRecovery {
        dispute: m.id("du"),
        reversal: m.id("trr"),
        seller_refund: m.id("pyr"),
        amount,
        occurred_at: at(),
    };
    let ours = vec![recovery.of_platform().unwrap(), recovery.of_seller(&account()).unwrap()];
    (ours, reversed(m, amount.amount))
}

fn recovery_returned(m: &mut Maker<'_>) -> Told {
    let Amounts { gross, commission, .. } = m.amounts;
    let amount = usd(gross - commission);
    let returned = RecoveryReturned {
        dispute: m.id("du"),
        transfer: m.id("tr"),
        destination_payment: m.id("py"),
        amount,
        occurred_at: at(),
    };
    let sent = m.moved(platform(), "transfer", "tr", usd(-amount.amount), &[]);
    let received = m.moved(of_seller(), "payment", "py", amount, &[]);
    (vec![returned.of_platform().unwrap(), returned.of_seller(&account()).unwrap()], vec![sent, received])
}

fn charged(m: &mut Maker<'_>, recovered: i64) -> Told {
    let Amounts { gross, commission, .. } = m.amounts;
    let charged = DisputeCharged {
        dispute: m.id("du"),
        seller: seller(),
        amount: usd(gross),
        recovered: usd(recovered),
        commission: usd(commission),
        occurred_at: at(),
    };
    let ours = [charged.of_platform().unwrap(), Some(charged.of_seller(&account()).unwrap())];
    (ours.into_iter().flatten().collect(), vec![])
}

fn recovered_and_lost(m: &mut Maker<'_>) -> Told {
    charged(m, m.amounts.gross - m.amounts.commission)
}

fn lost_as_debt(m: &mut Maker<'_>) -> Told {
    charged(m, 0)
}
