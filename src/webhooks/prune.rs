//! Retention: what was applied, and what nobody handles, is deleted when its days are over. What a person may still
//! want to look at or replay (`dead`, `waiting`, `foreign`) stays.

use chrono::Duration;
use sea_orm::DbErr;

use super::store;
use crate::context::Context;

/// Deletes some events, at most `limit`, whose days (`SOUK_EVENT_RETENTION_DAYS`) are over, and when there are none,
/// objects that have no event left. Returns how many rows it deleted: none when all is done.
pub async fn prune(ctx: &Context, limit: u64) -> Result<u64, DbErr> {
    let before = ctx.clock.wall() - Duration::days(i64::from(ctx.config.event_retention_days));
    let events = store::delete_closed(&ctx.db, before, limit).await?;
    if events > 0 {
        return Ok(events);
    }
    // Stripe gives out an event for thirty days: until then the stamp of its object is what tells that it is old.
    store::delete_idle_objects(&ctx.db, before, limit).await
}
