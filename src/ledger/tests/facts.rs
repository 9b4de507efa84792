//! Every fact that the books know, made from a few amounts: our postings of it, and Stripe's balance transactions.
//! Read by the tests of this crate and, by its path, by those of `tests/it`.

use chrono::{DateTime, Utc};
use serde_json::json;
use souk_entity::{
    Currency, Money, OrderId, OrderShareId, Scope, SellerId, StripeAccountId, balance_transaction,
};
use uuid::Uuid;

use super::ledger::{
    Posting,
    postings::{
        AccountDebit, CollectedDebt, CommissionReturned, Conversion, DestinationRefund, DestinationSale,
        DirectRefund, DirectSale, Dispute, DisputeCharged, DisputeRecovery, FailedRefund, ForeignActivity,
        Netting, RecoveryReturned, RestoredTo, SeparateSale, ShareOfSale, ShareRefund, ShareTransfer,
        TakenFrom, TransferReversal, WriteOff, payout_failed_after_paid, payout_paid,
    },
};

/// What happened, told by both sides.
pub(crate) struct Fact {
    pub(crate) name: &'static str,
    pub(crate) ours: Vec<Posting>,
    pub(crate) stripes: Vec<balance_transaction::Model>,
}

/// Minor units; each is part of the one before where the facts need it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amounts {
    pub(crate) gross: i64,
    /// At most half of `gross`.
    pub(crate) commission: i64,
    /// Stripe's.
    pub(crate) fee: i64,
    /// At most `gross`.
    pub(crate) refund: i64,
    /// The commission's part in `refund`: less than it, and at most `commission`.
    pub(crate) returned: i64,
    /// What a euro cent is worth in hundredths of a cent.
    pub(crate) rate: i64,
}

impl Amounts {
    /// 100.00 with a commission of 10 %, a fee of 3.20, and a refund of 40.00; 1.25 dollars a euro.
    pub(crate) const OF_THE_PAGE: Self =
        Self { gross: 10_000, commission: 1_000, fee: 320, refund: 4_000, returned: 400, rate: 125 };
}

/// Makes facts whose ids all end in `tail`, so that many can stand in one book.
struct Maker<'a> {
    amounts: Amounts,
    tail: &'a str,
    count: usize,
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_793_534_400, 0).unwrap()
}

pub(crate) fn share() -> OrderShareId {
    OrderShareId::from_uuid(Uuid::from_u128(2))
}

pub(crate) fn seller() -> SellerId {
    SellerId::from_uuid(Uuid::from_u128(3))
}

pub(crate) fn account() -> StripeAccountId {
    "acct_1".parse().unwrap()
}

fn usd(amount: i64) -> Money {
    Money::new(amount, "usd".parse().unwrap())
}

fn eur(amount: i64) -> Money {
    Money::new(amount, "eur".parse().unwrap())
}

fn platform() -> Scope {
    Scope::Platform
}

fn of_seller() -> Scope {
    Scope::Connected(account())
}

impl Maker<'_> {
    fn id(&self, prefix: &str) -> String {
        format!("{prefix}_{}", self.tail)
    }

    fn order(&self) -> OrderId {
        let number = self.tail.bytes().fold(1_u128, |number, byte| number * 251 + u128::from(byte));
        OrderId::from_uuid(Uuid::from_u128(number))
    }

    /// A balance transaction; `prefix` is that of its source's id, `fees` are pairs of type and amount.
    fn moved(
        &mut self,
        scope: Scope,
        transaction_type: &str,
        prefix: &str,
        amount: Money,
        fees: &[(&str, i64)],
    ) -> balance_transaction::Model {
        self.count += 1;
        let currency: Currency = amount.currency;
        let fee = fees.iter().map(|(_, amount)| amount).sum::<i64>();
        let details =
            fees.iter().map(|(kind, fee)| json!({"type": kind, "amount": fee, "currency": currency}));
        balance_transaction::Model {
            scope,
            id: format!("txn_{}{}", self.tail, self.count),
            transaction_type: transaction_type.to_owned(),
            reporting_category: None,
            source: Some(prefix).filter(|prefix| !prefix.is_empty()).map(|prefix| self.id(prefix)),
            amount: amount.amount,
            fee,
            net: amount.amount - fee,
            currency,
            fee_details: details.collect(),
            stripe_created_at: at(),
            available_at: at(),
            imported_at: at(),
        }
    }
}

/// All facts, in the order of `docs/MONEY.md`. `tail` is what all their ids end in.
pub(crate) fn all(amounts: Amounts, tail: &str) -> Vec<Fact> {
    let makers: [(&'static str, Make); 40] = [
        ("separate sale", separate_sale),
        ("separate sale, captured in part", captured_in_part),
        ("transfer of a share", transfer),
        ("reversal of a transfer", transfer_reversal),
        ("destination sale", destination_sale),
        ("direct sale", direct_sale),
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
        ("netting", netting),
        ("write-off", write_off),
        ("debit of the seller's balance", account_debit),
        ("debt collected by Stripe", collected_debt),
        ("payout that arrived", payout),
        ("instant payout", instant_payout),
        ("payout that came back", payout_back),
        ("debit of a bank", bank_debit),
        ("sale settled in another currency", sale_in_another_currency),
        ("refund settled in another currency", refund_in_another_currency),
        ("transfer received in another currency", transfer_in_another_currency),
        ("foreign activity", foreign),
    ];
    let mut facts = Vec::new();
    for (number, (name, make)) in makers.into_iter().enumerate() {
        let tail = format!("{number}x{tail}");
        let (ours, stripes) = make(&mut Maker { amounts, tail: &tail, count: 0 });
        facts.push(Fact { name, ours, stripes });
    }
    facts
}

/// Our postings, and Stripe's balance transactions.
type Told = (Vec<Posting>, Vec<balance_transaction::Model>);
/// Makes both.
type Make = fn(&mut Maker<'_>) -> Told;

fn a_separate_sale(m: &Maker<'_>) -> SeparateSale {
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

fn a_transfer(m: &Maker<'_>) -> ShareTransfer {
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
fn reversed(m: &mut Maker<'_>, amount: i64) -> Vec<balance_transaction::Model> {
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

fn refund_before_transfer(m: &mut Maker<'_>) -> Told {
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
