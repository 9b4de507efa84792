//! How far Stripe's Events API was read, scope by scope.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Sellers that are there already are read from the day on that they came; Stripe gives what it still has.
const SELLERS: &str = "INSERT INTO event_cursors (scope, state, read_until, next_at, attempts, fence, found) \
     SELECT stripe_account_id, 'open', created_at, created_at, 0, 0, 0 FROM sellers \
     WHERE stripe_account_id IS NOT NULL AND status <> 'disconnected'";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("event_cursors")
            .col(text("scope").primary_key())
            .col(string_len("state", 16))
            .col(text_null("reason"))
            .col(timestamp_with_time_zone("read_until"))
            .col(timestamp_with_time_zone_null("active_at"))
            .col(timestamp_with_time_zone_null("checked_at"))
            .col(timestamp_with_time_zone("next_at"))
            .col(integer("attempts"))
            .col(timestamp_with_time_zone_null("lease_until"))
            .col(big_integer("fence"))
            .col(big_integer("found"))
            .col(timestamp_with_time_zone_null("found_first_at"))
            .col(timestamp_with_time_zone_null("found_last_at"))
            .col(text_null("key_account"))
            .to_owned();
        manager.create_table(table).await?;
        for (name, columns) in [
            ("ix_event_cursors_due", ["state", "next_at"]),
            ("ix_event_cursors_lag", ["state", "read_until"]),
        ] {
            let index =
                Index::create().name(name).table("event_cursors").col(columns[0]).col(columns[1]).to_owned();
            manager.create_index(index).await?;
        }
        manager.get_connection().execute_unprepared(SELLERS).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("event_cursors").to_owned()).await
    }
}
