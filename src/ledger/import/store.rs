//! The queries of the import.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{LockBehavior, LockType, OnConflict},
};
use souk_entity::{Scope, balance_transaction, import_cursor, import_wake};
use uuid::Uuid;

/// How many wakes one collection takes.
const WAKES: u64 = 1_000;

/// How far a scope was imported; none if nothing ever was.
pub(super) async fn cursor(
    db: &DatabaseConnection,
    scope: &Scope,
) -> Result<Option<import_cursor::Model>, DbErr> {
    import_cursor::Entity::find_by_id(scope.clone()).one(db).await
}

/// The newest balance transaction that was imported and created before `time`.
pub(super) async fn newest_before(
    db: &DatabaseConnection,
    scope: &Scope,
    time: DateTime<Utc>,
) -> Result<Option<String>, DbErr> {
    balance_transaction::Entity::find()
        .select_only()
        .column(balance_transaction::Column::Id)
        .filter(balance_transaction::Column::Scope.eq(scope.clone()))
        .filter(balance_transaction::Column::StripeCreatedAt.lt(time))
        .order_by_desc(balance_transaction::Column::StripeCreatedAt)
        .into_tuple()
        .one(db)
        .await
}

/// Which of these are imported already.
pub(super) async fn known(
    db: &DatabaseConnection,
    scope: &Scope,
    ids: impl Iterator<Item = &str>,
) -> Result<HashSet<String>, DbErr> {
    let known: Vec<String> = balance_transaction::Entity::find()
        .select_only()
        .column(balance_transaction::Column::Id)
        .filter(balance_transaction::Column::Scope.eq(scope.clone()))
        .filter(balance_transaction::Column::Id.is_in(ids))
        .into_tuple()
        .all(db)
        .await?;
    Ok(known.into_iter().collect())
}

/// Moves the cursor, if it is still at `from`; tells whether it was. Others who import the same scope wait here.
pub(super) async fn move_cursor(
    tx: &DatabaseTransaction,
    from: Option<&str>,
    to: import_cursor::Model,
) -> Result<bool, DbErr> {
    let import_cursor::Model { scope, last_id, last_created_at, updated_at } = to;
    let row = import_cursor::ActiveModel {
        scope: Set(scope.clone()),
        last_id: Set(last_id),
        last_created_at: Set(last_created_at),
        updated_at: Set(updated_at),
    };
    let Some(from) = from else {
        let inserted = import_cursor::Entity::insert(row)
            .on_conflict(OnConflict::column(import_cursor::Column::Scope).do_nothing().to_owned())
            .exec_without_returning(tx)
            .await?;
        return Ok(inserted == 1);
    };
    let moved = import_cursor::Entity::update_many()
        .set(row)
        .filter(import_cursor::Column::Scope.eq(scope))
        .filter(import_cursor::Column::LastId.eq(from))
        .exec(tx)
        .await?;
    Ok(moved.rows_affected == 1)
}

/// Inserts a balance transaction; tells whether it is new.
pub(super) async fn insert(tx: &DatabaseTransaction, row: balance_transaction::Model) -> Result<bool, DbErr> {
    let key = [balance_transaction::Column::Scope, balance_transaction::Column::Id];
    let inserted = balance_transaction::Entity::insert(row.into_active_model())
        .on_conflict(OnConflict::columns(key).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(inserted == 1)
}

/// Writes down that a scope is to be imported; touches no row that anybody else writes.
pub(super) async fn insert_wake(tx: &DatabaseTransaction, scope: &Scope) -> Result<(), DbErr> {
    let row = import_wake::ActiveModel { id: Set(Uuid::now_v7()), scope: Set(scope.clone()) };
    import_wake::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Takes wakes away, as of the caller's transaction; tells how many, and of which scopes. Those that another
/// replica is about to take are left to it.
pub(super) async fn take_wakes(tx: &DatabaseTransaction) -> Result<(usize, BTreeSet<Scope>), DbErr> {
    let wakes = import_wake::Entity::find()
        .order_by_asc(import_wake::Column::Id)
        .limit(WAKES)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .all(tx)
        .await?;
    let ids = wakes.iter().map(|wake| wake.id);
    import_wake::Entity::delete_many().filter(import_wake::Column::Id.is_in(ids)).exec(tx).await?;
    Ok((wakes.len(), wakes.into_iter().map(|wake| wake.scope).collect()))
}

/// Whether there is anything to take. Without a lock: it is asked often.
pub(super) async fn has_wakes(db: &DatabaseConnection) -> Result<bool, DbErr> {
    let one: Option<Uuid> = import_wake::Entity::find()
        .select_only()
        .column(import_wake::Column::Id)
        .into_tuple()
        .one(db)
        .await?;
    Ok(one.is_some())
}
