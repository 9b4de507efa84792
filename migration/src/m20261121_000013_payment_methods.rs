//! Buyers' saved payment methods, the setup intents that save them, and writes that wait for another.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let customer = Table::alter().table("buyers").add_column(text_null("stripe_customer_id")).to_owned();
        manager.alter_table(customer).await?;
        let waits = Table::alter().table("stripe_requests").add_column(uuid_null("waits_for")).to_owned();
        manager.alter_table(waits).await?;
        for table in [setup_intents(), payment_methods()] {
            manager.create_table(table).await?;
        }
        for (name, table, columns, unique) in [
            ("ux_buyers_customer", "buyers", &["stripe_customer_id"][..], true),
            ("ix_stripe_requests_waits_for", "stripe_requests", &["waits_for"], false),
            ("ix_setup_intents_buyer", "setup_intents", &["buyer_id"], false),
            ("ux_payment_methods_stripe", "payment_methods", &["scope", "stripe_payment_method_id"], true),
            ("ix_payment_methods_buyer", "payment_methods", &["buyer_id", "id"], false),
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
        // A buyer has one default at most.
        let one_default =
            "CREATE UNIQUE INDEX ux_payment_methods_default ON payment_methods (buyer_id) WHERE is_default";
        manager.get_connection().execute_unprepared(one_default).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["payment_methods", "setup_intents"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        for (index, table, column) in [
            ("ix_stripe_requests_waits_for", "stripe_requests", "waits_for"),
            ("ux_buyers_customer", "buyers", "stripe_customer_id"),
        ] {
            manager.drop_index(Index::drop().name(index).table(table).to_owned()).await?;
            manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}

fn setup_intents() -> TableCreateStatement {
    Table::create()
        .table("setup_intents")
        .col(uuid("id").primary_key())
        .col(uuid("buyer_id"))
        .col(text_null("stripe_setup_intent_id").unique_key())
        .col(text_null("status"))
        .col(text_null("stripe_payment_method_id"))
        .col(binary_null("client_secret_sealed"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(
            ForeignKey::create()
                .name("fk_setup_intents_buyer")
                .from("setup_intents", "buyer_id")
                .to("buyers", "id"),
        )
        .to_owned()
}

fn payment_methods() -> TableCreateStatement {
    Table::create()
        .table("payment_methods")
        .col(uuid("id").primary_key())
        .col(uuid("buyer_id"))
        .col(text("scope"))
        .col(text("stripe_payment_method_id"))
        .col(text("kind"))
        .col(text_null("brand"))
        .col(text_null("last4"))
        .col(integer_null("exp_month"))
        .col(integer_null("exp_year"))
        .col(text_null("wallet"))
        .col(boolean("is_default"))
        .col(string_len("state", 16))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        // What is detached can't be the default.
        .check(Expr::cust("NOT is_default OR state = 'attached'"))
        .foreign_key(
            ForeignKey::create()
                .name("fk_payment_methods_buyer")
                .from("payment_methods", "buyer_id")
                .to("buyers", "id"),
        )
        .to_owned()
}
