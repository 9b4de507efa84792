//! What no webhook brought: Stripe's list of events repairs it, and changes nothing that was right.

mod fair;

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use sea_orm_migration::MigratorTrait;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use souk::{
    context::Context,
    db,
    events::Events,
    stripe::Gateway,
    webhooks::missed::{self, Reading, Since, State},
    worker,
};
use souk_entity::{Scope, event_cursor};
use souk_migration::Migrator;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use self::fair::Fair;
use crate::{
    engines::on_both_databases,
    world::{World, eventually, text},
};

/// More than a page holds.
const TOP_UPS: usize = 130;

on_both_databases!(
    /// Orders are paid and declined, payouts arrive, sellers onboard, are asked for more, and leave: of all this no
    /// webhook tells for three days. Afterwards the lost webhooks come as well.
    async fn three_days_without_webhooks_are_repaired_and_nothing_that_was_right_changes(fair: Fair) {
        let right = fair.when_quiet().await;
        fair.three_days_without_webhooks().await;
        assert_eq!(fair.state().await, right, "nothing of it is known");

        fair.recover().await;
        let repaired = fair.when_quiet().await;
        fair.is_what_stripe_says().await;
        repaired.keeps(&right, &fair.untouched());
        fair.the_report_tells_what_was_found().await;

        fair.the_lost_webhooks_come_after_all().await;
        assert_eq!(fair.when_quiet().await, repaired, "a lost webhook that comes late does nothing");
        fair.recover().await;
        assert_eq!(fair.when_quiet().await, repaired, "nor does another reading");
    }
);

on_both_databases!(
    async fn all_pages_of_all_types_are_read_and_a_reader_that_dies_moves_no_cursor(world: World) {
        lose_webhooks(&world).await;
        for _ in 0..TOP_UPS {
            top_up(&world).await;
        }
        let order =
            world.order(&world.listing(&active_without_webhooks(&world).await, 900, "usd").await).await;
        assert_eq!(world.confirm(&order, "pm_card_visa").await.status(), 200);
        assert!(souk::events::types_heard(false).len() > 20, "more than one list may name");

        // A reader dies after its first page.
        let before = cursor(&world, "platform").await;
        let (first_page, scopes) = (Notify::new(), scopes(&world.ctx));
        let told = |_| first_page.notify_one();
        tokio::select! {
            biased;
            () = first_page.notified() => {}
            read = missed::read_now(&world.ctx, &scopes, &before, Since::Cursor, &told) => {
                panic!("it did not die: {read:?}")
            }
        }
        assert_eq!(cursor(&world, "platform").await.read_until, before.read_until);

        // The next one reads everything.
        let read = missed::read_now(&world.ctx, &scopes, &before, Since::Cursor, &|_| {}).await.unwrap();
        assert!(matches!(read, Reading::Read(found) if found.listed > 100), "{read:?}");
        assert!(cursor(&world, "platform").await.read_until > before.read_until);
        let created = "SELECT COUNT(*) AS count FROM stripe_events WHERE event_type = 'topup.created'";
        assert_eq!(world.count(created).await, i64::try_from(TOP_UPS).unwrap());
        let path = format!("/v1/orders/{}", text(&order["id"]));
        world.until(&path, "the order is paid", |order| order["status"] == "paid").await;
    }
);

on_both_databases!(
    /// What surfaces late carries an older time: a reading begins ten minutes before the last one ended.
    async fn an_event_that_surfaces_after_its_time_was_read_is_found_within_ten_minutes(world: World) {
        lose_webhooks(&world).await;
        top_up(&world).await;
        let now = world.ctx.clock.business();
        for (read_until, found) in [(Duration::minutes(11), 0), (Duration::minutes(9), 1)] {
            // As if the reading that ended there had not seen it.
            move_cursor(&world, now + read_until).await;
            world.control("/_sandbox/clock/advance", &json!({"seconds": 1_200})).await;
            world.ask_the_time().await;
            let cursor = cursor(&world, "platform").await;
            missed::read_now(&world.ctx, &scopes(&world.ctx), &cursor, Since::Cursor, &|_| {}).await.unwrap();
            let created = "SELECT COUNT(*) AS count FROM stripe_events WHERE event_type = 'topup.created'";
            assert_eq!(world.count(created).await, found, "read until {read_until} after it");
        }
    }
);

