//! Old answers are forgotten.

use chrono::TimeDelta;
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockBehavior, LockType},
};
use souk_entity::{StripeRequestId, idempotency_key as row, stripe_request};
use uuid::Uuid;

use crate::{context::Context, db};

/// How long a caller may ask again for an answer, days.
const KEPT_DAYS: i64 = 30;

/// Forgets up to `limit` keys that are older than 30 days; tells how many. A key without an answer stays, however
/// old: its write to Stripe is not settled. A request that a forgotten key waited for names it no longer.
pub async fn prune(ctx: &Context, limit: u64) -> Result<u64, DbErr> {
    let tx = db::begin_write(&ctx.db).await?;
    // Of several replicas each takes others.
    let old: Vec<(Uuid, Option<StripeRequestId>)> = row::Entity::find()
        .select_only()
        .columns([row::Column::Id, row::Column::StripeRequestId])
        .filter(row::Column::CreatedAt.lt(ctx.clock.wall() - TimeDelta::days(KEPT_DAYS)))
        .filter(row::Column::Status.is_not_null())
        .order_by_asc(row::Column::CreatedAt)
        .limit(limit)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_tuple()
        .all(&tx)
        .await?;
    let requests = old.iter().filter_map(|(_, request)| *request);
    stripe_request::Entity::update_many()
        .col_expr(stripe_request::Column::IdempotencyId, Expr::value(None::<Uuid>))
        .filter(stripe_request::Column::Id.is_in(requests))
        .exec(&tx)
        .await?;
    let keys = old.iter().map(|(key, _)| *key);
    let deleted = row::Entity::delete_many().filter(row::Column::Id.is_in(keys)).exec(&tx).await?;
    tx.commit().await?;
    Ok(deleted.rows_affected)
}
