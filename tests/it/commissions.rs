//! Commission rules: which of them decides a line, what they keep, and what is no rule. What becomes of them at sale is
//! in [`sales`].

mod sales;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use souk::api::Role;

use crate::{
    engines::on_both_databases,
    refusals::{
        Case, Rows, keeps_idempotency_keys, malformed, refuses, refuses_ill_formed_bodies, refuses_reads,
    },
    shape::shape,
    world::{World, text},
};

const PATH: &str = "/v1/commission-rules";
const PREVIEW: &str = "/v1/commission-rules/preview";

/// A seller that nobody has.
const NOBODY: &str = "seller_01h455vb4pex5vsknk084sn02q";
/// A listing that nobody has.
const NOTHING: &str = "listing_01h455vb4pex5vsknk084sn02q";

/// An amount in US dollars.
fn usd(amount: i64) -> Value {
    json!({"amount": amount, "currency": "usd"})
}

/// A rule of the operator's; its path.
async fn rule(world: &World, body: Value) -> String {
    let rule = world.operator().post(PATH, &body).await.is(201);
    format!("{PATH}/{}", text(&rule["id"]))
}

/// A good rule with one thing more.
fn with(field: &str, value: Value) -> Value {
    let mut body = json!({"basis_points": 500});
    body[field] = value;
    body
}

/// Terms that are refused, when a rule for US dollars is created and when it is changed.
fn wrong_terms() -> Vec<Case> {
    let eur = json!({"amount": 30, "currency": "eur"});
    let crossed = json!({"minimum": usd(200), "maximum": usd(199)});
    let backwards =
        json!({"effective_from": "2026-03-02T00:00:00Z", "effective_until": "2026-03-02T01:00:00+01:00"});
    let ancient = "1969-12-31T23:59:59Z";
    let far = "9999-12-31T23:59:59-01:00";
    vec![
        malformed("basis points below zero", json!({"basis_points": -1}), "basis_points"),
        malformed("more than the whole", json!({"basis_points": 10_001}), "basis_points"),
        malformed("half a basis point", json!({"basis_points": 0.5}), "basis_points"),
        malformed("basis points as text", json!({"basis_points": "500"}), "basis_points"),
        malformed("a bare amount", json!({"fixed": 30}), "fixed"),
        malformed("no time", json!({"effective_from": "tomorrow"}), "effective_from"),
        malformed("an unknown field", json!({"rate": 3}), "rate"),
        ("another currency", json!({"fixed": eur}), 422, "mixed_currencies", "fixed"),
        ("another currency", json!({"minimum": eur}), 422, "mixed_currencies", "minimum"),
        ("another currency", json!({"maximum": eur}), 422, "mixed_currencies", "maximum"),
        ("a fixed part below zero", json!({"fixed": usd(-1)}), 422, "invalid_amount", "fixed"),
        ("a minimum below zero", json!({"minimum": usd(-1)}), 422, "invalid_amount", "minimum"),
        ("the least maximum", json!({"maximum": usd(i64::MIN)}), 422, "invalid_amount", "maximum"),
        ("a maximum below the minimum", crossed, 422, "invalid_amount", "maximum"),
        ("an end before the beginning", backwards, 422, "invalid_period", "effective_until"),
        ("ancient times", json!({"effective_from": ancient}), 422, "invalid_period", "effective_from"),
        ("a far future", json!({"effective_until": far}), 422, "invalid_period", "effective_until"),
    ]
}

