//! Storing events, many at once.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveEnum,
    ActiveValue::Set,
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, IntoActiveModel, QueryTrait,
    Statement, Value,
    sea_query::{ArrayType, OnConflict},
};
use souk_entity::{Scope, inbox_object, stripe_event};

use super::store::KEY;
use crate::{context::Context, db, failpoint};

/// Stores events and makes the objects of those that are new due, at once; returns how many were new.
pub(super) async fn insert(ctx: &Context, events: &[stripe_event::Model]) -> Result<usize, DbErr> {
    let now = ctx.clock.wall();
    if ctx.db.get_database_backend() == DbBackend::Postgres {
        // One statement is a transaction: one round trip to the commit.
        let inserting = insert_at_once(&ctx.db, events, now);
        return Ok(failpoint::around("inbox", "insert", inserting).await?.len());
    }
    let tx = db::begin_write(&ctx.db).await?;
    let new = insert_in(&tx, events, now).await?;
    db::commit(tx, "inbox", "insert").await?;
    Ok(new.len())
}

/// Stores events in the caller's transaction, makes the objects of those that are new due, and returns the ids of
/// these. Both are written in the order of their keys: two replicas that store the same events in other orders would
/// dead-lock.
pub(super) async fn insert_in(
    tx: &DatabaseTransaction,
    events: &[stripe_event::Model],
    now: DateTime<Utc>,
) -> Result<BTreeSet<String>, DbErr> {
    if tx.get_database_backend() == DbBackend::Postgres {
        return insert_at_once(tx, events, now).await;
    }
    let sorted = sorted(events);
    let rows = sorted.iter().map(|event| (*event).clone().into_active_model());
    let mut insert = stripe_event::Entity::insert_many(rows)
        .on_conflict(OnConflict::column(stripe_event::Column::Id).do_nothing().to_owned())
        .into_query();
    insert.returning_col(stripe_event::Column::Id);

    let mut new = BTreeSet::new();
    for row in tx.query_all(&insert).await? {
        new.insert(row.try_get_by_index::<String>(0)?);
    }
    let objects: BTreeSet<(&Scope, &str)> = sorted
        .iter()
        .filter(|event| new.contains(&event.id))
        .map(|event| (&event.scope, event.object_id.as_str()))
        .collect();
    if !objects.is_empty() {
        make_due(tx, objects, now).await?;
    }
    Ok(new)
}

fn sorted(events: &[stripe_event::Model]) -> Vec<&stripe_event::Model> {
    let mut sorted: Vec<&stripe_event::Model> = events.iter().collect();
    sorted.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    sorted.dedup_by(|a, b| a.id == b.id);
    sorted
}

/// The text is the same for any number of events, so that PostgreSQL plans it once. Rust and `COLLATE "C"` sort alike.
const INSERT_AT_ONCE: &str = "\
    WITH added AS (INSERT INTO stripe_events (id, scope, event_type, object_id, api_version, idempotency_key, \
            stripe_created_at, payload_sealed, state, reason, attempts, next_at, received_at) \
        SELECT id, scope, event_type, object_id, NULLIF(api_version, ''), NULLIF(idempotency_key, ''), \
            stripe_created_at, payload_sealed, state, NULLIF(reason, ''), 0, next_at, received_at \
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], \
            $8::bytea[], $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[]) \
            AS event (id, scope, event_type, object_id, api_version, idempotency_key, \
            stripe_created_at, payload_sealed, state, reason, next_at, received_at) \
        ORDER BY id COLLATE \"C\" ON CONFLICT (id) DO NOTHING RETURNING id, scope, object_id), \
    due AS (INSERT INTO inbox_objects (scope, object_id, next_at, fence) \
        SELECT scope, object_id, $13, 0 FROM added GROUP BY scope, object_id \
        ORDER BY scope COLLATE \"C\", object_id COLLATE \"C\" \
        ON CONFLICT (scope, object_id) DO UPDATE SET next_at = excluded.next_at) \
    SELECT id FROM added";

/// What [`insert_in`] does, in one statement.
async fn insert_at_once(
    db: &impl ConnectionTrait,
    events: &[stripe_event::Model],
    now: DateTime<Utc>,
) -> Result<BTreeSet<String>, DbErr> {
    let sorted = sorted(events);
    let column = |of: ArrayType, value: fn(&stripe_event::Model) -> Value| {
        Value::Array(of, Some(Box::new(sorted.iter().map(|event| value(event)).collect())))
    };
    let text = |value| column(ArrayType::String, value);
    let time = |value| column(ArrayType::ChronoDateTimeUtc, value);
    let values = [
        text(|event| event.id.clone().into()),
        text(|event| event.scope.clone().into()),
        text(|event| event.event_type.clone().into()),
        text(|event| event.object_id.clone().into()),
        text(|event| event.api_version.clone().unwrap_or_default().into()),
        text(|event| event.idempotency_key.clone().unwrap_or_default().into()),
        time(|event| event.stripe_created_at.into()),
        column(ArrayType::Bytes, |event| event.payload_sealed.clone().into()),
        text(|event| event.state.to_value().into()),
        text(|event| event.reason.clone().unwrap_or_default().into()),
        time(|event| event.next_at.into()),
        time(|event| event.received_at.into()),
        now.into(),
    ];
    let insert = Statement::from_sql_and_values(DbBackend::Postgres, INSERT_AT_ONCE, values);
    db.query_all_raw(insert).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// Makes objects due, known or new. A worker that is about to let go of one of them waits for this transaction,
/// or this one for it: either way the new event is seen.
pub(super) async fn make_due(
    tx: &DatabaseTransaction,
    objects: BTreeSet<(&Scope, &str)>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let rows = objects.into_iter().map(|(scope, object_id)| inbox_object::ActiveModel {
        scope: Set(scope.clone()),
        object_id: Set(object_id.to_owned()),
        next_at: Set(Some(now)),
        lease_until: Set(None),
        fence: Set(0),
        applied_as_of: Set(None),
        applied_until: Set(None),
    });
    inbox_object::Entity::insert_many(rows)
        .on_conflict(OnConflict::columns(KEY).update_column(inbox_object::Column::NextAt).to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}
