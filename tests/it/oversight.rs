//! Who looks after the books: the import that nobody waits for, the differences by name, the invariants, and the
//! list of what needs a person.

mod attention;
mod reading;

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbBackend};
use serde_json::{Value, json};
use souk::{
    config::{OversightSettings, StripeCallSettings},
    db, invariants, jobs,
    ledger::{self, Account, Posting},
    worker,
};
use souk_entity::{Currency, Money, Scope, balance_transaction};

use crate::{
    engines::{Engine, on_both_databases},
    world::{World, eventually, text},
};

fn money(amount: i64, currency: &str) -> Money {
    Money::new(amount, currency.parse().unwrap())
}

async fn run(world: &World, statement: &str) {
    world.ctx.db.execute_unprepared(statement).await.expect(statement);
}

/// Writes what the tables' own checks forbid.
async fn force(world: &World, statement: &str) {
    const WITHOUT_CHECKS: &str = "DO $$ DECLARE c record; BEGIN \
         FOR c IN SELECT conname, conrelid::regclass AS relation FROM pg_constraint WHERE contype = 'c' \
         AND conrelid IN ('orders'::regclass, 'order_shares'::regclass) \
         LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.relation, c.conname); END LOOP; END $$";
    match world.ctx.db.get_database_backend() {
        DbBackend::Postgres => {
            run(world, WITHOUT_CHECKS).await;
            run(world, statement).await;
        }
        _ => {
            // The switch is the connection's: it goes back to its pool as it was.
            let tx = db::begin_write(&world.ctx.db).await.unwrap();
            for step in
                ["PRAGMA ignore_check_constraints = ON", statement, "PRAGMA ignore_check_constraints = OFF"]
            {
                tx.execute_unprepared(step).await.expect(step);
            }
            db::commit(tx, "test", "commit").await.unwrap();
        }
    }
}

/// Lets somebody with the keys to the database change what is never changed.
async fn unguard(world: &World) {
    for table in ["ledger_entries", "ledger_transactions"] {
        for event in ["update", "delete"] {
            let of_table = match world.ctx.db.get_database_backend() {
                DbBackend::Postgres => format!(" ON {table}"),
                _ => String::new(),
            };
            run(world, &format!("DROP TRIGGER {table}_no_{event}{of_table}")).await;
        }
    }
}

/// Deletes what was posted from these sources.
async fn delete_postings(world: &World, of: &str) {
    let entries = format!(
        "DELETE FROM ledger_entries WHERE transaction_id IN (SELECT id FROM ledger_transactions WHERE {of})"
    );
    run(world, &entries).await;
    run(world, &format!("DELETE FROM ledger_transactions WHERE {of}")).await;
}

async fn post(world: &World, posting: Posting) {
    let tx = db::begin_write(&world.ctx.db).await.unwrap();
    ledger::post(&tx, &world.ctx, posting).await.unwrap();
    db::commit(tx, "test", "commit").await.unwrap();
}

/// Half of a fact, by hand: a debit of a key, a credit of commission.
fn half(source: &str, account: Account, key: &str, amount: Money, occurred_at: DateTime<Utc>) -> Posting {
    Posting::of(Scope::Platform, source.to_owned(), "by_hand", occurred_at)
        .debit(account.at(key), amount)
        .credit(Account::Commission, amount)
        .balanced()
        .unwrap()
}

/// A payment that is made and captured at once, so that its balance transaction is there.
fn charge(amount: &str) -> [(&str, &str); 5] {
    [
        ("amount", amount),
        ("currency", "usd"),
        ("payment_method", "pm_card_visa"),
        ("confirm", "true"),
        ("capture_method", "automatic"),
    ]
}

/// A charge that somebody made in Stripe's dashboard; its id.
async fn foreign_charge(world: &World, amount: &str) -> String {
    let form = charge(amount);
    let url = format!("{}/v1/payment_intents", world.sandbox.url());
    let request = world.http.post(url).bearer_auth("sk_test_souk").form(&form).send();
    let intent: Value = request.await.unwrap().json().await.unwrap();
    text(&intent["latest_charge"])
}

async fn paid_order(world: &World) -> Value {
    let seller = world.active_seller().await;
    world.pay(&world.order(&world.listing(&seller, 10_000, "usd").await).await).await
}

async fn reconcile(world: &World) -> Value {
    world.operator().post("/v1/reconciliation", &json!({})).await.is(200)
}

fn differences(report: &Value) -> Vec<(String, String)> {
    let differences = report["differences"].as_array().unwrap().iter();
    differences.map(|one| (text(&one["kind"]), text(&one["object"]))).collect()
}

