//! The books, as finance reads them: accounts, transactions, statements.

use super::*;

on_both_databases!(
    async fn the_books_can_be_read_by_account_by_transaction_and_as_a_statement(world: World) {
        let order = paid_order(&world).await;
        reconcile(&world).await;
        let operator = world.operator();
        // Accounts.
        let accounts =
            operator.get("/v1/ledger/accounts?scope=platform&currency=usd&limit=100").await.is(200);
        let balance = |of: &Value, code: &str| {
            let rows = of["data"].as_array().unwrap();
            rows.iter().find(|row| row["code"] == code).map(|row| row["balance"]["amount"].as_i64().unwrap())
        };
        assert_eq!(balance(&accounts, "stripe"), Some(680));
        assert_eq!(balance(&accounts, "commission"), Some(-1_000));
        assert_eq!(balance(&accounts, "fees"), Some(320));
        let one = operator.get("/v1/ledger/accounts?code=commission").await.is(200);
        assert_eq!(one["data"].as_array().unwrap().len(), 1);
        assert_eq!(one["data"][0]["nature"], "income");
        let before = operator.get("/v1/ledger/accounts?scope=platform&as_of=2020-01-01").await.is(200);
        assert_eq!(balance(&before, "stripe"), Some(0));
        assert_eq!(operator.get("/v1/ledger/accounts?currency=eur").await.is(200)["data"], json!([]));
        // The trial balance, as of then.
        let then = operator.get("/v1/ledger/trial-balance?as_of=2020-01-01").await.is(200);
        assert_eq!(then["balanced"], true);
        assert!(!then.to_string().contains("680"), "{then}");
        let usd = operator.get("/v1/ledger/trial-balance?currency=usd").await.is(200);
        assert_eq!(usd["books"].as_array().unwrap().len(), 2);
        let eur = operator.get("/v1/ledger/trial-balance?currency=eur").await.is(200);
        assert_eq!(eur, json!({"books": [], "balanced": true}));
        // Transactions.
        let sale = format!("sale:{}", text(&order["id"]));
        let of_sale = operator.get(&format!("/v1/ledger/transactions?source={sale}")).await.is(200);
        assert_eq!(of_sale["data"].as_array().unwrap().len(), 2, "one in each book: {of_sale}");
        let charge = world.told("SELECT stripe_charge_id AS text FROM orders").await;
        let of_charge = operator.get(&format!("/v1/ledger/transactions?object={charge}")).await.is(200);
        let kinds: BTreeSet<&str> =
            of_charge["data"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, BTreeSet::from(["charge", "destination_sale"]), "{of_charge}");
        for one in of_charge["data"].as_array().unwrap() {
            let entries = one["entries"].as_array().unwrap().iter();
            assert_eq!(
                entries.map(|entry| entry["amount"]["amount"].as_i64().unwrap()).sum::<i64>(),
                0,
                "{one}"
            );
        }
        let none =
            operator.get("/v1/ledger/transactions?scope=platform&occurred_before=2020-01-01").await.is(200);
        assert_eq!(none["data"], json!([]));
        let first = operator.get("/v1/ledger/transactions?scope=platform&limit=1").await.is(200);
        let second =
            format!("/v1/ledger/transactions?scope=platform&limit=1&cursor={}", text(&first["next_cursor"]));
        assert_ne!(operator.get(&second).await.is(200)["data"][0]["id"], first["data"][0]["id"]);
    }
);

