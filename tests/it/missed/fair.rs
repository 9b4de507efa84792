//! A marketplace in the middle of its day: what three days without webhooks change at Stripe, and what they don't.

use std::{collections::BTreeMap, fmt::Debug};

use sea_orm::EntityTrait;
use serde_json::{Value, json};
use souk::webhooks::missed::{self, Since};
use souk_entity::{event, ledger_entry, ledger_transaction, order, order_share, payout, seller};

use super::{cursor, lose_webhooks, scopes};
use crate::{
    engines::Engine,
    webhooks::{deliver, secrets, sign},
    world::{World, eventually, text},
};

const DAY_S: u64 = 86_400;

/// Sellers: `busy` has sold and is paid out, `idle` does nothing at all, `asked` will be asked for more, `new` has yet
/// to onboard, `leaving` will take their account away. Orders: `settled` is done, `paid` and `declined` are open.
pub(super) struct Fair {
    world: World,
    busy: Value,
    idle: Value,
    asked: Value,
    new: Value,
    leaving: Value,
    settled: Value,
    paid: Value,
    declined: Value,
}

/// Rows of the tables that people see, by table and key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct State(BTreeMap<String, String>);

impl Fair {
    pub(super) async fn start(engine: Engine) -> Self {
        let world = World::start(engine).await;
        let (busy, idle) = (world.active_seller().await, world.active_seller().await);
        let (asked, leaving) = (world.active_seller().await, world.active_seller().await);
        let body = json!({"email": "new@example.com", "country": "US"});
        let new = world.service().post("/v1/sellers", &body).await.is(201);
        let listing = world.listing(&busy, 10_000, "usd").await;
        let settled = world.pay(&world.order(&listing).await).await;
        world.days_pass().await;
        let path = format!("/v1/sellers/{}/payouts", text(&busy["id"]));
        world.service().post(&path, &json!({"amount": {"amount": 2_000, "currency": "usd"}})).await.is(201);
        let (paid, declined) = (world.order(&listing).await, world.order(&listing).await);
        Self { world, busy, idle, asked, new, leaving, settled, paid, declined }
    }

    /// What happens at Stripe while nothing is delivered.
    pub(super) async fn three_days_without_webhooks(&self) {
        let world = &self.world;
        lose_webhooks(world).await;
        assert_eq!(world.confirm(&self.paid, "pm_card_visa").await.status(), 200);
        let declining = "pm_card_chargeDeclinedInsufficientFunds";
        assert_eq!(world.confirm(&self.declined, declining).await.status(), 402);
        world.control("/_sandbox/clock/advance", &json!({"seconds": DAY_S})).await;

        // Somebody pays out in Stripe's dashboard.
        let form = [("amount", "1000"), ("currency", "usd")];
        world.stripe_post(Some(&account(&self.busy)), "/v1/payouts", &form).await;
        let on = |seller: &Value, what: &str| format!("/_sandbox/accounts/{}/{what}", account(seller));
        world.control(&on(&self.new, "complete-onboarding"), &json!({})).await;
        world.control("/_sandbox/clock/advance", &json!({"seconds": DAY_S})).await;

        let more = json!({"past_due": ["individual.id_number"]});
        world.control(&on(&self.asked, "requirements"), &more).await;
        world.control(&on(&self.leaving, "deauthorize"), &json!({})).await;
        world.control("/_sandbox/clock/advance", &json!({"seconds": DAY_S})).await;
        world.ask_the_time().await;
    }

    /// Reads every scope, as the worker does when it is due.
    pub(super) async fn recover(&self) {
        let (ctx, scopes) = (&self.world.ctx, scopes(&self.world.ctx));
        for cursor in missed::cursors(ctx, None).await.unwrap() {
            missed::read_now(ctx, &scopes, &cursor, Since::Cursor, &|_| {}).await.unwrap();
        }
    }

    pub(super) async fn state(&self) -> State {
        let mut rows = BTreeMap::new();
        let db = &self.world.ctx.db;
        note(&mut rows, "sellers", seller::Entity::find().all(db).await.unwrap(), |row| row.id.to_string());
        note(&mut rows, "orders", order::Entity::find().all(db).await.unwrap(), |row| row.id.to_string());
        let shares = order_share::Entity::find().all(db).await.unwrap();
        note(&mut rows, "shares", shares, |row| format!("{} {}", row.order_id, row.id));
        note(&mut rows, "payouts", payout::Entity::find().all(db).await.unwrap(), |row| row.id.to_string());
        note(&mut rows, "told", event::Entity::find().all(db).await.unwrap(), |row| row.id.to_string());
        let posted = ledger_transaction::Entity::find().all(db).await.unwrap();
        note(&mut rows, "posted", posted, |row| row.id.to_string());
        let entries = ledger_entry::Entity::find().all(db).await.unwrap();
        note(&mut rows, "entries", entries, |row| format!("{} {}", row.transaction_id, row.position));
        State(rows)
    }

