//! What Stripe may answer to a list of events, and what becomes of the cursor.

use std::sync::Mutex;

use chrono::{DateTime, Utc};
use sea_orm::{EntityTrait, sea_query::Expr};
use serde_json::{Value, json};
use souk_entity::event_cursor::{self, Model};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::webhooks::testing::World;

const ACCOUNT: &str = "acct_1Seller";
/// More than one list may name.
const TYPES: [&str; 23] = ["payout.paid"; 23];

#[derive(Default)]
struct Rooms {
    left: Mutex<Vec<String>>,
}

#[async_trait]
impl Scopes for Rooms {
    fn types(&self, _scope: &Scope) -> Vec<&'static str> {
        TYPES.to_vec()
    }

    async fn left(&self, _tx: &DatabaseTransaction, account: &StripeAccountId) -> Result<(), DbErr> {
        self.left.lock().unwrap().push(account.to_string());
        Ok(())
    }
}

fn account() -> Scope {
    ACCOUNT.parse().unwrap()
}

/// A world in which a scope was read until an hour ago, and is due.
async fn world(scope: &Scope) -> World {
    let world = World::new().await;
    let ctx = &world.ctx;
    watch(&ctx.db, ctx, scope, ctx.clock.business() - Duration::hours(1)).await.unwrap();
    make_due(&world).await;
    world
}

async fn make_due(world: &World) {
    let past = world.ctx.clock.wall() - Duration::seconds(1);
    let due = event_cursor::Entity::update_many().col_expr(event_cursor::Column::NextAt, Expr::value(past));
    due.exec(&world.ctx.db).await.unwrap();
}

async fn run(world: &World, rooms: &Rooms) {
    let ran = run_due(&world.ctx, rooms, 10, &CancellationToken::new()).await.unwrap();
    assert_eq!(ran, 1);
}

async fn cursor(world: &World, scope: &Scope) -> Model {
    store::find(&world.ctx.db, scope).await.unwrap().unwrap()
}

fn refusal(code: &str) -> Value {
    json!({"error": {"type": "invalid_request_error", "code": code}})
}

fn page(events: Value) -> Value {
    json!({"id": "acct_1Platform", "object": "list", "has_more": false, "data": events})
}

fn within(at: DateTime<Utc>, world: &World, wait: Duration) -> bool {
    at > world.ctx.clock.wall() + wait / 2 && at <= world.ctx.clock.wall() + wait
}

#[tokio::test]
async fn what_stripe_refuses_is_kept_and_tried_rarely_for_a_person_to_see() {
    for code in ["more_permissions_required", "account_invalid"] {
        let (world, rooms) = (world(&account()).await, Rooms::default());
        let before = cursor(&world, &account()).await;
        // To this key it is also refused to say whose it is: so it proves nothing of the account.
        world.stripe_has(403, refusal(code)).await;
        run(&world, &rooms).await;
        let after = cursor(&world, &account()).await;
        assert_eq!((after.state, after.read_until), (State::Refused, before.read_until), "{code}");
        assert_eq!(after.reason.unwrap(), format!("Stripe refused the list of events: 403 {code}"));
        assert!(within(after.next_at, &world, Duration::hours(1)) && after.lease_until.is_none());
        assert!(rooms.left.lock().unwrap().is_empty(), "nobody is disconnected");

        // Mended: it is read as before.
        world.stripe_has(200, page(json!([]))).await;
        make_due(&world).await;
        run(&world, &rooms).await;
        let mended = cursor(&world, &account()).await;
        assert_eq!((mended.state, mended.reason, mended.attempts), (State::Open, None, 0));
        assert!(mended.read_until > before.read_until);
    }
}

#[tokio::test]
async fn stripe_being_away_moves_no_cursor_and_is_tried_again_soon() {
    let (world, rooms) = (world(&account()).await, Rooms::default());
    let before = cursor(&world, &account()).await;
    world.stripe_has(503, json!({})).await;
    run(&world, &rooms).await;
    let after = cursor(&world, &account()).await;
    assert_eq!((after.state, after.read_until, after.attempts), (State::Open, before.read_until, 1));
    assert!(after.reason.is_some() && after.next_at <= world.ctx.clock.wall() + Duration::seconds(2));
}

