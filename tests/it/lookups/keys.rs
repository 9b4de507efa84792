//! Callers' keys: good at every replica, and for how long.

use std::sync::Arc;

use futures_util::future::join_all;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, sea_query::Expr};
use secrecy::ExposeSecret;
use souk::{app, context::Context, db, idempotency};
use souk_entity::{idempotency_key, stripe_request};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Scene, always};
use crate::{
    drills::{DRILLS, Seen, drill},
    engines::on_both_databases,
    site::Site,
};

/// Another process's API on the same database: connections, a bell and an address of its own.
async fn second_replica(scene: &Scene) -> Site {
    let ctx = scene.world.ctx.clone();
    let mut config = (*ctx.config).clone();
    config.listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let site = Site { souk: format!("http://{}", config.listen), ..scene.stage.site.clone() };
    let db = db::connect(config.database_url.expose_secret(), 5).await.unwrap();
    let other = Context { db, wake: Arc::new(Notify::new()), config: Arc::new(config), ..ctx };
    // It ends with the test's runtime.
    drop(app::listen(other, CancellationToken::new()).await.expect("it listens"));
    site
}

on_both_databases!(
    async fn the_same_key_at_two_replicas_at_once_makes_one_object(scene: Scene) {
        let sites = [scene.stage.site.clone(), second_replica(&scene).await];
        for drill in DRILLS {
            let (path, body) = drill.request(&scene.stage).await;
            let before = scene.rows(*drill).await.len();
            let asked = (0..20).map(|n| sites[n % 2].try_send(drill.method(), &path, &body, drill.title()));
            let answers: Vec<_> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
            let made: Vec<_> = answers.iter().filter(|answer| answer.status == drill.success()).collect();
            assert!(!made.is_empty() && made.iter().all(|answer| answer.bytes == made[0].bytes));
            for other in answers.iter().filter(|answer| answer.status != drill.success()) {
                other.is_problem(409, "idempotency_key_in_use");
            }
            let rows = scene.rows(*drill).await;
            assert_eq!(rows.len(), before + 1, "{}", drill.title());
            let objects = usize::from(drill.seen() != Seen::Nowhere);
            assert_eq!(scene.objects(*drill, &rows[before]).await.len(), objects);
        }
    }
);

on_both_databases!(
    async fn answers_are_forgotten_after_30_days_and_what_has_none_is_kept(scene: Scene) {
        let db = &scene.world.ctx.db;
        let keys = async || idempotency_key::Entity::find().count(db).await.unwrap();
        let asked = scene.ask_all_in_vain(&[drill("payout.create")], &always("cut_before")).await;
        let all = keys().await;
        assert!(all > 2);
        // 1. Nothing is old.
        assert_eq!(idempotency::prune(&scene.world.ctx, 10).await.unwrap(), 0);
        // 2. Everything is: in batches, all that was answered goes.
        let long_ago = scene.in_hours(-24 * 30 - 1);
        idempotency_key::Entity::update_many()
            .col_expr(idempotency_key::Column::CreatedAt, Expr::value(long_ago))
            .exec(db)
            .await
            .unwrap();
        assert_eq!(idempotency::prune(&scene.world.ctx, 2).await.unwrap(), 2);
        assert_eq!(keys().await, all - 2);
        assert_eq!(idempotency::prune(&scene.world.ctx, 1_000).await.unwrap(), all - 3);
        // 3. What has no answer yet stays, and gets it.
        let left = idempotency_key::Entity::find().all(db).await.unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].stripe_request_id, Some(asked[0].row.id));
        let naming =
            stripe_request::Entity::find().filter(stripe_request::Column::IdempotencyId.is_not_null());
        assert_eq!(naming.count(db).await.unwrap(), 1, "no request names a key that is gone");
        scene.end_faults().await;
        scene.due(&asked[0].row).await;
        scene.until(&asked[0].row, "is sent", |row| row.settled_at.is_some()).await;
        scene.ask_again(&asked[0]).await.is(201);
    }
);
