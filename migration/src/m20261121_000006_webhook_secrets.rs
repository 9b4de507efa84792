//! When each signing secret of a webhook endpoint was last used, so that a rotation can be finished.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("webhook_secret_uses")
            .col(string_len("endpoint", 16))
            .col(string_len("fingerprint", 8))
            .col(timestamp_with_time_zone("last_used_at"))
            .primary_key(Index::create().col("endpoint").col("fingerprint"))
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("webhook_secret_uses").to_owned()).await
    }
}
