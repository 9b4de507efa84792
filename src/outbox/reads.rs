//! What is shown of requests, and counted.

use sea_orm::{ColumnTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use souk_entity::{
    StripeRequestId,
    stripe_request::{Column, Entity, Model, State},
};

use crate::context::Context;

/// Rows, newest first: at most `limit` of those older than `before`.
pub async fn list(
    ctx: &Context,
    state: Option<State>,
    before: Option<StripeRequestId>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut query = Entity::find().order_by_desc(Column::Id).limit(limit);
    if let Some(state) = state {
        query = query.filter(Column::State.eq(state));
    }
    if let Some(before) = before {
        query = query.filter(Column::Id.lt(before));
    }
    query.all(&ctx.db).await
}

/// How many requests have no definite answer: not yet, or none that anybody can tell.
pub async fn open_counts(ctx: &Context) -> Result<Vec<(State, i64)>, DbErr> {
    let mut counts = Vec::new();
    for state in [State::Pending, State::Unknown] {
        let requests = Entity::find().filter(Column::State.eq(state)).count(&ctx.db).await?;
        counts.push((state, i64::try_from(requests).unwrap_or(i64::MAX)));
    }
    Ok(counts)
}