on_both_databases!(
    async fn a_rule_that_cannot_be_is_refused_and_leaves_nothing(world: World) {
        let (ada, eve) = (world.active_seller().await, world.active_seller().await);
        let bowl = world.listing(&ada, 500, "usd").await;
        let mut cases = wrong_terms();
        for (_, body, ..) in &mut cases {
            body["currency"] = json!("usd");
            if body.get("basis_points").is_none() {
                body["basis_points"] = json!(500);
            }
        }
        let of_another = json!({"basis_points": 500, "seller_id": eve["id"], "listing_id": bowl["id"]});
        cases.extend([
            malformed("no basis points", json!({}), "basis_points"),
            malformed("an empty category", with("category", json!("")), "category"),
            malformed("a long category", with("category", json!("x".repeat(101))), "category"),
            malformed("a category with NUL", with("category", json!("\0")), "category"),
            malformed("a currency in capitals", with("currency", json!("USD")), "currency"),
            malformed("a listing for a seller", with("seller_id", json!(NOTHING)), "seller_id"),
            ("nobody's", with("seller_id", json!(NOBODY)), 422, "seller_not_found", "seller_id"),
            ("for nothing", with("listing_id", json!(NOTHING)), 422, "listing_not_found", "listing_id"),
            ("another seller's listing", of_another, 422, "listing_not_found", "listing_id"),
            ("a fixed part of no currency", with("fixed", usd(30)), 422, "currency_required", "currency"),
            ("a minimum of no currency", with("minimum", usd(0)), 422, "currency_required", "currency"),
            ("a maximum of no currency", with("maximum", usd(9)), 422, "currency_required", "currency"),
        ]);
        refuses(&world, &world.operator(), Method::POST, PATH, &cases).await;
        refuses_ill_formed_bodies(&world, &world.operator(), PATH, &with("category", json!("x")), "category")
            .await;
        let case = [("not an operator", with("category", json!("x")), 403, "forbidden", "")];
        for other in [world.service(), world.seller(&text(&ada["id"]))] {
            refuses(&world, &other, Method::POST, PATH, &case).await;
        }
    }
);

on_both_databases!(
    async fn a_rule_for_a_seller_waits_until_stripe_has_made_their_account(world: World) {
        let fault = json!({"method": "POST", "path": "/v1/accounts", "kind": "cut_before", "count": 1_000});
        world.control("/_sandbox/faults", &fault).await;
        let body = json!({"email": "ada@example.com", "country": "US"});
        world.service().post("/v1/sellers", &body).await.is_problem(503, "stripe_unavailable");
        let sellers = world.service().get("/v1/sellers").await.is(200);
        let seller = &sellers["data"][0]["id"];
        world
            .operator()
            .post(PATH, &with("seller_id", seller.clone()))
            .await
            .is_problem(409, "account_pending");
        assert_eq!(world.rows("commission_rules").await, 0);
    }
);

on_both_databases!(
    async fn a_rule_cannot_be_changed_into_what_it_cannot_be(world: World) {
        let body = json!({"basis_points": 500, "currency": "usd", "minimum": usd(50)});
        let path = rule(&world, body).await;
        let was = world.operator().get(&path).await.is(200);
        let mut cases = wrong_terms();
        for field in ["seller_id", "category", "listing_id", "currency", "deleted_at"] {
            cases.push(malformed("what a rule is for", json!({field: "usd"}), field));
        }
        let below = json!({"maximum": usd(49)});
        cases.push(("below what stands", below, 422, "invalid_amount", "maximum"));
        let from = text(&was["effective_from"]);
        let never = json!({"effective_until": from});
        cases.push(("never in effect", never, 422, "invalid_period", "effective_until"));
        refuses(&world, &world.operator(), Method::PATCH, &path, &cases).await;
        assert_eq!(world.operator().get(&path).await.is(200), was, "nothing has changed");

        // In a rule for every currency no amount can be.
        let path = rule(&world, json!({"basis_points": 500})).await;
        let case = [("of no currency", json!({"fixed": usd(30)}), 422, "currency_required", "currency")];
        refuses(&world, &world.operator(), Method::PATCH, &path, &case).await;
        // Nor can what isn't there be changed, or what is over.
        let change = json!({"basis_points": 1});
        let nothing = format!("{PATH}/commissionrule_01h455vb4pex5vsknk084sn02q");
        world.operator().patch(&nothing, &change).await.is_problem(404, "not_found");
        world.operator().call(Method::DELETE, &nothing, None, None).await.is_problem(404, "not_found");
        world.operator().call(Method::DELETE, &path, None, None).await.is(200);
        world.operator().patch(&path, &change).await.is_problem(409, "commission_rule_deleted");
    }
);