on_both_databases!(
    async fn more_transactions_than_a_page_holds_are_imported_each_once(world: World) {
        let mut charges = tokio::task::JoinSet::new();
        for number in 0..4 {
            let (url, http) = (format!("{}/v1/payment_intents", world.sandbox.url()), world.http.clone());
            charges.spawn(async move {
                for _ in 0..30 {
                    let form = charge(if number == 0 { "700" } else { "900" });
                    let answer =
                        http.post(&url).bearer_auth("sk_test_souk").form(&form).send().await.unwrap();
                    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
                }
            });
        }
        charges.join_all().await;
        let report = reconcile(&world).await;
        assert_eq!(report["scopes"][0]["ours"], report["scopes"][0]["stripe"], "{report}");
        assert_eq!(world.rows("balance_transactions").await, 120);
        assert_eq!(world.rows("ledger_transactions").await, 120);
    }
);

on_both_databases!(
    async fn who_asks_for_an_import_waits_for_nobody_and_is_always_heard(world: World) {
        let ctx = &world.ctx;
        // Somebody who asked and does not commit: nobody who asks after them waits. (SQLite has one writer at a time,
        // whatever they write.)
        if ctx.db.get_database_backend() == DbBackend::Postgres {
            let slow = db::begin_write(&ctx.db).await.unwrap();
            ledger::enqueue_import(&slow, &Scope::Platform).await.unwrap();
            let quick = async {
                for _ in 0..20 {
                    let tx = db::begin_write(&ctx.db).await.unwrap();
                    ledger::enqueue_import(&tx, &Scope::Platform).await.unwrap();
                    db::commit(tx, "test", "commit").await.unwrap();
                    ledger::collect_wakes(ctx).await.unwrap();
                }
            };
            tokio::time::timeout(Duration::from_secs(5), quick).await.expect("nobody waits");
            slow.rollback().await.unwrap();
        }
        // Many ask side by side, each after something happened at Stripe; workers collect and import meanwhile.
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (ctx, http) = (ctx.clone(), world.http.clone());
            let url = format!("{}/v1/payment_intents", world.sandbox.url());
            asking.spawn(async move {
                for _ in 0..6 {
                    let form = charge("900");
                    http.post(&url).bearer_auth("sk_test_souk").form(&form).send().await.unwrap();
                    let tx = db::begin_write(&ctx.db).await.unwrap();
                    ledger::enqueue_import(&tx, &Scope::Platform).await.unwrap();
                    db::commit(tx, "test", "commit").await.unwrap();
                }
            });
        }
        asking.join_all().await;
        eventually("each was imported, and nobody is left waiting", async || {
            world.rows("balance_transactions").await == 24
                && world.rows("import_wakes").await == 0
                && world.count("SELECT COUNT(*) AS count FROM jobs WHERE key = 'platform'").await == 0
        })
        .await;
    }
);

