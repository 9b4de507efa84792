//! Which request of a caller's each write to Stripe came from, and what was told of an object.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = ColumnDef::new("caller_request_id").text().null().to_owned();
        manager.alter_table(Table::alter().table("stripe_requests").add_column(column).to_owned()).await?;
        let index = Index::create().name("ix_events_object_id").table("events").col("object_id").to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("ix_events_object_id").table("events").to_owned()).await?;
        let column = Table::alter().table("stripe_requests").drop_column("caller_request_id").to_owned();
        manager.alter_table(column).await
    }
}