on_both_databases!(
    async fn a_rule_is_created_once_under_a_key(world: World) {
        let callers = [&world.operator(), &world.person(Role::Operator, "support")];
        let bodies = [&with("category", json!("bowls")), &with("category", json!("cups"))];
        keeps_idempotency_keys(&world, PATH, callers, bodies).await;
    }
);

on_both_databases!(
    async fn a_rule_is_kept_as_it_was_told_and_its_whole_life_is_told(world: World) {
        let ada = world.active_seller().await;
        let body = json!({
            "seller_id": ada["id"], "category": "bowls", "currency": "usd", "basis_points": 500,
            "fixed": usd(30), "minimum": usd(50), "maximum": usd(5_000),
            "effective_from": "2026-01-01T01:00:00.123456789+01:00",
        });
        let created = world.operator().post(PATH, &body).await.is(201);
        let mut expected = json!({
            "id": "<commissionrule>", "seller_id": "<seller>", "category": "bowls", "currency": "usd",
            "basis_points": 500, "fixed": usd(30), "minimum": usd(50), "maximum": usd(5_000),
            "effective_from": "<time>", "created_at": "<time>", "updated_at": "<time>",
        });
        assert_eq!(shape(&created), expected);
        assert_eq!(time(&created["effective_from"]), at("2026-01-01T00:00:00.123456Z"));
        let path = format!("{PATH}/{}", text(&created["id"]));
        assert_eq!(world.operator().get(&path).await.is(200), created);

        // What is left out stays, `null` takes away.
        let until = "2027-01-01T00:00:00Z";
        let change =
            json!({"basis_points": 700, "minimum": usd(60), "maximum": null, "effective_until": until});
        let changed = world.operator().patch(&path, &change).await.is(200);
        expected["basis_points"] = json!(700);
        expected["minimum"] = usd(60);
        expected["effective_until"] = json!("<time>");
        expected.as_object_mut().unwrap().remove("maximum");
        assert_eq!(shape(&changed), expected);
        assert_eq!(time(&changed["effective_until"]), at(until));
        assert_eq!(changed["effective_from"], created["effective_from"]);
        let forever = world.operator().patch(&path, &json!({"effective_until": null})).await.is(200);
        assert_eq!(forever.get("effective_until"), None);

        // What is over is still there for who asks by name, and stays as it is.
        let deleted = world.operator().call(Method::DELETE, &path, None, None).await.is(200);
        assert!(deleted["deleted_at"].is_string(), "{deleted}");
        assert_eq!(world.operator().call(Method::DELETE, &path, None, None).await.is(200), deleted);
        assert_eq!(world.operator().get(&path).await.is(200), deleted);
        let told = world.service().get("/v1/events").await.is(200);
        let told = told["data"].as_array().unwrap().iter();
        let told: Vec<_> = told
            .filter(|event| event["object_id"] == created["id"])
            .map(|event| (text(&event["type"]), event["data"].clone()))
            .collect();
        let story = [("deleted", deleted), ("updated", forever), ("updated", changed), ("created", created)];
        let story = story.map(|(what, rule)| (format!("commission_rule.{what}"), rule));
        assert_eq!(told, story);
    }
);

