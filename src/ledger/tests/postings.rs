//! Each posting against literal values.

use super::*;

const SALE: &str = "sale:order_00000000000000000000000001";

fn mirrored(
    transaction_type: &str,
    source: &str,
    amount: i64,
    fees: &[(&str, i64)],
) -> Vec<(String, String, i64)> {
    let row = txn(Scope::Platform, "txn_1", transaction_type, source, amount, fees);
    let posting = mirror(&row).unwrap().unwrap();
    assert_eq!((posting.source(), posting.book()), ("txn_1", &Scope::Platform));
    legs(&posting).into_iter().map(|(code, key, amount)| (code.into(), key.into(), amount)).collect()
}

fn expected(legs: &[(&str, &str, i64)]) -> Vec<(String, String, i64)> {
    legs.iter().map(|(code, key, amount)| ((*code).into(), (*key).into(), *amount)).collect()
}

#[test]
fn a_sale_leaves_its_charge_fee_and_transfer_to_be_mirrored() {
    let posting = sale().of_platform().unwrap();
    assert_eq!(
        legs(&posting),
        [
            ("clearing_charge", "ch_1", 10_000),
            ("clearing_application_fee", "fee_1", 1_000),
            ("clearing_transfer", "tr_1", -10_000),
            ("commission", "", -1_000),
        ]
    );
    assert_eq!((posting.source(), posting.book()), (SALE, &Scope::Platform));
}

#[test]
fn the_seller_sold_the_whole_and_paid_the_commission() {
    let posting = sale().of_seller(&account()).unwrap();
    assert_eq!(
        legs(&posting),
        [("clearing_payment", "py_1", 9_000), ("commission_paid", "", 1_000), ("sales", "", -10_000)]
    );
    assert_eq!((posting.source(), posting.book()), (SALE, &seller()));
}

#[test]
fn a_sale_without_commission_has_no_leg_for_it() {
    let sale = DestinationSale { application_fee: None, commission: usd(0), ..sale() };
    assert_eq!(
        legs(&sale.of_platform().unwrap()),
        [("clearing_charge", "ch_1", 10_000), ("clearing_transfer", "tr_1", -10_000)]
    );
}

#[test]
fn a_commission_without_its_application_fee_is_refused() {
    let sale = DestinationSale { application_fee: None, ..sale() };
    let refusal = PostingError::Key { account: Account::ClearingApplicationFee, key: String::new() };
    assert_eq!(sale.of_platform(), Err(refusal));
}

#[test]
fn an_id_of_another_kind_is_refused() {
    let sale = DestinationSale { charge: "pi_1".to_owned(), ..sale() };
    assert_eq!(sale.of_platform(), Err(PostingError::NotCleared("pi_1".to_owned())));
}

#[test]
fn amounts_that_make_no_sense_are_refused() {
    let wrong = |what: &'static str, amount| Err(PostingError::Amount { what, amount: usd(amount) });
    let sale_of =
        |gross, commission| DestinationSale { gross: usd(gross), commission: usd(commission), ..sale() };
    assert_eq!(sale_of(1_000, 1_001).of_platform(), wrong("commission", 1_001));
    assert_eq!(sale_of(1_000, -1).of_seller(&account()), wrong("commission", -1));
    assert_eq!(sale_of(0, 0).of_platform(), wrong("gross", 0));
    assert_eq!(sale_of(-5, 0).of_seller(&account()), wrong("gross", -5));
    let eur = DestinationSale { commission: Money::new(1, "eur".parse().unwrap()), ..sale() };
    assert!(matches!(eur.of_platform(), Err(PostingError::Money(_))), "two currencies");
    let dispute = Dispute { book: Scope::Platform, dispute: "du_1".to_owned(), amount: usd(-1) };
    assert_eq!(dispute.withdrawn(at(0)), wrong("amount", -1));
    let charged = |recovered, commission| DisputeCharged {
        dispute: "du_1".to_owned(),
        seller: facts::seller(),
        amount: usd(100),
        recovered: usd(recovered),
        commission: usd(commission),
        occurred_at: at(0),
    };
    assert_eq!(charged(101, 0).of_seller(&account()), wrong("recovered", 101));
    assert_eq!(charged(60, 41).of_seller(&account()), wrong("commission", 41));
    assert_eq!(charged(100, 0).of_platform(), Ok(None), "all was recovered");
}