on_both_databases!(
    async fn a_statement_leads_from_one_balance_to_the_next(world: World) {
        paid_order(&world).await;
        reconcile(&world).await;
        let operator = world.operator();
        let (from, to) = period(&world);
        let path = format!("/v1/ledger/accounts/stripe/statement?currency=usd&from={from}&to={to}");
        let statement = operator.get(&path).await.is(200);
        let amounts: Vec<i64> = statement["lines"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line["amount"]["amount"].as_i64().unwrap())
            .collect();
        assert_eq!(amounts.iter().sum::<i64>(), 680, "{statement}");
        assert_eq!(amounts.len(), 3);
        assert_eq!(statement["opening_balance"]["amount"], 0);
        assert_eq!(statement["closing_balance"], json!({"amount": 680, "currency": "usd"}));
        assert_eq!(statement["lines"][2]["balance"]["amount"], 680);
        let csv = operator.get(&format!("{path}&format=csv")).await;
        assert_eq!(csv.status, 200);
        assert!(csv.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
        let disposition = csv.headers["content-disposition"].to_str().unwrap();
        assert!(disposition.starts_with("attachment; filename=\"platform-stripe-usd-"), "{disposition}");
        let csv = String::from_utf8(csv.bytes).unwrap();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines[0], "occurred_at,transaction,kind,source,key,debit,credit,balance,currency");
        assert!(lines[1].ends_with(",opening_balance,,,,,0,usd"), "{csv}");
        assert!(lines[5].ends_with(",closing_balance,,,,,680,usd"), "{csv}");
        assert_eq!(lines.len(), 6);
        // It goes on where the last one ended.
        let ctx_now = world.ctx.clock.business();
        let later = ctx_now.format("%Y-%m-%dT%H:%M:%S%.6fZ");
        let next = format!("/v1/ledger/accounts/stripe/statement?currency=usd&from={to}&to={later}");
        let next = operator.get(&next).await.is(200);
        assert_eq!((&next["opening_balance"]["amount"], &next["lines"]), (&json!(680), &json!([])));
    }
);

/// A period that holds everything that has happened so far.
fn period(world: &World) -> (String, String) {
    let now = world.ctx.clock.business();
    let text = |time: DateTime<Utc>| time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    (text(now - TimeDelta::days(1)), text(now))
}

on_both_databases!(
    async fn what_the_books_do_not_know_is_a_problem_with_a_code(world: World) {
        let operator = world.operator();
        let statement = |code: &str, rest: &str| format!("/v1/ledger/accounts/{code}/statement?{rest}");
        let good = "currency=usd&from=2026-01-01&to=2026-02-01";
        operator.get(&statement("stripe", good)).await.is(200);
        for (path, code) in [
            (statement("petty_cash", good), "unknown_account"),
            (statement("stripe", "currency=zzz&from=2026-01-01&to=2026-02-01"), "unknown_currency"),
            (statement("stripe", "currency=usd&from=2026-02-01&to=2026-01-01"), "invalid_period"),
            (statement("stripe", "currency=usd&from=2026-01-01&to=2026-01-01"), "invalid_period"),
            (statement("stripe", "currency=usd&from=January&to=2026-01-01"), "invalid_period"),
            (statement("stripe", "currency=usd&from=2026-01-01&to=2099-01-01"), "period_in_future"),
            (statement("stripe", "currency=usd&from=2098-01-01&to=2099-01-01"), "period_in_future"),
            (statement("stripe", &format!("{good}&scope=somewhere")), "invalid_scope"),
            (statement("stripe", &format!("{good}&scope=acct_nobody")), "unknown_scope"),
            ("/v1/ledger/accounts?code=petty_cash".to_owned(), "unknown_account"),
            ("/v1/ledger/accounts?currency=USD".to_owned(), "unknown_currency"),
            ("/v1/ledger/accounts?scope=cus_1".to_owned(), "invalid_scope"),
            ("/v1/ledger/accounts?as_of=2099-01-01".to_owned(), "period_in_future"),
            ("/v1/ledger/trial-balance?as_of=2099-01-01".to_owned(), "period_in_future"),
            ("/v1/ledger/trial-balance?as_of=2026-13-01".to_owned(), "invalid_period"),
            ("/v1/ledger/trial-balance?currency=zzz".to_owned(), "unknown_currency"),
            ("/v1/ledger/transactions?scope=nobody".to_owned(), "invalid_scope"),
            ("/v1/ledger/transactions?occurred_after=soon".to_owned(), "invalid_period"),
            ("/v1/ledger/transactions?cursor=1".to_owned(), "invalid_cursor"),
            ("/v1/reconciliation/history?limit=0".to_owned(), "invalid_parameter"),
        ] {
            let answer = operator.get(&path).await;
            assert_eq!(answer.status, 400, "{path}");
            answer.is_problem(400, code);
        }
    }
);
