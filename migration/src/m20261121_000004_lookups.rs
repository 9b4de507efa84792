//! Looking up at Stripe what became of a write, what a person said of it, and finding old keys.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const INDEXES: [(&str, &str, &[&str]); 4] = [
    ("ix_stripe_requests_object", "stripe_requests", &["scope", "stripe_object_id"]),
    ("ix_stripe_requests_state", "stripe_requests", &["state", "id"]),
    ("ix_stripe_events_key", "stripe_events", &["idempotency_key"]),
    ("ix_idempotency_keys_created", "idempotency_keys", &["created_at"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One column a statement: SQLite takes no more.
        for column in [
            timestamp_with_time_zone_null("key_spent_at"),
            text_null("resolved_by"),
            text_null("resolved_reason"),
        ] {
            manager
                .alter_table(Table::alter().table("stripe_requests").add_column(column).to_owned())
                .await?;
        }
        for (name, table, columns) in INDEXES {
            let mut index = Index::create();
            index.name(name).table(table);
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, table, _) in INDEXES {
            manager.drop_index(Index::drop().name(name).table(table).to_owned()).await?;
        }
        for column in ["resolved_reason", "resolved_by", "key_spent_at"] {
            manager
                .alter_table(Table::alter().table("stripe_requests").drop_column(column).to_owned())
                .await?;
        }
        Ok(())
    }
}
