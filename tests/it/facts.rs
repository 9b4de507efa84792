//! Every fact, in both books and on both databases: what stands there after our posting and after Stripe's balance
//! transactions, as literals written by hand; and that both halves meet, whatever the amounts.

use std::collections::BTreeMap;

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, TestRunner},
};
use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement};
use souk::{db, ledger};

use crate::{engines::on_both_databases, world::World};

#[path = "../../src/ledger/tests/facts.rs"]
mod made;

use made::{Amounts, Fact};

/// A fact's name; what is in the books after our posting; what is left once Stripe's half is there too. A line is
/// book, account, the kind of its key, and debits less credits in cents.
type Literal = (&'static str, &'static [&'static str], &'static [&'static str]);

const SALES: &[Literal] = &[
    (
        "separate sale",
        &["platform clearing_charge ch 10000", "platform commission -1000", "platform payable share -9000"],
        &[
            "platform commission -1000",
            "platform fees 320",
            "platform payable share -9000",
            "platform stripe 9680",
        ],
    ),
    (
        "separate sale, captured in part",
        &["platform clearing_charge ch 10000", "platform commission -1000", "platform payable share -9000"],
        &[
            "platform commission -1000",
            "platform fees 320",
            "platform payable share -9000",
            "platform stripe 9680",
        ],
    ),
    (
        "transfer of a share",
        &[
            "platform clearing_transfer tr -9000",
            "platform payable share 9000",
            "seller clearing_payment py 9000",
            "seller commission_paid 1000",
            "seller sales -10000",
        ],
        &[
            "platform payable share 9000",
            "platform stripe -9000",
            "seller commission_paid 1000",
            "seller sales -10000",
            "seller stripe 9000",
        ],
    ),
    (
        "reversal of a transfer",
        &[
            "platform clearing_transfer_reversal trr 9000",
            "platform payable share -9000",
            "seller clearing_refund pyr -9000",
            "seller commission_paid -1000",
            "seller sales 10000",
        ],
        &[
            "platform payable share -9000",
            "platform stripe 9000",
            "seller commission_paid -1000",
            "seller sales 10000",
            "seller stripe -9000",
        ],
    ),
    (
        "destination sale",
        &[
            "platform clearing_application_fee fee 1000",
            "platform clearing_charge ch 10000",
            "platform clearing_transfer tr -10000",
            "platform commission -1000",
            "seller clearing_payment py 9000",
            "seller commission_paid 1000",
            "seller sales -10000",
        ],
        &[
            "platform commission -1000",
            "platform fees 320",
            "platform stripe 680",
            "seller commission_paid 1000",
            "seller sales -10000",
            "seller stripe 9000",
        ],
    ),
    (
        "direct sale",
        &[
            "platform clearing_application_fee fee 1000",
            "platform commission -1000",
            "seller clearing_charge ch 9000",
            "seller commission_paid 1000",
            "seller sales -10000",
        ],
        &[
            "platform commission -1000",
            "platform stripe 1000",
            "seller commission_paid 1000",
            "seller fees 320",
            "seller sales -10000",
            "seller stripe 8680",
        ],
    ),
];

const REFUNDS: &[Literal] = &[
    (
        "destination refund",
        &[
            "platform clearing_fee_refund fr -400",
            "platform clearing_refund re -4000",
            "platform clearing_transfer_reversal trr 4000",
            "platform commission 400",
            "seller clearing_fee_refund fr 400",
            "seller clearing_refund pyr -4000",
            "seller commission_paid -400",
            "seller sales 4000",
        ],
        &[
            "platform commission 400",
            "platform stripe -400",
            "seller commission_paid -400",
            "seller sales 4000",
            "seller stripe -3600",
        ],
    ),
    (
        "destination refund, commission kept",
        &[
            "platform clearing_refund re -4000",
            "platform clearing_transfer_reversal trr 4000",
            "seller clearing_refund pyr -4000",
            "seller sales 4000",
        ],
        &["seller sales 4000", "seller stripe -4000"],
    ),
    (
        "refund of a share before its transfer",
        &["platform clearing_refund re -4000", "platform commission 400", "platform payable share 3600"],
        &["platform commission 400", "platform payable share 3600", "platform stripe -4000"],
    ),
    (
        "refund of a share after its transfer",
        &[
            "platform clearing_refund re -4000",
            "platform clearing_transfer_reversal trr 3600",
            "platform commission 400",
            "seller clearing_refund pyr -3600",
            "seller commission_paid -400",
            "seller sales 4000",
        ],
        &[
            "platform commission 400",
            "platform stripe -400",
            "seller commission_paid -400",
            "seller sales 4000",
            "seller stripe -3600",
        ],
    ),
    (
        "refund of a share, reversal refused",
        &[
            "platform clearing_refund re -4000",
            "platform commission 400",
            "platform seller_due seller 3600",
            "seller commission_paid -400",
            "seller sales 4000",
            "seller seller_due seller -3600",
        ],
        &[
            "platform commission 400",
            "platform seller_due seller 3600",
            "platform stripe -4000",
            "seller commission_paid -400",
            "seller sales 4000",
            "seller seller_due seller -3600",
        ],
    ),
    (
        "refund of a share, borne by the platform",
        &["platform clearing_refund re -4000", "platform loss 4000"],
        &["platform loss 4000", "platform stripe -4000"],
    ),
    (
        "direct refund",
        &[
            "platform clearing_fee_refund fr -400",
            "platform commission 400",
            "seller clearing_fee_refund fr 400",
            "seller clearing_refund re -4000",
            "seller commission_paid -400",
            "seller sales 4000",
        ],
        &[
            "platform commission 400",
            "platform stripe -400",
            "seller commission_paid -400",
            "seller sales 4000",
            "seller stripe -3600",
        ],
    ),
    (
        "direct refund that failed",
        &["seller clearing_refund re 4000", "seller sales -4000"],
        &["seller sales -4000", "seller stripe 4000"],
    ),
    (
        "refund that failed, to be sent again",
        &["platform clearing_refund re 4000", "platform commission -400", "platform payable share -3600"],
        &["platform commission -400", "platform payable share -3600", "platform stripe 4000"],
    ),
    (
        "refund that failed, debt undone",
        &[
            "platform clearing_refund re 4000",
            "platform commission -400",
            "platform seller_due seller -3600",
            "seller commission_paid 400",
            "seller sales -4000",
            "seller seller_due seller 3600",
        ],
        &[
            "platform commission -400",
            "platform seller_due seller -3600",
            "platform stripe 4000",
            "seller commission_paid 400",
            "seller sales -4000",
            "seller seller_due seller 3600",
        ],
    ),
    (
        "refund that failed, borne by the platform",
        &["platform clearing_refund re 4000", "platform loss -4000"],
        &["platform loss -4000", "platform stripe 4000"],
    ),
    (
        "commission given back",
        &[
            "platform clearing_fee_refund fr -1000",
            "platform commission 1000",
            "seller clearing_fee_refund fr 1000",
            "seller commission_paid -1000",
        ],
        &[
            "platform commission 1000",
            "platform stripe -1000",
            "seller commission_paid -1000",
            "seller stripe 1000",
        ],
    ),
];

const DISPUTES: &[Literal] = &[
    (
        "dispute, funds withdrawn",
        &["platform clearing_dispute du -10000", "platform dispute_open du 10000"],
        &["platform dispute_fees 1500", "platform dispute_open du 10000", "platform stripe -11500"],
    ),
    (
        "dispute won",
        &["platform clearing_dispute du 10000", "platform dispute_open du -10000"],
        &["platform dispute_open du -10000", "platform stripe 10000"],
    ),
    (
        "dispute lost by the platform",
        &["platform dispute_open du -10000", "platform loss 10000"],
        &["platform dispute_open du -10000", "platform loss 10000"],
    ),
    (
        "dispute recovered from the seller",
        &[
            "platform clearing_transfer_reversal trr 9000",
            "platform dispute_open du -9000",
            "seller clearing_refund pyr -9000",
            "seller dispute_open du 9000",
        ],
        &[
            "platform dispute_open du -9000",
            "platform stripe 9000",
            "seller dispute_open du 9000",
            "seller stripe -9000",
        ],
    ),
    (
        "dispute recovered, then won",
        &[
            "platform clearing_transfer tr -9000",
            "platform dispute_open du 9000",
            "seller clearing_payment py 9000",
            "seller dispute_open du -9000",
        ],
        &[
            "platform dispute_open du 9000",
            "platform stripe -9000",
            "seller dispute_open du -9000",
            "seller stripe 9000",
        ],
    ),
    (
        "dispute recovered, then lost",
        &[
            "platform commission 1000",
            "platform dispute_open du -1000",
            "seller commission_paid -1000",
            "seller dispute_open du -9000",
            "seller sales 10000",
        ],
        &[
            "platform commission 1000",
            "platform dispute_open du -1000",
            "seller commission_paid -1000",
            "seller dispute_open du -9000",
            "seller sales 10000",
        ],
    ),
    (
        "dispute lost by a seller who could not pay",
        &[
            "platform commission 1000",
            "platform dispute_open du -10000",
            "platform seller_due seller 9000",
            "seller commission_paid -1000",
            "seller sales 10000",
            "seller seller_due seller -9000",
        ],
        &[
            "platform commission 1000",
            "platform dispute_open du -10000",
            "platform seller_due seller 9000",
            "seller commission_paid -1000",
            "seller sales 10000",
            "seller seller_due seller -9000",
        ],
    ),
    (
        "dispute of a direct sale, funds withdrawn",
        &["seller clearing_dispute du -10000", "seller dispute_open du 10000"],
        &["seller dispute_fees 1500", "seller dispute_open du 10000", "seller stripe -11500"],
    ),
    (
        "dispute of a direct sale won",
        &["seller clearing_dispute du 10000", "seller dispute_open du -10000"],
        &["seller dispute_open du -10000", "seller stripe 10000"],
    ),
    (
        "dispute of a direct sale lost",
        &["seller dispute_open du -10000", "seller loss 10000"],
        &["seller dispute_open du -10000", "seller loss 10000"],
    ),
];

const DEBTS_AND_PAYOUTS: &[Literal] = &[
    (
        "netting",
        &[
            "platform payable share 4000",
            "platform seller_due seller -4000",
            "seller sales -4000",
            "seller seller_due seller 4000",
        ],
        &[
            "platform payable share 4000",
            "platform seller_due seller -4000",
            "seller sales -4000",
            "seller seller_due seller 4000",
        ],
    ),
    (
        "write-off",
        &[
            "platform loss 4000",
            "platform seller_due seller -4000",
            "seller forgiven -4000",
            "seller seller_due seller 4000",
        ],
        &[
            "platform loss 4000",
            "platform seller_due seller -4000",
            "seller forgiven -4000",
            "seller seller_due seller 4000",
        ],
    ),
    (
        "debit of the seller's balance",
        &[
            "platform clearing_payment py 4000",
            "platform seller_due seller -4000",
            "seller clearing_transfer tr -4000",
            "seller seller_due seller 4000",
        ],
        &[
            "platform seller_due seller -4000",
            "platform stripe 4000",
            "seller seller_due seller 4000",
            "seller stripe -4000",
        ],
    ),
    (
        "debt collected by Stripe",
        &["platform seller_due seller 4000", "platform seller_due txn -4000"],
        &["platform seller_due seller 4000", "platform stripe -4000"],
    ),
    (
        "payout that arrived",
        &["seller in_transit po -10000", "seller paid_out 10000"],
        &["seller paid_out 10000", "seller stripe -10000"],
    ),
    (
        "instant payout",
        &["seller in_transit po -10000", "seller paid_out 10000"],
        &["seller fees 320", "seller paid_out 10000", "seller stripe -10320"],
    ),
    (
        "payout that came back",
        &["seller in_transit po 10000", "seller paid_out -10000"],
        &["seller paid_out -10000", "seller stripe 10000"],
    ),
    (
        "debit of a bank",
        &["seller in_transit po 10000", "seller paid_out -10000"],
        &["seller paid_out -10000", "seller stripe 10000"],
    ),
];

/// Lines without a currency are dollars; these are 1.25 of them a euro.
const CURRENCIES_AND_STRANGERS: &[Literal] = &[
    (
        "sale settled in another currency",
        &[
            "platform clearing_charge ch 8000 eur",
            "platform commission -1000",
            "platform fx -8000 eur",
            "platform fx 10000",
            "platform payable share -9000",
        ],
        &[
            "platform commission -1000",
            "platform fees 320 eur",
            "platform fx -8000 eur",
            "platform fx 10000",
            "platform payable share -9000",
            "platform stripe 7680 eur",
        ],
    ),
    (
        "refund settled in another currency",
        &[
            "platform clearing_refund re -3200 eur",
            "platform commission 400",
            "platform fx -4000",
            "platform fx 3200 eur",
            "platform payable share 3600",
        ],
        &[
            "platform commission 400",
            "platform fx -4000",
            "platform fx 3200 eur",
            "platform payable share 3600",
            "platform stripe -3200 eur",
        ],
    ),
    (
        "transfer received in another currency",
        &[
            "platform clearing_transfer tr -9000",
            "platform payable share 9000",
            "seller clearing_payment py 7200 eur",
            "seller commission_paid 1000",
            "seller fx -7200 eur",
            "seller fx 9000",
            "seller sales -10000",
        ],
        &[
            "platform payable share 9000",
            "platform stripe -9000",
            "seller commission_paid 1000",
            "seller fx -7200 eur",
            "seller fx 9000",
            "seller sales -10000",
            "seller stripe 7200 eur",
        ],
    ),
    (
        "foreign activity",
        &["platform clearing_charge ch 10000", "platform foreign_activity ch -10000"],
        &["platform fees 320", "platform foreign_activity ch -10000", "platform stripe 9680"],
    ),
];

const ALL: [&[Literal]; 5] = [SALES, REFUNDS, DISPUTES, DEBTS_AND_PAYOUTS, CURRENCIES_AND_STRANGERS];

/// Debits less credits by book, account, key and currency.
type Sums = BTreeMap<[String; 4], i64>;

async fn sums(tx: &DatabaseTransaction) -> Sums {
    const SUMS: &str = "SELECT a.book, a.code, e.key, a.currency, CAST(SUM(e.amount) AS BIGINT) AS amount \
         FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id \
         GROUP BY a.book, a.code, e.key, a.currency";
    let rows = tx.query_all_raw(Statement::from_string(tx.get_database_backend(), SUMS)).await.unwrap();
    let row = |row: &sea_orm::QueryResult| {
        let place = ["book", "code", "key", "currency"].map(|name| row.try_get("", name).unwrap());
        (place, row.try_get("", "amount").unwrap())
    };
    rows.iter().map(row).collect()
}

/// What `after` has more than `before`, as lines of a [`Literal`].
fn lines(before: &Sums, after: &Sums) -> Vec<String> {
    let mut lines = Vec::new();
    for (place, amount) in after {
        let change = amount - before.get(place).copied().unwrap_or_default();
        let [book, code, key, currency] = place;
        let book = if book == "platform" { "platform" } else { "seller" };
        let key = key.split('_').next().filter(|kind| !kind.is_empty());
        let currency = Some(currency.as_str()).filter(|currency| *currency != "usd");
        let amount = change.to_string();
        let words = [Some(book), Some(code), key, Some(&*amount), currency].into_iter().flatten();
        if change != 0 {
            lines.push(words.collect::<Vec<_>>().join(" "));
        }
    }
    lines.sort();
    lines
}

async fn post_ours(world: &World, tx: &DatabaseTransaction, fact: &Fact) {
    for posting in &fact.ours {
        ledger::post(tx, &world.ctx, posting.clone()).await.unwrap();
    }
}

async fn post_stripes(world: &World, tx: &DatabaseTransaction, fact: &Fact) {
    for moved in &fact.stripes {
        if let Some(posting) = ledger::mirror(moved).unwrap() {
            ledger::post(tx, &world.ctx, posting).await.unwrap();
        }
    }
}

on_both_databases!(
    async fn the_books_after_each_fact_are_these(world: World) {
        let facts = made::all(Amounts::OF_THE_PAGE, "");
        let literals: Vec<&Literal> = ALL.into_iter().flatten().collect();
        assert_eq!(facts.len(), literals.len());
        for (fact, (name, after_ours, after_both)) in facts.iter().zip(literals) {
            assert_eq!(fact.name, *name);
            let tx = db::begin_write(&world.ctx.db).await.unwrap();
            let before = sums(&tx).await;
            post_ours(&world, &tx, fact).await;
            assert_eq!(lines(&before, &sums(&tx).await), *after_ours, "{name}, ours");
            post_stripes(&world, &tx, fact).await;
            assert_eq!(lines(&before, &sums(&tx).await), *after_both, "{name}, both");
            db::commit(tx, "test", "commit").await.unwrap();
        }
    }
);

fn amounts() -> impl Strategy<Value = Amounts> {
    (2_i64..1_000_000_000, 0_i64..=50, 0_i64..1_000, 1_i64..=100, 50_i64..200).prop_map(
        |(gross, percent, fee, refunded, rate)| {
            let commission = gross * percent / 100;
            let refund = (gross * refunded / 100).max(1);
            Amounts { gross, commission, fee, refund, returned: refund * percent / 100, rate }
        },
    )
}

on_both_databases!(
    async fn both_halves_meet_whatever_the_amounts(world: World) {
        let mut runner = TestRunner::new(Config::default());
        for round in 0..8 {
            let amounts = amounts().new_tree(&mut runner).unwrap().current();
            for fact in made::all(amounts, &format!("r{round}")) {
                let tx = db::begin_write(&world.ctx.db).await.unwrap();
                post_ours(&world, &tx, &fact).await;
                post_stripes(&world, &tx, &fact).await;
                let open: Vec<_> = sums(&tx)
                    .await
                    .into_iter()
                    .filter(|([_, code, ..], sum)| {
                        *sum != 0
                            && (code.starts_with("clearing_") || code == "in_transit" || code == "suspense")
                    })
                    .collect();
                assert_eq!(open, [], "{} of {amounts:?}", fact.name);
                db::commit(tx, "test", "commit").await.unwrap();
            }
        }
        assert!(ledger::trial_balance(&world.ctx.db).await.unwrap().balanced);
        assert!(world.violations_of("ledger_sums_match_entries").await.is_empty());
    }
);