on_both_databases!(
    async fn a_difference_of_each_kind_is_named_with_its_object_and_what_to_do(world: World) {
        let never = foreign_charge(&world, "700").await;
        world.control("/_sandbox/clock/advance", &json!({"seconds": 60})).await;
        let order = paid_order(&world).await;
        let [strange, mixed] = [foreign_charge(&world, "800").await, foreign_charge(&world, "900").await];
        eventually("Stripe's word of the foreign charges is heard", async || {
            let heard = "SELECT COUNT(DISTINCT object_id) AS count FROM stripe_events \
                         WHERE state = 'foreign' AND object_id LIKE 'ch_%'";
            world.count(heard).await >= 3
        })
        .await;
        reconcile(&world).await;
        // Later, so that nothing planted is so young that it heals by itself.
        world.days_pass().await;
        foreign_charge(&world, "600").await;
        reconcile(&world).await;
        let ctx = &world.ctx;
        let (now, long_ago) = (ctx.clock.business(), ctx.clock.business() - TimeDelta::days(20));

        unguard(&world).await;
        // A balance transaction that was never imported.
        let txn = format!("SELECT id FROM balance_transactions WHERE source = '{never}'");
        delete_postings(&world, &format!("source IN ({txn})")).await;
        run(&world, &format!("DELETE FROM balance_transactions WHERE source = '{never}'")).await;
        // A sale of ours that the seller's book lost.
        delete_postings(&world, &format!("source = 'sale:{}' AND book <> 'platform'", text(&order["id"])))
            .await;
        // A payout of ours that Stripe knows nothing of.
        let tx = db::begin_write(&ctx.db).await.unwrap();
        let payout =
            ledger::payout_arrived(&tx, ctx, &Scope::Platform, "po_planted", money(100, "usd"), long_ago);
        payout.await.unwrap();
        db::commit(tx, "test", "commit").await.unwrap();
        // A charge that both know, by five cents apart; one in two currencies; one that is a moment old.
        let charge = world.told("SELECT stripe_charge_id AS text FROM orders").await;
        post(&world, half("amount", Account::ClearingCharge, &charge, money(5, "usd"), long_ago)).await;
        post(&world, half("currency", Account::ClearingCharge, &mixed, money(900, "eur"), long_ago)).await;
        post(&world, half("timing", Account::ClearingTransfer, "tr_young", money(50, "usd"), now)).await;
        // A movement of a type that nobody knows.
        let novelty = novelty(long_ago);
        post(&world, ledger::mirror(&novelty).unwrap().unwrap()).await;

        let report = reconcile(&world).await;
        assert_eq!(report["state"], "differences");
        let found = differences(&report);
        let has = |kind: &str, object: &str| {
            assert!(
                found.iter().any(|(of, what)| of == kind && what.starts_with(object)),
                "{kind}: {found:?}"
            );
        };
        has("missing_here", "txn_");
        has("missing_here", "py_");
        has("missing_there", "po_planted");
        has("amount", &charge);
        has("currency", &mixed);
        has("timing", "tr_young");
        has("foreign", &strange);
        has("suspense", "txn_novelty");
        has("balance", "platform");
        for one in report["differences"].as_array().unwrap() {
            let kind = text(&one["kind"]);
            assert!(ledger::difference_kind::ALL.contains(&kind.as_str()), "{one}");
            for told in ["detail", "action", "scope", "since"] {
                assert!(one[told].as_str().is_some_and(|text| !text.is_empty()), "{told}: {one}");
            }
        }
        // What time alone mends is nobody's task; all else is.
        let attention = world.operator().get("/v1/attention?limit=100").await.is(200);
        let items = attention["data"].as_array().unwrap();
        let objects: BTreeSet<&str> = items.iter().map(|item| item["object"].as_str().unwrap()).collect();
        assert!(objects.contains("po_planted") && !objects.contains("tr_young"), "{objects:?}");
        history_is_kept(&world).await;
    }
);

/// What the third comparison found can be read again, in pages.
async fn history_is_kept(world: &World) {
    let history = world.operator().get("/v1/reconciliation/history").await.is(200);
    let states: Vec<&Value> = history["data"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states.len(), 3, "{history}");
    let kinds = history["data"][0]["differences"].as_array().unwrap();
    assert!(kinds.iter().any(|of| of["kind"] == "suspense" && of["count"] == 1), "{kinds:?}");
    let page = world.operator().get("/v1/reconciliation/history?limit=2").await.is(200);
    let next = format!("/v1/reconciliation/history?cursor={}", text(&page["next_cursor"]));
    let rest = world.operator().get(&next).await.is(200);
    assert_eq!(rest["data"], json!([history["data"][2]]));
}

/// A balance transaction of a type that this version doesn't know.
fn novelty(created: DateTime<Utc>) -> balance_transaction::Model {
    balance_transaction::Model {
        scope: Scope::Platform,
        id: "txn_novelty".to_owned(),
        transaction_type: "novelty".to_owned(),
        reporting_category: None,
        source: None,
        amount: 70,
        fee: 0,
        net: 70,
        currency: "usd".parse::<Currency>().unwrap(),
        fee_details: json!([]),
        stripe_created_at: created,
        available_at: created,
        imported_at: created,
    }
}

/// How many objects violate each invariant, those that hold left out.
async fn violations(world: &World) -> Vec<(&'static str, i64)> {
    let findings = invariants::check(&world.ctx, &worker::all_invariants()).await.unwrap();
    findings
        .into_iter()
        .filter(|found| found.violations > 0)
        .map(|found| (found.name, found.violations))
        .collect()
}

