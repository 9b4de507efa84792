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

#[path = "../../src/ledger/tests/facts/mod.rs"]
mod made;

use made::{Amounts, Fact};

mod currencies_and_strangers;
mod debts_and_payouts;
mod disputes;
mod refunds;
mod sales;

/// A fact's name; what is in the books after our posting; what is left once Stripe's half is there too. A line is
/// book, account, the kind of its key, and debits less credits in cents.
type Literal = (&'static str, &'static [&'static str], &'static [&'static str]);

const ALL: [&[Literal]; 5] = [
    sales::SALES,
    refunds::REFUNDS,
    disputes::DISPUTES,
    debts_and_payouts::DEBTS_AND_PAYOUTS,
    currencies_and_strangers::CURRENCIES_AND_STRANGERS,
];

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