on_both_databases!(
    async fn replicas_share_the_scopes_and_find_each_event_once(world: World) {
        lose_webhooks(&world).await;
        let mut accounts = Vec::new();
        for _ in 0..4 {
            accounts.push(text(&active_without_webhooks(&world).await["stripe_account_id"]));
        }
        world.control("/_sandbox/clock/advance", &json!({"seconds": 600})).await;
        world.ask_the_time().await;
        let found_before = world.count("SELECT CAST(SUM(found) AS BIGINT) AS count FROM event_cursors").await;
        assert_eq!(world.rows("stripe_events").await, found_before);

        // The world's own worker is a third.
        all_due(&world, past(&world)).await;
        let (one, other) = (scopes(&world.ctx), scopes(&world.ctx));
        let stop = CancellationToken::new();
        let (first, second) = tokio::join!(
            missed::run_due(&world.ctx, &one, 10, &stop),
            missed::run_due(&world.ctx, &other, 10, &stop)
        );
        assert!(first.unwrap() + second.unwrap() <= 5, "no scope was read twice");
        for scope in accounts.iter().map(String::as_str).chain(["platform"]) {
            eventually("every scope was read", async || {
                let read = cursor(&world, scope).await;
                read.checked_at.is_some() && read.lease_until.is_none()
            })
            .await;
        }
        let found = world.count("SELECT CAST(SUM(found) AS BIGINT) AS count FROM event_cursors").await;
        assert_eq!(found, world.rows("stripe_events").await, "each is counted by whoever stored it");
        assert!(found > 8, "{found}");
    }
);

on_both_databases!(
    async fn a_scope_that_a_dead_worker_holds_is_read_when_its_lease_ends(world: World) {
        let held = event_cursor::Entity::update_many()
            .col_expr(event_cursor::Column::NextAt, Expr::value(past(&world)))
            .col_expr(
                event_cursor::Column::LeaseUntil,
                Expr::value(Some(world.ctx.clock.wall() + Duration::hours(1))),
            );
        eventually("the platform is watched", async || world.rows("event_cursors").await == 1).await;
        held.exec(&world.ctx.db).await.unwrap();
        let (scopes, stop) = (scopes(&world.ctx), CancellationToken::new());
        assert_eq!(missed::run_due(&world.ctx, &scopes, 10, &stop).await.unwrap(), 0);
        let ended = event_cursor::Entity::update_many()
            .col_expr(event_cursor::Column::LeaseUntil, Expr::value(Some(past(&world))));
        ended.exec(&world.ctx.db).await.unwrap();
        missed::run_due(&world.ctx, &scopes, 10, &stop).await.unwrap();
        eventually("it is read", async || cursor(&world, "platform").await.checked_at.is_some()).await;
    }
);

on_both_databases!(
    /// A setting that went wrong looks like every seller's leaving.
    async fn the_key_of_another_platform_disconnects_nobody_and_moves_no_cursor(world: World) {
        let seller = world.active_seller().await;
        let (scopes, stop) = (scopes(&world.ctx), CancellationToken::new());
        all_due(&world, past(&world)).await;
        missed::run_due(&world.ctx, &scopes, 10, &stop).await.unwrap();
        eventually("the platform is known", async || cursor(&world, "platform").await.key_account.is_some())
            .await;
        let account = text(&seller["stripe_account_id"]);
        eventually("both are read", async || {
            let lease = async |scope: &str| cursor(&world, scope).await.lease_until;
            lease("platform").await.is_none() && lease(&account).await.is_none()
        })
        .await;

        let mut config = (*world.ctx.config).clone();
        config.stripe_secret_key = "sk_test_another".into();
        let stripe = Gateway::new(&config, world.ctx.clock.clone()).unwrap();
        let other = Context { stripe, ..world.ctx.clone() };
        let mut refused = 0;
        for scope in ["platform", &account] {
            let before = cursor(&world, scope).await;
            let read = missed::read_now(&other, &scopes, &before, Since::Cursor, &|_| {}).await;
            refused += usize::from(read.is_err());
            let after = cursor(&world, scope).await;
            assert_eq!((after.state, after.read_until), (State::Open, before.read_until), "{scope}");
        }
        assert_eq!(refused, 2);
        let path = format!("/v1/sellers/{}", text(&seller["id"]));
        assert_eq!(world.operator().get(&path).await.is(200)["status"], "active");
    }
);