#[test]
fn shares_must_be_the_whole_sale() {
    let sale = |net, commission| SeparateSale {
        order: order(1),
        charge: "ch_1".to_owned(),
        gross: usd(1_000),
        shares: vec![ShareOfSale { share: facts::share(), net: usd(net), commission: usd(commission) }],
        occurred_at: at(0),
    };
    assert!(sale(900, 100).of_platform().is_ok());
    assert!(matches!(sale(900, 99).of_platform(), Err(PostingError::Unbalanced { difference: 1, .. })));
    for (net, commission) in [(1_100, -100), (-100, 1_100)] {
        assert!(matches!(sale(net, commission).of_platform(), Err(PostingError::Amount { .. })), "{net}");
    }
}

#[test]
fn a_conversion_is_between_two_currencies_and_one_way() {
    let conversion = |original, settled: Money| Conversion {
        book: Scope::Platform,
        transaction: "txn_1".to_owned(),
        object: "ch_1".to_owned(),
        original: usd(original),
        settled,
        occurred_at: at(0),
    };
    let eur = |amount| Money::new(amount, "eur".parse().unwrap());
    assert!(conversion(100, eur(80)).posting().is_ok());
    for (original, settled) in [(100, usd(80)), (100, eur(-80)), (100, eur(0))] {
        let refused = conversion(original, settled).posting();
        assert_eq!(refused, Err(PostingError::Amount { what: "settled", amount: settled }));
    }
    let of_nothing = Conversion { object: "cus_1".to_owned(), ..conversion(100, eur(80)) };
    assert_eq!(of_nothing.posting(), Err(PostingError::NotCleared("cus_1".to_owned())));
}

#[test]
fn an_account_stands_only_in_the_books_that_it_is_for() {
    let posting = |book, account: Account| {
        let draft = Posting::of(book, "s".to_owned(), "test", at(0));
        draft.debit(account, usd(1)).credit(Account::Fees, usd(1)).balanced()
    };
    for account in [Account::Sales, Account::CommissionPaid, Account::Forgiven] {
        assert!(posting(seller(), account).is_ok());
        assert_eq!(
            posting(Scope::Platform, account),
            Err(PostingError::Book { book: Scope::Platform, account })
        );
    }
    assert!(posting(Scope::Platform, Account::Commission).is_ok());
    let refused = Err(PostingError::Book { book: seller(), account: Account::Commission });
    assert_eq!(posting(seller(), Account::Commission), refused);
}

#[test]
fn what_stripe_takes_for_a_dispute_by_itself_is_a_dispute_fee_too() {
    assert_eq!(
        mirrored("stripe_fee", "du_1", -1_500, &[]),
        expected(&[("stripe", "", -1_500), ("dispute_fees", "", 1_500)])
    );
}

#[test]
fn what_was_not_captured_goes_back_under_the_charge() {
    assert_eq!(
        mirrored("refund", "ch_1", -4_000, &[]),
        expected(&[("stripe", "", -4_000), ("clearing_charge", "ch_1", 4_000)])
    );
}

#[test]
fn a_debt_that_stripe_collects_is_kept_under_what_it_names() {
    for (source, key) in [("acct_1", "acct_1"), ("", "txn_1")] {
        assert_eq!(
            mirrored("connect_collection_transfer", source, -700, &[]),
            expected(&[("stripe", "", -700), ("seller_due", key, 700)])
        );
    }
}

#[test]
fn a_payout_that_comes_back_undoes_its_arrival() {
    let paid = payout_paid(seller(), "po_1", usd(9_000), at(0)).unwrap();
    assert_eq!(legs(&paid), [("paid_out", "", 9_000), ("in_transit", "po_1", -9_000)]);
    let failed = payout_failed_after_paid(seller(), "po_1", usd(9_000), at(1)).unwrap();
    assert_eq!(legs(&failed), [("in_transit", "po_1", 9_000), ("paid_out", "", -9_000)]);
    assert_ne!(paid.source(), failed.source());
}

#[test]
fn a_charge_is_mirrored_net_of_stripes_fee() {
    assert_eq!(
        mirrored("charge", "ch_1", 10_000, &[("stripe_fee", 300), ("tax", 20)]),
        expected(&[("stripe", "", 9_680), ("fees", "", 320), ("clearing_charge", "ch_1", -10_000)])
    );
}

