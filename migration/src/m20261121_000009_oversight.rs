//! Who looks after the books: imports that are asked for without a lock, and invariants with what violates them.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let cursor = Table::alter()
            .table("import_cursors")
            .add_column(timestamp_with_time_zone_null("last_created_at"))
            .to_owned();
        manager.alter_table(cursor).await?;
        for table in [import_wakes(), invariant_checks(), invariant_violations()] {
            manager.create_table(table).await?;
        }
        let by_time = Index::create()
            .name("ix_balance_transactions_created")
            .table("balance_transactions")
            .col("scope")
            .col("stripe_created_at")
            .to_owned();
        manager.create_index(by_time).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_index(
                Index::drop()
                    .name("ix_balance_transactions_created")
                    .table("balance_transactions")
                    .to_owned(),
            )
            .await?;
        for table in ["invariant_violations", "invariant_checks", "import_wakes"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        manager
            .alter_table(Table::alter().table("import_cursors").drop_column("last_created_at").to_owned())
            .await
    }
}

fn import_wakes() -> TableCreateStatement {
    Table::create().table("import_wakes").col(uuid("id").primary_key()).col(text("scope")).to_owned()
}

fn invariant_checks() -> TableCreateStatement {
    Table::create()
        .table("invariant_checks")
        .col(text("name").primary_key())
        .col(big_integer("violations"))
        .col(timestamp_with_time_zone("checked_at"))
        .to_owned()
}

fn invariant_violations() -> TableCreateStatement {
    Table::create()
        .table("invariant_violations")
        .col(text("invariant"))
        .col(text("object"))
        .col(text("detail"))
        .col(text("action"))
        .col(timestamp_with_time_zone("since"))
        .primary_key(Index::create().col("invariant").col("object"))
        .to_owned()
}
