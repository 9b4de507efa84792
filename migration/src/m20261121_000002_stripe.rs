//! The outbox of writes to Stripe, the callers' idempotency keys, the inbox of Stripe's events, and jobs.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [stripe_requests(), idempotency_keys(), stripe_events(), inbox_objects(), jobs()] {
            manager.create_table(table).await?;
        }
        for (name, table, columns, unique) in [
            ("ix_stripe_requests_due", "stripe_requests", &["state", "next_at"][..], false),
            ("ix_stripe_requests_subject", "stripe_requests", &["subject"], false),
            ("ux_idempotency_keys", "idempotency_keys", &["caller", "key"], true),
            ("ix_stripe_events_object", "stripe_events", &["scope", "object_id", "state"], false),
            ("ix_stripe_events_state", "stripe_events", &["state", "id"], false),
            ("ix_inbox_objects_due", "inbox_objects", &["next_at"], false),
            ("ux_jobs_kind_key", "jobs", &["kind", "key"], true),
            ("ix_jobs_due", "jobs", &["state", "next_at"], false),
        ] {
            let mut index = Index::create();
            index.name(name).table(table);
            for column in columns {
                index.col(*column);
            }
            if unique {
                index.unique();
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["jobs", "inbox_objects", "stripe_events", "idempotency_keys", "stripe_requests"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn stripe_requests() -> TableCreateStatement {
    Table::create()
        .table("stripe_requests")
        .col(uuid("id").primary_key())
        .col(text("scope"))
        .col(text("kind"))
        .col(text("subject"))
        .col(string_len("method", 8))
        .col(text("path"))
        .col(blob("body"))
        .col(text("stripe_version"))
        .col(string_len("state", 16))
        .col(text_null("stripe_object_id"))
        .col(text_null("error_code"))
        .col(text_null("error_message"))
        .col(text_null("stripe_request_id"))
        .col(integer("attempts"))
        .col(timestamp_with_time_zone_null("first_sent_at"))
        .col(timestamp_with_time_zone_null("last_attempt_at"))
        .col(timestamp_with_time_zone("next_at"))
        .col(timestamp_with_time_zone_null("lease_until"))
        .col(big_integer("fence"))
        .col(uuid_null("retry_of"))
        .col(uuid_null("idempotency_id"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("settled_at"))
        .to_owned()
}

fn idempotency_keys() -> TableCreateStatement {
    Table::create()
        .table("idempotency_keys")
        .col(uuid("id").primary_key())
        .col(text("caller"))
        .col(text("key"))
        .col(blob("fingerprint"))
        .col(uuid_null("stripe_request_id"))
        .col(integer_null("status"))
        .col(binary_null("body_sealed"))
        .col(timestamp_with_time_zone("created_at"))
        .to_owned()
}

fn stripe_events() -> TableCreateStatement {
    Table::create()
        .table("stripe_events")
        .col(text("id").primary_key())
        .col(text("scope"))
        .col(text("event_type"))
        .col(text("object_id"))
        .col(text_null("api_version"))
        .col(text_null("idempotency_key"))
        .col(timestamp_with_time_zone("stripe_created_at"))
        .col(blob("payload_sealed"))
        .col(string_len("state", 16))
        .col(text_null("reason"))
        .col(integer("attempts"))
        .col(timestamp_with_time_zone("next_at"))
        .col(timestamp_with_time_zone("received_at"))
        .col(timestamp_with_time_zone_null("processed_at"))
        .to_owned()
}

fn inbox_objects() -> TableCreateStatement {
    Table::create()
        .table("inbox_objects")
        .col(text("scope"))
        .col(text("object_id"))
        .col(timestamp_with_time_zone_null("next_at"))
        .col(timestamp_with_time_zone_null("lease_until"))
        .col(big_integer("fence"))
        .col(timestamp_with_time_zone_null("applied_as_of"))
        .primary_key(Index::create().col("scope").col("object_id"))
        .to_owned()
}

fn jobs() -> TableCreateStatement {
    Table::create()
        .table("jobs")
        .col(uuid("id").primary_key())
        .col(text("kind"))
        .col(text("key"))
        .col(string_len("state", 16))
        .col(timestamp_with_time_zone("next_at"))
        .col(timestamp_with_time_zone_null("lease_until"))
        .col(big_integer("fence"))
        .col(big_integer("generation"))
        .col(integer("attempts"))
        .col(text_null("last_error"))
        .col(timestamp_with_time_zone("created_at"))
        .to_owned()
}