#[test]
fn an_application_fee_inside_a_fee_lessens_the_key_and_is_not_an_expense() {
    assert_eq!(
        mirrored("payment", "py_1", 10_000, &[("application_fee", 1_000)]),
        expected(&[("stripe", "", 9_000), ("clearing_payment", "py_1", -9_000)])
    );
    assert_eq!(
        mirrored("charge", "ch_1", 10_000, &[("stripe_fee", 320), ("application_fee", 1_000)]),
        expected(&[("stripe", "", 8_680), ("fees", "", 320), ("clearing_charge", "ch_1", -9_000)])
    );
}

#[test]
fn what_moves_between_balances_is_cleared_under_its_own_id() {
    for (transaction_type, source, amount, account) in [
        ("transfer", "tr_1", -10_000, "clearing_transfer"),
        ("transfer_refund", "trr_1", 10_000, "clearing_transfer_reversal"),
        ("application_fee", "fee_1", 1_000, "clearing_application_fee"),
        ("application_fee_refund", "fr_1", -1_000, "clearing_fee_refund"),
        ("refund", "re_1", -5_000, "clearing_refund"),
        ("payment_refund", "pyr_1", -5_000, "clearing_refund"),
        ("refund_failure", "re_1", 5_000, "clearing_refund"),
        ("partial_capture_reversal", "ch_1", -4_000, "clearing_charge"),
        ("payout", "po_1", -9_000, "in_transit"),
        ("payout_cancel", "po_1", 9_000, "in_transit"),
        ("payout_failure", "po_1", 9_000, "in_transit"),
        ("adjustment", "fr_1", 1_000, "clearing_fee_refund"),
    ] {
        let legs = mirrored(transaction_type, source, amount, &[]);
        assert_eq!(
            legs,
            expected(&[("stripe", "", amount), (account, source, -amount)]),
            "{transaction_type}"
        );
    }
}

#[test]
fn a_dispute_has_its_own_fees() {
    assert_eq!(
        mirrored("adjustment", "du_1", -10_000, &[("stripe_fee", 1_500)]),
        expected(&[
            ("stripe", "", -11_500),
            ("dispute_fees", "", 1_500),
            ("clearing_dispute", "du_1", 10_000)
        ])
    );
}

#[test]
fn what_only_stripe_knows_is_posted_straight() {
    for (transaction_type, amount, account) in [
        ("stripe_fee", -200, "fees"),
        ("stripe_fx_fee", -200, "fees"),
        ("tax_fee", -20, "fees"),
        ("reserved_funds", -500, "reserved"),
        ("reserve_release", 500, "reserved"),
        ("payout_minimum_balance_hold", -500, "reserved"),
        ("topup", 7_000, "bank"),
        ("topup_reversal", -7_000, "bank"),
    ] {
        let legs = mirrored(transaction_type, "", amount, &[]);
        assert_eq!(legs, expected(&[("stripe", "", amount), (account, "", -amount)]), "{transaction_type}");
    }
}

#[test]
fn what_nothing_explains_goes_to_suspense_under_the_name_of_its_transaction() {
    let suspense = expected(&[("stripe", "", 700), ("suspense", "txn_1", -700)]);
    assert_eq!(mirrored("anticipation_repayment", "", 700, &[]), suspense);
    assert_eq!(mirrored("charge", "", 700, &[]), suspense, "a charge without its id");
    assert_eq!(mirrored("charge", "po_1", 700, &[]), suspense, "a charge of another kind");
    assert_eq!(mirrored("adjustment", "ch_1", 700, &[]), suspense, "an adjustment of we don't know what");
}

#[test]
fn a_fee_of_an_unknown_type_goes_to_suspense() {
    assert_eq!(
        mirrored("charge", "ch_1", 1_000, &[("stripe_fee", 30), ("withheld_tax", 70)]),
        expected(&[
            ("stripe", "", 900),
            ("fees", "", 30),
            ("suspense", "txn_1", 70),
            ("clearing_charge", "ch_1", -1_000)
        ])
    );
}

#[test]
fn details_that_do_not_add_up_to_the_fee_leave_the_rest_in_suspense() {
    let mut row = txn(Scope::Platform, "txn_1", "charge", "ch_1", 1_000, &[("stripe_fee", 30)]);
    row.fee_details = json!("unreadable");
    assert_eq!(
        legs(&mirror(&row).unwrap().unwrap()),
        [("stripe", "", 970), ("suspense", "txn_1", 30), ("clearing_charge", "ch_1", -1_000)]
    );
}

#[test]
fn a_payment_that_is_all_commission_moves_nothing() {
    let row = txn(seller(), "txn_1", "payment", "py_1", 1_000, &[("application_fee", 1_000)]);
    assert_eq!(mirror(&row), Ok(None));
}