on_both_databases!(
    async fn rules_are_listed_without_those_that_are_over(world: World) {
        let ada = world.active_seller().await;
        let one = rule(&world, json!({"basis_points": 1})).await;
        let over = rule(&world, json!({"basis_points": 2})).await;
        let adas = rule(&world, json!({"basis_points": 3, "seller_id": ada["id"]})).await;
        world.operator().call(Method::DELETE, &over, None, None).await.is(200);
        let operator = world.operator();
        let found = async |query: &str| {
            let page = operator.get(&format!("{PATH}{query}")).await.is(200);
            let paths =
                page["data"].as_array().unwrap().iter().map(|rule| format!("{PATH}/{}", text(&rule["id"])));
            (paths.collect::<Vec<_>>(), page["next_cursor"].as_str().map(str::to_owned))
        };
        assert_eq!(found("").await, (vec![adas.clone(), one.clone()], None));
        let of_ada = format!("?seller_id={}", text(&ada["id"]));
        assert_eq!(found(&of_ada).await, (vec![adas.clone()], None));
        let (page, next) = found("?limit=1").await;
        assert_eq!(page, [adas]);
        assert_eq!(found(&format!("?limit=1&cursor={}", next.unwrap())).await, (vec![one], None));
        refuses_reads(
            &operator,
            &[
                ("/v1/commission-rules/commissionrule_01h455vb4pex5vsknk084sn02q", 404, "not_found"),
                ("/v1/commission-rules/seller_01h455vb4pex5vsknk084sn02q", 404, "not_found"),
                ("/v1/commission-rules?seller_id=x", 400, "invalid_parameter"),
                ("/v1/commission-rules?limit=0", 400, "invalid_parameter"),
                ("/v1/commission-rules?cursor=x", 400, "invalid_cursor"),
            ],
        )
        .await;
    }
);

/// What would be kept of one line: the commission, and the path of the rule that decides.
async fn previewed(world: &World, line: &Value) -> (i64, Option<String>) {
    let preview = world.service().post(PREVIEW, &json!({"lines": [line]})).await.is(200);
    let [line] = &preview["lines"].as_array().unwrap()[..] else { panic!("{preview}") };
    assert_eq!((&preview["amount"], &preview["commission"]), (&line["amount"], &line["commission"]));
    let rule = line["commission_rule_id"].as_str().map(|id| format!("{PATH}/{id}"));
    (line["commission"]["amount"].as_i64().unwrap(), rule)
}

on_both_databases!(
    /// Each step is a more specific rule, and the others stay: none of them decides any more.
    async fn the_most_specific_rule_decides(world: World) {
        let (ada, eve) = (world.active_seller().await, world.active_seller().await);
        let bowl = world.listing(&ada, 1_000, "usd").await;
        let bowl_path = format!("/v1/listings/{}", text(&bowl["id"]));
        world.service().patch(&bowl_path, &json!({"category": "bowls"})).await.is(200);
        let line = json!({"listing_id": bowl["id"], "quantity": 1});
        assert_eq!(previewed(&world, &line).await, (100, None), "the default");
        // Rules for others, none of which may ever decide.
        let eves = world.listing(&eve, 1_000, "usd").await;
        for strangers in [
            json!({"basis_points": 9_000, "listing_id": eves["id"]}),
            json!({"basis_points": 9_000, "seller_id": eve["id"], "category": "bowls"}),
            json!({"basis_points": 9_000, "seller_id": ada["id"], "category": "cups"}),
            json!({"basis_points": 9_000, "category": "Bowls"}),
            json!({"basis_points": 9_000, "listing_id": bowl["id"], "currency": "eur"}),
        ] {
            rule(&world, strangers).await;
        }
        let mut rules = Vec::new();
        for (step, conditions) in (1..).zip([
            json!({}),
            json!({"currency": "usd"}),
            json!({"category": "bowls"}),
            json!({"category": "bowls", "currency": "usd"}),
            json!({"seller_id": ada["id"]}),
            json!({"seller_id": ada["id"], "currency": "usd"}),
            json!({"seller_id": ada["id"], "category": "bowls"}),
            json!({"listing_id": bowl["id"]}),
            json!({"listing_id": bowl["id"], "category": "bowls", "currency": "usd"}),
        ]) {
            let mut body = conditions;
            body["basis_points"] = json!(step * 100);
            rules.push(rule(&world, body).await);
            assert_eq!(previewed(&world, &line).await, (step * 10, rules.last().cloned()), "{step}");
        }
        // As each is deleted, the one before it decides again.
        while let Some(last) = rules.pop() {
            world.operator().call(Method::DELETE, &last, None, None).await.is(200);
            assert_eq!(previewed(&world, &line).await.1, rules.last().cloned());
        }
        // Another category is another matter, and a listing's is the one that it has now.
        rule(&world, json!({"basis_points": 50, "category": "cups"})).await;
        assert_eq!(previewed(&world, &line).await, (100, None));
        world.service().patch(&bowl_path, &json!({"category": "cups"})).await.is(200);
        // The seller's rule for cups was a stranger to a bowl.
        assert_eq!(previewed(&world, &line).await.0, 900);
    }
);

