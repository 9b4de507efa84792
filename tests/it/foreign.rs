//! What others do on the same Stripe account: somebody in Stripe's dashboard, or other software. It is told from what
//! is ours, posted so that no key stays open, and listed.

use serde_json::{Value, json};

use crate::{
    engines::on_both_databases,
    market::{Market, id},
    world::{World, text},
};

const HOUR_S: u64 = 3_600;
const DAY_S: u64 = 24 * HOUR_S;

async fn pass(world: &World, seconds: u64) {
    world.control("/_sandbox/clock/advance", &json!({"seconds": seconds})).await;
    world.ask_the_time().await;
}

/// Compares the books with Stripe's; every balance must agree.
async fn reconcile(world: &World) -> Value {
    let report = world.operator().post("/v1/reconciliation", &json!({})).await.is(200);
    for scope in report["scopes"].as_array().unwrap() {
        assert_eq!(scope["ours"], scope["stripe"], "{report:#}");
    }
    report
}

fn open_keys(report: &Value) -> i64 {
    report["scopes"].as_array().unwrap().iter().map(|scope| scope["open_keys"].as_i64().unwrap()).sum()
}

/// Each difference as kind, book, kind of object and amount.
fn differences(report: &Value) -> Vec<String> {
    let line = |one: &Value| {
        let book = if one["scope"] == "platform" { "platform" } else { "seller" };
        let object = text(&one["object"]);
        let prefix = object.split('_').next().unwrap();
        for told in ["detail", "action", "since"] {
            assert!(!text(&one[told]).is_empty(), "{told}: {one}");
        }
        format!("{} {book} {prefix} {}", text(&one["kind"]), one["amount"]["amount"])
    };
    let mut lines: Vec<_> = report["differences"].as_array().unwrap().iter().map(line).collect();
    lines.sort();
    lines
}

async fn posted(world: &World, kind: &str) -> i64 {
    world.count(&format!("SELECT COUNT(*) AS count FROM ledger_transactions WHERE kind = '{kind}'")).await
}

/// A destination charge of somebody else's of 100.00 with a fee of 10.00, of which 40.00 are refunded with all that
/// goes with it.
async fn destination_charge(market: &Market) {
    let form = [("transfer_data[destination]", market.account.as_str()), ("application_fee_amount", "1000")];
    let charge = market.pay(None, "10000", &form).await;
    let form = [
        ("charge", &*id(&charge, "id")),
        ("amount", "4000"),
        ("reverse_transfer", "true"),
        ("refund_application_fee", "true"),
    ];
    market.stripe(None, "refunds", &form).await;
}

/// A charge of 100.00 that is disputed; 20.00 of it were transferred, and 5.00 of these taken back. The dispute's id.
async fn disputed_charge(market: &Market) -> String {
    let charge = market.pay(None, "10000", &[]).await;
    let transfer = market.transfer("2000", &charge).await;
    market.reverse(&transfer, "500").await;
    market.dispute(&charge).await
}

/// A charge on the seller's account of 30.00 with a fee of 3.00, of which 10.00 are refunded with their fee.
async fn direct_charge(market: &Market) {
    let account = Some(&market.account);
    let charge = market.pay(account, "3000", &[("application_fee_amount", "300")]).await;
    let form = [("charge", &*id(&charge, "id")), ("amount", "1000"), ("refund_application_fee", "true")];
    market.stripe(account, "refunds", &form).await;
}

/// The other half of each balance transaction, by what it is about.
const FOREIGN: [&str; 20] = [
    "foreign platform ch -10000",
    "foreign platform ch -10000",
    "foreign platform du 10000",
    "foreign platform fee -1000",
    "foreign platform fee -300",
    "foreign platform fr 100",
    "foreign platform fr 400",
    "foreign platform re 4000",
    "foreign platform tr 10000",
    "foreign platform tr 2000",
    "foreign platform trr -4000",
    "foreign platform trr -500",
    "foreign seller ch -2700",
    "foreign seller fr -100",
    "foreign seller fr -400",
    "foreign seller py -2000",
    "foreign seller py -9000",
    "foreign seller pyr 4000",
    "foreign seller pyr 500",
    "foreign seller re 1000",
];

on_both_databases!(
    async fn what_others_did_is_posted_after_an_hour_with_all_that_followed_and_listed_for_a_month(
        market: Market,
    ) {
        let world = &market.world;
        destination_charge(&market).await;
        let dispute = disputed_charge(&market).await;
        direct_charge(&market).await;
        // Young, it could still be ours.
        pass(world, HOUR_S - 120).await;
        let young = reconcile(world).await;
        assert_eq!((open_keys(&young), posted(world, "foreign_activity").await), (20, 0));
        // Old, it is not.
        pass(world, 180).await;
        let report = reconcile(world).await;
        assert_eq!(differences(&report), FOREIGN);
        assert_eq!((open_keys(&report), posted(world, "foreign_activity").await), (0, 20));
        // Once.
        assert_eq!(differences(&reconcile(world).await), differences(&report));
        assert_eq!(posted(world, "foreign_activity").await, 20);
        let balance = world.operator().get("/v1/ledger/trial-balance").await.is(200);
        assert_eq!(balance["balanced"], true);
        // What follows later is posted later: the dispute is won, and nothing is left of it.
        market.decide(&dispute, "won").await;
        pass(world, 2 * HOUR_S).await;
        let report = reconcile(world).await;
        let left = differences(&report);
        assert!(!left.contains(&"foreign platform du 10000".to_owned()) && left.len() == 19, "{left:?}");
        assert_eq!(open_keys(&report), 0);
        // Whoever looks after the books has seen it by now.
        pass(world, 31 * DAY_S).await;
        let later = reconcile(world).await;
        assert_eq!((&later["state"], &later["differences"]), (&json!("clean"), &json!([])));
    }
);

on_both_databases!(
    async fn what_somebody_does_in_the_dashboard_with_an_order_of_ours_is_not_foreign(market: Market) {
        let world = &market.world;
        let seller = world.operator().get("/v1/sellers").await.is(200)["data"][0].clone();
        world.pay(&world.order(&world.listing(&seller, 10_000, "usd").await).await).await;
        let charge = world.told("SELECT stripe_charge_id AS text FROM orders").await;
        let form = [
            ("charge", charge.as_str()),
            ("amount", "4000"),
            ("reverse_transfer", "true"),
            ("refund_application_fee", "true"),
        ];
        market.stripe(None, "refunds", &form).await;
        pass(world, 2 * DAY_S).await;
        let report = reconcile(world).await;
        let missing = [
            "missing_here platform fr 400",
            "missing_here platform re 4000",
            "missing_here platform trr -4000",
            "missing_here seller fr -400",
            "missing_here seller pyr 4000",
        ];
        assert_eq!(differences(&report), missing);
        assert_eq!((open_keys(&report), posted(world, "foreign_activity").await), (5, 0));
    }
);
