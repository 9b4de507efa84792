//! Workers that share one database, and leases that dead ones left behind.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr,
};
use secrecy::ExposeSecret;
use serde_json::json;
use souk::{
    app, checkout,
    context::Context,
    db,
    jobs::{self, JobError, Runner},
};
use souk_entity::{JobId, Scope, inbox_object, job};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Deed, Stage, new_key};
use crate::{
    engines::{Engine, TestDatabase, on_both_databases},
    world::{World, eventually, text},
};

const ORDERS: i64 = 20;

/// Another process's worker on the same database.
async fn second_worker(stage: &Stage) -> CancellationToken {
    let stop = CancellationToken::new();
    drop(app::work(another_process(stage).await, stop.clone()));
    stop
}

/// The means of another process on the same database: connections and a bell of its own.
pub(super) async fn another_process(stage: &Stage) -> Context {
    let ctx = stage.world.ctx.clone();
    let url = ctx.config.database_url.expose_secret().to_owned();
    Context { db: db::connect(&url, 5).await.unwrap(), wake: Arc::new(Notify::new()), ..ctx }
}

on_both_databases!(
    async fn two_workers_pay_many_orders_once_each(stage: Stage) {
        let stop = second_worker(&stage).await;
        let world = &stage.world;
        world.control("/_sandbox/webhooks", &json!({"mode": "duplicate"})).await;
        let asked = join_all((0..ORDERS).map(async |_| stage.ask(Deed::CheckOut, &new_key()).await.is(201)));
        let orders = asked.await;
        join_all(orders.iter().map(|order| world.pay(order))).await;
        stop.cancel();

        // Once each, the one of the stage included.
        for (what, sql) in [
            ("told", "SELECT COUNT(*) AS count FROM events WHERE event_type = 'order.paid'"),
            ("paid", "SELECT COUNT(*) AS count FROM orders WHERE status = 'paid' AND captured = amount"),
            ("shared", "SELECT COUNT(*) AS count FROM order_shares WHERE transferred = net"),
        ] {
            assert_eq!(world.count(sql).await, ORDERS + 1, "{what}");
        }
        for order in &orders {
            let source = format!("%{}%", text(&order["id"]));
            let posted =
                format!("SELECT COUNT(*) AS count FROM ledger_transactions WHERE source LIKE '{source}'");
            assert_eq!(world.count(&posted).await, 2, "the platform's book and the seller's");
        }
        assert_eq!(world.count("SELECT COUNT(*) AS count FROM jobs WHERE state = 'dead'").await, 0);
        stage.agrees_with_stripe().await;
    }
);

on_both_databases!(
    async fn a_job_that_a_dead_worker_holds_is_run_when_its_lease_ends(stage: Stage) {
        let db = &stage.world.ctx.db;
        // Nobody else enqueues the posting of an order that is not paid.
        let unpaid = stage.ask(Deed::CheckOut, &new_key()).await.is(201);
        let id = JobId::from_uuid(Uuid::now_v7());
        let row = job::ActiveModel {
            id: Set(id),
            kind: Set(checkout::post_sale::KIND.to_owned()),
            key: Set(text(&unpaid["id"])),
            state: Set(job::State::Pending),
            next_at: Set(stage.long_ago()),
            lease_until: Set(Some(stage.much_later())),
            fence: Set(7),
            generation: Set(0),
            attempts: Set(0),
            last_error: Set(None),
            created_at: Set(stage.long_ago()),
        };
        job::Entity::insert(row).exec_without_returning(db).await.unwrap();
        stage.a_worker_had_time().await;
        let read = async || job::Entity::find_by_id(id).one(db).await.unwrap().expect("the job");
        assert_eq!(read().await.fence, 7);
        let ended =
            job::Entity::update_many().col_expr(job::Column::LeaseUntil, Expr::value(stage.long_ago()));
        ended.filter(job::Column::Id.eq(id)).exec(db).await.unwrap();
        eventually("the job is run", async || read().await.last_error.is_some()).await;
    }
);