on_both_databases!(
    async fn the_report_shows_how_far_each_scope_is_read_page_by_page_and_alarms_before_stripe_forgets(
        world: World,
    ) {
        let seller = world.active_seller().await;
        eventually("both are watched", async || world.rows("event_cursors").await == 2).await;
        move_cursor(&world, world.ctx.clock.business() - Duration::days(26)).await;
        let page = world.operator().get("/v1/stripe-events/gaps?limit=1").await.is(200);
        assert_eq!(page["data"][0]["scope"], seller["stripe_account_id"]);
        assert_eq!((&page["data"][0]["state"], &page["data"][0]["alarm"]), (&json!("open"), &json!(false)));
        let next = format!("/v1/stripe-events/gaps?limit=1&cursor={}", text(&page["next_cursor"]));
        let last = world.operator().get(&next).await.is(200);
        assert_eq!(last["data"][0]["scope"], "platform");
        assert_eq!(last["data"][0]["alarm"], true);
        assert!(last["data"][0]["lag_seconds"].as_i64().unwrap() >= 26 * 86_400);
        assert_eq!(last.get("next_cursor"), None);
        let wrong = world.operator().get("/v1/stripe-events/gaps?cursor=cus_1").await;
        wrong.is_problem(400, "invalid_cursor");
        world.operator().get("/v1/stripe-events/gaps?limit=0").await.is_problem(400, "invalid_parameter");
    }
);

on_both_databases!(
    async fn sellers_who_were_there_before_the_cursors_are_read_after_the_migration(world: World) {
        let account = text(&world.active_seller().await["stripe_account_id"]);
        let migrations = Migrator::migrations();
        let ours = migrations.iter().position(|one| one.name() == "m20261121_000007_event_cursors").unwrap();
        let steps = u32::try_from(migrations.len() - ours).unwrap();
        Migrator::down(&world.ctx.db, Some(steps)).await.unwrap();
        // A connection that has not seen the old schema: SQLite checks new columns against what it remembers.
        let afresh = db::connect(world.ctx.config.database_url.expose_secret(), 1).await.unwrap();
        Migrator::up(&afresh, None).await.unwrap();
        eventually("it is read", async || cursor(&world, &account).await.checked_at.is_some()).await;
    }
);

/// From now on nothing is delivered.
async fn lose_webhooks(world: &World) {
    world.control("/_sandbox/webhooks", &json!({"mode": "drop"})).await;
}

/// A top-up of the platform's: two events, which no room handles yet.
async fn top_up(world: &World) -> Value {
    let form = [("amount", "1000"), ("currency", "usd"), ("description", "test")];
    world.stripe_post(None, "/v1/topups", &form).await
}

/// A seller who has onboarded, as Stripe's list of events told.
async fn active_without_webhooks(world: &World) -> Value {
    let body = json!({"email": "ada@example.com", "country": "US"});
    let seller = world.service().post("/v1/sellers", &body).await.is(201);
    let account = text(&seller["stripe_account_id"]);
    world.control(&format!("/_sandbox/accounts/{account}/complete-onboarding"), &json!({})).await;
    let cursor = cursor(world, &account).await;
    missed::read_now(&world.ctx, &scopes(&world.ctx), &cursor, Since::Cursor, &|_| {}).await.unwrap();
    let path = format!("/v1/sellers/{}", text(&seller["id"]));
    world.until(&path, "the seller is active", |seller| seller["status"] == "active").await
}

fn scopes(ctx: &Context) -> Events {
    Events::new(ctx.clone(), Arc::new(worker::actions()))
}

async fn cursor(world: &World, scope: &str) -> event_cursor::Model {
    let scope: Scope = scope.parse().unwrap();
    let mut found = None;
    eventually("the scope is watched", async || {
        found = event_cursor::Entity::find_by_id(scope.clone()).one(&world.ctx.db).await.unwrap();
        found.is_some()
    })
    .await;
    found.unwrap()
}

fn past(world: &World) -> DateTime<Utc> {
    world.ctx.clock.wall() - Duration::minutes(1)
}

/// Makes all scopes due.
async fn all_due(world: &World, at: DateTime<Utc>) {
    cursor(world, "platform").await;
    let update = event_cursor::Entity::update_many().col_expr(event_cursor::Column::NextAt, Expr::value(at));
    update.exec(&world.ctx.db).await.unwrap();
}

/// The platform's cursor stands there now.
async fn move_cursor(world: &World, read_until: DateTime<Utc>) {
    cursor(world, "platform").await;
    event_cursor::Entity::update_many()
        .col_expr(event_cursor::Column::ReadUntil, Expr::value(read_until))
        .filter(event_cursor::Column::Scope.eq(Scope::Platform))
        .exec(&world.ctx.db)
        .await
        .unwrap();
}
