//! An object of the inbox that was read from Stripe holds the state of some moment between two seconds: the earlier
//! stands in `applied_as_of`, the later in `applied_until`.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table("inbox_objects")
            .add_column(timestamp_with_time_zone_null("applied_until"))
            .to_owned();
        manager.alter_table(table).await?;
        let filled = Query::update()
            .table("inbox_objects")
            .value("applied_until", Expr::col("applied_as_of"))
            .to_owned();
        manager.execute(filled).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter().table("inbox_objects").drop_column("applied_until").to_owned();
        manager.alter_table(table).await
    }
}