on_both_databases!(
    async fn each_invariant_that_is_violated_is_named_with_what_violates_it(world: World) {
        let order = paid_order(&world).await;
        reconcile(&world).await;
        assert_eq!(violations(&world).await, []);
        world.days_pass().await;
        world.ctx.stripe.ask_the_time(Duration::from_secs(5)).await.unwrap();
        let ctx = &world.ctx;
        let (id, share) = (text(&order["id"]), text(&order["shares"][0]["id"]));
        let now = ctx.clock.business();
        unguard(&world).await;
        let of_charge = "(SELECT id FROM ledger_transactions WHERE book = 'platform' AND kind = 'charge')";
        let tampered = format!(
            "UPDATE ledger_entries SET amount = amount + 1 WHERE position = 0 AND transaction_id IN {of_charge}"
        );
        // The entry that is tampered with is carried forward already; the sum that drifts is another account's.
        ledger::sum_up(&ctx.db).await.unwrap();
        let drifted = "UPDATE ledger_balances SET debit = debit + 1 WHERE account_id = \
             (SELECT id FROM ledger_accounts WHERE book = 'platform' AND code = 'fees')";
        let ago = |minutes| now - TimeDelta::minutes(minutes);
        let (late, young) = (ago(11), ago(9));
        post(&world, half("late", Account::ClearingTransfer, "tr_late", money(50, "usd"), late)).await;
        post(&world, half("young", Account::ClearingTransfer, "tr_young", money(50, "usd"), young)).await;
        let late = half("refund", Account::ClearingRefund, "re_day", money(50, "usd"), ago(60 * 25));
        post(&world, late).await;
        for (statement, violated, objects) in [
            (tampered.as_str(), "ledger_transactions_balance", vec!["ltxn_"]),
            ("SELECT 1", "ledger_books_balance", vec!["platform usd"]),
            (
                "SELECT 1",
                "clearing_keys_in_time",
                vec!["platform clearing_refund re_day", "platform clearing_transfer tr_late"],
            ),
            (drifted, "ledger_sums_match_entries", vec!["platform fees usd", "platform stripe usd"]),
            ("UPDATE orders SET refunded = captured + 1", "refunds_within_captures", vec![&id]),
            ("UPDATE orders SET stripe_charge_id = NULL", "paid_orders_have_charges", vec![&id]),
            ("UPDATE order_shares SET reversed = transferred + 1", "shares_add_up", vec![&share]),
            ("UPDATE order_shares SET gross = gross + 1, net = net + 1", "orders_are_shared_out", vec![&id]),
            (
                "UPDATE order_shares SET transferred = 0, reversed = 0, state = 'pending'",
                "solvency",
                vec!["usd"],
            ),
        ] {
            force(&world, statement).await;
            let found = violations(&world).await;
            let count = i64::try_from(objects.len()).unwrap();
            assert!(found.contains(&(violated, count)), "{violated}: {found:?}");
            let open = invariants::open(&ctx.db, 100).await.unwrap();
            for object in objects {
                let is_it = |one: &&souk_entity::invariant_violation::Model| {
                    one.invariant == violated && one.object.starts_with(object)
                };
                let one = open.iter().find(is_it).unwrap_or_else(|| panic!("{violated} {object}: {open:?}"));
                assert!(!one.detail.is_empty() && !one.action.is_empty());
            }
        }
        // What is mended is gone; what isn't stays, since when it was found.
        let since = invariants::open(&ctx.db, 1).await.unwrap()[0].clone();
        run(&world, "UPDATE orders SET refunded = 0").await;
        assert!(!violations(&world).await.iter().any(|(name, _)| *name == "refunds_within_captures"));
        assert_eq!(invariants::open(&ctx.db, 1).await.unwrap()[0], since);
        // And shown as figures, which the clock's alarms are made of.
        let shown = world.metrics().await;
        for line in [
            "souk_invariant_violations{invariant=\"solvency\"} 1\n",
            "souk_invariant_violations{invariant=\"refunds_within_captures\"} 0\n",
            "souk_invariant_violations{invariant=\"ledger_sums_match_entries\"} 2\n",
            "souk_reconciliation_differences{kind=\"balance\"} 0\n",
            "souk_attention_items{kind=\"dead_job\"} 0\n",
        ] {
            assert!(shown.contains(line), "{line} is not in\n{shown}");
        }
    }
);

/// A world in which the books are looked after by the clock.
struct Overseen(World);

impl Overseen {
    async fn start(engine: Engine) -> Self {
        let calls = StripeCallSettings { stripe_circuit_open_s: 0, ..Default::default() };
        let every_second = OversightSettings { reconcile_every_s: 1, check_every_s: 1 };
        Self(World::start_overseen(engine, calls, every_second).await)
    }
}

on_both_databases!(
    async fn the_books_are_compared_and_the_invariants_checked_by_the_clock(overseen: Overseen) {
        let Overseen(world) = &overseen;
        foreign_charge(world, "900").await;
        eventually(
            "the books were compared three times, and what no event brought was imported",
            async || {
                world.rows("reconciliations").await >= 3 && world.rows("balance_transactions").await == 1
            },
        )
        .await;
        let all = i64::try_from(worker::all_invariants().len()).unwrap();
        eventually("all invariants were checked", async || world.rows("invariant_checks").await == all).await;
        assert_eq!(world.rows("invariant_violations").await, 0);
    }
);
