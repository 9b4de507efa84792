//! `souk explain`: one timeline of what happened, by whatever id somebody has at hand.

use std::{
    process::{Command, Output},
    time::{Duration, Instant},
};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use souk::explain::{Kind, Timeline, explain};
use souk_entity::{stripe_event, stripe_request};

use crate::{
    drills::open,
    engines::on_both_databases,
    world::{JWT_SECRET, World, eventually, text},
};

const SOUK: &str = env!("CARGO_BIN_EXE_souk");
const NOBODY: &str = "order_01h455vb4pex5vsknk084sn02q";

async fn told_of(world: &World, id: &str) -> Timeline {
    explain(&world.ctx, id).await.unwrap_or_else(|error| panic!("{id}: {error}"))
}

/// The entries of a kind, with their details.
fn of(timeline: &Timeline, kind: Kind) -> Vec<String> {
    let entries = timeline.entries.iter().filter(|entry| entry.kind == kind);
    entries.map(|entry| format!("{}\n{}", entry.text, entry.details.join("\n"))).collect()
}

fn has(entries: &[String], words: &[&str]) {
    let fits = |entry: &String| words.iter().all(|word| entry.contains(word));
    assert!(entries.iter().any(fits), "{words:?} in none of {entries:#?}");
}

/// An order whose first card was declined and whose second paid, and what Stripe calls its parts.
/// Nothing is under way, and nothing has been for a second: events follow one another.
async fn until_rest(world: &World) {
    let mut still_since = None;
    eventually("all is done", async || {
        let now = Instant::now();
        if !open(&world.ctx.db).await.unwrap().is_empty() {
            still_since = None;
            return false;
        }
        now - *still_since.get_or_insert(now) >= Duration::from_millis(1_500)
    })
    .await;
}

async fn order_of_two_cards(world: &World) -> (Value, Vec<String>) {
    let bowl = world.listing(&world.active_seller().await, 10_000, "usd").await;
    let cart = json!({
        "lines": [{"listing_id": bowl["id"], "quantity": 1}],
        "payment_method_id": "pm_card_chargeDeclinedLostCard",
    });
    let buyer = text(&world.new_buyer().await["id"]);
    let declined = world.buyer(&buyer).post_with_key("/v1/checkouts", &cart, "a key of the buyer's").await;
    let path = format!("/v1/orders/{}", text(&declined.is(402)["order_id"]));
    let order = world.pay(&world.buyer(&buyer).get(&path).await.is(200)).await;
    until_rest(world).await;

    let charges = world.stripe(None, "/v1/charges").await;
    let charges: Vec<_> =
        charges["data"].as_array().unwrap().iter().filter(|charge| charge["paid"] == true).collect();
    assert_eq!(charges.len(), 1);
    let mut names = vec![text(&order["id"]), text(&order["payment"]["stripe_payment_intent_id"])];
    names.extend(charges.iter().map(|charge| text(&charge["id"])));
    names.extend(charges.iter().filter_map(|charge| charge["transfer"].as_str().map(str::to_owned)));
    let requests = stripe_request::Entity::find().all(&world.ctx.db).await.unwrap();
    let request = requests.iter().find(|request| request.subject == names[0]).unwrap();
    names.extend([request.id.to_string(), request.id.uuid().to_string()]);
    names.extend([request.stripe_request_id.clone().unwrap(), request.caller_request_id.clone().unwrap()]);
    let events = stripe_event::Entity::find().all(&world.ctx.db).await.unwrap();
    names.extend(events.into_iter().find(|event| event.object_id == names[1]).map(|event| event.id));
    (order, names)
}