    /// The state once everything that was delivered or found has done its work.
    pub(super) async fn when_quiet(&self) -> State {
        // Answers when the deliveries that are under way have arrived.
        self.world.control("/_sandbox/clock/advance", &json!({"seconds": 0})).await;
        eventually("no event and no job is open", async || {
            let events = "SELECT COUNT(*) AS count FROM stripe_events WHERE state IN ('pending', 'waiting')";
            let jobs = "SELECT COUNT(*) AS count FROM jobs WHERE state = 'pending'";
            self.world.count(events).await + self.world.count(jobs).await == 0
        })
        .await;
        let dead = "SELECT COUNT(*) AS count FROM stripe_events WHERE state = 'dead'";
        assert_eq!(self.world.count(dead).await, 0);
        self.state().await
    }

    /// What nothing happened to.
    pub(super) fn untouched(&self) -> [String; 3] {
        [text(&self.settled["id"]), text(&self.busy["id"]), text(&self.idle["id"])]
    }

    /// To the letter, object by object.
    pub(super) async fn is_what_stripe_says(&self) {
        let (world, db) = (&self.world, &self.world.ctx.db);
        for row in seller::Entity::find().all(db).await.unwrap() {
            let id = row.stripe_account_id.unwrap().to_string();
            if id == account(&self.leaving) {
                assert_eq!(row.status, seller::Status::Disconnected);
                assert_eq!(cursor(world, &id).await.state, missed::State::Closed);
                continue;
            }
            let stripe = world.stripe(None, &format!("/v1/accounts/{id}")).await;
            assert_eq!(json!(row.charges_enabled), stripe["charges_enabled"], "{id}");
            assert_eq!(json!(row.payouts_enabled), stripe["payouts_enabled"], "{id}");
            assert_eq!(json!(row.details_submitted), stripe["details_submitted"], "{id}");
            assert_eq!(
                (&row.capabilities, &row.requirements),
                (&stripe["capabilities"], &stripe["requirements"])
            );
        }
        for row in order::Entity::find().all(db).await.unwrap() {
            let intent = row.stripe_payment_intent_id.unwrap();
            let stripe = world.stripe(None, &format!("/v1/payment_intents/{intent}")).await;
            assert_eq!(json!(row.payment_status), stripe["status"], "{intent}");
            assert_eq!(json!(row.captured), stripe["amount_received"], "{intent}");
            assert_eq!(json!(row.decline_code), stripe["last_payment_error"]["decline_code"], "{intent}");
        }
        let payouts = payout::Entity::find().all(db).await.unwrap();
        assert_eq!(payouts.len(), 2, "the one of the dashboard is there too");
        for row in payouts {
            let id = row.stripe_payout_id.unwrap();
            let stripe = world.stripe(Some(&row.scope.to_string()), &format!("/v1/payouts/{id}")).await;
            let status = sea_orm::ActiveEnum::to_value(&row.status);
            assert_eq!(json!(status), stripe["status"], "{id}");
        }
        for (kind, order) in [("order.paid", &self.paid), ("order.payment_failed", &self.declined)] {
            let told = format!(
                "SELECT COUNT(*) AS count FROM events WHERE event_type = '{kind}' AND object_id = '{}'",
                text(&order["id"])
            );
            assert_eq!(world.count(&told).await, 1, "{kind}");
        }
        let report = world.operator().post("/v1/reconciliation", &json!({})).await.is(200);
        assert_eq!((&report["state"], &report["differences"]), (&json!("clean"), &json!([])));
    }

