//! The queries of the invariants' kit.

use std::collections::{BTreeMap, HashSet, btree_map::Entry};

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, Statement, sea_query::OnConflict,
};
use souk_entity::{invariant_check, invariant_violation};
use uuid::Uuid;

use super::{Invariant, Objects, Query};
use crate::{context::Context, db};

/// Runs an invariant's query: how many violations there are, and up to `limit` of them as object and detail.
pub(super) async fn violations(
    db: &impl ConnectionTrait,
    invariant: &Invariant,
    now: DateTime<Utc>,
    limit: u16,
) -> Result<(i64, Vec<(String, String)>), DbErr> {
    let Query { sql, times } = (invariant.query)(now);
    let sql = format!("SELECT found.*, COUNT(*) OVER () AS violations FROM ({sql}) AS found LIMIT {limit}");
    let values = times.into_iter().map(Into::into);
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let (mut count, mut found) = (0, BTreeMap::<String, String>::new());
    for row in db.query_all_raw(statement).await? {
        count = row.try_get("", "violations")?;
        let object = match invariant.objects {
            Objects::Named => row.try_get("", "object")?,
            Objects::Rows(name) => name(row.try_get::<Uuid>("", "object")?),
        };
        // An object may be found more than once, in two currencies, say: it is told once.
        let detail: String = row.try_get("", "detail")?;
        match found.entry(object) {
            Entry::Vacant(first) => {
                first.insert(detail);
            }
            Entry::Occupied(mut told) => {
                told.get_mut().push_str("; ");
                told.get_mut().push_str(&detail);
            }
        }
    }
    Ok((count, found.into_iter().collect()))
}

/// Keeps what a check found: what is found again keeps the time since when it is known, what isn't is forgotten.
pub(super) async fn keep(
    ctx: &Context,
    check: invariant_check::Model,
    found: Vec<invariant_violation::Model>,
) -> Result<(), DbErr> {
    use invariant_violation::Column::{Action, Detail, Invariant, Object};
    let tx = db::begin_write(&ctx.db).await?;
    let name = check.name.clone();
    let again = OnConflict::column(invariant_check::Column::Name)
        .update_columns([invariant_check::Column::Violations, invariant_check::Column::CheckedAt])
        .to_owned();
    invariant_check::Entity::insert(check.into_active_model())
        .on_conflict(again)
        .exec_without_returning(&tx)
        .await?;
    let objects: HashSet<String> = found.iter().map(|one| one.object.clone()).collect();
    invariant_violation::Entity::delete_many()
        .filter(Invariant.eq(name))
        .filter(Object.is_not_in(objects))
        .exec(&tx)
        .await?;
    if !found.is_empty() {
        let again = OnConflict::columns([Invariant, Object]).update_columns([Detail, Action]).to_owned();
        invariant_violation::Entity::insert_many(found.into_iter().map(IntoActiveModel::into_active_model))
            .on_conflict(again)
            .exec_without_returning(&tx)
            .await?;
    }
    db::commit(tx, "invariants", "findings").await
}

/// What violates an invariant as of the last checks, the oldest first; at most `limit`.
pub async fn open(db: &DatabaseConnection, limit: u64) -> Result<Vec<invariant_violation::Model>, DbErr> {
    use sea_orm::QuerySelect;
    invariant_violation::Entity::find()
        .order_by_asc(invariant_violation::Column::Since)
        .order_by_asc(invariant_violation::Column::Invariant)
        .order_by_asc(invariant_violation::Column::Object)
        .limit(limit)
        .all(db)
        .await
}

/// The last check of each invariant, by name.
pub async fn checks(db: &DatabaseConnection) -> Result<Vec<invariant_check::Model>, DbErr> {
    invariant_check::Entity::find().order_by_asc(invariant_check::Column::Name).all(db).await
}
