//! Sellers, buyers, listings, orders, payouts, and the events that tell of them.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in
            [sellers(), buyers(), listings(), orders(), order_lines(), order_shares(), payouts(), events()]
        {
            manager.create_table(table).await?;
        }
        for (table, columns) in [
            ("listings", &["seller_id", "id"][..]),
            ("orders", &["buyer_id", "id"]),
            ("orders", &["status", "id"]),
            ("order_lines", &["order_id", "position"]),
            ("order_shares", &["order_id"]),
            ("order_shares", &["seller_id", "order_id"]),
            ("payouts", &["seller_id", "id"]),
            ("events", &["seller_id", "id"]),
        ] {
            let mut index = Index::create();
            index.name(format!("ix_{table}_{}", columns.join("_"))).table(table);
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in
            ["events", "payouts", "order_shares", "order_lines", "orders", "listings", "buyers", "sellers"]
        {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn sellers() -> TableCreateStatement {
    Table::create()
        .table("sellers")
        .col(uuid("id").primary_key())
        .col(text("email"))
        .col(char_len("country", 2))
        .col(string_len("account_type", 16))
        .col(text_null("display_name"))
        .col(text_null("business_type"))
        .col(string_len("status", 16))
        .col(text_null("stripe_account_id").unique_key())
        .col(boolean("charges_enabled"))
        .col(boolean("payouts_enabled"))
        .col(boolean("details_submitted"))
        .col(json_binary("capabilities"))
        .col(json_binary("requirements"))
        .col(json_binary("metadata"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .to_owned()
}

fn buyers() -> TableCreateStatement {
    Table::create()
        .table("buyers")
        .col(uuid("id").primary_key())
        .col(text("email"))
        .col(text_null("name"))
        .col(json_binary("metadata"))
        .col(timestamp_with_time_zone("created_at"))
        .to_owned()
}

fn listings() -> TableCreateStatement {
    Table::create()
        .table("listings")
        .col(uuid("id").primary_key())
        .col(uuid("seller_id"))
        .col(text("title"))
        .col(big_integer("price_amount").check(Expr::col("price_amount").gt(0)))
        .col(char_len("price_currency", 3))
        .col(text_null("category"))
        .col(boolean("active"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(
            ForeignKey::create().name("fk_listings_seller").from("listings", "seller_id").to("sellers", "id"),
        )
        .to_owned()
}

fn orders() -> TableCreateStatement {
    Table::create()
        .table("orders")
        .col(uuid("id").primary_key())
        .col(uuid_null("buyer_id"))
        .col(string_len("status", 24))
        .col(string_len("charge_model", 16))
        .col(big_integer("amount").check(Expr::col("amount").gt(0)))
        .col(char_len("currency", 3))
        .col(big_integer("captured").check(Expr::col("captured").gte(0)))
        .col(big_integer("refunded").check(Expr::col("refunded").gte(0)))
        .col(text("payment_scope"))
        .col(text_null("stripe_payment_intent_id").unique_key())
        .col(text_null("payment_status"))
        .col(binary_null("client_secret_sealed"))
        .col(text_null("stripe_charge_id"))
        .col(text_null("decline_error"))
        .col(text_null("decline_code"))
        .col(text_null("decline_message"))
        .col(json_binary("metadata"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .col(timestamp_with_time_zone_null("paid_at"))
        .check(Expr::col("captured").lte(Expr::col("amount")))
        .check(Expr::col("refunded").lte(Expr::col("captured")))
        .foreign_key(
            ForeignKey::create().name("fk_orders_buyer").from("orders", "buyer_id").to("buyers", "id"),
        )
        .to_owned()
}

fn order_lines() -> TableCreateStatement {
    Table::create()
        .table("order_lines")
        .col(uuid("id").primary_key())
        .col(uuid("order_id"))
        .col(integer("position"))
        .col(uuid_null("listing_id"))
        .col(uuid("seller_id"))
        .col(text("title"))
        .col(big_integer("unit_amount").check(Expr::col("unit_amount").gt(0)))
        .col(big_integer("quantity").check(Expr::col("quantity").gt(0)))
        .col(big_integer("amount"))
        .col(big_integer("commission").check(Expr::col("commission").gte(0)))
        .check(Expr::col("amount").eq(Expr::col("unit_amount").mul(Expr::col("quantity"))))
        .check(Expr::col("commission").lte(Expr::col("amount")))
        .foreign_key(
            ForeignKey::create().name("fk_lines_order").from("order_lines", "order_id").to("orders", "id"),
        )
        .foreign_key(
            ForeignKey::create()
                .name("fk_lines_listing")
                .from("order_lines", "listing_id")
                .to("listings", "id"),
        )
        .foreign_key(
            ForeignKey::create().name("fk_lines_seller").from("order_lines", "seller_id").to("sellers", "id"),
        )
        .to_owned()
}

fn order_shares() -> TableCreateStatement {
    Table::create()
        .table("order_shares")
        .col(uuid("id").primary_key())
        .col(uuid("order_id"))
        .col(uuid("seller_id"))
        .col(char_len("currency", 3))
        .col(big_integer("gross").check(Expr::col("gross").gt(0)))
        .col(big_integer("commission").check(Expr::col("commission").gte(0)))
        .col(big_integer("net").check(Expr::col("net").gte(0)))
        .col(big_integer("transferred").check(Expr::col("transferred").gte(0)))
        .col(big_integer("reversed").check(Expr::col("reversed").gte(0)))
        .col(string_len("state", 16))
        .col(text_null("stripe_transfer_id").unique_key())
        .check(Expr::col("net").eq(Expr::col("gross").sub(Expr::col("commission"))))
        .check(Expr::col("transferred").lte(Expr::col("net")))
        .check(Expr::col("reversed").lte(Expr::col("transferred")))
        .foreign_key(
            ForeignKey::create().name("fk_shares_order").from("order_shares", "order_id").to("orders", "id"),
        )
        .foreign_key(
            ForeignKey::create()
                .name("fk_shares_seller")
                .from("order_shares", "seller_id")
                .to("sellers", "id"),
        )
        .to_owned()
}

fn payouts() -> TableCreateStatement {
    Table::create()
        .table("payouts")
        .col(uuid("id").primary_key())
        .col(uuid("seller_id"))
        .col(text("scope"))
        .col(big_integer("amount").check(Expr::col("amount").gt(0)))
        .col(char_len("currency", 3))
        .col(string_len("method", 16))
        .col(string_len("status", 16))
        .col(text_null("stripe_payout_id").unique_key())
        .col(timestamp_with_time_zone_null("arrival_at"))
        .col(text_null("failure_code"))
        .col(text_null("failure_message"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(
            ForeignKey::create().name("fk_payouts_seller").from("payouts", "seller_id").to("sellers", "id"),
        )
        .to_owned()
}

fn events() -> TableCreateStatement {
    Table::create()
        .table("events")
        .col(uuid("id").primary_key())
        .col(text("event_type"))
        .col(text("object_id"))
        .col(uuid_null("seller_id"))
        .col(uuid_null("buyer_id"))
        .col(json_binary("data"))
        .col(timestamp_with_time_zone("created_at"))
        .to_owned()
}
