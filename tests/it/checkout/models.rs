//! The three charge models: what each leaves on every balance and in every book, and which of them is taken.

use sea_orm::EntityTrait;
use serde_json::{Value, json};
use souk::{
    config::{CheckoutSettings, NotPayable},
    db, invariants,
    ledger::{self, postings::CollectedDebt},
    worker,
};
use souk_entity::{Money, SellerId, order};

use super::PATH;
use crate::{
    engines::{Engine, on_both_databases},
    world::{World, eventually, text},
};

fn cart(listing: &Value) -> Value {
    json!({"lines": [{"listing_id": listing["id"], "quantity": 1}]})
}

/// The same with a field of the checkout set.
fn and(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

fn held() -> Value {
    json!({"type": "on_fulfillment"})
}

/// What a scope has at Stripe, available and pending, as far as it is not nothing.
async fn at_stripe(world: &World, account: Option<&str>) -> Vec<(i64, String)> {
    let balance = world.stripe(account, "/v1/balance").await;
    let funds = ["available", "pending"].into_iter().flat_map(|kind| balance[kind].as_array().unwrap());
    let mut held = std::collections::BTreeMap::new();
    for fund in funds {
        *held.entry(text(&fund["currency"])).or_insert(0) += fund["amount"].as_i64().unwrap();
    }
    held.into_iter().map(|(currency, amount)| (amount, currency)).filter(|(amount, _)| *amount != 0).collect()
}

/// What stands in a book, as `account currency debits-less-credits`, without what is zero.
async fn in_book(world: &World, scope: &str) -> Vec<String> {
    let balance = world.operator().get("/v1/ledger/trial-balance").await.is(200);
    assert_eq!(balance["balanced"], true);
    let books = balance["books"].as_array().unwrap();
    let book = books.iter().find(|book| book["scope"] == scope).expect("the book");
    let mut lines = Vec::new();
    for currency in book["currencies"].as_array().unwrap() {
        for account in currency["accounts"].as_array().unwrap() {
            let amount = account["debit"].as_i64().unwrap() - account["credit"].as_i64().unwrap();
            if amount != 0 {
                lines.push(format!("{} {} {amount}", text(&account["code"]), text(&currency["currency"])));
            }
        }
    }
    lines.sort();
    lines
}

async fn is_reconciled(world: &World) {
    let report = world.operator().post("/v1/reconciliation", &json!({})).await.is(200);
    assert_eq!((&report["differences"], &report["state"]), (&json!([]), &json!("clean")));
    let found = invariants::check(&world.ctx, &worker::all_invariants()).await.unwrap();
    let violated: Vec<_> = found.iter().filter(|one| one.violations > 0).map(|one| one.name).collect();
    assert_eq!(violated, Vec::<&str>::new());
}

async fn row(world: &World, order: &Value) -> order::Model {
    let id = text(&order["id"]).parse().unwrap();
    order::Entity::find_by_id::<souk_entity::OrderId>(id).one(&world.ctx.db).await.unwrap().unwrap()
}

on_both_databases!(
    /// 100.00 with a commission of 10.00, of which Stripe takes 3.20: of the platform, or of the seller whose charge
    /// it is.
    async fn each_charge_model_leaves_on_each_balance_what_its_table_says(world: World) {
        let mut platform = 0;
        for (model, state, of_platform, of_seller) in [
            ("destination", "transferred", 680, 9_000),
            ("separate", "held", 9_680, 0),
            ("direct", "transferred", 1_000, 8_680),
        ] {
            let seller = world.active_seller().await;
            let account = text(&seller["stripe_account_id"]);
            let mut body =
                and(cart(&world.listing(&seller, 10_000, "usd").await), "charge_model", json!(model));
            if model == "separate" {
                body["release"] = held();
            }
            let order = world.service().post(PATH, &body).await.is(201);
            assert_eq!(order["charge_model"], model);
            let is_direct = model == "direct";
            assert_eq!(order["payment"].get("stripe_account").is_some(), is_direct, "{order}");
            let paid = world.pay_until(&order, state).await;
            let usd = |amount: i64| json!({"amount": amount, "currency": "usd"});
            let transferred = if model == "separate" { 0 } else { 9_000 };
            assert_eq!((&paid["captured"], &paid["shares"][0]["net"]), (&usd(10_000), &usd(9_000)));
            assert_eq!(paid["shares"][0]["transferred"], usd(transferred), "{model}");

            platform += of_platform;
            assert_eq!(at_stripe(&world, None).await, [(platform, "usd".to_owned())], "{model}");
            let sellers: Vec<_> =
                [(of_seller, "usd".to_owned())].into_iter().filter(|(amount, _)| *amount != 0).collect();
            assert_eq!(at_stripe(&world, Some(&account)).await, sellers, "{model}");
            is_reconciled(&world).await;
            let book = in_book(&world, "platform").await;
            assert!(book.contains(&format!("stripe usd {platform}")), "{model}: {book:?}");
            assert!(!book.iter().any(|line| line.starts_with("clearing_")), "{model}: {book:?}");
            let row = row(&world, &order).await;
            assert_eq!((row.settled_amount, row.settled_currency.unwrap().code()), (Some(10_000), "usd"));
        }
        assert_eq!(
            in_book(&world, "platform").await,
            ["commission usd -3000", "fees usd 640", "payable usd -9000", "stripe usd 11360"]
        );
        world.days_pass().await;
        is_reconciled(&world).await;
    }
);

on_both_databases!(
    /// Euros, of which the platform and its sellers hold none: Stripe settles them in dollars, at 1.10.
    async fn each_charge_model_is_posted_where_it_settles_in_another_currency(world: World) {
        let mut platform = 0;
        for (model, state, of_platform, of_seller) in [
            ("destination", "transferred", 748, 9_900),
            ("separate", "held", 10_648, 0),
            ("direct", "transferred", 1_100, 9_548),
        ] {
            let seller = world.active_seller().await;
            let account = text(&seller["stripe_account_id"]);
            let mut body =
                and(cart(&world.listing(&seller, 10_000, "eur").await), "charge_model", json!(model));
            if model == "separate" {
                body["release"] = held();
            }
            let order = world.service().post(PATH, &body).await.is(201);
            world.pay_until(&order, state).await;
            platform += of_platform;
            assert_eq!(at_stripe(&world, None).await, [(platform, "usd".to_owned())], "{model}");
            let sellers: Vec<_> =
                [(of_seller, "usd".to_owned())].into_iter().filter(|(amount, _)| *amount != 0).collect();
            assert_eq!(at_stripe(&world, Some(&account)).await, sellers, "{model}");
            is_reconciled(&world).await;
            let row = row(&world, &order).await;
            assert_eq!((row.settled_amount, row.settled_currency.unwrap().code()), (Some(11_000), "usd"));
        }
        assert_eq!(
            in_book(&world, "platform").await,
            [
                "commission eur -3000",
                "fees usd 704",
                "fx eur 12000",
                "fx usd -13200",
                "payable eur -9000",
                "stripe usd 12496"
            ]
        );
    }
);

on_both_databases!(
    async fn a_cart_of_several_sellers_is_shared_out_by_its_lines(world: World) {
        let (ada, eve) = (world.active_seller().await, world.active_seller().await);
        let bowl = world.listing(&ada, 5_000, "usd").await;
        let usd = |amount: i64| json!({"amount": amount, "currency": "usd"});
        let priced = |seller: &Value, kind: &str, amount: i64| {
            json!({
                "seller_id": seller["id"], "title": kind, "unit_amount": usd(amount), "quantity": 1, "kind": kind,
            })
        };
        let lines = json!([
            {"listing_id": bowl["id"], "quantity": 1},
            priced(&eve, "item", 3_000),
            priced(&ada, "shipping", 700),
            priced(&eve, "tax", 240),
            and(priced(&eve, "shipping", 100), "commissionable", json!(false)),
        ]);
        let body = json!({"lines": lines, "release": held()});
        let order = world.service().post(PATH, &body).await.is(201);
        assert_eq!((&order["charge_model"], &order["amount"]), (&json!("separate"), &usd(9_040)));
        let intent = text(&order["payment"]["stripe_payment_intent_id"]);
        let intent = world.stripe(None, &format!("/v1/payment_intents/{intent}")).await;
        assert_eq!(intent["transfer_group"], order["id"]);
        assert_eq!(
            (&intent["transfer_data"], &intent["application_fee_amount"]),
            (&Value::Null, &Value::Null)
        );

        let paid = world.pay_until(&order, "held").await;
        let shares: Vec<_> = paid["shares"]
            .as_array()
            .unwrap()
            .iter()
            .map(|share| {
                let amount = |field: &str| share[field]["amount"].as_i64().unwrap();
                (text(&share["seller_id"]), amount("gross"), amount("commission"), amount("net"))
            })
            .collect();
        let (ada, eve) = (text(&ada["id"]), text(&eve["id"]));
        assert_eq!(shares, [(ada, 5_700, 570, 5_130), (eve, 3_340, 300, 3_040)]);
        is_reconciled(&world).await;
        assert_eq!(
            in_book(&world, "platform").await,
            ["commission usd -870", "fees usd 292", "payable usd -8170", "stripe usd 8748"]
        );
        let keys = "SELECT COUNT(DISTINCT e.key) AS count FROM ledger_entries e \
            JOIN ledger_accounts a ON a.id = e.account_id WHERE a.code = 'payable'";
        assert_eq!(world.count(keys).await, 2, "each share has a payable of its own");
    }
);

on_both_databases!(
    async fn a_seller_sees_of_a_shared_order_what_is_theirs(world: World) {
        let (ada, eve, mallory) =
            tokio::join!(world.active_seller(), world.active_seller(), world.active_seller());
        let (bowl, cup) = (world.listing(&ada, 5_000, "usd").await, world.listing(&eve, 3_000, "usd").await);
        let lines =
            json!([{"listing_id": bowl["id"], "quantity": 1}, {"listing_id": cup["id"], "quantity": 2}]);
        let order = world.service().post(PATH, &json!({"lines": lines})).await.is(201);
        let [ada, eve, mallory] = [&ada, &eve, &mallory].map(|seller| text(&seller["id"]));
        let path = format!("/v1/orders/{}", text(&order["id"]));
        for (own, other, listing, others_listing, gross) in
            [(&ada, &eve, &bowl, &cup, 5_000), (&eve, &ada, &cup, &bowl, 6_000)]
        {
            let seen = world.seller(own).get(&path).await.is(200);
            assert_eq!(seen["amount"], json!({"amount": gross, "currency": "usd"}));
            assert_eq!(seen["lines"].as_array().map(Vec::len), Some(1));
            assert_eq!(seen["lines"][0]["listing_id"], listing["id"]);
            assert_eq!(seen["shares"].as_array().map(Vec::len), Some(1));
            assert_eq!(seen["shares"][0]["gross"]["amount"], gross);
            for hidden in [other.as_str(), &text(&others_listing["id"]), "11000", "\"payment\"", "captured"] {
                assert!(!seen.to_string().contains(hidden), "{hidden} is shown: {seen}");
            }
            for query in [String::new(), format!("?seller_id={own}"), "?status=pending_payment".to_owned()] {
                let list = world.seller(own).get(&format!("/v1/orders{query}")).await.is(200);
                assert_eq!(list, json!({"data": [seen.clone()]}), "{query}");
            }
            let of_both = world.service().get(&format!("/v1/orders?seller_id={own}")).await.is(200);
            assert_eq!(of_both["data"].as_array().map(Vec::len), Some(1));
            assert_eq!(of_both["data"][0]["lines"].as_array().map(Vec::len), Some(2));
            let others = world.seller(own).get(&format!("/v1/orders?seller_id={other}")).await.is(200);
            assert_eq!(others, json!({"data": []}));
        }
        world.seller(&mallory).get(&path).await.is_problem(404, "not_found");
        assert_eq!(world.seller(&mallory).get("/v1/orders").await.is(200), json!({"data": []}));
    }
);

on_both_databases!(
    async fn a_share_waits_for_what_the_release_rule_says(world: World) {
        let ada = world.active_seller().await;
        let bowl = world.listing(&ada, 5_000, "usd").await;
        for (release, hold) in [
            (json!({"type": "on_fulfillment"}), json!({"reason": "awaiting_fulfillment", "actor": "seller"})),
            (json!({"type": "after_payment", "days": 7}), json!({"reason": "awaiting_release_date"})),
            (
                json!({"type": "after_fulfillment", "days": 3}),
                json!({"reason": "awaiting_fulfillment", "actor": "seller"}),
            ),
        ] {
            let body = and(cart(&bowl), "release", release.clone());
            let order = world.service().post(PATH, &body).await.is(201);
            assert_eq!((&order["charge_model"], order.get("release")), (&json!("separate"), None));
            let paid = world.pay_until(&order, "held").await;
            assert_eq!((&paid["release"], &paid["shares"][0]["hold"]), (&release, &hold));
            let at = |value: &Value| chrono::DateTime::parse_from_rfc3339(value.as_str().unwrap()).unwrap();
            match paid["shares"][0].get("releasable_at") {
                Some(releasable) => assert_eq!((at(releasable) - at(&paid["paid_at"])).num_days(), 7),
                None => assert_ne!(release["type"], "after_payment"),
            }
            let seen =
                world.seller(&text(&ada["id"])).get(&format!("/v1/orders/{}", text(&order["id"]))).await;
            let seen = seen.is(200);
            assert_eq!((&seen["release"], &seen["shares"][0]["hold"]), (&release, &hold));
        }
        // What waits for nothing can go at once.
        let order =
            world.service().post(PATH, &and(cart(&bowl), "charge_model", json!("separate"))).await.is(201);
        assert_eq!(world.confirm(&order, "pm_card_visa").await.status(), 200);
        let path = format!("/v1/orders/{}", text(&order["id"]));
        let released = |order: &Value| order["shares"][0]["releasable_at"] == order["paid_at"];
        let paid = world
            .until(&path, "the share is released", |order| order["status"] == "paid" && released(order))
            .await;
        assert_eq!(paid["shares"][0].get("hold"), None);
    }
);

on_both_databases!(
    async fn a_seller_in_debt_is_paid_by_shares_that_can_be_netted(world: World) {
        let ada = world.active_seller().await;
        let (bowl, euros) =
            (world.listing(&ada, 5_000, "usd").await, world.listing(&ada, 5_000, "eur").await);
        let seller: SellerId = text(&ada["id"]).parse().unwrap();
        let debt = CollectedDebt {
            transaction: "txn_1".to_owned(),
            posted_under: "txn_1".to_owned(),
            seller,
            amount: Money::new(100, "usd".parse().unwrap()),
            occurred_at: world.ctx.clock.business(),
        };
        let tx = db::begin_write(&world.ctx.db).await.unwrap();
        ledger::post(&tx, &world.ctx, debt.of_platform().unwrap()).await.unwrap();
        db::commit(tx, "test", "commit").await.unwrap();
        for (body, model) in [
            (cart(&bowl), "separate"),
            (and(cart(&bowl), "charge_model", json!("auto")), "separate"),
            (and(cart(&bowl), "charge_model", json!("destination")), "destination"),
            // Dollars can't be netted from euros.
            (cart(&euros), "destination"),
        ] {
            let order = world.service().post(PATH, &body).await.is(201);
            assert_eq!(order["charge_model"], model, "{body}");
        }
    }
);

/// A marketplace where a seller who can't be paid yet sells all the same.
struct Patient(World);

impl Patient {
    async fn start(engine: Engine) -> Self {
        let checkout = CheckoutSettings { not_payable: NotPayable::Separate };
        Self(World::start_selling(engine, checkout).await)
    }
}

on_both_databases!(
    async fn a_setting_lets_sellers_sell_before_they_can_be_paid(patient: Patient) {
        let world = &patient.0;
        let newcomer = json!({"email": "new@example.com", "country": "US"});
        let newcomer = world.service().post("/v1/sellers", &newcomer).await.is(201);
        let bowl = world.listing(&newcomer, 5_000, "usd").await;
        for model in ["auto", "destination"] {
            let body = and(cart(&bowl), "charge_model", json!(model));
            let order = world.service().post(PATH, &body).await.is(201);
            assert_eq!(order["charge_model"], "separate", "{model}");
        }
        let direct = and(cart(&bowl), "charge_model", json!("direct"));
        world.service().post(PATH, &direct).await.is_problem(409, "seller_not_payable");
        let ready = world.listing(&world.active_seller().await, 5_000, "usd").await;
        assert_eq!(world.order(&ready).await["charge_model"], "destination");
    }
);

on_both_databases!(
    async fn a_separate_sale_needs_no_seller_who_is_ready_but_one_who_has_not_left(world: World) {
        let newcomer = json!({"email": "new@example.com", "country": "US"});
        let newcomer = world.service().post("/v1/sellers", &newcomer).await.is(201);
        let bowl = world.listing(&newcomer, 5_000, "usd").await;
        let separate = and(and(cart(&bowl), "charge_model", json!("separate")), "release", held());
        let order = world.service().post(PATH, &separate).await.is(201);
        world.pay_until(&order, "held").await;
        is_reconciled(&world).await;

        let leaver = world.active_seller().await;
        let cup = world.listing(&leaver, 5_000, "usd").await;
        let account = text(&leaver["stripe_account_id"]);
        world.control(&format!("/_sandbox/accounts/{account}/deauthorize"), &json!({})).await;
        let path = format!("/v1/sellers/{}", text(&leaver["id"]));
        world.until(&path, "the seller has left", |seller| seller["status"] == "disconnected").await;
        let both =
            json!([{"listing_id": bowl["id"], "quantity": 1}, {"listing_id": cup["id"], "quantity": 1}]);
        for body in [cart(&cup), and(cart(&cup), "charge_model", json!("separate")), json!({"lines": both})] {
            world.service().post(PATH, &body).await.is_problem(409, "seller_not_payable");
        }
    }
);

on_both_databases!(
    async fn a_seller_may_be_the_business_that_the_buyer_pays(world: World) {
        let ada = world.active_seller().await;
        let bowl = world.listing(&ada, 5_000, "usd").await;
        for model in ["destination", "separate"] {
            let body = and(and(cart(&bowl), "on_behalf_of", json!(true)), "charge_model", json!(model));
            let order = world.service().post(PATH, &body).await.is(201);
            let intent = text(&order["payment"]["stripe_payment_intent_id"]);
            let intent = world.stripe(None, &format!("/v1/payment_intents/{intent}")).await;
            assert_eq!(intent["on_behalf_of"], ada["stripe_account_id"], "{model}");
            let seen = world.operator().get(&format!("/v1/orders/{}", text(&order["id"]))).await.is(200);
            assert_eq!(seen["on_behalf_of"], true, "{model}");
        }
        // Without card payments it can't be.
        let account = text(&ada["stripe_account_id"]);
        let path = format!("/_sandbox/accounts/{account}/capabilities");
        world.control(&path, &json!({"card_payments": "inactive"})).await;
        let path = format!("/v1/sellers/{}", text(&ada["id"]));
        world.until(&path, "no more cards", |seller| seller["payable"]["direct"] == false).await;
        let body = and(cart(&bowl), "on_behalf_of", json!(true));
        world.service().post(PATH, &body).await.is_problem(409, "seller_not_payable");
        let body = and(cart(&bowl), "charge_model", json!("direct"));
        world.service().post(PATH, &body).await.is_problem(409, "seller_not_payable");
        world.service().post(PATH, &cart(&bowl)).await.is(201);
    }
);

on_both_databases!(
    /// Whoever runs an account of their own can write our metadata into what they make there.
    async fn an_order_is_paid_in_its_own_account_and_in_no_other(world: World) {
        let (ada, mallory) = (world.active_seller().await, world.active_seller().await);
        let bowl = world.listing(&ada, 5_000, "usd").await;
        let account = text(&mallory["stripe_account_id"]);
        for model in ["destination", "direct"] {
            let body = and(cart(&bowl), "charge_model", json!(model));
            let order = world.service().post(PATH, &body).await.is(201);
            let forged = [
                ("amount", "5000"),
                ("currency", "usd"),
                ("confirm", "true"),
                ("payment_method", "pm_card_visa"),
                ("return_url", "https://app.example.com"),
                ("metadata[souk_order]", order["id"].as_str().unwrap()),
            ];
            let url = format!("{}/v1/payment_intents", world.sandbox.url());
            let request = world.http.post(url).bearer_auth("sk_test_souk").form(&forged);
            let forged: Value =
                request.header("Stripe-Account", &account).send().await.unwrap().json().await.unwrap();
            assert_eq!(forged["status"], "succeeded", "{forged}");
            let told = format!(
                "SELECT COUNT(*) AS count FROM stripe_events WHERE state = 'foreign' AND object_id = '{}' \
                 AND reason = 'the order is paid in another account'",
                text(&forged["id"])
            );
            eventually("the forgery is seen", async || world.count(&told).await > 0).await;
            let seen = world.operator().get(&format!("/v1/orders/{}", text(&order["id"]))).await.is(200);
            assert_eq!(
                (&seen["status"], &seen["captured"]["amount"]),
                (&json!("pending_payment"), &json!(0))
            );
        }
    }
);
