//! What is settled in another currency, and what others did.

use super::{
    refunds::refund_before_transfer,
    sales::{a_separate_sale, a_transfer},
    *,
};

pub(super) const FACTS: &[(&str, Make)] = &[
    ("sale settled in another currency", sale_in_another_currency),
    ("refund settled in another currency", refund_in_another_currency),
    ("transfer received in another currency", transfer_in_another_currency),
    ("foreign activity", foreign),
];

/// The conversion that a balance transaction made, whose application fee is none.
fn conversion(moved: &balance_transaction::Model, original: Money) -> Posting {
    let conversion = Conversion {
        book: moved.scope.clone(),
        transaction: moved.id.clone(),
        object: moved.source.clone().unwrap(),
        original,
        settled: Money::new(moved.amount, moved.currency),
        occurred_at: at(),
    };
    conversion.posting().unwrap()
}

impl Amounts {
    /// What dollars are worth in euros, rounded down, but something.
    fn in_euros(&self, amount: i64) -> Money {
        eur((amount * 100 / self.rate).max(1))
    }
}

fn sale_in_another_currency(m: &mut Maker<'_>) -> Told {
    let (gross, fee) = (m.amounts.gross, m.amounts.fee);
    let settled = m.amounts.in_euros(gross);
    let moved = m.moved(platform(), "charge", "ch", settled, &[("stripe_fee", fee)]);
    (vec![a_separate_sale(m).of_platform().unwrap(), conversion(&moved, usd(gross))], vec![moved])
}

fn refund_in_another_currency(m: &mut Maker<'_>) -> Told {
    let refund = m.amounts.refund;
    let (mut ours, _) = refund_before_transfer(m);
    let settled = eur(-m.amounts.in_euros(refund).amount);
    let moved = m.moved(platform(), "refund", "re", settled, &[]);
    ours.push(conversion(&moved, usd(-refund)));
    (ours, vec![moved])
}

fn transfer_in_another_currency(m: &mut Maker<'_>) -> Told {
    let transfer = a_transfer(m);
    let sent = m.moved(platform(), "transfer", "tr", usd(-transfer.amount.amount), &[]);
    let settled = m.amounts.in_euros(transfer.amount.amount);
    let received = m.moved(of_seller(), "payment", "py", settled, &[]);
    let ours = vec![
        transfer.of_platform().unwrap(),
        transfer.of_seller(&account()).unwrap(),
        conversion(&received, transfer.amount),
    ];
    (ours, vec![sent, received])
}

fn foreign(m: &mut Maker<'_>) -> Told {
    let Amounts { gross, fee, .. } = m.amounts;
    let moved = m.moved(platform(), "charge", "ch", usd(gross), &[("stripe_fee", fee)]);
    let activity = ForeignActivity {
        book: platform(),
        transaction: moved.id.clone(),
        object: m.id("ch"),
        amount: usd(gross),
        occurred_at: at(),
    };
    (vec![activity.posting().unwrap()], vec![moved])
}