on_both_databases!(
    async fn of_two_alike_the_one_for_the_currency_decides_then_the_later_one(world: World) {
        let ada = world.active_seller().await;
        let line = json!({"seller_id": ada["id"], "unit_amount": usd(1_000), "quantity": 1});
        let alike = async |currency: Option<&str>, from: &str| {
            let body = json!({"basis_points": 1, "currency": currency, "effective_from": from});
            rule(&world, body).await
        };
        let later = alike(None, "2026-01-02T00:00:00Z").await;
        alike(None, "2026-01-01T00:00:00Z").await;
        assert_eq!(previewed(&world, &line).await.1, Some(later));
        let newer = alike(None, "2026-01-02T00:00:00Z").await;
        assert_eq!(previewed(&world, &line).await.1, Some(newer));
        let in_usd = alike(Some("usd"), "2025-01-01T00:00:00Z").await;
        alike(Some("eur"), "2026-01-03T00:00:00Z").await;
        assert_eq!(previewed(&world, &line).await.1, Some(in_usd));
    }
);

on_both_databases!(
    async fn a_preview_adds_up_in_any_currency_and_writes_nothing(world: World) {
        let (ada, eve) = (world.active_seller().await, world.active_seller().await);
        for (currency, scale) in [("usd", 1), ("jpy", 1), ("kwd", 10)] {
            let money = |amount: i64| json!({"amount": amount * scale, "currency": currency});
            let terms = json!({
                "seller_id": ada["id"], "currency": currency, "basis_points": 1_250,
                "fixed": money(30), "minimum": money(100), "maximum": money(500),
            });
            let adas = rule(&world, terms).await;
            let adas = adas.strip_prefix("/v1/commission-rules/").unwrap().to_owned();
            let bowl = world.listing(&eve, 1_005 * scale, currency).await;
            let of_ada = |amount: i64, quantity: i64| json!({"seller_id": ada["id"], "unit_amount": money(amount), "quantity": quantity});
            let before = Rows::of(&world).await;
            let lines = json!([
                of_ada(1_000, 1),                             // 125 + 30
                of_ada(500, 2),                               // once for the line, not for each piece
                of_ada(200, 1),                               // 25 + 30: the minimum
                of_ada(9_999, 1),                             // 1249.875 + 30: the maximum
                of_ada(99, 1),                                // the minimum is above the line
                {"listing_id": bowl["id"], "quantity": 1},    // the default, half a unit up
            ]);
            let preview = world.service().post(PREVIEW, &json!({"lines": lines})).await.is(200);
            // 100.5, where the unit is the smallest.
            let half = if scale == 1 { 101 } else { 1_005 };
            let line = |amount: i64, commission: Value, rule: Option<&str>| {
                let mut line = json!({"amount": money(amount), "commission": commission});
                if let Some(rule) = rule {
                    line["commission_rule_id"] = json!(rule);
                }
                line
            };
            let mut kept = 155 * scale * 2 + 100 * scale + 500 * scale + 99 * scale;
            kept += half;
            let expected = json!({
                "lines": [
                    line(1_000, money(155), Some(&adas)),
                    line(1_000, money(155), Some(&adas)),
                    line(200, money(100), Some(&adas)),
                    line(9_999, money(500), Some(&adas)),
                    line(99, money(99), Some(&adas)),
                    line(1_005, json!({"amount": half, "currency": currency}), None),
                ],
                "amount": money(1_000 + 1_000 + 200 + 9_999 + 99 + 1_005),
                "commission": {"amount": kept, "currency": currency},
            });
            assert_eq!(preview, expected, "{currency}");
            assert_eq!(Rows::of(&world).await, before, "a preview wrote something");
        }
    }
);