on_both_databases!(
    async fn an_object_that_a_dead_worker_holds_is_worked_on_when_its_lease_ends(stage: Stage) {
        let world = &stage.world;
        let order = stage.ask(Deed::CheckOut, &new_key()).await.is(201);
        let intent = text(&order["payment"]["stripe_payment_intent_id"]);
        let row = inbox_object::ActiveModel {
            scope: Set(Scope::Platform),
            object_id: Set(intent.clone()),
            next_at: Set(None::<DateTime<Utc>>),
            lease_until: Set(Some(stage.much_later())),
            fence: Set(7),
            applied_as_of: Set(None),
            applied_until: Set(None),
        };
        inbox_object::Entity::insert(row).exec_without_returning(&world.ctx.db).await.unwrap();
        assert_eq!(world.confirm(&order, "pm_card_visa").await.status(), 200);
        let kept = format!("SELECT COUNT(*) AS count FROM stripe_events WHERE object_id = '{intent}'");
        eventually("the event is stored", async || world.count(&kept).await > 0).await;
        stage.a_worker_had_time().await;
        let path = format!("/v1/orders/{}", text(&order["id"]));
        assert_eq!(world.operator().get(&path).await.is(200)["status"], "pending_payment");

        let ended = inbox_object::Entity::update_many()
            .col_expr(inbox_object::Column::LeaseUntil, Expr::value(stage.long_ago()));
        ended.filter(inbox_object::Column::ObjectId.eq(&*intent)).exec(&world.ctx.db).await.unwrap();
        world.until(&path, "the order is paid", |order| order["status"] == "paid").await;
    }
);

/// The same means on a database of its own, at which no worker is.
async fn without_a_worker(world: &World) -> (TestDatabase, Context) {
    let engine = match world.ctx.db.get_database_backend() {
        DbBackend::Postgres => Engine::Postgres,
        _ => Engine::Sqlite,
    };
    let database = TestDatabase::start(engine).await;
    let db = db::connect(database.url(), 2).await.unwrap();
    (database, Context { db, ..world.ctx.clone() })
}

/// Does what the key of the job says, and has no further job begun.
#[derive(Clone)]
struct Scripted(CancellationToken);

#[async_trait]
impl Runner for Scripted {
    async fn run(&self, ctx: &Context, job: &job::Model) -> Result<(), JobError> {
        self.0.cancel();
        match job.key.as_str() {
            "panics" => panic!("a poison job"),
            "is enqueued again meanwhile" => {
                let tx = db::begin_write(&ctx.db).await?;
                jobs::enqueue(&tx, ctx, &job.kind, &job.key, ctx.clock.wall()).await?;
                db::commit(tx, "test", "job").await?;
                Err(JobError::Fail("what it needs isn't there".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

on_both_databases!(
    async fn a_job_that_panics_or_fails_takes_no_other_with_it_and_forgets_nothing(world: World) {
        let (_database, ctx) = without_a_worker(&world).await;
        let tx = db::begin_write(&ctx.db).await.unwrap();
        for key in ["panics", "is enqueued again meanwhile", "is well"] {
            jobs::enqueue(&tx, &ctx, "scripted", key, ctx.clock.wall()).await.unwrap();
        }
        db::commit(tx, "test", "job").await.unwrap();
        let stop = CancellationToken::new();
        assert_eq!(jobs::run_due(&ctx, &Scripted(stop.clone()), 3, &stop).await.unwrap(), 3);

        let left = job::Entity::find().order_by_asc(job::Column::Key).all(&ctx.db).await.unwrap();
        let left: Vec<_> =
            left.iter().map(|job| (&*job.key, job.state, job.lease_until, job.attempts)).collect();
        let again = ("is enqueued again meanwhile", job::State::Pending, None, 0);
        assert_eq!(left, [again, ("panics", job::State::Pending, None, 1)]);
    }
);