    pub(super) async fn the_report_tells_what_was_found(&self) {
        let report = self.world.operator().get("/v1/stripe-events/gaps?limit=100").await.is(200);
        let of = |scope: &str| {
            let gaps = report["data"].as_array().unwrap();
            gaps.iter().find(|gap| gap["scope"] == scope).cloned().unwrap()
        };
        for (scope, found) in [
            ("platform".to_owned(), true),
            (account(&self.new), true),
            (account(&self.asked), true),
            (account(&self.idle), false),
        ] {
            let gap = of(&scope);
            assert_eq!((&gap["state"], &gap["alarm"]), (&json!("open"), &json!(false)), "{gap}");
            assert_eq!(gap["found"].as_i64().unwrap() > 0, found, "{gap}");
            assert_eq!(gap["found_first_at"].is_string() && gap["found_last_at"].is_string(), found, "{gap}");
            assert!(gap["lag_seconds"].as_i64().unwrap() < 600 && gap["checked_at"].is_string(), "{gap}");
        }
        let left = of(&account(&self.leaving));
        assert_eq!((&left["state"], left.get("lag_seconds")), (&json!("closed"), None), "{left}");
        assert_eq!(left["reason"], "the account has left the platform");
    }

    /// Every event that Stripe has, delivered; and the one that can't be read any more.
    pub(super) async fn the_lost_webhooks_come_after_all(&self) {
        let (platform, connect) = secrets(&self.world);
        for event in self.world.stripe_events(None).await {
            self.comes("/webhooks/stripe/platform", &platform, &event).await;
        }
        for seller in [&self.busy, &self.idle, &self.asked, &self.new] {
            for event in self.world.stripe_events(Some(&account(seller))).await {
                self.comes("/webhooks/stripe/connect", &connect, &event).await;
            }
        }
        let left = json!({
            "id": "evt_left", "object": "event", "api_version": "2026-09-30.endive", "livemode": false,
            "created": self.world.ctx.clock.business().timestamp() - 2 * 86_400,
            "account": account(&self.leaving), "type": "account.application.deauthorized",
            "data": {"object": {"id": "ca_1", "object": "application"}},
        });
        self.comes("/webhooks/stripe/connect", &connect, &left).await;
    }

    async fn comes(&self, path: &str, secret: &secrecy::SecretString, event: &Value) {
        let body = event.to_string().into_bytes();
        let header = sign(&body, secret, self.world.ctx.clock.wall().timestamp());
        assert_eq!(deliver(&self.world, path, body, Some(header)).await.status, 200, "{event}");
    }
}

fn note<R: Debug>(rows: &mut BTreeMap<String, String>, table: &str, all: Vec<R>, key: impl Fn(&R) -> String) {
    rows.extend(all.iter().map(|row| (format!("{table} {}", key(row)), format!("{row:?}"))));
}

fn account(seller: &Value) -> String {
    text(&seller["stripe_account_id"])
}

impl State {
    /// What was right before is there as it was, and nothing new is told of what nothing happened to.
    pub(super) fn keeps(&self, before: &Self, untouched: &[String]) {
        let is_history = |key: &str| ["told", "posted", "entries"].iter().any(|table| key.starts_with(table));
        let mut kept = 0;
        for (key, row) in &before.0 {
            if is_history(key) || untouched.iter().any(|id| key.contains(id)) {
                assert_eq!(self.0.get(key), Some(row), "{key}");
                kept += 1;
            }
        }
        assert!(kept > 20, "{kept}");
        for (key, row) in
            self.0.iter().filter(|(key, _)| key.starts_with("told") && !before.0.contains_key(*key))
        {
            let named = untouched.iter().find(|id| row.contains(&format!("object_id: {id:?}")));
            assert_eq!(named, None, "{key}: {row}");
        }
    }
}

impl World {
    /// A write at the sandbox that is not ours: somebody in Stripe's dashboard.
    pub(crate) async fn stripe_post(
        &self,
        account: Option<&str>,
        path: &str,
        form: &[(&str, &str)],
    ) -> Value {
        let mut request = self.http.post(format!("{}{path}", self.sandbox.url())).bearer_auth("sk_test_souk");
        if let Some(account) = account {
            request = request.header("Stripe-Account", account);
        }
        let answer: Value = request.form(form).send().await.unwrap().json().await.unwrap();
        assert!(answer["id"].is_string(), "{answer}");
        answer
    }

    /// All events that Stripe has of a scope.
    async fn stripe_events(&self, account: Option<&str>) -> Vec<Value> {
        let (mut all, mut path) = (Vec::new(), "/v1/events?limit=100".to_owned());
        loop {
            let page = self.stripe(account, &path).await;
            all.extend(page["data"].as_array().unwrap().iter().cloned());
            if page["has_more"] != true {
                return all;
            }
            path = format!("/v1/events?limit=100&starting_after={}", text(&all[all.len() - 1]["id"]));
        }
    }
}