on_both_databases!(
    async fn a_preview_of_nothing_sensible_is_refused(world: World) {
        let ada = world.active_seller().await;
        let bowl = world.listing(&ada, 500, "usd").await;
        let good = json!({"seller_id": ada["id"], "unit_amount": usd(500), "quantity": 1});
        let line = |field: &str, value: Value| {
            let mut line = good.clone();
            line[field] = value;
            json!({"lines": [good, line]})
        };
        let eur = json!({"amount": 500, "currency": "eur"});
        let bare = json!({"lines": [{"quantity": 1}]});
        let priceless = json!({"lines": [{"seller_id": ada["id"], "quantity": 1}]});
        let unknown = json!({"lines": [{"listing_id": NOTHING, "quantity": 1}]});
        let doubled = json!({"lines": [{"listing_id": bowl["id"], "category": "bowls", "quantity": 1}]});
        let cases = [
            malformed("no lines", json!({"lines": []}), "lines"),
            malformed("too many lines", json!({"lines": vec![good.clone(); 101]}), "lines"),
            malformed("lines left out", json!({}), "lines"),
            malformed("none of it", line("quantity", json!(0)), "lines[1].quantity"),
            malformed("very many", line("quantity", json!(100_001)), "lines[1].quantity"),
            malformed("an empty category", line("category", json!("")), "lines[1].category"),
            malformed("an unknown field", line("title", json!("Bowl")), "lines[1].title"),
            malformed("no time", json!({"lines": [good], "at": "noon"}), "at"),
            ("a line of nothing", bare, 422, "invalid_line", "lines[0]"),
            ("a line without a price", priceless, 422, "invalid_line", "lines[0]"),
            ("a listing with a category", doubled, 422, "invalid_line", "lines[0]"),
            (
                "a listing with a price",
                line("listing_id", bowl["id"].clone()),
                422,
                "invalid_line",
                "lines[1]",
            ),
            ("no such listing", unknown, 422, "listing_not_found", "lines[0].listing_id"),
            ("nobody's", line("seller_id", json!(NOBODY)), 422, "seller_not_found", "lines[1].seller_id"),
            ("for free", line("unit_amount", usd(0)), 422, "invalid_unit_amount", "lines[1].unit_amount"),
            ("two currencies", line("unit_amount", eur), 422, "mixed_currencies", "lines"),
            ("more than fits", line("unit_amount", usd(i64::MAX)), 422, "amount_too_large", "lines"),
        ];
        refuses(&world, &world.service(), Method::POST, PREVIEW, &cases).await;
        refuses_ill_formed_bodies(&world, &world.operator(), PREVIEW, &json!({"lines": [good]}), "at").await;
    }
);

on_both_databases!(
    async fn a_rule_decides_in_its_time_by_the_clock_of_business(world: World) {
        let ada = world.active_seller().await;
        let line = json!({"seller_id": ada["id"], "unit_amount": usd(1_000), "quantity": 1});
        let now = world.ctx.clock.business();
        let in_days = |days: i64| (now + TimeDelta::days(days)).to_rfc3339();
        let body = json!({"basis_points": 500, "effective_from": in_days(2), "effective_until": in_days(4)});
        let summer = rule(&world, body).await;
        // Asked for a time, whenever it is now.
        for (time, kept) in [
            (in_days(1), 100),
            (in_days(2), 50),
            (in_days(3), 50),
            (in_days(4), 100),
            ((now + TimeDelta::days(4) - TimeDelta::microseconds(1)).to_rfc3339(), 50),
        ] {
            let body = json!({"lines": [line], "at": time});
            let preview = world.service().post(PREVIEW, &body).await.is(200);
            assert_eq!(preview["commission"], usd(kept), "{time}");
        }
        for (days, kept) in [(0, (100, None)), (3, (50, Some(summer))), (2, (100, None))] {
            if days > 0 {
                world.control("/_sandbox/clock/advance", &json!({"seconds": days * 86_400})).await;
                world.ask_the_time().await;
            }
            assert_eq!(previewed(&world, &line).await, kept, "{days} days later");
        }
    }
);

fn time(value: &Value) -> DateTime<Utc> {
    at(&text(value))
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}
