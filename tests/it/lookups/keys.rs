//! How long the answers to callers are kept.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, sea_query::Expr};
use souk::idempotency;
use souk_entity::{idempotency_key, stripe_request};

use super::{Scene, always};
use crate::{drills::drill, engines::on_both_databases};

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