on_both_databases!(
    async fn the_way_of_the_money_is_told(world: World) {
        let bowl = world.listing(&world.active_seller().await, 10_000, "usd").await;
        let cart = |field: &str, value: Value| {
            let mut cart = json!({"lines": [{"listing_id": bowl["id"], "quantity": 1}]});
            cart[field] = value;
            cart
        };
        for (cart, state, words, postings) in [
            (
                cart("charge_model", json!("direct")),
                "transferred",
                &["90.00 USD of seller_", "of acct_", "direct"][..],
                &["direct_sale in the book of platform", "direct_sale_of_seller in the book of acct_"][..],
            ),
            (
                cart("release", json!({"type": "on_fulfillment"})),
                "held",
                &["held, awaiting_fulfillment", "of platform", "on_fulfillment", "separate"],
                &["separate_sale in the book of platform"],
            ),
        ] {
            let order = world.service().post("/v1/checkouts", &cart).await.is(201);
            world.pay_until(&order, state).await;
            let told = told_of(&world, &text(&order["id"])).await;
            for word in words {
                assert!(told.to_string().contains(word), "{word} is not in {told}");
            }
            let posted = of(&told, Kind::Posted);
            for posting in postings {
                has(&posted, &[posting]);
            }
        }
    }
);

on_both_databases!(
    async fn an_order_is_told_from_the_callers_request_to_the_books_by_whatever_it_is_called(world: World) {
        let (order, names) = order_of_two_cards(&world).await;
        let told = told_of(&world, &names[0]).await;
        // 1. By whatever name.
        assert_eq!(names.len(), 9);
        for name in &names {
            assert_eq!(told_of(&world, name).await.to_string(), told.to_string(), "{name}");
        }
        // 2. From the caller's request to the books.
        assert_eq!(told.title, format!("{}: paid, 100.00 USD", names[0]));
        assert_eq!(told.attention, Vec::<String>::new());
        let (intent, buyer) = (&*names[1], text(&order["buyer_id"]));
        let asked = of(&told, Kind::Asked);
        has(&asked, &[&format!("by buyer:{buyer}"), "a key of the buyer's", "request req_"]);
        has(&of(&told, Kind::Written), &["100.00 USD", "10.00 USD of it commission", "destination"]);
        has(&of(&told, Kind::Sent), &["payment_intent.create", "POST /v1/payment_intents of platform"]);
        let answered = of(&told, Kind::Answered);
        has(
            &answered,
            &["refused", intent, "sent once", "Stripe's request req_", "the caller's answer is 402"],
        );
        let events = of(&told, Kind::Event);
        has(&events, &["payment_intent.payment_failed", intent, "card_declined lost_card", "done after"]);
        has(&events, &["charge.updated", "done after"]);
        has(&events, &["payment_intent.succeeded", intent, "succeeded"]);
        let posted = of(&told, Kind::Posted);
        has(&posted, &["destination_sale in the book of platform", "Cr      10.00 USD  commission"]);
        has(
            &posted,
            &["destination_sale_of_seller in the book of acct_", "Dr      10.00 USD  commission_paid"],
        );
        let charge = format!("Cr     100.00 USD  K({})", names[2]);
        has(&posted, &["charge in the book of platform", "from txn_", "Dr       3.20 USD  fees", &charge]);
        has(&posted, &["application_fee in the book of platform", "K(fee_"]);
        has(&of(&told, Kind::Told), &["order.created"]);
        has(&of(&told, Kind::Told), &["order.paid"]);
        // 3. In order, to be read at a terminal, and without a secret.
        assert!(told.entries.is_sorted_by_key(|entry| entry.at.timestamp_millis()));
        let (read, json) = (told.to_string(), serde_json::to_string(&told).unwrap());
        println!("{read}");
        assert!(read.lines().all(|line| line.chars().count() <= 100), "{read}");
        for secret in ["_secret_", "whsec_", "sk_test", "client_secret"] {
            assert!(!read.contains(secret) && !json.contains(secret), "{secret} in {read}");
        }
    }
);

