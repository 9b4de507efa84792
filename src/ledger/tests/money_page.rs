//! `docs/MONEY.md`, executed: its tables are what the code does.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use souk_entity::Currency;

use super::{
    facts::{Amounts, Fact},
    *,
};
use crate::ledger::{mirror::TYPES, postings::ForeignActivity};

const PAGE: &str = include_str!("../../../docs/MONEY.md");

/// The rows of the first table after a line that ends in `heading`, without its head.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    PAGE.lines()
        .skip_while(|line| !line.ends_with(heading))
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// `100.00 USD` as cents.
fn cents(text: &str) -> i64 {
    text.strip_suffix(" USD").unwrap().replace('.', "").parse().unwrap()
}

/// An amount as the debit and the credit columns show it.
fn columns(amount: Money) -> [String; 2] {
    let shown = Money::new(amount.amount.abs(), amount.currency).to_string();
    if amount.amount > 0 { [shown, String::new()] } else { [String::new(), shown] }
}

fn shown(posting: &Posting) -> Vec<Vec<String>> {
    let legs = posting.legs().iter();
    legs.map(|leg| {
        let [debit, credit] = columns(leg.amount);
        vec![leg.account.code().to_owned(), leg.key.clone(), debit, credit]
    })
    .collect()
}

/// The page's examples by name: the sale's, then the others.
fn examples() -> Vec<(&'static str, Posting)> {
    let mirrored = |scope, kind, source, amount, fees| {
        mirror(&txn(scope, "txn_1", kind, source, amount, fees)).unwrap().unwrap()
    };
    let platform = Scope::Platform;
    let payout = usd(9_000);
    let unknown_fee = [("stripe_fee", 30), ("novelty", 70)];
    vec![
        ("destination_sale", sale().of_platform().unwrap()),
        ("charge", mirrored(platform.clone(), "charge", "ch_1", 10_000, &[("stripe_fee", 320)])),
        ("transfer", mirrored(platform.clone(), "transfer", "tr_1", -10_000, &[])),
        ("application_fee", mirrored(platform.clone(), "application_fee", "fee_1", 1_000, &[])),
        ("destination_sale_of_seller", sale().of_seller(&account()).unwrap()),
        ("payment", mirrored(seller(), "payment", "py_1", 10_000, &[("application_fee", 1_000)])),
        ("payout", mirrored(seller(), "payout", "po_1", -9_000, &[])),
        ("payout_paid", payout_paid(seller(), "po_1", payout, at(0)).unwrap()),
        ("payout_failure", mirrored(seller(), "payout_failure", "po_1", 9_000, &[])),
        ("payout_failed_after_paid", payout_failed_after_paid(seller(), "po_1", payout, at(0)).unwrap()),
        ("stripe_fee", mirrored(platform.clone(), "stripe_fee", "", -200, &[])),
        ("adjustment", mirrored(platform.clone(), "adjustment", "du_1", -10_000, &[("stripe_fee", 1_500)])),
        ("suspense", mirrored(platform.clone(), "novelty", "nov_1", 700, &[])),
        ("charge with an unknown fee", mirrored(platform, "charge", "ch_1", 10_000, &unknown_fee)),
    ]
}

/// A fact as the page shows it: our legs together, then what Stripe says.
fn block(fact: &Fact) -> String {
    let mut legs: BTreeMap<(Scope, &str, String, Currency), i64> = BTreeMap::new();
    for posting in &fact.ours {
        for leg in posting.legs() {
            let key = leg.key.split('_').next().unwrap_or_default().to_owned();
            let place = (posting.book().clone(), leg.account.code(), key, leg.amount.currency);
            *legs.entry(place).or_default() += leg.amount.amount;
        }
    }
    let mut shown =
        format!("#### {}\n\n| book | account | key | debit | credit |\n|---|---|---|---|---|\n", fact.name);
    for ((book, code, key, currency), amount) in legs.into_iter().filter(|(_, amount)| *amount != 0) {
        let [debit, credit] = columns(Money::new(amount, currency));
        let book = if book == Scope::Platform { "platform" } else { "seller" };
        let row = [book, code, &key, &debit, &credit]
            .map(|cell| if cell.is_empty() { " ".to_owned() } else { format!(" {cell} ") });
        shown.push_str(&format!("|{}|\n", row.join("|")));
    }
    let stripes: Vec<String> = fact
        .stripes
        .iter()
        .map(|moved| {
            let money = |amount| Money::new(amount, moved.currency);
            let book = if moved.scope == Scope::Platform { "platform" } else { "seller" };
            let source = moved.source.as_deref().and_then(|id| id.split('_').next()).unwrap_or("no source");
            let fee = if moved.fee == 0 { String::new() } else { format!(", fee {}", money(moved.fee)) };
            format!("{book} `{}` of {source} {}{fee}", moved.transaction_type, money(moved.amount))
        })
        .collect();
    let stripes = if stripes.is_empty() { "nothing".to_owned() } else { stripes.join("; ") };
    format!("{shown}\nStripe: {stripes}.\n")
}

