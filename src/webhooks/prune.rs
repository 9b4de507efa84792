//! Retention: what was applied, and what nobody handles, is deleted when its days are over. What a person may still
//! want to look at or replay (`dead`, `waiting`, `foreign`) stays.

use chrono::{DateTime, Duration, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter,
    sea_query::{Expr, Order, Query},
};
use souk_entity::{
    inbox_object,
    stripe_event::{self, State},
};

use super::store::KEY;
use crate::context::Context;

/// Deletes some events, at most `limit`, whose days (`SOUK_EVENT_RETENTION_DAYS`) are over, and when there are none,
/// objects that have no event left. Returns how many rows it deleted: none when all is done.
pub async fn prune(ctx: &Context, limit: u64) -> Result<u64, DbErr> {
    let before = ctx.clock.wall() - Duration::days(i64::from(ctx.config.event_retention_days));
    let events = delete_closed(&ctx.db, before, limit).await?;
    if events > 0 {
        return Ok(events);
    }
    // Stripe gives out an event for thirty days: until then the stamp of its object is what tells that it is old.
    delete_idle_objects(&ctx.db, before, limit).await
}

/// Deletes events that were done with before `before`, at most `limit`; returns how many.
async fn delete_closed(db: &impl ConnectionTrait, before: DateTime<Utc>, limit: u64) -> Result<u64, DbErr> {
    let old = Query::select()
        .column(stripe_event::Column::Id)
        .from(stripe_event::Entity)
        .cond_where(
            Condition::all()
                .add(stripe_event::Column::State.is_in([State::Done, State::Ignored]))
                .add(stripe_event::Column::ProcessedAt.lt(before)),
        )
        .order_by(stripe_event::Column::ProcessedAt, Order::Asc)
        .order_by(stripe_event::Column::Id, Order::Asc)
        .limit(limit)
        .to_owned();
    let deleted = stripe_event::Entity::delete_many()
        .filter(stripe_event::Column::Id.in_subquery(old))
        .exec(db)
        .await?;
    Ok(deleted.rows_affected)
}

/// Deletes objects that have no event any more and whose stamp is from before `before`, at most `limit`; returns how
/// many. One that gets an event at this moment stays, or is written anew by it.
async fn delete_idle_objects(
    db: &impl ConnectionTrait,
    before: DateTime<Utc>,
    limit: u64,
) -> Result<u64, DbErr> {
    let of_object = |object, event| {
        Expr::col((inbox_object::Entity, object)).eq(Expr::col((stripe_event::Entity, event)))
    };
    let an_event = Query::select()
        .expr(Expr::value(1))
        .from(stripe_event::Entity)
        .and_where(of_object(inbox_object::Column::Scope, stripe_event::Column::Scope))
        .and_where(of_object(inbox_object::Column::ObjectId, stripe_event::Column::ObjectId))
        .to_owned();
    let is_idle = Condition::all()
        .add(inbox_object::Column::NextAt.is_null())
        .add(inbox_object::Column::LeaseUntil.is_null())
        .add(
            Condition::any()
                .add(inbox_object::Column::AppliedUntil.is_null())
                .add(inbox_object::Column::AppliedUntil.lt(before)),
        )
        .add(Expr::exists(an_event).not());
    let idle = Query::select()
        .columns(KEY)
        .from(inbox_object::Entity)
        .cond_where(is_idle.clone())
        .limit(limit)
        .to_owned();
    let deleted = inbox_object::Entity::delete_many()
        .filter(Expr::tuple(KEY.map(Expr::col)).in_subquery(idle))
        .filter(is_idle)
        .exec(db)
        .await?;
    Ok(deleted.rows_affected)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use souk_entity::stripe_event::State::{Dead, Done, Ignored};

    use super::*;
    use crate::webhooks::testing::World;

    #[tokio::test]
    async fn what_is_done_with_goes_after_its_days_and_what_a_person_must_see_stays() {
        let world = World::new().await;
        let event =
            |n: i64| world.event(&format!("evt_{n}"), "charge.updated", n, json!({"id": format!("ch_{n}")}));
        world.receive((0..4).map(event)).await;
        let now = world.ctx.clock.wall();
        for (id, state, days) in
            [("evt_0", Done, 91), ("evt_1", Ignored, 91), ("evt_2", Dead, 91), ("evt_3", Done, 89)]
        {
            let closed = stripe_event::Entity::update_many()
                .col_expr(stripe_event::Column::State, Expr::value(state))
                .col_expr(stripe_event::Column::ProcessedAt, Expr::value(Some(now - Duration::days(days))))
                .filter(stripe_event::Column::Id.eq(id));
            closed.exec(&world.ctx.db).await.unwrap();
        }
        let at_rest = inbox_object::Entity::update_many()
            .col_expr(inbox_object::Column::NextAt, Expr::value(None::<DateTime<Utc>>));
        at_rest.exec(&world.ctx.db).await.unwrap();

        // One row at a time: two events, then the two objects that they leave.
        let mut deleted = Vec::new();
        for _ in 0..5 {
            deleted.push(prune(&world.ctx, 1).await.unwrap());
        }
        assert_eq!(deleted, [1, 1, 1, 1, 0]);
        for (id, stays) in [("evt_0", false), ("evt_1", false), ("evt_2", true), ("evt_3", true)] {
            assert_eq!(world.stored(id).await.is_some(), stays, "{id}");
        }
        let left: Vec<String> = world.objects().await.into_iter().map(|object| object.object_id).collect();
        assert_eq!(left, ["ch_2", "ch_3"]);
    }
}
