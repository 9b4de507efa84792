//! The list of what needs a person, and what puts an alarm on it.

use super::*;

on_both_databases!(
    async fn what_needs_a_person_is_listed_oldest_first_until_it_is_mended(world: World) {
        let operator = world.operator();
        let empty = operator.get("/v1/attention").await.is(200);
        assert_eq!((&empty["data"], &empty["next_cursor"]), (&json!([]), &Value::Null));
        let shown = world.metrics().await;
        assert!(shown.contains("souk_attention_items{kind=\"difference\"} 0\n"), "{shown}");
        assert!(!shown.contains("souk_reconciliation_age_seconds "), "there was none: {shown}");
        paid_order(&world).await;
        let ctx = &world.ctx;
        // One of each kind.
        run(&world, "UPDATE stripe_requests SET state = 'unknown' WHERE kind = 'payment_intent.create'")
            .await;
        run(&world, "UPDATE stripe_events SET state = 'dead', reason = 'poison' WHERE event_type = 'payment_intent.succeeded'").await;
        let tx = db::begin_write(&ctx.db).await.unwrap();
        jobs::enqueue(&tx, ctx, "import_balance_transactions", "acct_gone", ctx.clock.wall()).await.unwrap();
        tx.execute_unprepared(
            "UPDATE jobs SET state = 'dead', last_error = 'account_invalid' WHERE key = 'acct_gone'",
        )
        .await
        .unwrap();
        db::commit(tx, "test", "commit").await.unwrap();
        run(&world, "UPDATE orders SET stripe_charge_id = NULL").await;
        violations(&world).await;
        let old = ctx.clock.business() - TimeDelta::days(20);
        post(&world, half("old", Account::ClearingTransfer, "tr_old", money(50, "usd"), old)).await;
        reconcile(&world).await;

        let all = operator.get("/v1/attention?limit=100").await.is(200);
        let items = all["data"].as_array().unwrap();
        let kinds: BTreeSet<&str> = items.iter().map(|item| item["kind"].as_str().unwrap()).collect();
        let expected = ["dead_event", "dead_job", "difference", "unknown_request", "violation"];
        assert_eq!(kinds, BTreeSet::from(expected), "{all}");
        let times: Vec<&str> = items.iter().map(|item| item["since"].as_str().unwrap()).collect();
        assert!(times.is_sorted_by_key(|time| DateTime::parse_from_rfc3339(time).unwrap()), "{times:?}");
        for item in items {
            for told in ["object", "detail", "action"] {
                assert!(item[told].as_str().is_some_and(|text| !text.is_empty()), "{told}: {item}");
            }
        }
        let count = |kind: &str| {
            let counts = all["counts"].as_array().unwrap().iter();
            counts.clone().find(|of| of["kind"] == kind).map(|of| of["count"].as_i64().unwrap())
        };
        assert_eq!(
            (count("dead_job"), count("violation"), count("waiting_event")),
            (Some(1), Some(1), Some(0))
        );

        // As figures it is as much.
        let counts = all["counts"].as_array().unwrap().iter();
        let mut lines: Vec<String> = counts
            .map(|of| format!("souk_attention_items{{kind={}}} {}\n", of["kind"], of["count"]))
            .collect();
        lines.push("souk_reconciliation_differences{kind=\"missing_there\"} 1\n".to_owned());
        lines.push("souk_reconciliation_age_seconds ".to_owned());
        eventually("the figures are counted anew", async || {
            let shown = world.metrics().await;
            lines.iter().all(|line| shown.contains(line))
        })
        .await;

        in_pages_it_is_the_same(&world, items).await;
        operator.get("/v1/attention?cursor=yesterday").await.is_problem(400, "invalid_cursor");
        // What is mended is gone.
        run(&world, "DELETE FROM jobs WHERE state = 'dead'").await;
        let rest = operator.get("/v1/attention?limit=100").await.is(200);
        assert_eq!(rest["data"].as_array().unwrap().len(), items.len() - 1);
    }
);

async fn in_pages_it_is_the_same(world: &World, items: &[Value]) {
    let (mut paged, mut path) = (Vec::new(), "/v1/attention?limit=1".to_owned());
    loop {
        let page = world.operator().get(&path).await.is(200);
        paged.extend(page["data"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        path = reqwest::Url::parse_with_params("http://x/v1/attention?limit=1", [("cursor", next)])
            .map(|url| format!("{}?{}", url.path(), url.query().unwrap()))
            .unwrap();
    }
    assert_eq!(paged, items);
}

on_both_databases!(
    async fn a_sale_that_the_book_has_otherwise_is_an_alarm_and_nothing_of_it_is_written(world: World) {
        let seller = world.active_seller().await;
        let order = world.order(&world.listing(&seller, 10_000, "usd").await).await;
        // Somebody was there before.
        let source = format!("sale:{}", text(&order["id"]));
        let (amount, now) = (money(5, "usd"), world.ctx.clock.business());
        let other = Posting::of(Scope::Platform, source.clone(), "destination_sale", now)
            .debit(Account::Loss, amount)
            .credit(Account::Commission, amount);
        post(&world, other.balanced().unwrap()).await;
        assert_eq!(world.confirm(&order, "pm_card_visa").await.status(), 200);
        let is_told =
            |list: &Value| list["data"].as_array().unwrap().iter().any(|item| item["kind"] == "dead_job");
        let list = world.until("/v1/attention", "a person is called", is_told).await;
        let item = list["data"].as_array().unwrap().iter().find(|item| item["kind"] == "dead_job").unwrap();
        assert!(text(&item["detail"]).contains("with other legs"), "{item}");
        // Neither the seller's half nor the share.
        let of_sale = world.operator().get(&format!("/v1/ledger/transactions?source={source}")).await.is(200);
        assert_eq!(of_sale["data"].as_array().unwrap().len(), 1, "{of_sale}");
        let order = world.operator().get(&format!("/v1/orders/{}", text(&order["id"]))).await.is(200);
        assert_eq!((&order["status"], &order["shares"][0]["state"]), (&json!("paid"), &json!("pending")));
    }
);