#[tokio::test]
async fn the_types_are_asked_for_in_groups_that_stripe_takes_and_with_the_overlap() {
    let (world, rooms) = (world(&account()).await, Rooms::default());
    world.stripe_has(200, page(json!([]))).await;
    let read_until = cursor(&world, &account()).await.read_until;
    run(&world, &rooms).await;
    let reads = world.stripe.reads.lock().await;
    let types: Vec<usize> = reads.iter().map(|read| read.matches("payout.paid").count()).collect();
    assert_eq!(types, [20, 3]);
    let from = format!("gte]={}", (read_until - OVERLAP).timestamp()).replace(']', "%5D");
    assert!(reads.iter().all(|read| read.replace(']', "%5D").contains(&from)), "{from}: {reads:?}");
    assert!(reads.iter().all(|read| read.starts_with(ACCOUNT)), "{reads:?}");
}

#[tokio::test]
async fn an_event_is_stored_under_the_scope_that_was_read_and_believed_in_nothing_but_its_ids() {
    let (world, rooms) = (world(&account()).await, Rooms::default());
    let good = world.event("evt_1", "payout.paid", 10, json!({"id": "po_1", "amount": 7}));
    let other_mode = World::with(
        world.event("evt_2", "payout.paid", 10, json!({"id": "po_2"})),
        json!({"livemode": true}),
    );
    let no_event = json!({"id": "evt_3", "object": "event"});
    let strange = World::with(good.clone(), json!({"id": "evt_\u{0}"}));
    world.stripe_has(200, page(json!([good, other_mode, no_event, strange]))).await;
    run(&world, &rooms).await;
    let row = world.stored("evt_1").await.unwrap();
    assert_eq!((row.scope, row.object_id.as_str(), row.api_version), (account(), "po_1", None));
    assert!(world.stored("evt_2").await.is_none() && world.stored("evt_3").await.is_none());
    let cursor = cursor(&world, &account()).await;
    assert_eq!((cursor.found, cursor.found_first_at), (1, cursor.found_last_at));
    assert_eq!(cursor.found_last_at, Some(row.stripe_created_at));
}

#[tokio::test]
async fn a_worker_that_is_about_to_stop_leaves_the_scope_to_others_at_once() {
    let (world, rooms) = (world(&account()).await, Rooms::default());
    world.stripe_has(200, page(json!([]))).await;
    let (claimed, lease) = store::claim(&world.ctx).await.unwrap().unwrap();
    let stop = CancellationToken::new();
    stop.cancel();
    let told = |_: Found| {};
    let reader = read::Reader {
        ctx: &world.ctx,
        scope: &claimed.scope,
        types: &TYPES,
        lease: Some(&lease),
        stop: &stop,
        told: &told,
    };
    let window = read::Window { from: claimed.read_until, to: world.ctx.clock.business() };
    assert!(matches!(reader.read(window).await, Err(ReadError::Interrupted)));
    assert_eq!(run_due(&world.ctx, &rooms, 10, &stop).await.unwrap(), 0);
    assert!(world.stripe.reads.lock().await.is_empty());
}

#[tokio::test]
async fn who_lost_the_lease_reads_no_further() {
    let (world, _rooms) = (world(&account()).await, Rooms::default());
    let (_, first) = store::claim(&world.ctx).await.unwrap().unwrap();
    let past = Some(world.ctx.clock.wall() - Duration::seconds(1));
    let ended =
        event_cursor::Entity::update_many().col_expr(event_cursor::Column::LeaseUntil, Expr::value(past));
    ended.exec(&world.ctx.db).await.unwrap();
    let (_, second) = store::claim(&world.ctx).await.unwrap().unwrap();
    assert!(!first.renew(&world.ctx).await.unwrap());
    assert!(second.renew(&world.ctx).await.unwrap());
}