#[test]
fn every_fact_is_on_the_page_as_it_is_posted() {
    let all = facts::all(Amounts::OF_THE_PAGE, "");
    for fact in &all {
        let block = block(fact);
        assert!(PAGE.contains(&block), "not on the page:\n\n{block}");
    }
    let on_the_page = PAGE.lines().filter(|line| line.starts_with("#### ") && !line.contains('`')).count();
    assert_eq!(on_the_page, all.len());
}

/// How many of [`examples`] are the sale's.
const OF_THE_SALE: usize = 6;

/// The kinds of postings that stand in the sources, each as literal or as [`ForeignActivity::KIND`].
#[test]
fn every_posting_is_among_the_facts() {
    let kind = Regex::new(r#"Posting::of\(.*"([a-z_]+)", (?:self\.)?occurred_at\)"#).unwrap();
    let sources = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/ledger/postings")).unwrap();
    let sources = sources.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let sources = sources.collect::<String>();
    let mut made: BTreeSet<&str> =
        kind.captures_iter(&sources).map(|found| found.extract::<1>().1[0]).collect();
    made.insert(ForeignActivity::KIND);
    assert_eq!(made.len(), sources.matches("Posting::of(").count(), "each has a kind of its own");
    let facts = facts::all(Amounts::OF_THE_PAGE, "");
    let told: BTreeSet<&str> =
        facts.iter().flat_map(|fact| &fact.ours).map(|posting| posting.kind()).collect();
    assert_eq!(told, made);
}

#[test]
fn the_examples_are_what_the_postings_say() {
    for (name, posting) in examples() {
        assert_eq!(shown(&posting), table(&format!("#### `{name}`")), "{name}");
    }
}

#[test]
fn every_example_of_the_page_is_executed() {
    let on_the_page: BTreeSet<&str> = PAGE
        .lines()
        .filter_map(|line| line.split_once("#### `"))
        .map(|(_, name)| name.trim_end_matches('`'))
        .collect();
    let executed: BTreeSet<&str> = examples().into_iter().map(|(name, _)| name).collect();
    assert_eq!(on_the_page, executed);
}

#[test]
fn what_is_left_of_a_sale_is_what_the_page_says() {
    let mut sums: BTreeMap<(Scope, &str, String), i64> = BTreeMap::new();
    for (_, posting) in examples().into_iter().take(OF_THE_SALE) {
        for leg in posting.legs() {
            let place = (posting.book().clone(), leg.account.code(), leg.key.clone());
            *sums.entry(place).or_default() += leg.amount.amount;
        }
    }
    let left: Vec<Vec<String>> = sums
        .into_iter()
        .filter(|(_, sum)| *sum != 0)
        .map(|((book, code, _), sum)| {
            let [debit, credit] = columns(usd(sum));
            vec![book.to_string(), code.to_owned(), debit, credit]
        })
        .collect();
    assert_eq!(left, table("### What is left"));
}

#[test]
fn every_type_of_balance_transaction_is_posted_as_the_page_says() {
    let rows = table("### Every type of balance transaction");
    for row in &rows {
        let [transaction_type, source, amount, code] = row[..] else { panic!("{row:?}") };
        let posting = mirror(&txn(Scope::Platform, "txn_1", transaction_type, source, cents(amount), &[]))
            .unwrap()
            .unwrap();
        let account = Account::from_code(code).unwrap();
        let key = if account.keys() == Keys::None { "" } else { source };
        // Nothing named is keyed by the transaction itself.
        let key = if key.is_empty() && account.keys() != Keys::None { "txn_1" } else { key };
        let expected = [("stripe", "", cents(amount)), (code, key, -cents(amount))];
        assert_eq!(legs(&posting), expected, "{transaction_type}");
    }
    let on_the_page: BTreeSet<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(on_the_page, TYPES.iter().map(|(name, _)| *name).collect());
}

#[test]
fn the_chart_of_accounts_is_what_the_page_says() {
    let chart = Account::ALL.map(|account| {
        let word = |shown: String| shown.to_lowercase();
        let (nature, side) = (word(format!("{:?}", account.nature())), word(format!("{:?}", account.side())));
        let books = word(format!("{:?}", account.books()));
        let keys = match account.keys() {
            Keys::None => "none",
            Keys::Any => "any",
            Keys::Zero => "zero",
            Keys::ZeroOnArrival => "zero on arrival",
        };
        vec![account.code().to_owned(), nature, side, books, keys.to_owned(), account.meaning().to_owned()]
    });
    assert_eq!(chart.to_vec(), table("### The chart of accounts"));
}
