//! What was acknowledged is kept, whatever becomes of the process: the real program is killed again and again while
//! events are delivered to it.
//!
//! A run takes 2,000 events on each database; `scripts/webhook-campaign 100000` takes more.

use std::{
    collections::BTreeSet,
    env,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::Utc;
use reqwest::Client;
use sea_orm::{
    ColumnTrait, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, sea_query::Expr,
};
use secrecy::SecretString;
use serde_json::json;
use souk_entity::{event, inbox_object, payout, stripe_event};
use tokio::{task::JoinSet, time::Instant};

use crate::{
    engines::{TestDatabase, on_both_databases},
    processes::{People, Process, SOUK, Service, free_address},
    webhooks::sign,
    world::{JWT_SECRET, text},
};

const USUAL: usize = 2_000;
const CONNECTIONS: usize = 16;
const KILLS: usize = 4;
/// Longer than anything takes that goes on.
const STANDSTILL: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(20);

on_both_databases!(
    async fn of_what_was_acknowledged_nothing_is_missing_and_nothing_is_applied_twice(
        database: TestDatabase,
    ) {
        let wanted = env::var("SOUK_ACKNOWLEDGED").map_or(USUAL, |text| text.parse().expect("a number"));
        let (sandbox_address, address) = (free_address(), free_address());
        let (stripe, souk) = (format!("http://{sandbox_address}"), format!("http://{address}"));
        let _sandbox =
            Process::start(Command::new(SOUK).args(["sandbox", "--listen", &sandbox_address.to_string()]));
        let people = People::new(&souk, &stripe, JWT_SECRET);
        people.until_up(&format!("{stripe}/_sandbox/clock")).await;
        let service = Service::configure(&people.http, &stripe, &database, address).await;
        let mut running = service.start();
        people.until_up(&format!("{souk}/health/ready")).await;
        let seller = people.post("/v1/sellers", &json!({"email": "ada@example.com", "country": "US"})).await;
        let account = text(&seller["stripe_account_id"]);
        let secret = service.setting("STRIPE_CONNECT_WEBHOOK_SECRETS").into();

        // 1. Sixteen connections deliver, and the program is killed under them.
        let load = Load::begin(&souk, &account, secret, wanted);
        for kill in 1..=KILLS {
            load.until(wanted * kill / (KILLS + 1)).await;
            running.kill_9();
            running = service.start();
            people.until_up(&format!("{souk}/health/ready")).await;
        }
        load.until(wanted).await;
        let acknowledged = load.end().await;

        // 2. All of it is there, and comes to its end.
        let db = souk::db::connect(database.url(), 2).await.unwrap();
        let kept: Vec<String> = stripe_event::Entity::find()
            .select_only()
            .column(stripe_event::Column::Id)
            .filter(stripe_event::Column::Id.starts_with("evt_crash_"))
            .into_tuple()
            .all(&db)
            .await
            .unwrap();
        let kept: BTreeSet<String> = kept.into_iter().collect();
        assert_eq!(acknowledged.difference(&kept).collect::<Vec<_>>(), Vec::<&String>::new());
        end_leases(&db).await;
        until_done(&db, wanted).await;

        // 3. Each payout is there once, and was told of once.
        assert_eq!(payout::Entity::find().count(&db).await.unwrap(), wanted as u64);
        let told = event::Entity::find().filter(event::Column::EventType.eq("payout.paid"));
        assert_eq!(told.count(&db).await.unwrap(), wanted as u64);
        println!("{} acknowledged, {KILLS} kills", acknowledged.len());
        db.close().await.unwrap();
        drop(running);
    }
);

/// Deliveries under way.
struct Load {
    acknowledged: Arc<AtomicUsize>,
    connections: JoinSet<Vec<String>>,
}

impl Load {
    fn begin(souk: &str, account: &str, secret: SecretString, wanted: usize) -> Self {
        let (acknowledged, next) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut connections = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (acknowledged, next, secret) = (acknowledged.clone(), next.clone(), secret.clone());
            let (url, account) = (format!("{souk}/webhooks/stripe/connect"), account.to_owned());
            connections.spawn(async move {
                let (http, mut taken) = (Client::new(), Vec::new());
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= wanted {
                        return taken;
                    }
                    let id = format!("evt_crash_{number:06}");
                    // As Stripe does: again, until it is acknowledged.
                    while !is_taken(&http, &url, &secret, &paid(&id, number, &account)).await {
                        tokio::time::sleep(PAUSE).await;
                    }
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                    taken.push(id);
                }
            });
        }
        Self { acknowledged, connections }
    }

    async fn until(&self, wanted: usize) {
        let (mut last, mut since) = (0, Instant::now());
        loop {
            let now = self.acknowledged.load(Ordering::Relaxed);
            if now >= wanted {
                return;
            }
            if now != last {
                (last, since) = (now, Instant::now());
            }
            assert!(since.elapsed() < STANDSTILL, "{now} of {wanted} are acknowledged, and no more come");
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn end(self) -> BTreeSet<String> {
        self.connections.join_all().await.into_iter().flatten().collect()
    }
}

fn paid(id: &str, number: usize, account: &str) -> Vec<u8> {
    let payout = json!({
        "id": format!("po_crash{number:06}"), "object": "payout", "amount": 100, "currency": "usd",
        "status": "paid", "method": "standard", "metadata": {}, "arrival_date": 1_795_240_800,
    });
    let event = json!({
        "id": id, "object": "event", "api_version": "2026-09-30.endive", "created": 1_795_240_800,
        "livemode": false, "account": account, "type": "payout.paid", "data": {"object": payout},
    });
    event.to_string().into_bytes()
}

async fn is_taken(http: &Client, url: &str, secret: &SecretString, body: &[u8]) -> bool {
    #[expect(clippy::disallowed_methods, reason = "this is another machine, with a clock of its own")]
    let now = Utc::now().timestamp();
    let request = http.post(url).header("Stripe-Signature", sign(body, secret, now)).body(body.to_vec());
    request.send().await.is_ok_and(|answer| answer.status() == 200)
}

/// What the killed had leased would be free in a minute.
async fn end_leases(db: &DatabaseConnection) {
    let ended = inbox_object::Entity::update_many()
        .col_expr(inbox_object::Column::LeaseUntil, Expr::value(None::<chrono::DateTime<Utc>>))
        .filter(inbox_object::Column::LeaseUntil.is_not_null());
    ended.exec(db).await.unwrap();
}

async fn until_done(db: &DatabaseConnection, wanted: usize) {
    let done = stripe_event::Entity::find()
        .filter(stripe_event::Column::Id.starts_with("evt_crash_"))
        .filter(stripe_event::Column::State.eq(stripe_event::State::Done));
    let (mut last, mut since) = (0, Instant::now());
    loop {
        let now = done.clone().count(db).await.unwrap();
        if now == wanted as u64 {
            return;
        }
        if now != last {
            (last, since) = (now, Instant::now());
        }
        assert!(since.elapsed() < STANDSTILL, "{now} of {wanted} are done, and no more become so");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
