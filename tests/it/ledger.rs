//! The books, as finance sees them: clean when all is well, and unforgiving when somebody touched them.

use sea_orm::{ConnectionTrait, DbBackend};
use serde_json::{Value, json};

use crate::{
    engines::on_both_databases,
    shape::shape,
    world::{World, text},
};

on_both_databases!(
    async fn the_books_of_a_fresh_platform_are_clean(world: World) {
        world.operator().get("/v1/reconciliation").await.is_problem(404, "not_found");
        let report = world.operator().post("/v1/reconciliation", &json!({})).await.is(200);
        assert_eq!((&report["state"], &report["differences"]), (&json!("clean"), &json!([])));
        assert_eq!(world.operator().get("/v1/reconciliation").await.is(200), report);
        let balance = world.operator().get("/v1/ledger/trial-balance").await.is(200);
        assert_eq!(balance, json!({"books": [], "balanced": true}));
        // The books are finance's.
        let seller = text(&world.active_seller().await["id"]);
        for person in [world.service(), world.seller(&seller)] {
            person.post("/v1/reconciliation", &json!({})).await.is_problem(403, "forbidden");
            person.get("/v1/reconciliation").await.is_problem(403, "forbidden");
            person.get("/v1/ledger/trial-balance").await.is_problem(403, "forbidden");
        }
        assert_eq!(world.rows("reconciliations").await, 1);
    }
);

on_both_databases!(
    async fn a_paid_order_shows_in_the_books_and_agrees_with_stripe(world: World) {
        paid_order(&world).await;
        let usd = |ours: i64, scope: &str| json!({"scope": scope, "currency": "usd", "ours": ours, "stripe": ours, "open_keys": 0});
        let report = world.operator().post("/v1/reconciliation", &json!({})).await.is(200);
        assert_eq!(
            shape(&report),
            json!({
                "state": "clean",
                "as_of": "<time>",
                "scopes": [usd(680, "platform"), usd(9_000, "<acct>")],
                "differences": [],
            })
        );
        let account =
            |code: &str, debit: i64, credit: i64| json!({"code": code, "debit": debit, "credit": credit});
        let balance = world.operator().get("/v1/ledger/trial-balance").await.is(200);
        assert_eq!(
            shape(&balance),
            json!({
                "books": [
                    {"scope": "platform", "currencies": [{
                        "currency": "usd", "debit": 32_000, "credit": 32_000,
                        "accounts": [
                            account("clearing_application_fee", 1_000, 1_000),
                            account("clearing_charge", 10_000, 10_000),
                            account("clearing_transfer", 10_000, 10_000),
                            account("commission", 0, 1_000),
                            account("fees", 320, 0),
                            account("stripe", 10_680, 10_000),
                        ],
                    }]},
                    {"scope": "<acct>", "currencies": [{
                        "currency": "usd", "debit": 19_000, "credit": 19_000,
                        "accounts": [
                            account("clearing_payment", 9_000, 9_000),
                            account("commission_paid", 1_000, 0),
                            account("sales", 0, 10_000),
                            account("stripe", 9_000, 0),
                        ],
                    }]},
                ],
                "balanced": true,
            })
        );
    }
);

on_both_databases!(
    async fn what_was_posted_cannot_be_changed(world: World) {
        paid_order(&world).await;
        let books = world.operator().get("/v1/ledger/trial-balance").await.is(200);
        for statement in [
            "UPDATE ledger_entries SET amount = amount + 1",
            "UPDATE ledger_entries SET key = ''",
            "DELETE FROM ledger_entries",
            "UPDATE ledger_transactions SET source = source || '!'",
            "DELETE FROM ledger_transactions",
        ] {
            let refused = world.ctx.db.execute_unprepared(statement).await;
            let refused = refused.expect_err(statement).to_string();
            assert!(refused.contains("is append-only"), "{statement}: {refused}");
        }
        assert_eq!(world.operator().get("/v1/ledger/trial-balance").await.is(200), books);
    }
);

on_both_databases!(
    async fn a_posting_deleted_behind_the_ledgers_back_is_found(world: World) {
        let order = paid_order(&world).await;
        // Somebody with the keys to the database.
        for table in ["ledger_entries", "ledger_transactions"] {
            let of_table = match world.ctx.db.get_database_backend() {
                DbBackend::Postgres => format!(" ON {table}"),
                _ => String::new(),
            };
            run(&world, &format!("DROP TRIGGER {table}_no_delete{of_table}")).await;
        }
        // The entries of one posting: the transaction stands there empty, and names its sale.
        let sale = format!("sale:{}", text(&order["id"]));
        let of_seller = format!("source = '{sale}' AND book <> 'platform'");
        run(&world, &delete_entries(&of_seller)).await;
        let found = differences(&world).await;
        assert!(found.contains(&("unbalanced_transaction".to_owned(), sale)), "{found:?}");
        // The seller's payment is left without its other half, which might still come.
        let open = found.iter().find(|(_, object)| object.starts_with("py_"));
        assert!(open.is_some_and(|(kind, _)| kind == "timing"), "{found:?}");

        // A whole posting of what Stripe's balance did: nothing is left of it but Stripe's own word.
        let charge = "kind = 'charge' AND book = 'platform'";
        let posted = format!("SELECT COUNT(*) AS count FROM ledger_transactions WHERE {charge}");
        assert_eq!(world.count(&posted).await, 1);
        run(&world, &delete_entries(charge)).await;
        run(&world, &format!("DELETE FROM ledger_transactions WHERE {charge}")).await;
        let found = differences(&world).await;
        for (kind, prefix) in [("missing_here", "txn_"), ("balance", "platform"), ("timing", "ch_")] {
            let is_it = |(of, object): &(String, String)| of == kind && object.starts_with(prefix);
            assert!(found.iter().any(is_it), "{kind} is missing in {found:?}");
        }
        // Nothing was mended in silence.
        assert_eq!(differences(&world).await, found);
    }
);

/// An order of a hundred dollars that is paid, and in the books.
async fn paid_order(world: &World) -> Value {
    let seller = world.active_seller().await;
    let order = world.pay(&world.order(&world.listing(&seller, 10_000, "usd").await).await).await;
    // Reconciling imports what Stripe's balances did.
    let report = world.operator().post("/v1/reconciliation", &json!({})).await.is(200);
    assert_eq!(report["differences"], json!([]));
    order
}

/// The kind and the object of each difference.
async fn differences(world: &World) -> Vec<(String, String)> {
    let report = world.operator().post("/v1/reconciliation", &json!({})).await.is(200);
    assert_eq!(report["state"], "differences", "{report}");
    let differences = report["differences"].as_array().unwrap().iter();
    differences.map(|one| (text(&one["kind"]), text(&one["object"]))).collect()
}

fn delete_entries(of: &str) -> String {
    format!(
        "DELETE FROM ledger_entries WHERE transaction_id IN (SELECT id FROM ledger_transactions WHERE {of})"
    )
}

async fn run(world: &World, statement: &str) {
    world.ctx.db.execute_unprepared(statement).await.expect(statement);
}