on_both_databases!(
    async fn a_payout_and_its_seller_tell_what_is_held(world: World) {
        let (order, _) = order_of_two_cards(&world).await;
        world.days_pass().await;
        world.ask_the_time().await;
        let seller = text(&order["shares"][0]["seller_id"]);
        let path = format!("/v1/sellers/{seller}/payouts");
        let amount = |amount: i64| json!({"amount": {"amount": amount, "currency": "usd"}});
        let payout = world.seller(&seller).post(&path, &amount(5_000)).await.is(201);
        world.days_pass().await;
        let arrived = |payout: &Value| payout["data"][0]["status"] == "paid";
        world.until(&path, "the payout arrives", arrived).await;
        until_rest(&world).await;
        // 1. One that arrived, by our name and by Stripe's.
        let told = told_of(&world, &text(&payout["id"])).await;
        assert_eq!(told.title, format!("{}: paid, 50.00 USD", text(&payout["id"])));
        has(&of(&told, Kind::Answered), &["payout.create succeeded, po_", "the caller's answer is 201"]);
        has(&of(&told, Kind::Event), &["payout.paid", "done after"]);
        has(&of(&told, Kind::Posted), &["payout_paid", "Dr      50.00 USD  paid_out"]);
        let by_stripe = told_of(&world, &text(&payout["stripe_payout_id"])).await;
        assert_eq!(by_stripe.to_string(), told.to_string());
        // 2. One of which nobody can tell whether it was made.
        let made = world.seller(&seller).post(&path, &amount(1_000)).await.is(201);
        until_rest(&world).await;
        let held = stripe_request::Entity::update_many()
            .col_expr(stripe_request::Column::State, Expr::value("unknown"))
            .col_expr(stripe_request::Column::ErrorCode, Expr::value("lookup_refused"))
            .filter(stripe_request::Column::Subject.eq(text(&made["id"])))
            .exec_with_returning(&world.ctx.db);
        let held = held.await.unwrap().remove(0);
        for name in [held.id.to_string(), held.subject.clone(), seller.clone()] {
            let told = told_of(&world, &name).await;
            has(&told.attention, &["HELD payout.create", &held.subject, "lookup_refused"]);
        }
        // 3. Who is paid.
        let told = told_of(&world, &seller).await;
        assert_eq!(told.title, format!("{seller}: active"));
        has(&of(&told, Kind::Sent), &["account.create"]);
        has(&of(&told, Kind::Event), &["account.updated"]);
        assert!(told.facts.iter().any(|(name, _)| *name == "paid out"), "{:?}", told.facts);
        let account = told.facts.iter().find_map(|(_, value)| value.split_once(", acct_")).unwrap();
        let by_account = told_of(&world, &format!("acct_{}", account.1)).await;
        assert_eq!(by_account.to_string(), told.to_string());
    }
);

on_both_databases!(
    async fn the_command_prints_a_timeline_or_one_line_of_why_not(world: World) {
        let bowl = world.listing(&world.active_seller().await, 10_000, "usd").await;
        let id = text(&world.order(&bowl).await["id"]);
        let read = command(&world, &[&id]).await;
        assert!(read.status.success());
        assert!(
            String::from_utf8_lossy(&read.stdout)
                .starts_with(&format!("{id}: pending_payment, 100.00 USD\n"))
        );
        let json = command(&world, &[&id, "--json"]).await;
        let json: Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(json["title"], format!("{id}: pending_payment, 100.00 USD"));
        assert_eq!(json["entries"][0]["kind"], "asked");

        for unknown in [NOBODY, "pi_1", "req_1", "01890a5d-ac96-774b-bcce-b302099a8057", "x", "' OR 1=1"] {
            let refused = command(&world, &[unknown]).await;
            assert_eq!(refused.status.code(), Some(1), "{unknown}");
            let errors = String::from_utf8_lossy(&refused.stderr);
            assert!(
                errors.starts_with(&format!("souk: nothing here is called `{unknown}`: name an order_")),
                "{errors}"
            );
            assert_eq!(errors.lines().count(), 1, "{errors}");
            assert!(refused.stdout.is_empty());
        }
    }
);

/// `souk explain`, as an engineer runs it.
async fn command(world: &World, arguments: &[&str]) -> Output {
    let config = &world.ctx.config;
    let mut command = Command::new(SOUK);
    command.arg("explain").args(arguments).envs([
        ("DATABASE_URL", config.database_url.expose_secret()),
        ("STRIPE_SECRET_KEY", config.stripe_secret_key.expose_secret()),
        ("STRIPE_PUBLISHABLE_KEY", config.stripe_publishable_key.as_str()),
        ("STRIPE_API_BASE", config.stripe_api_base.as_str()),
        ("SOUK_PUBLIC_URL", config.public_url.as_str()),
        ("SOUK_JWT_SECRET", JWT_SECRET),
        ("SOUK_DATA_KEY", &"5e".repeat(32)),
    ]);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}
