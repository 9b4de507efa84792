//! Sales that are posted together, and those among them that can't be.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::json;
use souk::{
    checkout::post_sale::{KIND, PostSales},
    jobs::{JobError, Together},
};
use souk_entity::{JobId, OrderId, job, order_share};
use uuid::Uuid;

use crate::{
    engines::on_both_databases,
    world::{World, text},
};

fn job_of(key: &str, world: &World) -> job::Model {
    let now = world.ctx.clock.wall();
    job::Model {
        id: JobId::from_uuid(Uuid::now_v7()),
        kind: KIND.to_owned(),
        key: key.to_owned(),
        state: job::State::Pending,
        next_at: now,
        lease_until: None,
        fence: 0,
        generation: 0,
        attempts: 0,
        last_error: None,
        created_at: now,
    }
}

on_both_databases!(
    async fn a_sale_that_cannot_be_posted_keeps_no_other_back_and_twice_is_once(world: World) {
        let seller = world.active_seller().await;
        let mut orders = Vec::new();
        for _ in 0..3 {
            let order = world.order(&world.listing(&seller, 10_000, "usd").await).await;
            orders.push(text(&world.pay(&order).await["id"]));
        }
        let clean = world.operator().post("/v1/reconciliation", &json!({})).await.is(200);
        assert_eq!(clean["state"], "clean");
        let books = world.operator().get("/v1/ledger/trial-balance").await.is(200);
        // Stripe has moved another amount than this share says now.
        let of_second = order_share::Column::OrderId.eq(orders[1].parse::<OrderId>().unwrap());
        let changed = order_share::Entity::update_many()
            .col_expr(order_share::Column::Gross, Expr::value(10_001))
            .col_expr(order_share::Column::Net, Expr::value(9_001))
            .filter(of_second)
            .exec(&world.ctx.db)
            .await;
        assert_eq!(changed.unwrap().rows_affected, 1);

        let unknown = "order_00000000000000000000000001";
        let keys = [&orders[0], &orders[1], unknown, "no order's id", &orders[2]];
        let outcomes = PostSales.run_all(&world.ctx, &keys.map(|key| job_of(key, &world))).await;
        assert!(
            matches!(
                outcomes[..],
                [Ok(()), Err(JobError::Fail(_)), Err(JobError::Fail(_)), Err(JobError::Fail(_)), Ok(())]
            ),
            "{outcomes:?}"
        );
        assert_eq!(world.operator().get("/v1/ledger/trial-balance").await.is(200), books);
    }
);
