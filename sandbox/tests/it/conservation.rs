//! After a thousand random operations, every balance is the sum of what the API says happened to it.
//!
//! A walk is drawn from a seed. `SOUK_WALK_SEED=7 cargo test -p souk-sandbox conservation` walks that one.

mod steps;
mod trouble;

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use self::steps::{KINDS, Walk};
use crate::world::{Caller, DAY, text};

const OPERATIONS: usize = 1000;

/// How often the books are looked at on the way.
const CHECK_EVERY: usize = 250;

/// Currency and status to amount.
type Sums = BTreeMap<(String, &'static str), i64>;

/// The same walk every time.
#[tokio::test]
async fn a_thousand_operations_neither_make_nor_lose_a_cent() {
    let granted = walk(20_261_121).await;
    // A walk on which nothing was granted would prove nothing.
    let kinds = KINDS.iter().chain(trouble::KINDS).copied();
    let never: Vec<&str> = kinds.filter(|kind| !granted.contains_key(kind)).collect();
    assert!(never.is_empty(), "never granted: {never:?}");
}

/// Another walk every time, to meet what nobody thought of.
#[tokio::test]
async fn a_walk_that_nobody_took_before_neither_makes_nor_loses_a_cent() {
    let given = std::env::var("SOUK_WALK_SEED").ok().map(|seed| seed.parse().unwrap());
    walk(given.unwrap_or_else(rand::random)).await;
}

/// Answers with how often each kind of operation was granted.
async fn walk(seed: u64) -> BTreeMap<&'static str, usize> {
    // Shown if the test fails.
    println!("SOUK_WALK_SEED={seed}");
    let mut walk = Walk::start(seed).await;
    for number in 1..=OPERATIONS {
        walk.step().await;
        if number % CHECK_EVERY == 0 {
            println!("{number} operations");
            check(&walk).await;
        }
    }
    walk.world.advance(30 * DAY).await;
    check(&walk).await;
    println!("{:#?}", walk.granted);
    walk.world.sandbox.shutdown().await;
    walk.granted
}

/// Each balance is the sum of its transactions as the API shows them; all positions sum to zero per currency.
async fn check(walk: &Walk) {
    let shop = walk.world.shop();
    // What time does by itself, such as opening a dispute, may fall between two readings: then all is read again.
    let (ledger, scopes) = loop {
        let ledger = walk.world.control(Method::GET, "ledger?platform=shop", json!({})).await;
        let mut scopes = vec![(walk.platform.as_str(), read(&shop).await)];
        for seller in &walk.sellers {
            scopes.push((seller.as_str(), read(&shop.on(seller)).await));
        }
        if walk.world.control(Method::GET, "ledger?platform=shop", json!({})).await == ledger {
            break (ledger, scopes);
        }
    };
    let positions = ledger["positions"].as_array().unwrap();
    for (account, (balance, transactions)) in &scopes {
        assert_eq!(balance, transactions, "balance and transactions of {account}");
        assert_eq!(&held(account, positions), transactions, "ledger and transactions of {account}");
    }

    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for position in positions {
        let name = text(&position["position"]);
        let is_account = scopes.iter().any(|(account, _)| *account == name);
        assert!(name.contains('/') || is_account, "{name} is neither account nor named");
        let held = amount(position, "available") + amount(position, "pending");
        *sums.entry(text(&position["currency"])).or_default() += held;
    }
    assert!(sums.values().all(|sum| *sum == 0), "made or lost: {sums:?}");
    for movement in ledger["movements"].as_array().unwrap() {
        let legs = movement["legs"].as_array().unwrap();
        assert_eq!(legs.iter().map(|leg| amount(leg, "amount")).sum::<i64>(), 0, "{movement}");
    }
}

/// An account's balance, and the sum of its transactions.
async fn read(caller: &Caller) -> (Sums, Sums) {
    (balance(caller).await, sum_of_transactions(caller).await)
}

/// What an account holds by the ledger.
fn held(account: &str, positions: &[Value]) -> Sums {
    let mut held = Sums::new();
    for position in positions.iter().filter(|position| position["position"] == account) {
        for status in ["available", "pending"] {
            held.insert((text(&position["currency"]), status), amount(position, status));
        }
    }
    held.retain(|_, amount| *amount != 0);
    held
}

async fn sum_of_transactions(caller: &Caller) -> Sums {
    let mut sums = Sums::new();
    for transaction in caller.list("balance_transactions").await {
        let [gross, fee, net] = ["amount", "fee", "net"].map(|name| amount(&transaction, name));
        assert_eq!(net, gross - fee, "{transaction}");
        let details = transaction["fee_details"].as_array().unwrap();
        assert_eq!(details.iter().map(|detail| amount(detail, "amount")).sum::<i64>(), fee, "{transaction}");
        let status = if transaction["status"] == "available" { "available" } else { "pending" };
        *sums.entry((text(&transaction["currency"]), status)).or_default() += net;
    }
    sums.retain(|_, amount| *amount != 0);
    sums
}

async fn balance(caller: &Caller) -> Sums {
    let shown = caller.get("balance").await.ok();
    let mut sums = Sums::new();
    // What is reserved for the debts of connected accounts is still the platform's.
    for (part, status) in
        [("available", "available"), ("connect_reserved", "available"), ("pending", "pending")]
    {
        for entry in shown[part].as_array().into_iter().flatten() {
            *sums.entry((text(&entry["currency"]), status)).or_default() += amount(entry, "amount");
        }
    }
    sums.retain(|_, amount| *amount != 0);
    sums
}

fn amount(value: &Value, name: &str) -> i64 {
    value[name].as_i64().unwrap()
}
